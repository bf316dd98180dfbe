//! The [`Persist`] of Lockstep over redb.
//!
//! | file | what it holds |
//! |---|---|
//! | `lockstep.redb` | the topics, the backups of migrations, the highest reserved revision |
//! | `lockstep.backup.redb` | the generation before, in the same format |
//! | `lockstep.revisions` | the highest reserved revision once more |
//! | `lockstep.damaged-1.redb`, … | what was damaged, as it was found |
//! | `lockstep.lock` | nothing: who runs holds its lock |
//! | `….new` | a file that is about to take its place |
//!
//! The names are fixed: no topic's name gets into a path.

use crate::{
    database::{Content, Failure, OpenDatabase},
    reserved,
    storage::{Folder, Storage},
};
use lockstep_core::{Batch, Loaded, Persist, PersistError, PersistIssue, Record, Revision, TopicName};
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

const DATABASE: &str = "lockstep.redb";
const BACKUP: &str = "lockstep.backup.redb";

/// How many saves make a new generation of the backup.
const SAVES_PER_BACKUP: u32 = 500;

/// Keeps topics in a redb database.
///
/// - **I15 durable**: [`Persist::commit`] returns when redb's transaction is on disk. A file that cannot be used is set
///   aside under a new name, and the last good generation restored; nothing is deleted.
/// - **I5 never again**: the highest reserved revision is kept twice, and what is loaded is the higher one. Where both
///   copies are lost, revisions go on from a number made of the time, above all that can have been used.
#[derive(Debug)]
pub struct RedbPersist {
    storage: Box<dyn Storage>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    locked: bool,
    database: Option<OpenDatabase>,
    /// What was read, and is to be written anew before the database is used.
    unwritten: Option<Content>,
    /// What was wrong with what was read, if nobody was told yet.
    damage: Option<PersistIssue>,
    reserved: Revision,
    /// How many saves are still to come before the backup is renewed.
    until_backup: u32,
}

impl RedbPersist {
    /// Keeps the topics in this folder, which is made where there is none.
    pub fn in_folder(path: impl Into<PathBuf>) -> Self {
        Self::new(Folder::new(path))
    }

    /// Keeps the topics in this storage.
    pub fn new(storage: impl Storage) -> Self {
        Self { storage: Box::new(storage), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    fn lock(&self, state: &mut State) -> Result<(), PersistError> {
        if !state.locked && !self.storage.lock().map_err(|error| PersistError::Io(error.to_string()))? {
            return Err(PersistError::InUse);
        }
        state.locked = true;
        Ok(())
    }

    /// What the database holds, or the last good generation; and what was wrong. A damaged database is set aside, and
    /// nothing else is changed.
    fn read(&self) -> Result<(Content, Option<PersistIssue>), Failure> {
        let copy = reserved::load(self.storage())?;
        let reason = match OpenDatabase::read(self.storage(), DATABASE) {
            Ok(Some(mut content)) => {
                content.reserved = content.highest().max(copy.unwrap_or_default());
                return Ok((content, None));
            }
            Ok(None) => None,
            Err(Failure::Damaged(reason)) => Some(reason),
            Err(failure) => return Err(failure),
        };
        let backup = match OpenDatabase::read(self.storage(), BACKUP) {
            Ok(backup) => backup,
            Err(Failure::Damaged(_)) => None,
            Err(failure) => return Err(failure),
        };
        let was_set_aside = self.storage.open(&aside(1), false)?.is_some();
        let is_first_start = reason.is_none() && backup.is_none() && copy.is_none() && !was_set_aside;
        let restored = backup.is_some();
        let mut content = backup.unwrap_or_default();
        content.reserved = match copy {
            Some(copy) => content.highest().max(copy),
            None if is_first_start => Revision::ZERO,
            None => content.highest().max(reserved::from_time()),
        };
        if is_first_start {
            return Ok((content, None));
        }
        let set_aside = match &reason {
            Some(_) => Some(self.set_aside()?),
            None => None,
        };
        let reason = reason.unwrap_or_else(|| "the file is missing".to_owned());
        Ok((content, Some(PersistIssue::Damaged { reason, set_aside, restored })))
    }

    /// Gives the damaged database a name that no other file has.
    fn set_aside(&self) -> Result<String, Failure> {
        let mut number = 1;
        loop {
            let name = aside(number);
            if self.storage.open(&name, false)?.is_none() {
                self.storage.rename(DATABASE, &name)?;
                self.storage.sync()?;
                return Ok(name);
            }
            number += 1;
        }
    }

    /// Makes the database ready to be written, at the start and after a commit that failed.
    ///
    /// When a sync fails, the system may show what it has not written, also to the next process. So what is read is not
    /// trusted to be on disk, and not written to: it is written anew, into a file of its own.
    fn ready(&self, state: &mut State) -> Result<(), PersistError> {
        if state.database.is_some() {
            return Ok(());
        }
        let content = match &mut state.unwritten {
            Some(content) => content,
            None => {
                let (content, damage) = self.read()?;
                state.damage = damage;
                state.unwritten.insert(content)
            }
        };
        content.reserved = content.reserved.max(state.reserved);
        OpenDatabase::replace(self.storage(), DATABASE, content)?;
        state.database = Some(OpenDatabase::open(self.storage(), DATABASE)?);
        state.unwritten = None;
        match state.damage.take() {
            Some(PersistIssue::Damaged { reason, set_aside, .. }) => {
                let aside = set_aside.map(|name| format!("; it is now {name:?}")).unwrap_or_default();
                Err(PersistError::Damaged(format!("{reason}{aside}")))
            }
            _ => Ok(()),
        }
    }

    fn commit_to(&self, state: &mut State, batch: &Batch) -> Result<(), Failure> {
        let Some(database) = &state.database else {
            return Err(Failure::Io("the database is not open".to_owned()));
        };
        if let Some(reserve) = batch.reserve.map(|reserve| reserve.max(state.reserved)) {
            reserved::store(self.storage(), reserve)?;
            state.reserved = reserve;
        }
        // A start that only reserves revisions has nothing to lose yet.
        let is_save = !(batch.puts.is_empty() && batch.removes.is_empty() && batch.backups.is_empty());
        if is_save && state.until_backup == 0 {
            let mut content = database.content()?;
            content.reserved = content.reserved.max(state.reserved);
            OpenDatabase::replace(self.storage(), BACKUP, &content)?;
            state.until_backup = SAVES_PER_BACKUP;
        }
        state.until_backup = state.until_backup.saturating_sub(u32::from(is_save));
        database.commit(batch)
    }
}

/// The name of a database that was damaged.
fn aside(number: u32) -> String {
    format!("lockstep.damaged-{number}.redb")
}

impl From<Failure> for PersistError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Damaged(reason) | Failure::Io(reason) => Self::Io(reason),
        }
    }
}

impl Content {
    /// The highest revision that it knows of.
    fn highest(&self) -> Revision {
        let revisions = self.records.values().chain(self.backups.values()).map(|record| record.revision);
        revisions.max().unwrap_or_default().max(self.reserved)
    }
}

impl Persist for RedbPersist {
    fn load(&self) -> Result<Loaded, PersistError> {
        let mut state = self.state();
        self.lock(&mut state)?;
        state.database = None;
        let (content, damage) = self.read()?;
        state.reserved = content.reserved;
        state.until_backup = 0;
        let loaded = Loaded {
            reserved: content.reserved,
            records: content.records.clone(),
            issues: damage.into_iter().collect(),
        };
        (state.unwritten, state.damage) = (Some(content), None);
        Ok(loaded)
    }

    fn commit(&self, batch: &Batch) -> Result<(), PersistError> {
        let mut state = self.state();
        self.lock(&mut state)?;
        self.ready(&mut state)?;
        let committed = self.commit_to(&mut state, batch);
        if committed.is_err() {
            state.database = None;
        }
        Ok(committed?)
    }

    fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError> {
        let mut state = self.state();
        self.lock(&mut state)?;
        self.ready(&mut state)?;
        let content = match &state.database {
            Some(database) => database.content()?,
            None => Content::default(),
        };
        Ok(content.backups.into_iter().map(|((topic, _), record)| (topic, record)).collect())
    }
}
