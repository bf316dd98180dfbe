//! How a topic is saved: when, in which version, and what of it.

use crate::{
    error::panic_text,
    persist::{PersistIssue, Record, Seal},
    topic::TopicName,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How long a topic has to be left alone before it is saved, unless said otherwise.
pub const DEFAULT_DEBOUNCE: Duration = Duration::from_millis(500);

/// How long a topic that is written all the time stays unsaved at most, unless said otherwise.
pub const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(5);

type Migration = Arc<dyn Fn(Value) -> Result<Value, String> + Send + Sync>;

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once it is applied; it is saved a little later.
    #[default]
    WriteBehind,
    /// Once it is on disk.
    Immediate,
}

/// That a topic is saved, and how: see [`TopicOptions::persisted`](crate::TopicOptions::persisted).
///
/// ```
/// use lockstep_core::{Persisted, TopicOptions};
/// use serde_json::{Value, json};
///
/// let options = TopicOptions::<Value>::new().persisted(
///     Persisted::new().version(2).migrate(1, |mut old: Value| {
///         let dark = old["dark"] == json!(true);
///         old["theme"] = json!(if dark { "dark" } else { "light" });
///         Ok(old)
///     }),
/// );
/// ```
#[derive(Clone)]
pub struct Persisted {
    pub(crate) debounce: Duration,
    pub(crate) max_wait: Duration,
    pub(crate) durability: Durability,
    pub(crate) version: u32,
    migrations: BTreeMap<u32, Migration>,
    seal: Option<Arc<dyn Seal>>,
    keys: Keys,
}

/// Which keys of an object are saved.
#[derive(Clone, Debug, Default)]
enum Keys {
    #[default]
    All,
    Pick(BTreeSet<String>),
    Omit(BTreeSet<String>),
}

impl Keys {
    fn saves(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Pick(keys) => keys.contains(key),
            Self::Omit(keys) => !keys.contains(key),
        }
    }
}

impl Default for Persisted {
    fn default() -> Self {
        Self {
            debounce: DEFAULT_DEBOUNCE,
            max_wait: DEFAULT_MAX_WAIT,
            durability: Durability::WriteBehind,
            version: 1,
            migrations: BTreeMap::new(),
            seal: None,
            keys: Keys::All,
        }
    }
}

impl Persisted {
    /// Saved whole, in version 1, a little after each write.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the topic has to be left alone before it is saved. Default: [`DEFAULT_DEBOUNCE`].
    #[must_use]
    pub fn debounce(mut self, debounce: Duration) -> Self {
        self.debounce = debounce;
        self
    }

    /// How long a topic that is written all the time stays unsaved at most. Default: [`DEFAULT_MAX_WAIT`].
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// When a write is acknowledged. Default: [`Durability::WriteBehind`]. A topic whose writes wait for the disk cannot
    /// be written synchronously: that is [`UpdateError::NotSynchronous`](crate::UpdateError::NotSynchronous).
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The version of the topic's schema. Default: 1. What was saved in a newer one is left as it is.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// How a state of version `from` becomes one of version `from + 1`. The state that was saved is set aside, and the
    /// migrated one saved, in one step. A migration must have no effect but its result.
    #[must_use]
    pub fn migrate(
        mut self,
        from: u32,
        migration: impl Fn(Value) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.migrations.insert(from, Arc::new(migration));
        self
    }

    /// Encrypts what is saved.
    #[must_use]
    pub fn encrypted(mut self, seal: impl Seal) -> Self {
        self.seal = Some(Arc::new(seal));
        self
    }

    /// Saves no other keys of the topic's object than these. The others have their first values at the next start.
    #[must_use]
    pub fn pick_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys = Keys::Pick(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Saves all keys of the topic's object but these, which have their first values at the next start.
    #[must_use]
    pub fn omit_keys<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.keys = Keys::Omit(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Whether what is saved is encrypted.
    pub(crate) fn is_sealed(&self) -> bool {
        self.seal.is_some()
    }

    /// What of the state's JSON is saved, as it is saved.
    pub(crate) fn encode(&self, topic: &TopicName, json: &str) -> Result<Vec<u8>, String> {
        let data = self.picked(json)?;
        match &self.seal {
            Some(seal) => seal.seal(topic, self.version, data.as_bytes()),
            None => Ok(data.into_bytes()),
        }
    }

    /// The keys that are saved, of an object; all of anything else.
    pub(crate) fn picked(&self, json: &str) -> Result<String, String> {
        if matches!(self.keys, Keys::All) {
            return Ok(json.to_owned());
        }
        let mut value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
        if let Value::Object(object) = &mut value {
            object.retain(|key, _| self.keys.saves(key));
        }
        Ok(value.to_string())
    }

    /// The state of this version that a record stands for. Keys that are not saved come from `first`.
    pub(crate) fn decode(&self, topic: &TopicName, record: &Record, first: &Value) -> Result<Value, Refused> {
        let Record { version, data, .. } = record;
        self.knows(topic, *version)?;
        let opened = match &self.seal {
            Some(seal) => {
                let opened = seal.open(topic, *version, data);
                Some(opened.ok_or_else(|| Refused::LeftAlone(PersistIssue::NotDecrypted { topic: topic.clone() }))?)
            }
            None => None,
        };
        let data = opened.as_deref().unwrap_or(data);
        let value = serde_json::from_slice(data).map_err(|error| Refused::not_decoded(topic, &error))?;
        let value = self.migrated(topic, *version, value)?;
        Ok(self.completed(value, first))
    }

    /// Puts the keys that are not saved into a state that was.
    pub(crate) fn completed(&self, mut value: Value, first: &Value) -> Value {
        if let (Value::Object(value), Value::Object(first)) = (&mut value, first) {
            value.retain(|key, _| self.keys.saves(key));
            let missing = first.iter().filter(|(key, _)| !self.keys.saves(key));
            value.extend(missing.map(|(key, first)| (key.clone(), first.clone())));
        }
        value
    }

    fn knows(&self, topic: &TopicName, version: u32) -> Result<(), Refused> {
        if version <= self.version {
            return Ok(());
        }
        let (topic, stored, known) = (topic.clone(), version, self.version);
        Err(Refused::LeftAlone(PersistIssue::NewerVersion { topic, stored, known }))
    }

    /// Takes a state from one version to this one, step by step.
    pub(crate) fn migrated(&self, topic: &TopicName, from: u32, mut value: Value) -> Result<Value, Refused> {
        self.knows(topic, from)?;
        for from in from..self.version {
            let failed = |reason| Refused::LeftAlone(PersistIssue::NotMigrated { topic: topic.clone(), from, reason });
            let missing = || failed(format!("add `.migrate({from}, …)`"));
            let step = self.migrations.get(&from).ok_or_else(missing)?;
            value = catch_unwind(AssertUnwindSafe(|| step(value)))
                .unwrap_or_else(|panic| Err(format!("it panicked: {}", panic_text(&*panic))))
                .map_err(failed)?;
        }
        Ok(value)
    }
}

impl fmt::Debug for Persisted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Persisted")
            .field("debounce", &self.debounce)
            .field("max_wait", &self.max_wait)
            .field("durability", &self.durability)
            .field("version", &self.version)
            .field("migrations", &self.migrations.keys())
            .field("sealed", &self.is_sealed())
            .field("keys", &self.keys)
            .finish()
    }
}

/// Why a record is not a topic's state.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The record must stay as it is.
    LeftAlone(PersistIssue),
    /// The record is to be set aside.
    SetAside(PersistIssue),
}

impl Refused {
    pub(crate) fn not_decoded(topic: &TopicName, reason: &impl ToString) -> Self {
        Self::SetAside(PersistIssue::NotDecoded { topic: topic.clone(), reason: reason.to_string() })
    }
}
