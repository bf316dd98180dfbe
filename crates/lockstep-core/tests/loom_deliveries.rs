//! Every interleaving of writers, pages that come and go, and who delivers, over the shipped store.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Announce, AnnounceError, Clock, Departure, Invalidation, Revision, SessionKey, Store, StoreOptions, Topic,
};
use loom::thread;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

const COUNTER: Topic<u64> = Topic::new("counter");

/// Remembers whether it was woken. What it keeps is of no interest to `loom`.
#[derive(Clone, Default)]
struct Outside {
    woken: Arc<AtomicBool>,
}

impl Clock for Outside {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Announce for Outside {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn wake_deliveries(&self) {
        self.woken.store(true, Ordering::SeqCst);
    }

    fn announce(&self, _: &Invalidation) -> Result<(), AnnounceError> {
        Ok(())
    }
}

fn session(page: &str) -> SessionKey {
    SessionKey::new("main", page.parse().unwrap())
}

fn subscribe(store: &Store, session: &SessionKey) -> bool {
    store.door(COUNTER.name()).unwrap().subscribe_to_deliveries(session, &|| true, false).unwrap_or_default()
}

/// A page that has read its topic.
fn joins(store: &Store, session: &SessionKey) -> Option<Revision> {
    subscribe(store, session).then(|| {
        let revision = store.pull(COUNTER.name(), None).unwrap().revision();
        store.gave(session, COUNTER.name(), revision);
        revision
    })
}

/// Delivers what there is, as long as somebody is woken for it; returns the newest that the page was told.
fn deliver(store: &Store, outside: &Outside) -> Option<Revision> {
    let mut told = None;
    while outside.woken.swap(false, Ordering::SeqCst) {
        for label in store.deliveries_due().ready {
            let Some(delivery) = store.take_delivery(&label, |_, _| true) else { continue };
            told = told.max(delivery.entries.iter().map(|entry| entry.revision).max());
            store.acknowledged(&label, delivery.id);
        }
    }
    told
}

fn model(check: impl Fn(Store, Outside) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let outside = Outside::default();
        let options = StoreOptions {
            announce_interval: Duration::ZERO,
            clock: Arc::new(outside.clone()),
            ..StoreOptions::default()
        };
        let store = Store::with_options(outside.clone(), options);
        store.create(COUNTER, 0).unwrap();
        store.deliveries_due();
        check(store, outside.clone());
    });
}

fn spawn<R: 'static>(store: &Store, body: impl FnOnce(Store) -> R + 'static) -> thread::JoinHandle<R> {
    let store = store.clone();
    thread::spawn(move || body(store))
}

#[test]
fn i3_a_page_is_told_the_last_of_two_writes_that_meet_its_delivery() {
    model(|store, outside| {
        joins(&store, &session("p"));
        let writer = spawn(&store, |store| {
            store.set(COUNTER, 1).unwrap();
            store.set(COUNTER, 2).unwrap()
        });
        let before = deliver(&store, &outside);
        let last = writer.join().unwrap();
        let after = deliver(&store, &outside);
        assert_eq!(before.max(after), Some(last), "I3");
    });
}

#[test]
fn i3_a_write_that_meets_a_subscription_is_pulled_or_delivered() {
    model(|store, outside| {
        // Another page's subscription has left the topic marked, or not.
        let writer = spawn(&store, |store| store.set(COUNTER, 1).unwrap());
        let pulled = joins(&store, &session("p"));
        let last = writer.join().unwrap();
        let told = deliver(&store, &outside);
        assert_eq!(pulled.max(told), Some(last), "I3");
    });
}

#[test]
fn i3_i8_a_write_that_meets_the_end_of_a_rest_is_delivered() {
    model(|store, outside| {
        joins(&store, &session("p"));
        let door = store.door(COUNTER.name()).unwrap();
        door.subscribe_to_deliveries(&session("p"), &|| true, true).unwrap();
        let writer = spawn(&store, |store| store.set(COUNTER, 1).unwrap());
        assert!(subscribe(&store, &session("p")));
        let last = writer.join().unwrap();
        assert_eq!(deliver(&store, &outside), Some(last), "I3");
    });
}

#[test]
fn i3_two_who_deliver_at_once_leave_nothing_untold_and_one_under_way() {
    model(|store, outside| {
        joins(&store, &session("p"));
        let last = store.set(COUNTER, 1).unwrap();
        let both = (outside.clone(), Arc::new(Mutex::new(Vec::new())));
        let take = move |store: &Store| {
            store.deliveries_due();
            let delivery = store.take_delivery("main", |_, _| true);
            both.1.lock().unwrap().extend(delivery);
            both.1.lock().unwrap().len()
        };
        let other = {
            let take = take.clone();
            spawn(&store, move |store| take(&store))
        };
        take(&store);
        other.join().unwrap();
        assert_eq!(take(&store), 1, "I14: one is under way");
        assert_eq!(store.stats().delivered_topics, 2, "what it has, and what it is given");
        let _ = (last, &outside);
    });
}

#[test]
fn i13_a_page_that_ends_while_the_next_subscribes_leaves_that_its_deliveries() {
    model(|store, outside| {
        joins(&store, &session("old"));
        let ends = spawn(&store, |store| store.drop_label("main", Departure::Ended));
        let next = session("next");
        let joined = joins(&store, &next);
        ends.join().unwrap();
        let lives = store.readers(COUNTER.name()) == 1;
        let last = store.set(COUNTER, 1).unwrap();
        let told = deliver(&store, &outside);
        // Where the end came last, it was that of the next page, too.
        assert_eq!(told, (joined.is_some() && lives).then_some(last));
    });
}
