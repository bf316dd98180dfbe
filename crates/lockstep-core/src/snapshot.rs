//! States of a topic, each with its revision.

use crate::{
    collection::Incremental,
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
        data: Arc<String>,
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
    /// Shared as it was written: to copy a text of 1 MB into an `Arc<str>` takes up to half as long as to write it.
    json: Mutex<Option<Arc<String>>>,
    /// How many bytes the JSON of a state before this had.
    bytes_before: usize,
    incremental: Option<Incremental<T>>,
}

impl<T> Version<T> {
    /// The first state of a topic.
    pub(crate) fn first(revision: Revision, mut value: T, incremental: Option<Incremental<T>>) -> Self {
        if let Some(incremental) = incremental {
            (incremental.seal)(&mut value, None, revision);
        }
        Self { revision, value: Arc::new(value), json: Mutex::new(None), bytes_before: 0, incremental }
    }

    /// The state that a write has made of this one.
    pub(crate) fn next(&self, revision: Revision, value: Arc<T>) -> Self
    where
        T: Clone,
    {
        let value = match self.incremental {
            Some(incremental) => {
                let mut value = Arc::unwrap_or_clone(value);
                (incremental.seal)(&mut value, Some(&self.value), revision);
                Arc::new(value)
            }
            None => value,
        };
        let bytes_before = self.json.lock().as_ref().map_or(self.bytes_before, |json| json.len());
        Self { revision, value, json: Mutex::new(None), bytes_before, incremental: self.incremental }
    }
}

/// A [`Version`] whose type is not known.
pub(crate) trait AnyVersion: Send + Sync {
    fn revision(&self) -> Revision;

    /// The state as JSON, made once for all who ask.
    ///
    /// **I4**: the app's `Serialize` runs under no lock. Two that ask at the same moment may both run it; the first
    /// text is kept.
    fn json(&self) -> Result<Arc<String>, EncodeError>;

    /// Whether the state itself knows what changed.
    fn is_incremental(&self) -> bool;

    /// What changed since a revision as a JSON Patch, where the state knows, and the whole is more.
    fn patch_since(&self, since: Revision) -> Result<Option<String>, EncodeError>;
}

impl<T: Serialize + Send + Sync> AnyVersion for Version<T> {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn json(&self) -> Result<Arc<String>, EncodeError> {
        if let Some(json) = &*self.json.lock() {
            return Ok(Arc::clone(json));
        }
        // Room for what was there and a little more, as states mostly change.
        let mut json = Vec::with_capacity(self.bytes_before + self.bytes_before / 16);
        encoded(|| serde_json::to_writer(&mut json, &*self.value))?;
        json.shrink_to_fit();
        let json = String::from_utf8(json).map_err(|error| EncodeError::Unserializable(error.to_string()))?;
        let json = Arc::new(json);
        Ok(Arc::clone(self.json.lock().get_or_insert(json)))
    }

    fn is_incremental(&self) -> bool {
        self.incremental.is_some()
    }

    fn patch_since(&self, since: Revision) -> Result<Option<String>, EncodeError> {
        self.incremental.map_or(Ok(None), |incremental| encoded(|| (incremental.patch)(&self.value, since)))
    }
}

/// Runs the app's `Serialize`.
fn encoded<R>(encode: impl FnOnce() -> serde_json::Result<R>) -> Result<R, EncodeError> {
    catch_unwind(AssertUnwindSafe(encode))
        .map_err(|panic| EncodeError::Panicked(panic_text(&*panic)))?
        .map_err(|error| EncodeError::Unserializable(error.to_string()))
}
