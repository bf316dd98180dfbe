//! What was exported comes back.

use crate::{
    error::{AccessError, TransactionError, UpdateError},
    export::FORMAT,
    persist::PersistIssue,
    persisted::Refused,
    revision::Revision,
    saver::NotSaved,
    store::Store,
    topic::TopicName,
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why [`Store::import_json`] did not happen. But for [`ImportError::NotSaved`], nothing has changed (**I10**).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It is not what [`Store::export_json`] makes.
    #[error("this is not an export of Lockstep: {0}")]
    Invalid(String),
    /// It has a topic that is not there, or it is called from inside a write.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// It has a topic that is not persisted.
    #[error("topic {0:?} is not persisted: take it out of the export")]
    NotPersisted(TopicName),
    /// A newer version of the app has made it.
    #[error("topic {topic:?} is of version {stored}, and this app knows {known}: update the app")]
    NewerVersion {
        /// Which.
        topic: TopicName,
        /// The version of the export.
        stored: u32,
        /// The highest version that the app knows.
        known: u32,
    },
    /// A migration is missing, failed or panicked.
    #[error("topic {topic:?} could not be migrated from version {from}: {reason}")]
    NotMigrated {
        /// Which.
        topic: TopicName,
        /// From which version.
        from: u32,
        /// Why.
        reason: String,
    },
    /// A state does not fit its type, a hook refuses it, or the topic has an asynchronous hook.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// No revision is left.
    #[error("{exhausted}", exhausted = crate::revision::Exhausted)]
    Exhausted,
    /// It was imported, and is not on disk yet. Saving is tried again.
    #[error("it was imported: {0}")]
    NotSaved(NotSaved),
}

#[derive(Deserialize)]
struct Import {
    lockstep: u32,
    topics: BTreeMap<String, ImportedTopic>,
}

#[derive(Deserialize)]
struct ImportedTopic {
    version: u32,
    data: Value,
}

impl Store {
    /// Replaces the states of topics by those that [`Store::export_json`] has put into this text, in one transaction: all
    /// or none. States of older versions are migrated; keys that are not saved stay as they are; the topics' hooks see
    /// each state. Topics that the text lacks stay as they are, and revisions go up as by any write. Returns the new one;
    /// a text without topics has none.
    ///
    /// # Errors
    /// [`ImportError`]; the store is as before.
    ///
    /// # Panics
    /// If a hook does; nothing has changed then.
    pub fn import_json(&self, text: &str) -> Result<Option<Revision>, ImportError> {
        let invalid = |error: &dyn ToString| ImportError::Invalid(error.to_string());
        let Import { lockstep, topics } = serde_json::from_str(text).map_err(|error| invalid(&error))?;
        if lockstep != FORMAT {
            return Err(invalid(&format!("its format is {lockstep}, and {FORMAT} is known")));
        }
        let named = topics.into_iter().map(|(name, topic)| Ok((name.parse().map_err(|error| invalid(&error))?, topic)));
        let topics = named.collect::<Result<Vec<(TopicName, _)>, ImportError>>()?;
        let imported = self.transaction(|tx| {
            topics.iter().try_for_each(|(name, ImportedTopic { version, data })| {
                tx.replace(name, &|persisted, present| {
                    let data = persisted.migrated(name, *version, data.clone()).map_err(|refused| of(name, refused))?;
                    Ok(persisted.completed(data, present))
                })
            })
        });
        match imported {
            Ok((revision, ())) => Ok(revision),
            Err(TransactionError::Refused(error)) => Err(error),
            Err(TransactionError::Access(error)) => Err(error.into()),
            Err(TransactionError::Exhausted) => Err(ImportError::Exhausted),
        }
    }
}

fn of(topic: &TopicName, refused: Refused) -> ImportError {
    match refused {
        Refused::LeftAlone(PersistIssue::NewerVersion { topic, stored, known }) => {
            ImportError::NewerVersion { topic, stored, known }
        }
        Refused::LeftAlone(PersistIssue::NotMigrated { topic, from, reason }) => {
            ImportError::NotMigrated { topic, from, reason }
        }
        Refused::LeftAlone(issue) | Refused::SetAside(issue) => ImportError::Invalid(format!("{topic:?}: {issue}")),
    }
}
