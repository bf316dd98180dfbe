//! Every interleaving of two writers, a reader and an announcer, over the shipped store (`RUSTFLAGS="--cfg loom"`).
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Announce, AnnounceError, Answer, Change, ClientWrite, Clock, Departure, Invalidation, Proposal, Revision,
    SESSION_GRACE, SessionKey, Store, StoreOptions, Topic, UpdateError, WriteError,
};
use loom::thread;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

/// The value of the topic is the number of writes it has seen, so that a torn pair shows.
const COUNTER: Topic<u64> = Topic::new("counter");
const OTHER: Topic<u64> = Topic::new("other");

/// Reads the store back for each announcement it hears, and owns its time. What it keeps is only read when all threads
/// are done, so `loom` need not know of its locks.
#[derive(Clone, Default)]
struct Outside {
    store: Arc<Mutex<Option<Store>>>,
    heard: Arc<Mutex<Vec<Revision>>>,
    now: Arc<Mutex<Duration>>,
}

impl Clock for Outside {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Announce for Outside {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn announce(&self, invalidation: &Invalidation) -> Result<(), AnnounceError> {
        let store = self.store.lock().unwrap().clone().unwrap();
        let readable = store.revision(&invalidation.topic).unwrap();
        assert!(readable >= invalidation.revision, "I2: announced what cannot be read");
        self.heard.lock().unwrap().push(invalidation.revision);
        Ok(())
    }
}

fn model(check: impl Fn(Store, Outside) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let outside = Outside::default();
        let clock = Arc::new(outside.clone());
        let options = StoreOptions { announce_interval: Duration::ZERO, clock, ..Default::default() };
        let store = Store::with_options(outside.clone(), options);
        store.create(COUNTER, 0).unwrap();
        store.create(OTHER, 0).unwrap();
        *outside.store.lock().unwrap() = Some(store.clone());
        store.announce_due();
        outside.heard.lock().unwrap().clear();
        check(store, outside.clone());
        *outside.store.lock().unwrap() = None;
    });
}

fn first(outcomes: Result<Arc<[Result<Revision, WriteError>]>, WriteError>) -> u64 {
    outcomes.unwrap()[0].clone().unwrap().as_u64()
}

fn spawn(store: &Store, body: impl FnOnce(Store) + 'static) -> thread::JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || body(store))
}

#[test]
fn i1_i5_two_writers_lose_nothing_and_a_reader_sees_whole_pairs() {
    model(|store, _| {
        let writers = [0, 1].map(|_| {
            spawn(&store, |store| {
                store.update(COUNTER, |count| *count += 1).unwrap();
            })
        });
        let snapshot = store.snapshot(COUNTER).unwrap();
        // Revisions 1 and 2 went to the registrations, so the n-th write of this topic is revision n + 2.
        let writes_seen = snapshot.revision.as_u64().saturating_sub(2);
        assert_eq!(*snapshot.value, writes_seen, "I1: the value belongs to its revision");
        for writer in writers {
            writer.join().unwrap();
        }
        let last = store.snapshot(COUNTER).unwrap();
        assert_eq!((*last.value, last.revision.as_u64()), (2, 4));
    });
}

#[test]
fn i2_i3_i4_what_is_announced_can_be_read_and_the_last_word_is_the_final_one() {
    model(|store, outside| {
        let writers = [0, 1].map(|_| {
            spawn(&store, |store| {
                store.update(COUNTER, |count| *count += 1).unwrap();
            })
        });
        // The announcer runs in the middle of it, once, and once more when the writers have woken it.
        store.announce_due();
        for writer in writers {
            writer.join().unwrap();
        }
        store.announce_due();
        let highest = outside.heard.lock().unwrap().iter().max().copied();
        assert_eq!(highest, Some(store.snapshot(COUNTER).unwrap().revision), "I3");
    });
}

#[test]
fn i3_two_announcers_at_once_still_leave_the_final_revision_announced() {
    model(|store, outside| {
        let writer = spawn(&store, |store| {
            store.set(COUNTER, 1).unwrap();
        });
        let announcer = spawn(&store, |store| {
            store.announce_due();
        });
        store.announce_due();
        writer.join().unwrap();
        announcer.join().unwrap();
        store.announce_due();
        assert_eq!(outside.heard.lock().unwrap().iter().max().map(|r| r.as_u64()), Some(3), "I3");
    });
}

#[test]
fn i5_writers_of_two_topics_never_share_a_revision() {
    model(|store, _| {
        let revisions = Arc::new(Mutex::new(Vec::new()));
        let writers = [COUNTER, OTHER].map(|topic| {
            let revisions = Arc::clone(&revisions);
            spawn(&store, move |store| {
                let revision = store.set(topic, 1).unwrap();
                revisions.lock().unwrap().push(revision.as_u64());
            })
        });
        for writer in writers {
            writer.join().unwrap();
        }
        let mut revisions = revisions.lock().unwrap();
        revisions.sort_unstable();
        assert_eq!(*revisions, [3, 4]);
    });
}

#[test]
fn several_pulls_are_one_moment() {
    model(|store, _| {
        let writer = spawn(&store, |store| {
            store.set(COUNTER, 1).unwrap();
            store.set(OTHER, 1).unwrap();
        });
        let pulls = [COUNTER, OTHER].map(|topic| (store.door(topic.name()).unwrap(), None));
        let seen: Vec<_> = store
            .pull_many(&pulls)
            .into_iter()
            .map(|answer| match answer.unwrap() {
                Answer::Snapshot { data, .. } => data.parse::<u64>().unwrap(),
                _ => unreachable!(),
            })
            .collect();
        assert!(seen[0] >= seen[1], "the second write was seen without the first: {seen:?}");
        writer.join().unwrap();
    });
}

#[test]
fn i11_a_write_that_arrives_twice_at_once_is_applied_once() {
    model(|store, _| {
        let write = || ClientWrite {
            session: SessionKey::new("main", "p".parse().unwrap()),
            seq: 1,
            client: None,
            asked: false,
            writes: vec![Proposal { expected: None, change: Ok(Change::Merge(json!(7))) }],
        };
        let twin = spawn(&store, move |store| {
            assert_eq!(first(store.write(COUNTER.name(), write())), 3);
        });
        assert_eq!(first(store.write(COUNTER.name(), write())), 3);
        twin.join().unwrap();
        assert_eq!(store.snapshot(COUNTER).unwrap().revision.as_u64(), 3);
    });
}

#[test]
fn i1_i5_a_transaction_is_seen_whole_or_not_at_all() {
    model(|store, _| {
        let writer = spawn(&store, |store| {
            let both = |tx: &mut lockstep_core::Transaction<'_>| {
                tx.update(COUNTER, |count| *count += 1)?;
                tx.update(OTHER, |count| *count += 1)
            };
            store.transaction::<(), UpdateError>(both).unwrap();
        });
        let pulls = [COUNTER, OTHER].map(|topic| (store.door(topic.name()).unwrap(), None));
        let seen: Vec<_> = store.pull_many(&pulls).into_iter().map(|answer| answer.unwrap()).collect();
        let written = |answer: &Answer| answer.revision() == Revision::from_u64(3);
        assert_eq!(written(&seen[0]), written(&seen[1]), "one of both: {seen:?}");
        writer.join().unwrap();
    });
}

#[test]
fn i10_transactions_and_writes_that_meet_lose_nothing() {
    model(|store, _| {
        let writer = spawn(&store, |store| {
            store.update(OTHER, |count| *count += 10).unwrap();
        });
        let copy = |tx: &mut lockstep_core::Transaction<'_>| {
            let other = *tx.get(OTHER)?;
            tx.update(COUNTER, |count| *count += 1)?;
            tx.update(OTHER, |count| *count += 1)?;
            Ok::<_, UpdateError>(other)
        };
        let (revision, read) = store.transaction(copy).unwrap();
        writer.join().unwrap();
        assert_eq!((*store.get(COUNTER).unwrap(), *store.get(OTHER).unwrap()), (1, 11));
        let writer_was_first = read == 10;
        assert_eq!(revision.unwrap().as_u64(), if writer_was_first { 4 } else { 3 });
    });
}

#[test]
fn i14_no_outcome_outlives_its_session() {
    model(|store, outside| {
        let writer = spawn(&store, |store| {
            let session = SessionKey::new("main", "p".parse().unwrap());
            let write = ClientWrite {
                client: None,
                asked: false,
                session,
                seq: 1,
                writes: vec![Proposal { expected: None, change: Ok(Change::Set(json!(7))) }],
            };
            store.write(COUNTER.name(), write).unwrap();
        });
        store.drop_label("main", Departure::Ended);
        *outside.now.lock().unwrap() = SESSION_GRACE;
        store.reap_due();
        writer.join().unwrap();
        // What could not be forgotten while the writer held its topic is forgotten now.
        store.reap_due();
        let stats = store.stats();
        assert!(stats.remembered_writes <= stats.sessions, "{stats:?}");
    });
}
