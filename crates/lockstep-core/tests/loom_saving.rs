//! Every interleaving of a writer and the saver, over the shipped store (`RUSTFLAGS="--cfg loom"`).
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Clock, NoAnnounce, Persist, Persisted, Persistence, Save, Store, StoreOptions, Topic, TopicOptions, UpdateError,
    testing::MemoryPersist,
};
use loom::thread;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const ONE: Topic<u64> = Topic::new("one");
const TWO: Topic<u64> = Topic::new("two");

struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

fn model(check: impl Fn(Store, MemoryPersist) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let disk = MemoryPersist::default();
        let persistence = Some(Persistence::open(Arc::new(disk.clone()), || {}));
        let clock = Arc::new(Still);
        let options = StoreOptions { clock, persistence, ..Default::default() };
        let store = Store::with_options(NoAnnounce, options);
        // One is due at once, the other never by itself.
        let saved_after = |wait| TopicOptions::new().persisted(Persisted::new().debounce(wait).max_wait(wait));
        store.create_with(ONE, 0, saved_after(Duration::ZERO)).unwrap();
        store.create_with(TWO, 0, saved_after(Duration::MAX)).unwrap();
        store.save(Save::All);
        check(store, disk);
    });
}

fn spawn(store: &Store, work: impl FnOnce(Store) + 'static) -> thread::JoinHandle<()> {
    let store = store.clone();
    thread::spawn(move || work(store))
}

#[test]
fn i15_the_last_write_is_saved_whenever_the_saver_looks() {
    model(|store, disk| {
        let writer = spawn(&store, |store| {
            store.set(ONE, 1).unwrap();
            store.set(ONE, 2).unwrap();
        });
        store.save(Save::Due);
        writer.join().unwrap();
        // As the saver's thread does: as long as something is due.
        while store.save(Save::Due).next.is_some() {}
        assert_eq!(disk.load().unwrap().records.get("one").unwrap().data, b"2");
        assert_eq!(store.saved_revision(ONE.name()).unwrap(), Some(store.revision(ONE.name()).unwrap()));
    });
}

#[test]
fn i15_a_transaction_is_saved_whole_whenever_the_saver_looks() {
    model(|store, disk| {
        let writer = spawn(&store, |store| {
            store
                .transaction::<(), UpdateError>(|tx| {
                    tx.set(ONE, 1)?;
                    tx.set(TWO, 1)
                })
                .unwrap();
        });
        store.save(Save::Due);
        writer.join().unwrap();
        store.save(Save::Due);
        let mut kept = BTreeMap::new();
        for batch in disk.commits() {
            kept.extend(batch.puts.into_iter().map(|(topic, record)| (topic, record.data)));
            let values: Vec<_> = kept.values().collect();
            assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "in parts: {kept:?}");
        }
        assert_eq!(kept[ONE.name()], b"1");
    });
}
