//! What the app's own code may do while the engine calls it: everything, since no lock is held (**I4**).
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Announce, AnnounceError, Change, ClientWrite, Departure, Invalidation, NoAnnounce, Proposal, SessionKey, Store,
    StoreOptions, Topic, TopicOptions,
};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use std::{
    cell::{Cell, RefCell},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

const COUNTER: Topic<u32> = Topic::new("counter");

/// On a thread of its own, so that a deadlock is a failed test and not one that never ends.
fn ends(body: impl FnOnce() + Send + 'static) {
    let (over, is_over) = mpsc::channel();
    let thread = thread::spawn(move || {
        body();
        // The last values go now, and not when the thread's locals are gone.
        drop(STORE.take());
        over.send(())
    });
    let waited = is_over.recv_timeout(Duration::from_secs(5));
    assert_ne!(waited, Err(mpsc::RecvTimeoutError::Timeout), "a deadlock");
    thread.join().unwrap().unwrap();
}

/// An outside that uses the store from within its calls.
#[derive(Clone, Default)]
struct Busy {
    store: Arc<OnceLock<Store>>,
    heard: Arc<AtomicUsize>,
    /// Announces from within `wake`, where the engine may be driven on the writer's own thread.
    drives: bool,
}

impl Busy {
    fn store(&self) -> Store {
        let options = StoreOptions { announce_interval: Duration::ZERO, ..StoreOptions::default() };
        let store = Store::with_options(self.clone(), options);
        assert!(self.store.set(store.clone()).is_ok());
        // What is heard from here on are the writes.
        self.heard.store(1, Ordering::Relaxed);
        store.create(COUNTER, 0).unwrap();
        store.announce_due();
        self.heard.store(0, Ordering::Relaxed);
        store
    }
}

impl Announce for Busy {
    fn wake(&self) {
        if self.drives {
            self.store.get().unwrap().announce_due();
        }
    }

    fn wake_reaper(&self) {
        self.store.get().unwrap().reap_due();
    }

    fn announce(&self, _: &Invalidation) -> Result<(), AnnounceError> {
        let store = self.store.get().unwrap();
        if self.heard.fetch_add(1, Ordering::Relaxed) == 0 && !self.drives {
            store.update(COUNTER, |count| *count += 10).unwrap();
        }
        assert!(store.get(COUNTER).is_ok() || !store.contains(COUNTER.name()));
        Ok(())
    }
}

#[test]
fn i4_who_is_told_may_read_and_write() {
    ends(|| {
        let outside = Busy::default();
        let store = outside.store();
        store.set(COUNTER, 1).unwrap();
        assert!(store.announce_due().is_some(), "the write from within waits");
        store.announce_due();
        assert_eq!((*store.get(COUNTER).unwrap(), outside.heard.load(Ordering::Relaxed)), (11, 2));
    });
}

#[test]
fn i4_who_is_woken_may_announce() {
    ends(|| {
        let outside = Busy { drives: true, ..Busy::default() };
        let store = outside.store();
        store.set(COUNTER, 1).unwrap();
        assert_eq!(outside.heard.load(Ordering::Relaxed), 1);
    });
}

/// Refuses the first announcement, but not before a newer one was told.
#[derive(Clone, Default)]
struct Overtaken {
    store: Arc<OnceLock<Store>>,
    heard: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
}

impl Announce for Overtaken {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn announce(&self, _: &Invalidation) -> Result<(), AnnounceError> {
        if self.heard.fetch_add(1, Ordering::Relaxed) == 0 {
            let store = self.store.get().unwrap();
            store.set(COUNTER, 2).unwrap();
            store.announce_due();
            return Err(AnnounceError("too late".to_owned()));
        }
        self.told.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn i3_a_refused_announcement_is_not_tried_again_once_a_newer_one_was_told() {
    ends(|| {
        let outside = Overtaken::default();
        let options = StoreOptions { announce_interval: Duration::ZERO, ..StoreOptions::default() };
        let store = Store::with_options(outside.clone(), options);
        store.create(COUNTER, 0).unwrap();
        assert!(outside.store.set(store.clone()).is_ok());
        store.set(COUNTER, 1).unwrap();
        assert_eq!(store.announce_due(), None, "nothing waits");
        assert_eq!(outside.told.load(Ordering::Relaxed), 1);
    });
}

thread_local! {
    static STORE: RefCell<Option<Store>> = const { RefCell::new(None) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Uses the store, the first time on this thread only.
fn once(call: impl FnOnce(&Store)) {
    let store = STORE.with_borrow(Option::clone);
    if let Some(store) = store.filter(|_| CALLS.replace(CALLS.get() + 1) == 0) {
        call(&store);
    }
}

/// A value whose own code uses the store that holds it.
#[derive(Clone, Deserialize)]
struct Nosy(u32);

const NOSY: Topic<Nosy> = Topic::new("nosy");

impl Serialize for Nosy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        once(|store| drop(store.pull(NOSY.name(), None).unwrap()));
        self.0.serialize(serializer)
    }
}

fn nosy_store() -> Store {
    let store = Store::new(NoAnnounce);
    store.create(NOSY, Nosy(1)).unwrap();
    STORE.set(Some(store.clone()));
    store
}

#[test]
fn i4_a_value_that_is_turned_into_json_may_ask_for_itself() {
    ends(|| {
        nosy_store().pull(NOSY.name(), None).unwrap();
        assert_eq!(CALLS.get(), 2, "it was asked from within");
    });
}

#[test]
fn i4_values_that_are_pulled_together_may_ask_for_themselves() {
    ends(|| {
        assert!({
            let store = nosy_store();
            store.pull_many(&[(store.door(NOSY.name()).unwrap(), None)])[0].is_ok()
        });
        assert_eq!(CALLS.get(), 2, "it was asked from within");
    });
}

/// A value that looks at the store when it is replaced.
#[derive(Clone, Serialize, Deserialize)]
struct Parting(u32);

const PARTING: Topic<Parting> = Topic::new("parting");

impl Drop for Parting {
    fn drop(&mut self) {
        // This waits for the topic's writers.
        let session = SessionKey::new("other", "p".parse().unwrap());
        once(|store| assert_eq!(store.door(PARTING.name()).unwrap().was_taken(&session, 1), Ok(false)));
    }
}

fn parting_store() -> Store {
    let store = Store::new(NoAnnounce);
    store.create(PARTING, Parting(1)).unwrap();
    STORE.set(Some(store.clone()));
    store
}

#[test]
fn i4_a_value_that_the_backend_replaced_may_use_the_store() {
    ends(|| {
        parting_store().set(PARTING, Parting(2)).unwrap();
        assert_eq!(CALLS.get(), 1);
    });
}

#[test]
fn i4_a_value_that_a_window_replaced_may_use_the_store() {
    ends(|| {
        let session = SessionKey::new("main", "p".parse().unwrap());
        let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(2))) }];
        let write = ClientWrite { session, client: None, seq: 1, asked: false, writes };
        parting_store().write(PARTING.name(), write).unwrap();
        assert_eq!(CALLS.get(), 1);
    });
}

/// A value that puts another in its place when its topic goes.
#[derive(Clone, Serialize, Deserialize)]
struct Phoenix(u32);

const PHOENIX: Topic<Phoenix> = Topic::new("phoenix");

impl Drop for Phoenix {
    fn drop(&mut self) {
        once(|store| {
            assert_eq!(store.list(), [], "its topic is gone already");
            store.create(PHOENIX, Phoenix(self.0 + 1)).unwrap();
            assert_eq!(store.remove(COUNTER.name()), Ok(false));
            store.reap_due();
            store.touch_doors(false).unwrap();
        });
    }
}

fn phoenix_store(options: TopicOptions<Phoenix>) -> Store {
    let store = Store::new(NoAnnounce);
    store.create_with(PHOENIX, Phoenix(1), options).unwrap();
    STORE.set(Some(store.clone()));
    store
}

#[test]
fn i4_a_value_whose_topic_is_removed_may_use_the_store() {
    ends(|| {
        let store = phoenix_store(TopicOptions::new());
        assert_eq!(store.remove(PHOENIX.name()), Ok(true));
        assert_eq!(store.get(PHOENIX).unwrap().0, 2);
    });
}

#[test]
fn i4_a_value_whose_topic_ends_by_itself_may_use_the_store() {
    ends(|| {
        let store = phoenix_store(TopicOptions::new().ttl(Duration::ZERO));
        store.reap_due();
        assert_eq!(store.get(PHOENIX).unwrap().0, 2);
    });
}

#[test]
fn i4_a_value_that_was_announced_to_nobody_goes_with_its_topic() {
    ends(|| {
        let store = phoenix_store(TopicOptions::new());
        let held = store.get(PHOENIX).unwrap();
        store.remove(PHOENIX.name()).unwrap();
        assert!(store.list().is_empty(), "who holds it keeps it");
        drop(held);
        assert_eq!(store.get(PHOENIX).unwrap().0, 2);
    });
}

#[test]
fn i4_a_value_that_was_refused_may_use_the_store() {
    ends(|| {
        let store = parting_store();
        assert!(store.create(PARTING, Parting(2)).is_err());
        assert_eq!(CALLS.get(), 1);
    });
}

#[test]
fn i4_who_is_woken_for_a_topic_that_comes_or_goes_may_use_the_store() {
    ends(|| {
        let outside = Busy { drives: true, ..Busy::default() };
        let store = outside.store();
        store.create_with(PHOENIX, Phoenix(1), TopicOptions::new().ttl(Duration::ZERO)).unwrap();
        assert!(!store.contains(PHOENIX.name()), "the reaper ran when it was woken");
        store.drop_label("main", Departure::Ended);
        store.remove(COUNTER.name()).unwrap();
        assert_eq!(outside.heard.load(Ordering::Relaxed), 2, "both ends; the beginning came too late");
    });
}

#[test]
fn i4_an_asker_is_made_under_no_lock() {
    ends(|| {
        let store = Store::new(NoAnnounce);
        let inner = store.clone();
        let options = TopicOptions::new().asynchronous(move || Arc::new(inner.list().len()));
        store.create_with(COUNTER, 0, options).unwrap();
        assert!(store.door(COUNTER.name()).unwrap().asker().unwrap().is_some());
    });
}
