//! For tests of code that uses a store: a store whose time stands still, a recorder of what it announces, a database in
//! memory, and what every database has to do.
//!
//! ```
//! use lockstep_core::{Topic, testing::TestStore};
//!
//! const COUNTER: Topic<u32> = Topic::new("counter");
//!
//! let store = TestStore::new();
//! store.create(COUNTER, 0)?;
//! let first = store.set(COUNTER, 1)?;
//! let last = store.set(COUNTER, 2)?;
//! store.settle();
//! assert_eq!(store.recorder.heard(COUNTER.name()).last(), Some(&last));
//! assert!(first < last);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::memory_persist::MemoryPersist;
pub use crate::persist_contract::persist_contract;
use crate::{
    announce::{Announce, AnnounceError, Invalidation},
    clock::Clock,
    revision::Revision,
    store::{Store, StoreOptions},
    sync::Mutex,
    topic::TopicName,
};
use std::{mem, ops::Deref, sync::Arc, time::Duration};

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
    delivery_wakes: usize,
    undelivered_wakes: usize,
    refusals_left: usize,
}

impl Recorder {
    /// The revisions of one topic that were announced since the last [`take`](Recorder::take), in their order.
    pub fn heard(&self, topic: &TopicName) -> Vec<Revision> {
        let recorded = self.0.lock();
        recorded.heard.iter().filter(|heard| heard.topic == *topic).map(|heard| heard.revision).collect()
    }

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

    /// How often the store asked for its deliveries to be seen to since the last call.
    pub fn take_delivery_wakes(&self) -> usize {
        mem::take(&mut self.0.lock().delivery_wakes)
    }

    /// How often the store said since the last call that [`Store::undelivered`] may have changed.
    pub fn take_undelivered_wakes(&self) -> usize {
        mem::take(&mut self.0.lock().undelivered_wakes)
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

    fn wake_deliveries(&self) {
        self.0.lock().delivery_wakes += 1;
    }

    fn wake_undelivered(&self) {
        self.0.lock().undelivered_wakes += 1;
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

/// A [`Store`], used like one, and what a test holds of it: its time, and what it announces.
#[derive(Clone)]
pub struct TestStore {
    /// The store itself, to be handed to what is tested.
    pub store: Store,
    /// Its clock, which moves only when it is told to.
    pub clock: Arc<ManualClock>,
    /// What it has announced.
    pub recorder: Recorder,
}

impl TestStore {
    /// A store that holds nothing yet, at time zero.
    pub fn new() -> Self {
        Self::with_options(StoreOptions::default())
    }

    /// The same, with a say in everything but the clock.
    pub fn with_options(options: StoreOptions) -> Self {
        let (clock, recorder) = (Arc::new(ManualClock::default()), Recorder::default());
        let store = Store::with_options(recorder.clone(), StoreOptions { clock: clock.clone(), ..options });
        Self { store, clock, recorder }
    }

    /// Moves the time on, and announces what is due then.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.store.announce_due();
    }

    /// Announces all that there is to announce, and moves the time on for as long as that takes.
    pub fn settle(&self) {
        while let Some(due) = self.store.announce_due() {
            self.clock.advance(due.saturating_sub(self.clock.now()).max(Duration::from_nanos(1)));
        }
    }
}

impl Default for TestStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{store::DEFAULT_ANNOUNCE_INTERVAL, topic::Topic};

    const A: Topic<u32> = Topic::new("a");
    const B: Topic<u32> = Topic::new("b");

    fn store() -> TestStore {
        let store = TestStore::new();
        store.create(A, 0).unwrap();
        store.create(B, 0).unwrap();
        store.settle();
        store.recorder.take();
        store
    }

    #[test]
    fn hears_one_topic_until_it_is_taken() {
        let store = store();
        let of_a = store.set(A, 1).unwrap();
        let of_b = store.set(B, 1).unwrap();
        store.settle();
        assert_eq!(store.recorder.heard(A.name()), [of_a]);
        assert_eq!(store.recorder.heard(B.name()), [of_b]);
        assert_eq!(store.recorder.take().len(), 2);
        assert_eq!(store.recorder.heard(A.name()), []);
    }

    #[test]
    fn announces_at_the_pace_of_its_own_clock() {
        let store = store();
        store.advance(DEFAULT_ANNOUNCE_INTERVAL);
        let first = store.set(A, 1).unwrap();
        store.advance(Duration::ZERO);
        let last = (2..9).map(|n| store.set(A, n).unwrap()).max().unwrap();
        store.advance(DEFAULT_ANNOUNCE_INTERVAL - Duration::from_millis(1));
        assert_eq!(store.recorder.heard(A.name()), [first]);
        store.advance(Duration::from_millis(1));
        assert_eq!(store.recorder.heard(A.name()), [first, last]);
    }

    #[test]
    fn settles_also_where_announcements_are_refused() {
        let store = store();
        store.recorder.refuse_next(5);
        let last = store.set(A, 1).unwrap();
        store.settle();
        assert_eq!(store.recorder.heard(A.name()), [last]);
        assert_eq!(store.announce_due(), None);
    }
}
