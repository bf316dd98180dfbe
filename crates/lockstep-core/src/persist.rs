//! The door to the disk: what a database has to do for the engine.

use crate::{revision::Revision, topic::TopicName};
use std::collections::BTreeMap;

/// A database that keeps topics from one run of the app to the next.
///
/// The engine calls it from one thread at a time, under no lock that a writer or a reader waits for (**I4**). An
/// implementation proves itself by `testing::persist_contract` (feature `test`):
///
/// - **Durable** (**I15**): when [`Persist::commit`] has returned `Ok`, the batch survives the end of the process and of
///   the machine.
/// - **Whole**: a batch is there whole or not at all, whenever the power fails. After an `Err` either may be the case;
///   the engine commits the same topics again.
/// - **Raising only** (**I5**): the highest reserved revision never gets lower, also where the database was damaged.
pub trait Persist: Send + Sync + 'static {
    /// Everything that is kept. The engine asks once, at the start. What it is told need not be on disk for certain before
    /// the next [`Persist::commit`] has returned `Ok`: an earlier run may have left what only the system remembers.
    ///
    /// # Errors
    /// [`PersistError`]: then the app runs on, and nothing is saved in this run, lest what is there be overwritten.
    fn load(&self) -> Result<Loaded, PersistError>;

    /// Keeps the batch, whole, on disk.
    ///
    /// # Errors
    /// [`PersistError`]: the engine tries again later.
    fn commit(&self, batch: &Batch) -> Result<(), PersistError>;

    /// The states that were set aside: one for each topic and schema version.
    ///
    /// # Errors
    /// [`PersistError`] if they cannot be read.
    fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError>;
}

/// A topic's state as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The state's revision.
    pub revision: Revision,
    /// The version of the topic's schema, as of [`Persisted::version`](crate::Persisted::version).
    pub version: u32,
    /// The state as JSON, or what [`Seal`] has made of that.
    pub data: Vec<u8>,
}

/// What a database holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// No revision above this one was used.
    pub reserved: Revision,
    /// The topics' states.
    pub records: BTreeMap<TopicName, Record>,
    /// What went wrong before the database could be read.
    pub issues: Vec<PersistIssue>,
}

/// What is saved in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// No revision above this one is used before the next batch that reserves more.
    pub reserve: Option<Revision>,
    /// States that take the place of those there were.
    pub puts: Vec<(TopicName, Record)>,
    /// Topics that are kept no more.
    pub removes: Vec<TopicName>,
    /// States to be set aside, beside those of other topics and versions.
    pub backups: Vec<(TopicName, Record)>,
}

impl Batch {
    /// Whether there is nothing to save.
    pub fn is_empty(&self) -> bool {
        self.reserve.is_none() && self.puts.is_empty() && self.removes.is_empty() && self.backups.is_empty()
    }
}

/// Why a database could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    /// Another process has the database.
    #[error("another instance of the app has the database open: end that one, or let the app have one instance only")]
    InUse,
    /// The disk failed, is full, or may not be written.
    #[error("the disk failed: {0}")]
    Io(String),
    /// The database cannot be read. It has been set aside, and an empty one taken its place: everything has to be saved
    /// again.
    #[error("the database was damaged, and has been set aside: {0}")]
    Damaged(String),
    /// There is no database in this run.
    #[error("nothing is saved in this run of the app: {0}")]
    Unavailable(String),
}

/// What went wrong with what is saved. Nothing of it ends the app, and nothing is overwritten by first values unless it
/// was set aside before (**I15**).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersistIssue {
    /// The database was damaged.
    #[error(
        "the database was damaged ({reason}){}: {}",
        .set_aside.as_ref().map(|name| format!(", and is now {name:?}")).unwrap_or_default(),
        if *.restored { "the last good generation was restored" } else { "there was none to restore: topics have their first values" }
    )]
    Damaged {
        /// What is wrong with it.
        reason: String,
        /// The name that the damaged file has now, in the same folder; `None` where the file was missing.
        set_aside: Option<String>,
        /// Whether an earlier generation has taken its place.
        restored: bool,
    },
    /// The database could not be opened: in this run nothing is saved.
    #[error("{error}: topics have their first values, and nothing is saved in this run of the app")]
    Unavailable {
        /// Why.
        error: PersistError,
    },
    /// Topics could not be saved. That is tried again.
    #[error("{} topics could not be saved, and will be again: {error}", .topics.len())]
    NotSaved {
        /// Which.
        topics: Vec<TopicName>,
        /// Why.
        error: PersistError,
    },
    /// What is saved of a topic was written by a newer version of the app. It is left as it is: the topic has its first
    /// value, and is not saved in this run.
    #[error(
        "topic {topic:?} was saved in version {stored} of its schema, and this app knows {known}: it is left as it is"
    )]
    NewerVersion {
        /// The topic.
        topic: TopicName,
        /// The version that it was saved in.
        stored: u32,
        /// The newest that the app knows.
        known: u32,
    },
    /// A step of a migration is missing, failed or panicked. What is saved is left as it is: the topic has its first
    /// value, and is not saved in this run.
    #[error("topic {topic:?} could not be migrated from version {from}, and is left as it is: {reason}")]
    NotMigrated {
        /// The topic.
        topic: TopicName,
        /// The version that the step begins at.
        from: u32,
        /// What happened.
        reason: String,
    },
    /// What is saved of a topic could not be decrypted: the key is another, or the data are not the topic's. They are
    /// left as they are: the topic has its first value, and is not saved in this run.
    #[error("topic {topic:?} could not be decrypted, and is left as it is: was it saved with another key?")]
    NotDecrypted {
        /// The topic.
        topic: TopicName,
    },
    /// What is saved of a topic does not fit its Rust type. It was set aside (see
    /// [`Store::backups`](crate::Store::backups)); the topic has its first value, and is saved.
    #[error("what was saved of topic {topic:?} does not fit its type, and was set aside: {reason}")]
    NotDecoded {
        /// The topic.
        topic: TopicName,
        /// What does not fit.
        reason: String,
    },
    /// A topic's value cannot be turned into JSON, and so not be saved. The next write may heal it.
    #[error("topic {topic:?} could not be saved: {reason}")]
    NotEncoded {
        /// The topic.
        topic: TopicName,
        /// What happened.
        reason: String,
    },
}

/// Encrypts what is saved of a topic.
pub trait Seal: Send + Sync + 'static {
    /// Makes of the data what only [`Seal::open`] can read.
    ///
    /// # Errors
    /// Why it is not possible; the text must not tell of the key or the data.
    fn seal(&self, topic: &TopicName, version: u32, data: &[u8]) -> Result<Vec<u8>, String>;

    /// The data; `None` if they are not what [`Seal::seal`] has made for this topic and version with this key.
    fn open(&self, topic: &TopicName, version: u32, sealed: &[u8]) -> Option<Vec<u8>>;
}
