//! A wall clock that moves with tokio's, and jumps when told to.

use crate::{
    clock::Clock,
    log::Log,
    store::{MemoryStore, Order, Store},
};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tokio::time::Instant;

/// Time for a test: it begins at 1 ms, moves with tokio's clock (which a test pauses), and jumps when told to.
#[derive(Clone, Debug)]
pub struct TestTime {
    began: Instant,
    ahead: Arc<AtomicI64>,
}

impl TestTime {
    /// At 1 ms. Must be called in a tokio runtime.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self { began: Instant::now(), ahead: Arc::new(AtomicI64::new(1)) }
    }

    /// The same moment on another node's clock, which is ahead by so many milliseconds.
    #[must_use]
    pub fn shifted(&self, ms: i64) -> Self {
        Self { began: self.began, ahead: Arc::new(AtomicI64::new(self.ahead.load(Ordering::Relaxed) + ms)) }
    }

    /// The wall clock jumps. Timers do not.
    pub fn jump(&self, ms: i64) {
        self.ahead.fetch_add(ms, Ordering::Relaxed);
    }

    /// An empty log on this clock.
    ///
    /// # Panics
    /// Where no node may have the id.
    pub fn log(&self, node_id: &str) -> Log {
        self.log_on(node_id, Arc::new(MemoryStore::new()))
    }

    /// A log on this clock and a store.
    ///
    /// # Panics
    /// Where no node may have the id.
    pub fn log_on(&self, node_id: &str, store: Arc<dyn Store>) -> Log {
        Log::with_clock(node_id, store, Arc::new(self.clone())).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The types of a log's actions, in the order of creation.
    ///
    /// # Panics
    /// Where the store fails.
    pub async fn actions(&self, log: &Log) -> Vec<String> {
        let entries = log.entries(Order::Created).await.unwrap_or_else(|error| panic!("{error}"));
        entries.iter().map(|entry| entry.action.kind().to_owned()).collect()
    }
}

impl Clock for TestTime {
    fn now(&self) -> i64 {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        passed.saturating_add(self.ahead.load(Ordering::Relaxed))
    }
}
