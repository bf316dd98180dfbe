//! One redb file, and what is in it.

use crate::{
    codec::{decode_record, encode_record},
    overlay::Overlay,
    storage::{Storage, put_in_place},
};
use lockstep_core::{Batch, Record, Revision, TopicName};
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, StorageError, TableDefinition,
    TableError,
};
use std::{
    any::Any,
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

const TOPICS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("topics");
const BACKUPS: TableDefinition<'_, (&str, u32), &[u8]> = TableDefinition::new("backups");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The version of this layout.
const FORMAT: u64 = 1;

/// What redb keeps of the file in memory, at most. Where a transaction does not fit into half of it, its pages are written
/// twice.
const CACHE_BYTES: usize = 16 << 20;

/// Everything in a database.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) reserved: Revision,
    pub(crate) records: BTreeMap<TopicName, Record>,
    pub(crate) backups: BTreeMap<(TopicName, u32), Record>,
}

/// Why a database cannot be used.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is not what was written.
    Damaged(String),
    /// The disk does not let itself be read or written just now, or the file is that of a newer version.
    Io(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged(error.to_string()),
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Corrupted(reason) => Self::Damaged(reason),
            StorageError::Io(error) => error.into(),
            error => Self::Io(error.to_string()),
        }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Storage(error) => error.into(),
            // No version of Lockstep has written another.
            DatabaseError::UpgradeRequired(_) => Self::Damaged(error.to_string()),
            error => Self::Io(error.to_string()),
        }
    }
}

impl From<redb::TransactionError> for Failure {
    fn from(error: redb::TransactionError) -> Self {
        match error {
            redb::TransactionError::Storage(error) => error.into(),
            error => Self::Io(error.to_string()),
        }
    }
}

impl From<redb::CommitError> for Failure {
    fn from(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::Storage(error) => error.into(),
            error => Self::Io(error.to_string()),
        }
    }
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// An opened file, which is intact as far as its checksums tell.
#[derive(Debug)]
pub(crate) struct OpenDatabase(Database);

impl OpenDatabase {
    /// Checks all of a database, and reads it, without a change to the file; `None` where there is no such file. It never
    /// panics, whatever the file holds.
    pub(crate) fn read(storage: &dyn Storage, name: &str) -> Result<Option<Content>, Failure> {
        let Some(file) = storage.open(name, false)? else { return Ok(None) };
        if file.len()? == 0 {
            return Err(Failure::Damaged("the file is empty".to_owned()));
        }
        let file = Overlay::new(file)?;
        guarded(|| Self(builder().create_with_backend(file)?).content()).map(Some)
    }

    /// Opens a database that [`OpenDatabase::replace`] has put there: what it shows is on disk, so that it may be written.
    pub(crate) fn open(storage: &dyn Storage, name: &str) -> Result<Self, Failure> {
        let file = storage.open(name, false)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        guarded(|| Ok(Self(builder().create_with_backend(Door(file))?)))
    }

    /// Writes a database with this content beside the one of this name, and puts it in its place when it is on disk.
    pub(crate) fn replace(storage: &dyn Storage, name: &str, content: &Content) -> Result<(), Failure> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let file = storage.open(&format!("{name}.new"), true)?.ok_or_else(missing)?;
        file.set_len(0)?;
        guarded(|| {
            let database = Self(builder().create_with_backend(Door(file))?);
            let batch = Batch {
                reserve: Some(content.reserved),
                puts: content.records.clone().into_iter().collect(),
                removes: Vec::new(),
                backups: content.backups.iter().map(|((topic, _), record)| (topic.clone(), record.clone())).collect(),
            };
            database.commit(&batch)?;
            // Closing writes once more: what is not known to be on disk takes nobody's place.
            Ok(database.0.close()?)
        })?;
        Ok(put_in_place(storage, name)?)
    }

    /// Commits the batch, whole: when it returns, the batch is on disk.
    pub(crate) fn commit(&self, batch: &Batch) -> Result<(), Failure> {
        guarded(|| {
            let transaction = self.0.begin_write()?;
            {
                let mut meta = transaction.open_table(META)?;
                meta.insert("format", FORMAT)?;
                if let Some(reserve) = batch.reserve {
                    let before = meta.get("reserved")?.map_or(0, |reserved| reserved.value());
                    meta.insert("reserved", before.max(reserve.as_u64()))?;
                }
                let mut topics = transaction.open_table(TOPICS)?;
                for (topic, record) in &batch.puts {
                    topics.insert(topic.as_str(), &*encode_record(record))?;
                }
                for topic in &batch.removes {
                    topics.remove(topic.as_str())?;
                }
                let mut backups = transaction.open_table(BACKUPS)?;
                for (topic, record) in &batch.backups {
                    backups.insert((topic.as_str(), record.version), &*encode_record(record))?;
                }
            }
            Ok(transaction.commit()?)
        })
    }

    /// Everything that is in it.
    pub(crate) fn content(&self) -> Result<Content, Failure> {
        guarded(|| {
            let transaction = self.0.begin_read()?;
            let meta = transaction.open_table(META)?;
            match meta.get("format")?.map(|format| format.value()) {
                Some(FORMAT) => {}
                Some(newer) if newer > FORMAT => {
                    return Err(Failure::Io(format!("the database is of format {newer}, which a newer version wrote")));
                }
                _ => return Err(Failure::Damaged("the database has no format".to_owned())),
            }
            let reserved = meta.get("reserved")?.map_or(0, |reserved| reserved.value());
            let mut content = Content { reserved: Revision::from_u64(reserved), ..Content::default() };
            for entry in transaction.open_table(TOPICS)?.iter()? {
                let (topic, record) = entry?;
                content.records.insert(name(topic.value())?, decoded(record.value())?);
            }
            for entry in transaction.open_table(BACKUPS)?.iter()? {
                let (key, record) = entry?;
                let (topic, version) = key.value();
                content.backups.insert((name(topic)?, version), decoded(record.value())?);
            }
            Ok(content)
        })
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

fn name(text: &str) -> Result<TopicName, Failure> {
    text.parse().map_err(|error| Failure::Damaged(format!("{error}")))
}

fn decoded(bytes: &[u8]) -> Result<Record, Failure> {
    decode_record(bytes).map_err(|error| Failure::Damaged(error.to_string()))
}

/// redb says of itself that a file which something else has altered may make it panic.
fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| Err(Failure::Damaged(text_of(&*panic))))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "redb panicked".to_owned())
}

/// A file of the storage, as redb takes it. Whoever uses the folder holds its lock, so redb needs none of its own.
#[derive(Debug)]
struct Door(Box<dyn StorageBackend>);

impl StorageBackend for Door {
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
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
