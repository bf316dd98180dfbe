//! A disk that can be read at the start, and lets itself be written only later.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Batch, Loaded, NoAnnounce, Persist, PersistError, Persisted, Persistence, Record, Save, Store, StoreOptions, Topic,
    TopicName, TopicOptions, testing::MemoryPersist,
};
use std::sync::Arc;

const ONE: Topic<u64> = Topic::new("one");

/// Can be read, and refuses what comes after.
struct Reluctant(MemoryPersist);

impl Persist for Reluctant {
    fn load(&self) -> Result<Loaded, PersistError> {
        let loaded = self.0.load();
        self.0.fail(Some(PersistError::Io("read-only".to_owned())));
        loaded
    }
    fn commit(&self, batch: &Batch) -> Result<(), PersistError> {
        self.0.commit(batch)
    }
    fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError> {
        self.0.backups()
    }
}

fn over(persist: impl Persist) -> Store {
    let persistence = Some(Persistence::open_with_block(Arc::new(persist), || {}, 10));
    let store = Store::with_options(NoAnnounce, StoreOptions { persistence, ..Default::default() });
    store.create_with(ONE, 1, TopicOptions::new().persisted(Persisted::new())).unwrap();
    store
}

fn reluctant(disk: &MemoryPersist) -> Store {
    over(Reluctant(disk.clone()))
}

#[test]
fn i15_what_an_earlier_run_left_counts_as_saved_when_something_could_be_written() {
    let disk = MemoryPersist::default();
    let before = over(disk.clone());
    before.set(ONE, 7).unwrap();
    before.save(Save::All);
    let store = reluctant(&disk);
    assert_eq!(*store.get(ONE).unwrap(), 7);
    assert_eq!(store.saved_revision(ONE.name()), Ok(None));
    disk.fail(None);
    assert_eq!(store.save(Save::All).not_saved, None);
    assert_eq!(store.saved_revision(ONE.name()), Ok(Some(store.revision(ONE.name()).unwrap())));
}

#[test]
fn i5_i15_a_disk_that_fails_at_the_start_is_used_when_it_works_again() {
    let disk = MemoryPersist::default();
    let store = reluctant(&disk);
    for value in 0..100 {
        store.set(ONE, value).unwrap();
    }
    assert_eq!(store.save(Save::All).issues.len(), 2);
    disk.fail(None);
    assert_eq!(store.save(Save::All).not_saved, None);
    let commits = disk.commits();
    assert!(commits[0].reserve.unwrap() > store.revision(ONE.name()).unwrap(), "reserved before it is saved");
}
