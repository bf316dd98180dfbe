//! Actions, hooks, batches and transactions, case by case.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Change, ChangeError, ClientWrite, Proposal, Reject, Revision, SessionKey, Store, StoreOptions, Topic,
    TopicOptions, TransactionError, UpdateError, WriteError, testing::Recorder,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

const COUNTER: Topic<u32> = Topic::new("counter");
const LOG: Topic<Vec<String>> = Topic::new("log");

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Action {
    Add { by: u32 },
    Refuse,
    Panic,
}

fn options() -> TopicOptions<u32> {
    TopicOptions::new().action(|count: &mut u32, action: Action, _| match action {
        Action::Add { by } => {
            *count += by;
            Ok(())
        }
        Action::Refuse => {
            *count = 999;
            Err(Reject::new("no", "because"))
        }
        Action::Panic => {
            *count = 999;
            panic!("boom")
        }
    })
}

fn store(options: TopicOptions<u32>) -> (Store, Recorder) {
    let recorder = Recorder::default();
    let every_write = StoreOptions { announce_interval: Duration::ZERO, ..StoreOptions::default() };
    let store = Store::with_options(recorder.clone(), every_write);
    store.create_with(COUNTER, 0, options).unwrap();
    store.create(LOG, vec![]).unwrap();
    store.announce_due();
    recorder.take();
    (store, recorder)
}

fn batch(store: &Store, seq: u64, changes: Vec<Change>) -> Vec<Result<Revision, ChangeError>> {
    let session = SessionKey::new("main", "p".parse().unwrap());
    let writes = changes.into_iter().map(|change| Proposal { expected: None, change: Ok(change) }).collect();
    let outcomes =
        store.write(COUNTER.name(), ClientWrite { session, client: None, seq, asked: false, writes }).unwrap();
    let change = |error: &WriteError| match error {
        WriteError::Change { source, .. } => source.clone(),
        other => panic!("{other}"),
    };
    outcomes.iter().map(|outcome| outcome.as_ref().copied().map_err(change)).collect()
}

fn one(store: &Store, seq: u64, change: Change) -> Result<Revision, ChangeError> {
    batch(store, seq, vec![change]).remove(0)
}

fn add(by: u32) -> Change {
    Change::Action(json!({ "type": "add", "by": by }))
}

fn rejected(code: &str, reason: &str) -> ChangeError {
    ChangeError::Rejected(Reject::new(code, reason))
}

#[track_caller]
fn unchanged(store: &Store, recorder: &Recorder) {
    let snapshot = store.snapshot(COUNTER).unwrap();
    assert_eq!((snapshot.revision.as_u64(), *snapshot.value), (1, 0));
    store.announce_due();
    assert_eq!(recorder.take(), []);
}

#[test]
fn windows_and_rust_dispatch_the_same_actions() {
    let (store, _) = store(options());
    one(&store, 1, add(2)).unwrap();
    store.dispatch(COUNTER, Action::Add { by: 3 }).unwrap();
    assert_eq!(*store.get(COUNTER).unwrap(), 5);
}

#[test]
fn i10_a_reducer_that_refuses_or_panics_has_changed_nothing() {
    let (store, recorder) = store(options());
    assert_eq!(one(&store, 1, Change::Action(json!({ "type": "refuse" }))), Err(rejected("no", "because")));
    let panicked = one(&store, 2, Change::Action(json!({ "type": "panic" })));
    assert_eq!(panicked, Err(ChangeError::Panicked("boom".into())));
    let error = store.dispatch(COUNTER, Action::Refuse).unwrap_err();
    assert_eq!(error, UpdateError::Change { topic: COUNTER.name().clone(), source: rejected("no", "because") });
    assert!(catch_unwind(AssertUnwindSafe(|| store.dispatch(COUNTER, Action::Panic))).is_err());
    unchanged(&store, &recorder);
}

#[test]
fn an_action_of_the_wrong_shape_says_where_and_a_topic_without_a_reducer_says_so() {
    let (with, _) = store(options());
    let wrong = one(&with, 1, Change::Action(json!({ "type": "add", "by": -1 }))).unwrap_err();
    assert!(matches!(&wrong, ChangeError::InvalidData { .. }), "{wrong}");
    assert!(matches!(with.dispatch(COUNTER, 7u8), Err(UpdateError::Access(AccessError::WrongType(_)))));
    let (without, _) = store(TopicOptions::new());
    assert_eq!(one(&without, 1, add(1)), Err(ChangeError::NoActions));
}

#[test]
fn the_context_tells_who_writes_and_what_was_before() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let (store, _) = store(options().validate(move |old, next, cx| {
        let who = cx.window().map(str::to_owned);
        hear.lock().unwrap().push((who, cx.seq(), cx.revision().as_u64(), *old, *next));
        Ok(())
    }));
    one(&store, 7, add(1)).unwrap();
    store.set(COUNTER, 5).unwrap();
    assert_eq!(*told.lock().unwrap(), [(Some("main".into()), Some(7), 1, 0, 1), (None, None, 3, 1, 5)]);
}

#[test]
fn i10_validate_refuses_every_kind_of_write() {
    let (store, recorder) = store(options().validate(|_, next, _| match next {
        0..=9 => Ok(()),
        _ => Err(Reject::new("limit", "at most 9")),
    }));
    let limit = rejected("limit", "at most 9");
    let changes = [Change::Set(json!(10)), Change::Merge(json!(10)), add(10)];
    for (seq, change) in (1..).zip(changes) {
        assert_eq!(one(&store, seq, change), Err(limit.clone()));
    }
    let error = |result: Result<Revision, UpdateError>| match result {
        Err(UpdateError::Change { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(store.set(COUNTER, 10)), limit);
    assert_eq!(error(store.update(COUNTER, |count| *count = 10)), limit);
    assert_eq!(error(store.dispatch(COUNTER, Action::Add { by: 10 })), limit);
    let refused = store.transaction(|tx| tx.set(COUNTER, 10)).unwrap_err();
    assert!(matches!(refused, TransactionError::Refused(UpdateError::Change { source, .. }) if source == limit));
    unchanged(&store, &recorder);
}

#[test]
fn intercept_lets_pass_changes_or_refuses() {
    let (store, _) = store(options().intercept(|change, cx| match (change, cx.window()) {
        (Change::Set(Value::Number(_)), Some(_)) => Err(Reject::new("set", "windows add")),
        (Change::Action(_), _) => Ok(Change::Set(json!(42))),
        (other, _) => Ok(other),
    }));
    assert_eq!(one(&store, 1, Change::Set(json!(1))), Err(rejected("set", "windows add")));
    one(&store, 2, add(1)).unwrap();
    assert_eq!(*store.get(COUNTER).unwrap(), 42);
    store.set(COUNTER, 7).unwrap();
    assert_eq!(*store.get(COUNTER).unwrap(), 7);
}

#[test]
fn i10_a_panicking_hook_is_told_to_the_window_and_wedges_nothing() {
    let (store, recorder) = store(options().intercept(|_, cx| match cx.window() {
        Some(_) => panic!("boom"),
        None => Ok(Change::Rust),
    }));
    assert_eq!(one(&store, 1, add(1)), Err(ChangeError::Panicked("boom".into())));
    unchanged(&store, &recorder);
    store.set(COUNTER, 1).unwrap();
}

#[test]
fn i11_a_batch_applies_each_write_for_itself_in_order_and_is_answered_again() {
    let (store, recorder) = store(options());
    let writes = || vec![add(1), Change::Set(json!("x")), add(2)];
    let outcomes = batch(&store, 1, writes());
    assert_eq!(outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(batch(&store, 1, writes()), outcomes);
    assert_eq!(*store.get(COUNTER).unwrap(), 3);
    store.announce_due();
    assert_eq!(recorder.take().len(), 1, "one announcement covers the batch");
}

#[test]
fn i5_i10_a_transaction_is_all_with_one_revision_or_nothing() {
    let (store, recorder) = store(options());
    let (revision, ()) = store
        .transaction(|tx| {
            tx.dispatch(COUNTER, Action::Add { by: 2 })?;
            tx.update(COUNTER, |count| *count *= 10)?;
            let count = *tx.get(COUNTER)?;
            tx.update(LOG, |log| log.push(format!("now {count}")))?;
            Ok::<(), UpdateError>(())
        })
        .unwrap();
    let (counter, log) = (store.snapshot(COUNTER).unwrap(), store.snapshot(LOG).unwrap());
    assert_eq!((*counter.value, &*log.value), (20, &vec!["now 20".to_owned()]));
    assert_eq!((Some(counter.revision), Some(log.revision)), (revision, revision));
    store.announce_due();
    assert!(recorder.take().iter().all(|told| Some(told.revision) == revision));

    let refused = store.transaction(|tx| {
        tx.set(LOG, vec![]).unwrap();
        tx.set(COUNTER, 0).unwrap();
        Err::<(), _>("no")
    });
    assert_eq!(refused.unwrap_err(), TransactionError::Refused("no"));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.transaction::<(), UpdateError>(|tx| {
            tx.set(COUNTER, 0)?;
            panic!("boom")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.snapshot(COUNTER).unwrap().revision, counter.revision);
    assert_eq!(store.set(COUNTER, 1).unwrap().as_u64(), counter.revision.as_u64() + 1);
}

#[test]
fn i4_the_store_is_an_error_inside_a_transaction_and_reading_alone_makes_no_revision() {
    let (store, recorder) = store(options());
    let inner = store.clone();
    let (revision, seen) =
        store.transaction(|tx| Ok::<_, UpdateError>((*tx.get(COUNTER)?, inner.get(COUNTER).unwrap_err()))).unwrap();
    assert_eq!((revision, seen), (None, (0, AccessError::InsideWrite)));
    unchanged(&store, &recorder);
}

#[test]
fn a_transaction_that_is_overtaken_every_time_gets_through() {
    let (store, _) = store(options());
    let overtaker = store.clone();
    let mut runs = 0;
    store
        .transaction(|tx| {
            runs += 1;
            let before = *tx.get(COUNTER)?;
            if runs <= 3 {
                let overtaker = overtaker.clone();
                let writer = std::thread::spawn(move || overtaker.update(COUNTER, |count| *count += 1).map(drop));
                writer.join().unwrap().unwrap();
            }
            tx.set(COUNTER, before + 100)?;
            tx.update(LOG, |log| log.push(before.to_string()))
        })
        .unwrap();
    assert_eq!((*store.get(COUNTER).unwrap(), runs), (103, 4));
}

#[test]
fn i10_a_topic_that_asks_somebody_first_takes_no_write_without_an_answer() {
    let (store, recorder) = store(options().asynchronous(|| Arc::new(())));
    let not_asked = UpdateError::NotAsked(COUNTER.name().clone());
    assert_eq!(store.set(COUNTER, 1), Err(not_asked.clone()));
    assert_eq!(store.dispatch(COUNTER, Action::Add { by: 1 }), Err(not_asked.clone()));
    assert_eq!(store.transaction(|tx| tx.set(COUNTER, 1)), Err(TransactionError::Refused(not_asked)));
    unchanged(&store, &recorder);
    let door = store.door(COUNTER.name()).unwrap();
    store.update_asked(COUNTER, &door, Change::Rust, |count| *count = 5).unwrap();
    store.update_asked(COUNTER, &door, add(2), |_| unreachable!("replaced")).unwrap();
    assert_eq!(*store.get(COUNTER).unwrap(), 7);

    store.remove(COUNTER.name()).unwrap();
    store.create(COUNTER, 0).unwrap();
    let late = store.update_asked(COUNTER, &door, Change::Rust, |count| *count = 9);
    assert_eq!(late, Err(AccessError::UnknownTopic(COUNTER.name().clone()).into()), "the next topic was not asked");
    assert_eq!(*store.get(COUNTER).unwrap(), 0);
}

#[test]
fn i11_a_refusal_by_somebody_who_was_asked_before_is_remembered() {
    let (store, _) = store(options().asynchronous(|| Arc::new(())));
    let session = SessionKey::new("main", "p".parse().unwrap());
    let write = |asked, change| {
        let writes = vec![Proposal { expected: None, change }];
        store
            .write(COUNTER.name(), ClientWrite { session: session.clone(), client: None, seq: 1, asked, writes })
            .unwrap()[0]
            .clone()
    };
    assert_eq!(store.door(COUNTER.name()).unwrap().was_taken(&session, 1), Ok(false));
    let refused = write(true, Err(Reject::new("no", "never")));
    assert!(refused.as_ref().is_err_and(|error| error.to_string().contains("never")));
    assert_eq!(store.door(COUNTER.name()).unwrap().was_taken(&session, 1), Ok(true));
    assert_eq!(write(false, Ok(add(1))), refused);
    assert_eq!(*store.get(COUNTER).unwrap(), 0);
}

#[test]
fn i10_a_window_s_write_that_nobody_was_asked_about_is_refused_and_may_come_again() {
    let (store, recorder) = store(options().asynchronous(|| Arc::new(())));
    let session = SessionKey::new("main", "p".parse().unwrap());
    let write = |asked| {
        let writes = vec![Proposal { expected: None, change: Ok(add(1)) }];
        store.write(COUNTER.name(), ClientWrite { session: session.clone(), client: None, seq: 1, asked, writes })
    };
    assert_eq!(write(false), Err(WriteError::NotAsked(COUNTER.name().clone())));
    unchanged(&store, &recorder);
    assert!(write(true).unwrap()[0].is_ok());
    assert!(write(false).unwrap()[0].is_ok(), "a repeated one is answered from memory");
    assert_eq!(*store.get(COUNTER).unwrap(), 1);
}
