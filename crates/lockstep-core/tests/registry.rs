//! Topics that come and go at run time, case by case.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lockstep_core::{
    AccessError, Answer, Change, ClientWrite, CreateError, NoAnnounce, Proposal, PullError, Revision, SessionKey,
    Store, StoreOptions, StoreStats, Topic, TopicName, TopicOptions, TransactionError, UpdateError, WriteError,
    testing::{ManualClock, Recorder, TestStore},
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

const CHAT: Topic<u32> = Topic::new("chat/1");
const INTERVAL: Duration = Duration::from_millis(16);

struct Bench {
    store: Store,
    clock: Arc<ManualClock>,
    recorder: Recorder,
}

fn bench() -> Bench {
    let options = StoreOptions { announce_interval: INTERVAL, ..StoreOptions::default() };
    let TestStore { store, clock, recorder } = TestStore::with_options(options);
    Bench { store, clock, recorder }
}

impl Bench {
    /// What is announced once the interval is over: topics, revisions, and who is behind it.
    fn announced(&self) -> Vec<(String, Revision, Option<String>)> {
        self.clock.advance(INTERVAL);
        self.store.announce_due();
        let heard = self.recorder.take().into_iter();
        heard.map(|it| (it.topic.to_string(), it.revision, it.source_id.map(|label| label.to_string()))).collect()
    }

    fn write(&self, seq: u64) -> Result<Revision, WriteError> {
        self.store.write(CHAT.name(), write(seq))?[0].clone()
    }
}

fn page(label: &str) -> SessionKey {
    SessionKey::new(label, "p".parse().unwrap())
}

fn write(seq: u64) -> ClientWrite {
    let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(7))) }];
    ClientWrite { session: page("main"), client: None, seq, asked: false, writes }
}

fn unknown(topic: &Topic<u32>) -> AccessError {
    AccessError::UnknownTopic(topic.name().clone())
}

fn topic(name: &str) -> Topic<u32> {
    Topic::named(name.parse().unwrap())
}

#[test]
fn i5_a_topic_that_comes_again_has_higher_revisions_than_all_before() {
    let b = bench();
    let first = b.store.create(CHAT, 1).unwrap();
    let written = b.store.set(CHAT, 2).unwrap();
    assert_eq!(b.store.remove(CHAT.name()), Ok(true));
    let again = b.store.create(CHAT, 3).unwrap();
    assert!(first < written && again.as_u64() >= written.as_u64() + 2, "the end has a revision, too: {again}");
    let snapshot = b.store.snapshot(CHAT).unwrap();
    assert_eq!((snapshot.revision, *snapshot.value), (again, 3));
}

#[test]
fn i2_i3_creation_and_removal_are_announced_and_who_asks_then_is_told() {
    let b = bench();
    let created = b.store.create(CHAT, 1).unwrap();
    assert_eq!(b.announced(), [("chat/1".into(), created, None)]);
    assert_eq!(b.store.door(CHAT.name()).unwrap().remove(Some("main".into())), Ok(true));
    let told = b.announced();
    assert!(told[0].1 > created, "with a revision of its own");
    assert_eq!((told.len(), told[0].2.as_deref()), (1, Some("main")));
    assert_eq!(b.store.pull(CHAT.name(), None), Err(PullError::Access(unknown(&CHAT))));
    assert_eq!(b.store.remove(CHAT.name()), Ok(false), "there is nothing left to remove");
    assert_eq!(b.announced(), [], "and so nothing to tell");
}

#[test]
fn i10_a_refused_creation_leaves_the_topic_as_it_is_and_tells_nobody() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    b.announced();
    let taken = CreateError::AlreadyExists(CHAT.name().clone());
    assert_eq!(b.store.create(CHAT, 2), Err(taken.clone()));
    assert_eq!(b.store.create(Topic::<String>::new("chat/1"), String::new()), Err(taken));
    assert_eq!((*b.store.get(CHAT).unwrap(), b.announced()), (1, vec![]));
    assert_eq!(b.store.set(CHAT, 2).unwrap().as_u64(), 2, "no revision was lost");
}

#[test]
fn i5_a_store_without_revisions_creates_nothing_and_still_removes() {
    let options = StoreOptions { last_revision: Revision::from_u64(u64::MAX - 1), ..StoreOptions::default() };
    let store = Store::with_options(NoAnnounce, options);
    store.create(CHAT, 1).unwrap();
    assert_eq!(store.create(topic("other"), 1), Err(CreateError::Exhausted("other".parse().unwrap())));
    assert_eq!(store.remove(CHAT.name()), Ok(true));
    assert_eq!(store.list(), []);
}

/// Removes the topic while somebody waits to write it, and says what that one was told.
fn overtaken<E: Send + 'static>(body: fn(Store) -> Result<(), E>) -> (Bench, E) {
    // The writer may be faster, now and then.
    let mut attempts = (0..20).map(|_| overtake(body));
    attempts.find_map(|(b, told)| Some((b, told.err()?))).expect("a removed topic takes no write")
}

fn overtake<R: Send + 'static>(body: fn(Store) -> R) -> (Bench, R) {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    let (started, has_started) = mpsc::channel();
    let store = b.store.clone();
    let mut threads = None;
    b.store
        .update(CHAT, |_| {
            // Both wait for this write; the removal comes first.
            let remover = thread::spawn({
                let store = store.clone();
                move || store.remove(CHAT.name()).unwrap()
            });
            thread::sleep(Duration::from_millis(20));
            let writer = thread::spawn(move || {
                started.send(()).unwrap();
                body(store)
            });
            has_started.recv().unwrap();
            thread::sleep(Duration::from_millis(20));
            threads = Some((remover, writer));
        })
        .unwrap();
    let (remover, writer) = threads.unwrap();
    assert!(remover.join().unwrap());
    (b, writer.join().unwrap())
}

#[test]
fn i10_who_found_the_topic_before_it_was_removed_writes_no_more() {
    assert_eq!(overtaken(|store| store.set(CHAT, 9).map(drop)).1, UpdateError::Access(unknown(&CHAT)));
    let (b, told) = overtaken(|store| store.write(CHAT.name(), write(1)).map(drop));
    assert_eq!(told, WriteError::Access(unknown(&CHAT)));
    let stats = b.store.stats();
    assert_eq!((stats.remembered_writes, stats.sessions), (0, 0), "nor is such a write remembered");
}

#[test]
fn i10_a_transaction_whose_topic_is_removed_while_it_runs_is_told_so() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    b.store.create(topic("other"), 1).unwrap();
    let before = b.store.snapshot(topic("other")).unwrap().revision;
    let told = b.store.transaction(|tx| {
        tx.update(topic("other"), |count| *count += 1)?;
        tx.update(CHAT, |count| *count += 1)?;
        let store = b.store.clone();
        thread::spawn(move || store.remove(CHAT.name()).unwrap()).join().unwrap();
        Ok::<(), UpdateError>(())
    });
    assert_eq!(told, Err(TransactionError::Refused(UpdateError::Access(unknown(&CHAT)))));
    assert_eq!(b.store.snapshot(topic("other")).unwrap().revision, before);
}

#[test]
fn i14_a_removed_topic_has_no_readers_and_the_next_of_its_name_has_those_who_have_not_left() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    b.store.subscribe(CHAT.name(), &page("main")).unwrap();
    b.write(1).unwrap();
    assert_eq!((b.store.readers(CHAT.name()), b.store.stats().remembered_writes), (1, 1));
    b.store.remove(CHAT.name()).unwrap();
    assert_eq!((b.store.readers(CHAT.name()), b.store.stats().remembered_writes), (0, 0));
    assert_eq!(b.store.subscribe(CHAT.name(), &page("main")), Err(unknown(&CHAT).into()));
    assert_eq!(b.write(2), Err(WriteError::Access(unknown(&CHAT))));
    b.store.create(CHAT, 1).unwrap();
    assert_eq!(b.store.readers(CHAT.name()), 1, "a page need not have heard that it was gone");
    b.store.remove(CHAT.name()).unwrap();
    b.store.unsubscribe(CHAT.name(), &page("main"));
    b.store.create(CHAT, 1).unwrap();
    assert_eq!(b.store.readers(CHAT.name()), 0);
}

#[test]
fn i14_nothing_grows_however_often_topics_come_and_go() {
    let b = bench();
    for n in 0..10_000 {
        let mortal = TopicOptions::new().ttl(Duration::from_secs(1)).self_destruct(|_, _| false);
        b.store.create_with(CHAT, n, mortal).unwrap();
        b.store.subscribe(CHAT.name(), &page("main")).unwrap();
        b.write(u64::from(n) + 1).unwrap();
        b.store.remove(CHAT.name()).unwrap();
    }
    let one_page = StoreStats { sessions: 1, announcements: 1, ..StoreStats::default() };
    assert_eq!(b.store.stats(), one_page, "and nobody was told of any of it");
    let told = b.announced();
    assert_eq!((told.len(), told[0].1.as_u64()), (1, 30_000), "all of it is one announcement");
    b.store.drop_label("main", lockstep_core::Departure::Ended);
    b.clock.advance(lockstep_core::SESSION_GRACE);
    assert_eq!(b.store.reap_due().next, None);
    assert_eq!(b.store.stats(), StoreStats::default());
}

#[test]
fn i14_a_name_that_comes_and_goes_is_announced_at_the_pace_of_a_topic() {
    let b = bench();
    let mut told = 0;
    for n in 0..1600 {
        b.store.create(CHAT, n).unwrap();
        b.store.announce_due();
        b.store.remove(CHAT.name()).unwrap();
        b.store.announce_due();
        b.clock.advance(Duration::from_millis(1));
        told += b.recorder.take().len();
    }
    assert!((100..=210).contains(&told), "at most twice an interval: {told}");
}

#[test]
fn i3_a_refused_removal_does_not_hide_the_topic_that_came_after_it() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    b.announced();
    b.store.remove(CHAT.name()).unwrap();
    b.recorder.refuse_next(1);
    assert_eq!(b.announced(), []);
    let again = b.store.create(CHAT, 2).unwrap();
    b.clock.advance(Duration::from_millis(100));
    assert_eq!(b.announced(), [("chat/1".into(), again, None)]);
    assert_eq!(b.announced(), []);
}

#[test]
fn i5_who_gets_or_creates_at_once_gets_the_same_topic() {
    let b = bench();
    let made = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let (store, made) = (b.store.clone(), Arc::clone(&made));
            thread::spawn(move || {
                let seen = store.get_or_create(CHAT, || {
                    *made.lock().unwrap() += 1;
                    // Under no lock: it may look at the store.
                    assert!(store.list().len() <= 1);
                    n
                });
                let seen = seen.unwrap();
                (seen.revision, *seen.value)
            })
        })
        .collect();
    let seen: BTreeSet<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(*made.lock().unwrap() >= 1);
    assert_eq!(b.store.get_or_create(CHAT, || unreachable!("it is there")).unwrap().revision, seen.first().unwrap().0);
    let wrong = b.store.get_or_create(Topic::<String>::new("chat/1"), String::new);
    assert_eq!(wrong.unwrap_err(), CreateError::WrongType(CHAT.name().clone()));
}

#[test]
fn get_or_create_gets_through_while_others_create_and_remove() {
    let b = bench();
    let churn = {
        let store = b.store.clone();
        thread::spawn(move || {
            for n in 0..2_000 {
                store.create(CHAT, n).ok();
                store.remove(CHAT.name()).unwrap();
            }
        })
    };
    let mut last = Revision::ZERO;
    while !churn.is_finished() {
        let seen = b.store.get_or_create(CHAT, || 7).unwrap().revision;
        assert!(seen >= last, "revisions never go back");
        last = seen;
    }
    churn.join().unwrap();
}

#[test]
fn many_are_removed_by_a_pattern_and_listed_in_order() {
    let b = bench();
    for name in ["chat/2", "chats", "chat/1", "settings"] {
        b.store.create(topic(name), 1).unwrap();
    }
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<TopicName>>();
    assert_eq!(b.store.list(), names(&["chat/1", "chat/2", "chats", "settings"]));
    assert_eq!(b.store.remove_all(&"chat/*".parse().unwrap()).unwrap(), names(&["chat/1", "chat/2"]));
    assert_eq!(b.store.remove_all(&"chat/*".parse().unwrap()).unwrap(), []);
    assert_eq!(b.store.remove_all(&"settings".parse().unwrap()).unwrap(), names(&["settings"]));
    assert!(b.store.contains(&"chats".parse().unwrap()) && !b.store.contains(CHAT.name()));
}

#[test]
fn a_value_can_be_had_without_its_type() {
    let b = bench();
    b.store.create(CHAT, 7).unwrap();
    assert_eq!(b.store.value_of(CHAT.name()), Ok(json!(7)));
    let missing = topic("missing");
    assert_eq!(b.store.value_of(missing.name()), Err(PullError::Access(unknown(&missing))));
    let odd = Topic::<std::collections::BTreeMap<Vec<u8>, u8>>::new("odd");
    b.store.create(odd.clone(), [(vec![1], 1)].into()).unwrap();
    assert!(matches!(b.store.value_of(odd.name()), Err(PullError::Encode { .. })));
}

#[test]
fn i4_topics_neither_come_nor_go_from_inside_a_write() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    let inside = AccessError::InsideWrite;
    b.store
        .update(CHAT, |_| {
            assert_eq!(b.store.create(topic("new"), 1), Err(CreateError::InsideWrite));
            assert!(matches!(b.store.get_or_create(CHAT, || 1), Err(CreateError::InsideWrite)));
            assert_eq!(b.store.remove(CHAT.name()), Err(inside.clone()));
            assert_eq!(b.store.remove_all(&"*".parse().unwrap()), Err(inside.clone()));
            assert_eq!(b.store.touch_doors(false), Err(inside.clone()));
            assert_eq!(b.store.reap_due().next, Some(b.store.now()), "it has to run again");
            assert!(b.store.join_role(&page("main"), &|| true).is_err());
            assert_eq!(b.store.subscribe(CHAT.name(), &page("main")), Err(inside.clone().into()));
        })
        .unwrap();
    assert_eq!(b.store.list(), std::slice::from_ref(CHAT.name()));
}

#[test]
fn i10_an_asker_that_cannot_be_made_creates_nothing_and_wedges_nothing() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    let panics = TopicOptions::<u32>::new().asynchronous(|| panic!("boom"));
    assert!(catch_unwind(AssertUnwindSafe(|| b.store.create_with(topic("new"), 1, panics))).is_err());
    assert_eq!(b.store.list(), std::slice::from_ref(CHAT.name()));
    b.store.create(topic("new"), 1).unwrap();
}

#[test]
fn a_pull_of_a_topic_that_came_again_is_the_whole_also_for_who_knew_the_earlier_one() {
    let b = bench();
    let known = b.store.create(CHAT, 1).unwrap();
    b.store.remove(CHAT.name()).unwrap();
    b.store.create(CHAT, 1).unwrap();
    assert!(matches!(b.store.pull(CHAT.name(), Some(known)), Ok(Answer::Snapshot { .. })));
}

#[test]
fn i11_a_write_that_is_repeated_does_not_mean_the_topic_that_came_after() {
    let b = bench();
    b.store.create(CHAT, 1).unwrap();
    let written = b.write(1).unwrap();
    b.store.remove(CHAT.name()).unwrap();
    b.store.create(CHAT, 2).unwrap();
    assert_eq!(b.write(1), Ok(written), "it is answered again");
    assert_eq!(*b.store.get(CHAT).unwrap(), 2, "and not applied again");
    b.write(2).unwrap();
    assert_eq!(*b.store.get(CHAT).unwrap(), 7, "the next one is applied");
}
