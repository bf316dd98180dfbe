use super::super::RedbStore;
use crate::{
    action::{Action, Entry, Fields, Meta},
    clock::SystemClock,
    log::{Added, Filter, Log},
    store::{Store, StoreError},
};
use parking_lot::{Condvar, Mutex};
use redb::{Database, StorageBackend, TableDefinition, backends::InMemoryBackend};
use std::{io, sync::Arc, thread, time::Duration};

/// Only a bug waits for so long.
const LONG: Duration = Duration::from_secs(20);

/// A disk that can be held up, and that counts how often it was waited for.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<(Mutex<Counts>, Condvar)>);

#[derive(Debug, Default)]
struct Counts {
    syncs: usize,
    is_held: bool,
    /// How many wait for it while it is held.
    at_the_gate: usize,
}

impl Disk {
    fn syncs(&self) -> usize {
        self.0.0.lock().syncs
    }

    fn hold(&self, is_held: bool) {
        self.0.0.lock().is_held = is_held;
        self.0.1.notify_all();
    }

    fn wait_for_the_gate(&self) {
        let mut counts = self.0.0.lock();
        while counts.at_the_gate == 0 {
            assert!(!self.0.1.wait_for(&mut counts, LONG).timed_out(), "nobody waits for the disk");
        }
    }
}

#[derive(Debug)]
struct Slow(InMemoryBackend, Disk);

impl StorageBackend for Slow {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        let (counts, changed) = &*self.1.0;
        let mut counts = counts.lock();
        counts.syncs += 1;
        counts.at_the_gate += 1;
        changed.notify_all();
        while counts.is_held {
            changed.wait(&mut counts);
        }
        counts.at_the_gate -= 1;
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

fn store() -> (Arc<RedbStore>, Disk) {
    let disk = Disk::default();
    let backend = Slow(InMemoryBackend::new(), disk.clone());
    let database = Database::builder().create_with_backend(backend).unwrap();
    (Arc::new(RedbStore::of(database).unwrap()), disk)
}

fn entry(n: u64) -> Entry {
    let id = format!("{n} a 0").parse().unwrap();
    let meta = Meta { id, time: 0, added: 0, fields: Fields::reason("r") };
    Entry { action: Action::new("a"), meta }
}

const MANY: u64 = 40;

#[test]
fn steps_that_wait_at_once_wait_for_the_disk_once_and_none_returns_before() {
    let (store, disk) = store();
    let before = disk.syncs();
    store.add(vec![entry(0)]).unwrap();
    let one = disk.syncs() - before;
    assert!(one > 0, "a store that waits for no disk");

    let before = disk.syncs();
    disk.hold(true);
    let returned = Arc::new(Mutex::new(Vec::new()));
    let start = |n: u64| {
        let (store, returned) = (Arc::clone(&store), Arc::clone(&returned));
        thread::spawn(move || {
            let added = store.add(vec![entry(n)]).unwrap()[0].as_ref().unwrap().meta.added;
            returned.lock().push(added);
        })
    };
    let first = start(1);
    disk.wait_for_the_gate();
    let rest: Vec<_> = (2..=MANY).map(start).collect();
    while store.group.waiting() < rest.len() {
        thread::yield_now();
    }
    assert!(returned.lock().is_empty(), "acknowledged before it was on the disk");
    assert_eq!(store.last_added().unwrap(), 1, "seen before it was on the disk");
    disk.hold(false);
    for thread in rest.into_iter().chain([first]) {
        thread.join().unwrap();
    }
    let mut numbers = returned.lock().clone();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(2..=MANY + 1), "each has its own number");
    assert_eq!(disk.syncs() - before, 2 * one, "one commit for the first, one for all others");
}

#[tokio::test]
async fn actions_that_wait_for_a_log_are_added_in_one_step_and_each_is_answered() {
    let (store, disk) = store();
    let log = Log::with_clock("a", Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock)).unwrap();
    let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let _listening = log.on_add(Filter::all(), move |entry| hears.lock().push(entry.meta.added));
    let before = disk.syncs();
    log.add(Action::new("a"), entry(0).meta).await.unwrap();
    let one = disk.syncs() - before;

    let before = disk.syncs();
    disk.hold(true);
    let start = |n: u64| {
        let log = log.clone();
        tokio::spawn(async move { log.add(Action::new("a"), entry(n).meta).await.unwrap() })
    };
    let mut adding = vec![start(1)];
    let gate = disk.clone();
    tokio::task::spawn_blocking(move || gate.wait_for_the_gate()).await.unwrap();
    // One of them twice.
    adding.extend((2..=MANY).chain([2]).map(start));
    while log.waiting() < adding.len() - 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(heard.lock().len(), 1, "heard of before it was on the disk");
    disk.hold(false);
    let mut added = Vec::new();
    for adding in adding {
        added.push(adding.await.unwrap());
    }
    assert_eq!(added.pop(), Some(Added::Known));
    for (n, added) in (1..=MANY).zip(added) {
        assert_eq!(added.entry().unwrap().meta.id.ms, i64::try_from(n).unwrap(), "another's answer");
    }
    assert!(heard.lock().iter().copied().eq(1..=MANY + 1), "in order, each once");
    assert_eq!(disk.syncs() - before, 2 * one, "one commit for the first, one for all others");
}

#[test]
fn a_step_that_fails_takes_back_itself_and_nothing_else() {
    const TABLE: TableDefinition<u64, u64> = TableDefinition::new("test");
    let (store, disk) = store();
    disk.hold(true);
    let write = |n: u64| {
        let store = Arc::clone(&store);
        thread::spawn(move || {
            store.group.write(&store.database, "test", move |transaction| {
                let mut table = transaction.open_table(TABLE).map_err(super::failed("test"))?;
                table.insert(n, n).map_err(super::failed("test"))?;
                match n {
                    2 => Err(StoreError::Damaged { at: "2".into(), why: "a test".into() }),
                    _ => Ok(n),
                }
            })
        })
    };
    let first = write(0);
    disk.wait_for_the_gate();
    let threads: Vec<_> = (1..=3).map(write).collect();
    while store.group.waiting() < 3 {
        thread::yield_now();
    }
    disk.hold(false);
    let ends = [first].into_iter().chain(threads).map(|thread| thread.join().unwrap().ok());
    assert_eq!(ends.collect::<Vec<_>>(), [Some(0), Some(1), None, Some(3)]);
    let transaction = redb::ReadableDatabase::begin_read(&store.database).unwrap();
    let table = transaction.open_table(TABLE).unwrap();
    let found = redb::ReadableTable::iter(&table).unwrap().map(|row| row.unwrap().0.value());
    assert_eq!(found.collect::<Vec<_>>(), [0, 1, 3]);
}
