//! A database in memory, which fails when it is told to.

use crate::{
    persist::{Batch, Loaded, Persist, PersistError, Record},
    revision::Revision,
    sync::Mutex,
    topic::TopicName,
};
use std::{collections::BTreeMap, sync::Arc};

/// Keeps what it is given in memory: its clones share it, so that a store that is made from a clone is the next run of
/// the app.
#[derive(Clone, Default)]
pub struct MemoryPersist(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    reserved: Revision,
    records: BTreeMap<TopicName, Record>,
    backups: BTreeMap<(TopicName, u32), Record>,
    commits: Vec<Batch>,
    failure: Option<PersistError>,
}

impl MemoryPersist {
    /// Lets every call fail from here on, or none.
    pub fn fail(&self, failure: Option<PersistError>) {
        self.0.lock().failure = failure;
    }

    /// The batches that were committed.
    pub fn commits(&self) -> Vec<Batch> {
        self.0.lock().commits.clone()
    }
}

impl Persist for MemoryPersist {
    fn load(&self) -> Result<Loaded, PersistError> {
        let kept = self.0.lock();
        match &kept.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(Loaded { reserved: kept.reserved, records: kept.records.clone(), issues: Vec::new() }),
        }
    }

    fn commit(&self, batch: &Batch) -> Result<(), PersistError> {
        let mut kept = self.0.lock();
        if let Some(failure) = &kept.failure {
            return Err(failure.clone());
        }
        kept.reserved = kept.reserved.max(batch.reserve.unwrap_or_default());
        kept.records.extend(batch.puts.iter().cloned());
        batch.removes.iter().for_each(|topic| drop(kept.records.remove(topic)));
        let backups = batch.backups.iter().cloned().map(|(topic, record)| ((topic, record.version), record));
        kept.backups.extend(backups);
        kept.commits.push(batch.clone());
        Ok(())
    }

    fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError> {
        let kept = self.0.lock();
        Ok(kept.backups.iter().map(|((topic, _), record)| (topic.clone(), record.clone())).collect())
    }
}
