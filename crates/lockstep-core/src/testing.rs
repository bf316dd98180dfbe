//! A clock that stands still until it is told to move, a recorder of announcements, a database in memory, and what every
//! database has to do.
//!
//! ```
//! use lockstep_core::{Store, StoreOptions, Topic, testing::{ManualClock, Recorder}};
//! use std::sync::Arc;
//!
//! const COUNTER: Topic<u32> = Topic::new("counter");
//!
//! let recorder = Recorder::default();
//! let clock = Arc::new(ManualClock::default());
//! let store = Store::with_options(recorder.clone(), StoreOptions { clock, ..Default::default() });
//! store.create(COUNTER, 0)?;
//! let revision = store.set(COUNTER, 1)?;
//! store.announce_due();
//! assert_eq!(recorder.take()[0].revision, revision);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::memory_persist::MemoryPersist;
pub use crate::persist_contract::persist_contract;
use crate::{
    announce::{Announce, AnnounceError, Invalidation},
    clock::Clock,
    sync::Mutex,
};
use std::{mem, sync::Arc, time::Duration};

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock(Mutex<Duration>);

impl ManualClock {
    /// Moves the time on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        *self.0.lock()
    }

    fn unix_ms(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Keeps every announcement; its clones share what they keep.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    heard: Vec<Invalidation>,
    wakes: usize,
    reaper_wakes: usize,
    refusals_left: usize,
}

impl Recorder {
    /// What was announced since the last call.
    pub fn take(&self) -> Vec<Invalidation> {
        mem::take(&mut self.0.lock().heard)
    }

    /// How often the store asked to be driven since the last call.
    pub fn take_wakes(&self) -> usize {
        mem::take(&mut self.0.lock().wakes)
    }

    /// How often the store asked for its reaper since the last call.
    pub fn take_reaper_wakes(&self) -> usize {
        mem::take(&mut self.0.lock().reaper_wakes)
    }

    /// Refuses the next announcements.
    pub fn refuse_next(&self, count: usize) {
        self.0.lock().refusals_left = count;
    }
}

impl Announce for Recorder {
    fn wake(&self) {
        self.0.lock().wakes += 1;
    }

    fn wake_reaper(&self) {
        self.0.lock().reaper_wakes += 1;
    }

    fn announce(&self, invalidation: &Invalidation) -> Result<(), AnnounceError> {
        let mut recorded = self.0.lock();
        if let Some(left) = recorded.refusals_left.checked_sub(1) {
            recorded.refusals_left = left;
            return Err(AnnounceError("the recorder was told to refuse".to_owned()));
        }
        recorded.heard.push(invalidation.clone());
        Ok(())
    }
}
