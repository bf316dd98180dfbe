//! What is saved, when, and what comes of it at the next start.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Batch, CreateError, Durability, NoAnnounce, Persist, PersistError, PersistIssue, Persisted, Persistence, Revision,
    Save, Saved, Store, StoreOptions, Topic, TopicFamily, TopicName, TopicOptions, UpdateError,
    testing::{ManualClock, MemoryPersist, persist_contract},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const ONE: Topic<u64> = Topic::new("one");
const TWO: Topic<u64> = Topic::new("two");
const SETTINGS: Topic<Value> = Topic::new("settings");
/// The same, as the app knows it later.
const TYPED: Topic<Settings> = Topic::new("settings");

struct Run {
    store: Store,
    clock: Arc<ManualClock>,
    wakes: Arc<AtomicUsize>,
}

fn run(disk: &MemoryPersist) -> Run {
    run_with_block(disk, 1000)
}

fn run_with_block(disk: &MemoryPersist, block: u64) -> Run {
    let (clock, wakes) = (Arc::new(ManualClock::default()), Arc::new(AtomicUsize::new(0)));
    let woken = Arc::clone(&wakes);
    let wake = move || {
        woken.fetch_add(1, Ordering::Relaxed);
    };
    let persistence = Persistence::open_with_block(Arc::new(disk.clone()), wake, block);
    let options = StoreOptions { clock: clock.clone(), persistence: Some(persistence), ..Default::default() };
    Run { store: Store::with_options(NoAnnounce, options), clock, wakes }
}

fn persisted<T: lockstep_core::State>() -> TopicOptions<T> {
    TopicOptions::new().persisted(Persisted::new())
}

impl Run {
    fn create<T: lockstep_core::State>(&self, topic: Topic<T>, first: T, persisted: Persisted) -> Arc<T> {
        self.store.create_with(topic.clone(), first, TopicOptions::new().persisted(persisted)).unwrap();
        self.store.get(topic).unwrap()
    }

    fn after(&self, ms: u64) -> Saved {
        self.clock.advance(Duration::from_millis(ms));
        self.store.save(Save::Due)
    }

    fn saved(&self, topic: &TopicName) -> Option<Revision> {
        self.store.saved_revision(topic).unwrap()
    }

    fn flush(&self) -> Saved {
        self.store.save(Save::All)
    }
}

fn puts(disk: &MemoryPersist) -> Vec<Vec<(String, String)>> {
    let commits = disk.commits().into_iter().filter(|batch| !batch.puts.is_empty());
    commits
        .map(|batch| {
            let put = |(topic, record): &(TopicName, lockstep_core::Record)| {
                (topic.to_string(), String::from_utf8(record.data.clone()).unwrap())
            };
            batch.puts.iter().map(put).collect()
        })
        .collect()
}

#[test]
fn i15_what_was_saved_is_there_at_the_next_start() {
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.create(ONE, 1, Persisted::new());
    first.store.create(TWO, 1).unwrap();
    first.store.set(ONE, 7).unwrap();
    first.store.set(TWO, 7).unwrap();
    assert_eq!(first.saved(ONE.name()), None);
    assert_eq!(first.flush().not_saved, None);
    assert_eq!(first.saved(ONE.name()), Some(first.store.revision(ONE.name()).unwrap()));
    assert_eq!(first.saved(TWO.name()), None, "it is not persisted");
    first.store.set(ONE, 8).unwrap();
    let next = run(&disk);
    assert_eq!(*next.create(ONE, 1, Persisted::new()), 7, "what was not saved is lost");
    assert_eq!(next.saved(ONE.name()), Some(next.store.revision(ONE.name()).unwrap()), "it is on disk as it is");
    assert_eq!(next.flush(), Saved::default(), "there is nothing to save");
}

#[test]
fn a_topic_is_saved_when_it_was_left_alone_and_at_the_latest_after_the_longest_wait() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    let wait = Persisted::new().debounce(Duration::from_millis(100)).max_wait(Duration::from_millis(250));
    run.create(ONE, 0, wait);
    assert_eq!(run.wakes.load(Ordering::Relaxed), 1);
    assert_eq!(run.after(0).next, Some(Duration::from_millis(100)));
    for value in 1..=4 {
        run.clock.advance(Duration::from_millis(60));
        run.store.set(ONE, value).unwrap();
        run.store.save(Save::Due);
    }
    assert_eq!((puts(&disk).len(), run.wakes.load(Ordering::Relaxed)), (0, 1), "it was never left alone");
    let saved = run.after(10);
    assert_eq!((saved.next, puts(&disk).concat()), (None, vec![("one".to_owned(), "4".to_owned())]));
    run.store.set(ONE, 5).unwrap();
    assert_eq!(run.after(99).next, Some(run.store.now() + Duration::from_millis(1)));
    assert_eq!(run.after(1).next, None);
    assert_eq!(puts(&disk).len(), 2);
}

#[test]
fn a_topic_that_waits_longer_is_not_saved_with_one_that_waits_less() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    run.create(ONE, 0, Persisted::new().debounce(Duration::from_millis(10)));
    run.create(TWO, 0, Persisted::new().debounce(Duration::from_secs(2)));
    run.after(10);
    assert_eq!(puts(&disk).concat(), [("one".to_owned(), "0".to_owned())]);
}

#[test]
fn i15_a_transaction_is_saved_whole_whatever_its_topics_wait_for() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    run.create(ONE, 0, Persisted::new().debounce(Duration::from_millis(10)));
    run.create(TWO, 0, Persisted::new().debounce(Duration::from_secs(2)));
    run.flush();
    let both = |value| {
        run.store
            .transaction(|tx| {
                tx.set(ONE, value)?;
                tx.set(TWO, value)
            })
            .unwrap();
    };
    both(1);
    run.after(10);
    let pair = |value: &str| vec![("one".to_owned(), value.to_owned()), ("two".to_owned(), value.to_owned())];
    assert_eq!(puts(&disk).last(), Some(&pair("1")));
    run.store.set(ONE, 2).unwrap();
    run.after(10);
    assert_eq!(puts(&disk).last().unwrap().len(), 1, "they are apart again");
}

#[test]
fn i5_revisions_go_on_where_all_earlier_runs_ended_saved_or_not() {
    let disk = MemoryPersist::default();
    let mut last = Revision::ZERO;
    for _ in 0..5 {
        let run = run_with_block(&disk, 8);
        run.create(ONE, 0, Persisted::new());
        for value in 0..100 {
            let revision = match run.store.set(ONE, value) {
                Ok(revision) => revision,
                Err(UpdateError::Exhausted(_)) => {
                    run.store.save(Save::Due);
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            assert!(revision > last);
            last = revision;
            let reserved = disk.commits().iter().filter_map(|batch| batch.reserve).max().unwrap();
            assert!(revision <= reserved, "it was reserved before it was used");
            // Woken in time, the saver keeps ahead.
            if value % 3 == 0 {
                run.store.save(Save::Due);
            }
        }
    }
    assert!(last.as_u64() > 450);
}

#[test]
fn i15_what_the_disk_refuses_is_reported_and_saved_again() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    run.create(ONE, 1, Persisted::new().debounce(Duration::ZERO));
    let full = PersistError::Io("the disk is full".to_owned());
    disk.fail(Some(full.clone()));
    let failed = run.after(0);
    let topics = vec![ONE.name().clone()];
    assert_eq!(failed.issues, [PersistIssue::NotSaved { topics: topics.clone(), error: full.clone() }]);
    assert_eq!(failed.not_saved.unwrap().topics, topics);
    assert_eq!((failed.next, run.saved(ONE.name())), (Some(Duration::from_millis(500)), None));
    assert_eq!(run.after(499), Saved { next: Some(Duration::from_millis(500)), ..Saved::default() }, "not yet again");
    assert_eq!(run.after(1).next, Some(Duration::from_millis(1500)), "the pause grows");
    disk.fail(None);
    assert_eq!(run.flush(), Saved::default(), "a flush does not wait for the pause");
    assert_eq!(run.saved(ONE.name()), Some(run.store.revision(ONE.name()).unwrap()));
    assert_eq!(run.store.set(ONE, 2).map(|_| run.after(0)), Ok(Saved::default()), "and it is forgotten");
}

#[test]
fn i15_a_database_that_cannot_be_read_is_not_written() {
    let disk = MemoryPersist::default();
    let before = run(&disk);
    before.create(ONE, 7, Persisted::new());
    before.flush();
    disk.fail(Some(PersistError::InUse));
    let second = run(&disk);
    disk.fail(None);
    assert_eq!(*second.create(ONE, 1, Persisted::new()), 1);
    second.store.remove(TWO.name()).unwrap();
    let saved = second.flush();
    assert_eq!(saved.issues, [PersistIssue::Unavailable { error: PersistError::InUse }]);
    assert_eq!(saved.not_saved.unwrap().topics, std::slice::from_ref(ONE.name()));
    assert_eq!(*run(&disk).create(ONE, 1, Persisted::new()), 7);
}

#[test]
fn i15_when_the_database_was_lost_everything_is_saved_again() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    run.create(ONE, 1, Persisted::new());
    run.create(TWO, 2, Persisted::new());
    run.flush();
    run.store.set(ONE, 3).unwrap();
    disk.fail(Some(PersistError::Damaged("torn".to_owned())));
    run.flush();
    disk.fail(None);
    assert_eq!(run.saved(TWO.name()), None);
    run.flush();
    assert_eq!(puts(&disk).last().unwrap().len(), 2);
}

#[test]
fn a_write_that_waits_for_the_disk_is_not_made_synchronously() {
    let disk = MemoryPersist::default();
    let run = run(&disk);
    run.create(ONE, 1, Persisted::new().durability(Durability::Immediate));
    assert_eq!(run.store.set(ONE, 2), Err(UpdateError::NotSynchronous(ONE.name().clone())));
    assert!(run.store.transaction(|tx| tx.set(ONE, 2)).is_err());
    assert!(run.store.is_immediate(ONE.name()).unwrap());
    run.create(TWO, 1, Persisted::new());
    run.store.save(Save::Waiting);
    assert_eq!(puts(&disk).concat().len(), 1, "the other has time");
}

#[test]
fn a_removed_topic_is_kept_no_more_and_one_that_comes_after_it_is() {
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.create(ONE, 7, Persisted::new());
    first.create(TWO, 7, Persisted::new());
    first.flush();
    first.store.remove(ONE.name()).unwrap();
    first.store.remove(TWO.name()).unwrap();
    assert_eq!(*first.create(TWO, 8, Persisted::new()), 8);
    first.store.save(Save::All);
    let next = run(&disk);
    assert_eq!((*next.create(ONE, 1, Persisted::new()), *next.create(TWO, 1, Persisted::new())), (1, 8));
}

#[test]
fn the_topics_of_a_family_come_back() {
    const NOTES: TopicFamily<String> = TopicFamily::new("notes");
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.store.declare(NOTES, |_| String::new(), persisted()).unwrap();
    first.store.create(NOTES.topic("a").unwrap(), "hello".to_owned()).unwrap();
    first.flush();
    let next = run(&disk);
    next.store.declare(NOTES, |_| String::new(), persisted()).unwrap();
    assert_eq!(*next.store.get(NOTES.topic("a").unwrap()).unwrap(), "hello");
    let panicking = run(&disk);
    let declared = panicking.store.declare(NOTES, |_| panic!("first value"), persisted());
    assert!(matches!(declared, Err(CreateError::Change { .. })), "{declared:?}");
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    theme: String,
    #[serde(default)]
    draft: String,
}

#[test]
fn a_chain_of_migrations_runs_once_and_what_was_there_is_set_aside() {
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.create(SETTINGS, json!({ "steps": [] }), Persisted::new());
    first.flush();

    let runs = Arc::new(AtomicUsize::new(0));
    let chain = || {
        let runs = Arc::clone(&runs);
        (1..=5).fold(Persisted::new().version(6), |persisted, from| {
            let runs = Arc::clone(&runs);
            persisted.migrate(from, move |mut value| {
                runs.fetch_add(1, Ordering::Relaxed);
                value["steps"].as_array_mut().ok_or("no steps")?.push(json!(from));
                Ok(value)
            })
        })
    };
    let migrated = json!({ "steps": [1, 2, 3, 4, 5] });
    let next = run(&disk);
    assert_eq!(*next.create(SETTINGS, json!(null), chain()), migrated);
    assert_eq!(next.saved(SETTINGS.name()), None);
    next.flush();
    let backups = next.store.backups().unwrap();
    assert_eq!((backups.len(), backups[0].1.version, &*backups[0].1.data), (1, 1, &br#"{"steps":[]}"#[..]));
    let commits = disk.commits();
    let with = commits.iter().find(|batch| !batch.backups.is_empty()).unwrap();
    assert_eq!(with.puts[0].1.version, 6, "in one step");

    assert_eq!(*run(&disk).create(SETTINGS, json!(null), chain()), migrated);
    assert_eq!(runs.load(Ordering::Relaxed), 5, "once");
}

/// What is saved must be as it was, whatever the topic does in this run.
fn left_alone(disk: &MemoryPersist, persisted: Persisted) -> PersistIssue {
    let before = disk.load().unwrap().records;
    let run = run(disk);
    assert_eq!(*run.create(SETTINGS, json!("first"), persisted), json!("first"));
    run.store.set(SETTINGS, json!("changed")).unwrap();
    let saved = run.flush();
    assert_eq!(saved.not_saved.unwrap().topics, std::slice::from_ref(SETTINGS.name()));
    run.store.remove(SETTINGS.name()).unwrap();
    run.flush();
    assert_eq!(disk.load().unwrap().records, before);
    saved.issues[0].clone()
}

#[test]
fn i15_what_cannot_be_migrated_is_left_as_it_is() {
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.create(SETTINGS, json!("saved"), Persisted::new().version(3));
    first.flush();
    let topic = SETTINGS.name().clone();
    let newer = left_alone(&disk, Persisted::new().version(2));
    assert_eq!(newer, PersistIssue::NewerVersion { topic: topic.clone(), stored: 3, known: 2 });
    let not = |reason: &str| PersistIssue::NotMigrated { topic: topic.clone(), from: 4, reason: reason.to_owned() };
    let to_5 = || Persisted::new().version(5).migrate(3, Ok);
    assert_eq!(left_alone(&disk, to_5()), not("add `.migrate(4, …)`"));
    assert_eq!(left_alone(&disk, to_5().migrate(4, |_| Err("no".to_owned()))), not("no"));
    assert_eq!(left_alone(&disk, to_5().migrate(4, |_| panic!("boom"))), not("it panicked: boom"));
}

#[test]
fn i15_what_does_not_fit_the_type_is_set_aside_before_it_is_overwritten() {
    let disk = MemoryPersist::default();
    let first = run(&disk);
    first.create(SETTINGS, json!({ "theme": 7 }), Persisted::new());
    first.flush();
    let next = run(&disk);
    let light = Settings { theme: "light".to_owned(), draft: String::new() };
    assert_eq!(*next.create(TYPED, light.clone(), Persisted::new()), light);
    let saved = next.flush();
    assert!(matches!(&saved.issues[..], [PersistIssue::NotDecoded { .. }]), "{saved:?}");
    assert_eq!(next.store.backups().unwrap()[0].1.data, br#"{"theme":7}"#);
    assert_eq!(*run(&disk).create(TYPED, light.clone(), Persisted::new()), light);
}

#[test]
fn keys_can_be_left_out_of_what_is_saved() {
    for persisted in [|| Persisted::new().omit_keys(["draft"]), || Persisted::new().pick_keys(["theme"])] {
        let disk = MemoryPersist::default();
        let first = run(&disk);
        first.create(TYPED, Settings { theme: "dark".to_owned(), draft: "secret".to_owned() }, persisted());
        first.flush();
        assert_eq!(puts(&disk).concat()[0].1, r#"{"theme":"dark"}"#);
        let initial = Settings { theme: "light".to_owned(), draft: "first".to_owned() };
        let restored = run(&disk).create(TYPED, initial, persisted());
        assert_eq!(*restored, Settings { theme: "dark".to_owned(), draft: "first".to_owned() });
    }
}

#[test]
fn i4_a_topic_can_be_written_while_it_is_saved() {
    struct Busy(MemoryPersist, std::sync::Mutex<Option<Store>>);
    impl Persist for Busy {
        fn load(&self) -> Result<lockstep_core::Loaded, PersistError> {
            self.0.load()
        }
        fn commit(&self, batch: &Batch) -> Result<(), PersistError> {
            if let Some(store) = self.1.lock().unwrap().take() {
                store.set(ONE, 2).unwrap();
                store.create(TWO, 2).unwrap();
            }
            self.0.commit(batch)
        }
        fn backups(&self) -> Result<Vec<(TopicName, lockstep_core::Record)>, PersistError> {
            self.0.backups()
        }
    }
    let disk = MemoryPersist::default();
    let busy = Arc::new(Busy(disk.clone(), std::sync::Mutex::default()));
    let persistence = Persistence::open(busy.clone(), || {});
    let store = Store::with_options(NoAnnounce, StoreOptions { persistence: Some(persistence), ..Default::default() });
    store.create_with(ONE, 1, persisted()).unwrap();
    *busy.1.lock().unwrap() = Some(store.clone());
    store.save(Save::All);
    assert_eq!(puts(&disk).concat(), [("one".to_owned(), "1".to_owned())]);
    assert!(store.saved_revision(ONE.name()).unwrap() < Some(store.revision(ONE.name()).unwrap()));
    assert!(store.save(Save::Due).next.is_some(), "what was written meanwhile is not forgotten");
    store.save(Save::All);
    assert_eq!(puts(&disk).concat().last().unwrap().1, "2");
}

#[test]
fn the_database_in_memory_keeps_the_contract() {
    let memory = MemoryPersist::default();
    persist_contract(|| memory.clone());
}
