//! The store, case by case.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Answer, Change, ChangeError, ClientWrite, CompareAndSetError, CreateError, Departure, Invalidation,
    Proposal, PullError, Revision, SESSION_GRACE, SESSIONS_PER_LABEL, SessionKey, Store, StoreOptions, StoreStats,
    Topic, TopicName, TryUpdateError, UpdateError, WriteError,
    testing::{ManualClock, Recorder, TestStore},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

const COUNTER: Topic<u32> = Topic::new("counter");
const LIST: Topic<Vec<String>> = Topic::new("list");
const TICK: Duration = Duration::from_millis(16);

struct Bench {
    store: Store,
    clock: Arc<ManualClock>,
    recorder: Recorder,
}

fn bench() -> Bench {
    bench_from(Revision::ZERO)
}

fn bench_from(last_revision: Revision) -> Bench {
    let options = StoreOptions { announce_interval: TICK, last_revision, ..StoreOptions::default() };
    let TestStore { store, clock, recorder } = TestStore::with_options(options);
    store.create(COUNTER, 0).unwrap();
    store.create(LIST, Vec::new()).unwrap();
    // What is announced from here on are the writes, each at once.
    store.announce_due();
    clock.advance(TICK);
    recorder.take();
    recorder.take_wakes();
    Bench { store, clock, recorder }
}

impl Bench {
    fn announced(&self) -> Vec<(String, u64, Option<String>)> {
        self.store.announce_due();
        self.recorder.take().iter().map(told).collect()
    }

    fn write(&self, page: &str, seq: u64, change: Change) -> Result<Revision, WriteError> {
        self.write_expecting(page, seq, None, change)
    }

    fn write_expecting(
        &self,
        page: &str,
        seq: u64,
        expected: Option<Revision>,
        change: Change,
    ) -> Result<Revision, WriteError> {
        self.batch(page, seq, vec![Proposal { expected, change: Ok(change) }])?.remove(0)
    }

    fn batch(
        &self,
        page: &str,
        seq: u64,
        writes: Vec<Proposal>,
    ) -> Result<Vec<Result<Revision, WriteError>>, WriteError> {
        let session = session("main", page);
        self.store
            .write(COUNTER.name(), ClientWrite { session, client: None, seq, asked: false, writes })
            .map(|outcomes| outcomes.to_vec())
    }

    fn counter(&self) -> (u64, u32) {
        let snapshot = self.store.snapshot(COUNTER).unwrap();
        (snapshot.revision.as_u64(), *snapshot.value)
    }
}

fn told(it: &Invalidation) -> (String, u64, Option<String>) {
    (it.topic.to_string(), it.revision.as_u64(), it.source_id.as_deref().map(str::to_owned))
}

fn session(label: &str, page: &str) -> SessionKey {
    SessionKey::new(label, page.parse().unwrap())
}

fn set(value: u32) -> Change {
    Change::Set(json!(value))
}

fn data(answer: Answer) -> (u64, Value) {
    match answer {
        Answer::Snapshot { revision, data } => (revision.as_u64(), serde_json::from_str(&data).unwrap()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn i5_one_counter_serves_all_topics_and_the_first_snapshot_is_above_zero() {
    let b = bench();
    assert_eq!(b.counter(), (1, 0));
    assert_eq!(b.store.set(LIST, vec!["a".into()]).unwrap().as_u64(), 3);
    assert_eq!(b.store.set(COUNTER, 7).unwrap().as_u64(), 4);
    assert_eq!(b.counter(), (4, 7));
}

#[test]
fn i5_a_store_that_used_every_revision_refuses_and_keeps_its_state() {
    let b = bench_from(Revision::from_u64(u64::MAX - 3));
    b.store.set(COUNTER, 1).unwrap();
    assert_eq!(b.store.set(COUNTER, 2), Err(UpdateError::Exhausted(COUNTER.name().clone())));
    assert_eq!(b.write("p", 1, set(3)), Err(WriteError::Exhausted(COUNTER.name().clone())));
    assert_eq!(b.counter(), (u64::MAX, 1));
}

#[test]
fn a_topic_has_one_owner_and_one_type() {
    let b = bench();
    let taken = CreateError::AlreadyExists(COUNTER.name().clone());
    assert_eq!(b.store.create(COUNTER, 9), Err(taken));
    let wrong = Topic::<String>::new("counter");
    assert_eq!(b.store.get(wrong).unwrap_err(), AccessError::WrongType(COUNTER.name().clone()));
    let missing = Topic::<u32>::new("missing");
    assert_eq!(b.store.get(missing.clone()).unwrap_err(), AccessError::UnknownTopic(missing.name().clone()));
    assert_eq!(b.counter(), (1, 0));
}

#[test]
fn i10_a_refusing_or_panicking_closure_changes_announces_and_bumps_nothing() {
    let b = bench();
    let refused = b.store.try_update(COUNTER, |count| {
        *count = 5;
        Err("no")
    });
    assert_eq!(refused, Err(TryUpdateError::Refused("no")));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        b.store.update(COUNTER, |count| {
            *count = 6;
            panic!("boom")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((b.counter(), b.announced()), ((1, 0), vec![]));
    assert_eq!(b.store.set(COUNTER, 1).unwrap().as_u64(), 3, "no revision was lost, and no lock is held");
}

#[test]
fn i4_calling_the_store_from_inside_a_write_is_an_error_not_a_deadlock() {
    let b = bench();
    let inner = RefCell::new(Vec::new());
    b.store
        .update(COUNTER, |count| {
            *count = 1;
            inner.borrow_mut().push(b.store.get(LIST).map(|_| ()));
            inner.borrow_mut().push(b.store.set(COUNTER, 2).map(|_| ()).map_err(|error| match error {
                UpdateError::Access(error) => error,
                other => panic!("{other}"),
            }));
            assert_eq!(b.store.create(Topic::<u8>::new("new"), 0), Err(CreateError::InsideWrite));
            assert_eq!(b.store.pull(LIST.name(), None), Err(PullError::Access(AccessError::InsideWrite)));
        })
        .unwrap();
    assert_eq!(*inner.borrow(), [Err(AccessError::InsideWrite), Err(AccessError::InsideWrite)]);
    assert_eq!(b.counter().1, 1);
    assert!(b.store.get(COUNTER).is_ok(), "the mark is gone afterwards");
}

#[test]
fn compare_and_set_applies_only_at_the_expected_revision() {
    let b = bench();
    let (first, topic) = (Revision::from_u64(1), COUNTER.name().clone());
    let second = b.store.compare_and_set(COUNTER, first, 5).unwrap();
    assert_eq!(
        b.store.compare_and_set(COUNTER, first, 6),
        Err(CompareAndSetError::Conflict { topic, expected: first, current: second })
    );
    assert_eq!(b.counter().1, 5);
}

#[test]
fn i1_a_pull_is_one_pair_and_all_who_ask_share_one_text() {
    let b = bench();
    let texts: Vec<_> = (0..2)
        .map(|_| match b.store.pull(COUNTER.name(), None).unwrap() {
            Answer::Snapshot { data, .. } => data,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(Arc::ptr_eq(&texts[0], &texts[1]));
    b.store.set(COUNTER, 5).unwrap();
    assert_eq!(data(b.store.pull(COUNTER.name(), None).unwrap()), (3, json!(5)));
}

#[test]
fn a_pull_since_the_current_revision_is_unchanged_and_since_any_other_the_whole() {
    let b = bench();
    let at = |since| b.store.pull(COUNTER.name(), Some(Revision::from_u64(since))).unwrap();
    assert_eq!(at(1), Answer::Unchanged { revision: Revision::from_u64(1) });
    assert_eq!(data(at(0)), (1, json!(0)));
    assert_eq!(data(at(u64::MAX)), (1, json!(0)), "a revision that was never given out");
}

#[test]
fn several_pulls_answer_in_their_order_each_with_its_own_error() {
    let b = bench();
    let missing = TopicName::new("missing").unwrap();
    let door = |topic: &TopicName| b.store.door(topic).unwrap();
    let pulls = [
        (door(LIST.name()), None),
        (door(&missing), None),
        (door(COUNTER.name()), Some(Revision::from_u64(1))),
        (door(LIST.name()), None),
    ];
    let mut answers = b.store.pull_many(&pulls).into_iter();
    assert_eq!(data(answers.next().unwrap().unwrap()), (2, json!([])));
    assert_eq!(answers.next().unwrap(), Err(AccessError::UnknownTopic(missing).into()));
    assert_eq!(answers.next().unwrap().unwrap(), Answer::Unchanged { revision: Revision::from_u64(1) });
    assert_eq!(data(answers.next().unwrap().unwrap()), (2, json!([])), "a topic may be asked for twice");
}

#[test]
fn a_value_without_json_is_an_error_at_the_pull_healed_by_the_next_write() {
    #[derive(Clone, Deserialize)]
    struct Moody(u8);
    impl Serialize for Moody {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                0 => Err(serde::ser::Error::custom("not in the mood")),
                1 => panic!("boom"),
                mood => mood.serialize(serializer),
            }
        }
    }
    const MOODY: Topic<Moody> = Topic::new("moody");
    let b = bench();
    b.store.create(MOODY, Moody(0)).unwrap();
    let error = || b.store.pull(MOODY.name(), None).unwrap_err().to_string();
    assert!(error().contains("not in the mood"));
    b.store.set(MOODY, Moody(1)).unwrap();
    assert!(error().contains("boom"));
    b.store.set(MOODY, Moody(2)).unwrap();
    assert_eq!(data(b.store.pull(MOODY.name(), None).unwrap()).1, json!(2));
}

#[test]
fn a_burst_is_announced_at_once_then_once_per_interval_and_i3_the_last_one_always() {
    let b = bench();
    let burst = |n: u32| {
        for i in 0..n {
            b.store.set(COUNTER, i).unwrap();
        }
    };
    burst(1);
    assert_eq!(b.announced(), [("counter".into(), 3, None)]);
    burst(10_000);
    assert_eq!(b.announced(), [], "not before the interval is over");
    b.clock.advance(TICK);
    assert_eq!(b.announced(), [("counter".into(), 10_003, None)]);
    b.clock.advance(TICK);
    assert_eq!(b.announced(), [], "nothing is announced twice");
}

#[test]
fn a_store_asks_to_be_driven_once_for_a_burst_and_says_when_it_is_due() {
    let b = bench();
    for n in 0..100 {
        b.store.set(COUNTER, n).unwrap();
    }
    assert_eq!(b.recorder.take_wakes(), 1);
    assert_eq!(b.store.announce_due(), None);
    b.store.set(COUNTER, 0).unwrap();
    assert_eq!((b.recorder.take_wakes(), b.store.announce_due()), (1, Some(b.store.now() + TICK)));
}

#[test]
fn the_source_is_the_one_window_that_wrote_and_nobody_where_there_are_several() {
    let b = bench();
    b.write("p", 1, set(1)).unwrap();
    assert_eq!(b.announced(), [("counter".into(), 3, Some("main".into()))]);
    b.clock.advance(TICK);
    b.write("p", 2, set(2)).unwrap();
    b.write("p", 3, set(3)).unwrap();
    assert_eq!(b.announced(), [("counter".into(), 5, Some("main".into()))]);
    b.clock.advance(TICK);
    b.write("p", 4, set(4)).unwrap();
    b.store.set(COUNTER, 5).unwrap();
    assert_eq!(b.announced(), [("counter".into(), 7, None)]);
}

#[test]
fn i3_a_refused_announcement_is_tried_again_with_whatever_is_newest_by_then() {
    let b = bench();
    b.recorder.refuse_next(2);
    b.store.set(COUNTER, 1).unwrap();
    assert_eq!(b.announced(), []);
    b.write("p", 1, set(2)).unwrap();
    assert_eq!(b.announced(), [], "it waits before it tries again");
    b.clock.advance(Duration::from_millis(100));
    assert_eq!(b.announced(), []);
    b.clock.advance(Duration::from_millis(100));
    assert_eq!(b.announced(), [("counter".into(), 4, None)], "both writers are covered");
}

#[test]
fn i11_a_repeated_write_is_answered_again_and_not_applied_again() {
    let b = bench();
    let first = b.write("p", 1, set(5)).unwrap();
    b.store.set(COUNTER, 6).unwrap();
    assert_eq!(b.write("p", 1, set(5)), Ok(first));
    assert_eq!(b.counter().1, 6);
}

#[test]
fn i11_a_rejected_write_stays_rejected_when_it_is_repeated() {
    let b = bench();
    let stale = Some(Revision::from_u64(0));
    let rejected = b.write_expecting("p", 1, stale, set(5)).unwrap_err();
    assert!(matches!(rejected, WriteError::Conflict { current, .. } if current.as_u64() == 1));
    assert_eq!(b.write_expecting("p", 1, None, set(5)), Err(rejected));
    assert_eq!(b.counter(), (1, 0));
}

#[test]
fn i11_an_older_write_is_out_of_order_and_gaps_are_allowed() {
    let b = bench();
    b.write("p", 7, set(1)).unwrap();
    let topic = COUNTER.name().clone();
    assert_eq!(b.write("p", 6, set(2)), Err(WriteError::OutOfOrder { topic, seq: 6, last: 7 }));
    b.write("p", 9, set(3)).unwrap();
    assert_eq!(b.counter().1, 3);
}

#[test]
fn i11_a_dropped_page_s_write_is_answered_again_also_when_its_label_is_used_again() {
    let b = bench();
    let first = b.write("old", 1, set(5)).unwrap();
    b.store.drop_label("main", Departure::Ended);
    b.store.subscribe(COUNTER.name(), &session("main", "new")).unwrap();
    assert_eq!(b.write("old", 1, set(9)), Ok(first));
    assert_eq!(b.write("new", 1, set(6)).unwrap().as_u64(), 4);
    assert_eq!(b.store.readers(COUNTER.name()), 1);
}

#[test]
fn i14_what_a_session_left_is_forgotten_after_the_grace() {
    let b = bench();
    b.store.subscribe(COUNTER.name(), &session("main", "p")).unwrap();
    b.write("p", 1, set(1)).unwrap();
    b.store.drop_label("main", Departure::Ended);
    assert_eq!(b.store.readers(COUNTER.name()), 0);
    assert_eq!(b.store.reap_due().next, Some(b.store.now() + SESSION_GRACE));
    b.clock.advance(SESSION_GRACE);
    b.store.reap_due();
    assert_eq!(b.store.stats(), StoreStats { topics: 2, announcements: 1, ..StoreStats::default() });
}

#[test]
fn i14_a_page_that_invents_sessions_costs_a_constant() {
    let b = bench();
    for n in 0..1000 {
        b.write(&format!("p{n}"), 1, set(n)).unwrap();
    }
    let stats = b.store.stats();
    assert_eq!((stats.sessions, stats.remembered_writes), (SESSIONS_PER_LABEL, SESSIONS_PER_LABEL));
}

#[test]
fn i14_a_page_that_reads_under_ever_new_sessions_leaves_no_outcome_behind() {
    let b = bench();
    b.write("first", 1, set(1)).unwrap();
    for n in 0..SESSIONS_PER_LABEL {
        b.store.subscribe(LIST.name(), &session("main", &format!("p{n}"))).unwrap();
    }
    let stats = b.store.stats();
    assert_eq!((stats.sessions, stats.remembered_writes), (SESSIONS_PER_LABEL, 0));
}

#[test]
fn a_write_of_the_wrong_type_says_where_and_changes_nothing() {
    let b = bench();
    let error = b.write("p", 1, Change::Set(json!("five"))).unwrap_err();
    assert!(
        matches!(&error, WriteError::Change { source: ChangeError::InvalidData { path, .. }, .. } if path == "."),
        "{error}"
    );
    assert_eq!((b.counter(), b.announced()), ((1, 0), vec![]));
}

#[test]
fn i4_a_type_that_calls_the_store_while_it_is_read_in_gets_an_error() {
    thread_local!(static STORE: RefCell<Option<Store>> = const { RefCell::new(None) });
    #[derive(Clone, Serialize)]
    struct Nosy;
    impl<'de> Deserialize<'de> for Nosy {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            let seen = STORE.with_borrow(|store| store.as_ref().unwrap().get(COUNTER));
            seen.map(|_| Self).map_err(serde::de::Error::custom)
        }
    }
    const NOSY: Topic<Nosy> = Topic::new("nosy");
    let b = bench();
    b.store.create(NOSY, Nosy).unwrap();
    STORE.set(Some(b.store.clone()));
    let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(1))) }];
    let write = ClientWrite { session: session("main", "p"), client: None, seq: 1, asked: false, writes };
    let error = b.store.write(NOSY.name(), write).unwrap()[0].clone().unwrap_err();
    assert!(error.to_string().contains("from inside a write"), "{error}");
}

#[test]
fn i4_asking_how_much_is_remembered_from_inside_a_write_is_no_deadlock() {
    let b = bench();
    b.write("p", 1, set(1)).unwrap();
    b.store.update(COUNTER, |count| *count = b.store.stats().remembered_writes as u32 + 10).unwrap();
    assert_eq!(b.counter().1, 11);
}

#[test]
fn i3_a_slow_write_holds_up_no_other_topic_s_announcement() {
    let b = bench();
    b.write("p", 1, set(1)).unwrap();
    b.announced();
    b.store.drop_label("main", Departure::Ended);
    b.clock.advance(SESSION_GRACE);
    b.store
        .update(COUNTER, |_| {
            // Meanwhile, elsewhere: a session has to be forgotten, and another topic has changed.
            let store = b.store.clone();
            let driven = std::thread::spawn(move || {
                store.set(LIST, vec!["a".into()]).unwrap();
                let again = store.reap_due().next;
                store.announce_due();
                again
            });
            assert!(driven.join().unwrap().is_some(), "what could not be forgotten is tried again");
        })
        .unwrap();
    assert_eq!(b.recorder.take().iter().map(told).collect::<Vec<_>>(), [("list".into(), 4, None)]);
    b.store.reap_due();
    assert_eq!(b.store.stats().remembered_writes, 0);
}
