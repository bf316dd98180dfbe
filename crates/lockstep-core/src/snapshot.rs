//! States of a topic, each with its revision.

use crate::{
    error::{EncodeError, panic_text},
    revision::Revision,
    sync::Mutex,
};
use serde::Serialize;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A topic's value and its revision, read as one pair (**I1**).
#[derive(Debug)]
pub struct Snapshot<T> {
    /// What orders this state among the topic's states.
    pub revision: Revision,
    /// The state. It is shared and never changes; a write makes a new one.
    pub value: Arc<T>,
}

/// What a pull, or a write, is answered: see `PROTOCOL.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The whole state.
    Snapshot {
        /// The state's revision.
        revision: Revision,
        /// The state as JSON; all who ask for one revision share one text.
        data: Arc<str>,
    },
    /// The asker has the newest state already.
    Unchanged {
        /// The revision that the asker has.
        revision: Revision,
    },
    /// What has changed since the asker's revision.
    Patch {
        /// The state's revision.
        revision: Revision,
        /// The revision that the patch changes: the one that the asker has.
        base: Revision,
        /// A JSON Patch (RFC 6902), as JSON; all who are at one base share one text.
        patch: Arc<str>,
    },
}

impl Answer {
    /// The revision at which the asker is, once it has taken the answer.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Snapshot { revision, .. } | Self::Unchanged { revision } | Self::Patch { revision, .. } => *revision,
        }
    }
}

/// One state of a topic: the pair, and its JSON once somebody has asked for it.
pub(crate) struct Version<T> {
    pub(crate) revision: Revision,
    pub(crate) value: Arc<T>,
    json: Mutex<Option<Arc<str>>>,
}

impl<T> Version<T> {
    pub(crate) fn new(revision: Revision, value: T) -> Self {
        Self::of_shared(revision, Arc::new(value))
    }

    pub(crate) fn of_shared(revision: Revision, value: Arc<T>) -> Self {
        Self { revision, value, json: Mutex::new(None) }
    }
}

/// A [`Version`] whose type is not known.
pub(crate) trait AnyVersion: Send + Sync {
    fn revision(&self) -> Revision;

    /// The state as JSON, made once for all who ask.
    ///
    /// **I4**: the app's `Serialize` runs under no lock. Two that ask at the same moment may both run it; the first
    /// text is kept.
    fn json(&self) -> Result<Arc<str>, EncodeError>;
}

impl<T: Serialize + Send + Sync> AnyVersion for Version<T> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn json(&self) -> Result<Arc<str>, EncodeError> {
        if let Some(json) = &*self.json.lock() {
            return Ok(Arc::clone(json));
        }
        let json: Arc<str> = catch_unwind(AssertUnwindSafe(|| serde_json::to_string(&*self.value)))
            .map_err(|panic| EncodeError::Panicked(panic_text(&*panic)))?
            .map_err(|error| EncodeError::Unserializable(error.to_string()))?
            .into();
        Ok(Arc::clone(self.json.lock().get_or_insert(json)))
    }
}
