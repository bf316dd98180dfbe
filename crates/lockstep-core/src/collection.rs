//! Collections: topics whose entities are read, written and sent one by one.

use crate::{
    cell::State,
    change::Change,
    entities::{Entities, EntityChange},
    error::{AccessError, ChangeError, CreateError, TryUpdateError, UpdateError},
    options::TopicOptions,
    revision::Revision,
    snapshot::Snapshot,
    store::Store,
    topic::{Topic, TopicName},
};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, fmt, io::Write as _, sync::Arc};

/// One named set of entities with their type. Declare it once, as a constant, and use it everywhere:
///
/// ```
/// use lockstep_core::Collection;
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)] struct Task;
/// pub const TASKS: Collection<Task> = Collection::new("tasks");
/// ```
///
/// It is a topic like any other ([`Collection::topic`]), whose value is [`Entities`]. What differs is the cost: a write
/// costs time, memory and bytes for the entities that it changes, not for all of them. See [`Store::collection`].
pub struct Collection<V> {
    topic: Topic<Entities<V>>,
}

impl<V> Collection<V> {
    /// The collection with this name.
    ///
    /// # Panics
    /// If the name is not valid (see [`TopicName`]); in a constant that is a compile error. For a name that is only
    /// known at run time use [`Collection::named`].
    pub const fn new(name: &'static str) -> Self {
        Self { topic: Topic::new(name) }
    }

    /// The collection with a name that was made at run time.
    pub const fn named(name: TopicName) -> Self {
        Self { topic: Topic::named(name) }
    }

    /// The collection's name.
    pub const fn name(&self) -> &TopicName {
        self.topic.name()
    }

    /// The collection as a topic: for transactions, and whatever else takes a topic.
    pub fn topic(&self) -> Topic<Entities<V>> {
        self.topic.clone()
    }
}

impl<V> Clone for Collection<V> {
    fn clone(&self) -> Self {
        Self { topic: self.topic.clone() }
    }
}

impl<V> fmt::Debug for Collection<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Collection").field(self.name()).finish()
    }
}

/// A collection in its store: see [`Store::collection`].
///
/// Each write is one write of the topic: the topic's hooks see it as [`Change::Rust`], it has a revision, and the
/// windows are told.
pub struct CollectionRef<'a, V> {
    store: &'a Store,
    collection: Collection<V>,
}

impl<V: State> CollectionRef<'_, V> {
    /// The entity.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such collection, or one of another type.
    pub fn get(&self, key: &str) -> Result<Option<Arc<V>>, AccessError> {
        Ok(self.store.get(self.collection.topic())?.get_shared(key))
    }

    /// All entities at one moment, to iterate over; later writes do not change them.
    ///
    /// # Errors
    /// As [`CollectionRef::get`].
    pub fn entities(&self) -> Result<Arc<Entities<V>>, AccessError> {
        self.store.get(self.collection.topic())
    }

    /// All entities with their revision.
    ///
    /// # Errors
    /// As [`CollectionRef::get`].
    pub fn snapshot(&self) -> Result<Snapshot<Entities<V>>, AccessError> {
        self.store.snapshot(self.collection.topic())
    }

    /// Adds the entity, or puts it in the place of the one that has the key.
    ///
    /// # Errors
    /// [`UpdateError`] if the collection can't be reached, a hook of its refuses or has to be asked first, or no
    /// revision is left.
    pub fn upsert(&self, key: impl Into<Arc<str>>, value: V) -> Result<Revision, UpdateError> {
        self.batch(|entities| entities.upsert(key, value))
    }

    /// Changes the entity in place, on a copy; `None` where there is no such entity, and nothing was written.
    ///
    /// # Errors
    /// As [`CollectionRef::upsert`].
    pub fn update(&self, key: &str, change: impl FnOnce(&mut V)) -> Result<Option<Revision>, UpdateError> {
        self.batch_if(|entities| entities.update(key, change))
    }

    /// Removes the entity; `None` where there is no such entity, and nothing was written.
    ///
    /// # Errors
    /// As [`CollectionRef::upsert`].
    pub fn remove(&self, key: &str) -> Result<Option<Revision>, UpdateError> {
        self.batch_if(|entities| entities.remove(key).is_some())
    }

    /// Makes several changes in one write. A closure that panics has changed nothing.
    ///
    /// # Errors
    /// As [`CollectionRef::upsert`].
    pub fn batch(&self, change: impl FnOnce(&mut Entities<V>)) -> Result<Revision, UpdateError> {
        self.store.update(self.collection.topic(), change)
    }

    fn batch_if(&self, change: impl FnOnce(&mut Entities<V>) -> bool) -> Result<Option<Revision>, UpdateError> {
        struct Nothing;
        let changed = |entities: &mut Entities<V>| change(entities).then_some(()).ok_or(Nothing);
        match self.store.try_update(self.collection.topic(), changed) {
            Ok(revision) => Ok(Some(revision)),
            Err(TryUpdateError::Refused(Nothing)) => Ok(None),
            Err(TryUpdateError::Update(error)) => Err(error),
        }
    }
}

impl Store {
    /// Creates a collection with its first entities.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_collection<V: State>(
        &self,
        collection: Collection<V>,
        initial: Entities<V>,
    ) -> Result<Revision, CreateError> {
        self.create_collection_with(collection, initial, TopicOptions::new())
    }

    /// Creates a collection with its first entities, and options.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_collection_with<V: State>(
        &self,
        collection: Collection<V>,
        initial: Entities<V>,
        mut options: TopicOptions<Entities<V>>,
    ) -> Result<Revision, CreateError> {
        options.incremental = Some(Incremental::new());
        self.create_with(collection.topic, initial, options)
    }

    /// The entities of a collection, to read and write one by one.
    ///
    /// ```
    /// use lockstep_core::{Collection, Entities, NoAnnounce, Store};
    ///
    /// const STOCK: Collection<u32> = Collection::new("stock");
    ///
    /// let store = Store::new(NoAnnounce);
    /// store.create_collection(STOCK, Entities::new())?;
    /// let stock = store.collection(STOCK);
    /// stock.upsert("apples", 3)?;
    /// stock.update("apples", |count| *count += 1)?;
    /// stock.batch(|all| {
    ///     all.upsert("pears", 1);
    ///     all.upsert("plums", 2);
    /// })?;
    /// assert_eq!(stock.remove("cherries")?, None);
    /// assert_eq!(stock.get("apples")?.as_deref(), Some(&4));
    /// assert_eq!(stock.entities()?.iter().map(|(_, count)| count).sum::<u32>(), 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn collection<V: State>(&self, collection: Collection<V>) -> CollectionRef<'_, V> {
        CollectionRef { store: self, collection }
    }
}

/// How a topic whose state knows what changed in it is written, and read, in proportion to that.
pub(crate) struct Incremental<T> {
    /// Gives the state its revision; the second is the state that it was made from.
    pub(crate) seal: fn(&mut T, Option<&T>, Revision),
    /// What changed since a revision, as a JSON Patch; `None`: the whole is less.
    pub(crate) patch: fn(&T, Revision) -> serde_json::Result<Option<String>>,
    /// What a change that is no action makes of the state.
    pub(crate) apply: fn(&T, Change) -> Result<T, ChangeError>,
    /// Whether a change, for which the state is to be as it was at a revision, comes too late.
    pub(crate) conflicts: fn(&T, Revision, &Change) -> bool,
}

impl<T> Clone for Incremental<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Incremental<T> {}

impl<V: State> Incremental<Entities<V>> {
    fn new() -> Self {
        Self { seal: Entities::seal, patch, apply, conflicts }
    }
}

fn patch<V: State>(entities: &Entities<V>, since: Revision) -> serde_json::Result<Option<String>> {
    let Some(changes) = entities.changes_since(since) else { return Ok(None) };
    let mut operations: Vec<u8> = vec![b'['];
    for (key, change) in changes {
        let path = serde_json::to_string(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))?;
        if operations.len() > 1 {
            operations.push(b',');
        }
        let written = match change {
            EntityChange::Upserted(value) => {
                let written = write!(operations, r#"{{"op":"add","path":{path},"value":"#);
                serde_json::to_writer(&mut operations, value)?;
                operations.push(b'}');
                written
            }
            EntityChange::Removed { was_there: true } => write!(operations, r#"{{"op":"remove","path":{path}}}"#),
            // It may not be there: nothing is removed but what was just added.
            EntityChange::Removed { was_there: false } => {
                write!(operations, r#"{{"op":"add","path":{path},"value":null}},{{"op":"remove","path":{path}}}"#)
            }
        };
        written.map_err(serde_json::Error::io)?;
    }
    operations.push(b']');
    String::from_utf8(operations).map(Some).map_err(serde::ser::Error::custom)
}

/// **I10**: the next state is made beside the present one, and shares with it all that is not named.
fn apply<V: State>(current: &Entities<V>, change: Change) -> Result<Entities<V>, ChangeError> {
    let encode = |value: &V| serde_json::to_value(value).map_err(|error| ChangeError::invalid(".", error));
    let before: Map<String, Value> = match named(&change) {
        Some(keys) => {
            let found = keys.into_iter().filter_map(|key| Some((current.get(&key)?, key)));
            found.map(|(value, key)| Ok((key, encode(value)?))).collect::<Result<_, ChangeError>>()?
        }
        None => {
            let all = current.iter().map(|(key, value)| Ok((key.to_owned(), encode(value)?)));
            all.collect::<Result<_, ChangeError>>()?
        }
    };
    let Value::Object(after) = change.document(|| Ok(Value::Object(before.clone())))? else {
        return Err(ChangeError::invalid(".", "a collection is an object of keys and entities"));
    };
    let mut next = current.clone();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        next.remove(key);
    }
    for (key, value) in after {
        if before.get(&key) == Some(&value) {
            continue;
        }
        let value: V = serde_path_to_error::deserialize(value).map_err(|error| {
            let path = match error.path().to_string() {
                whole if whole == "." => key.clone(),
                path => format!("{key}.{path}"),
            };
            ChangeError::invalid(path, error.inner())
        })?;
        next.upsert(key, value);
    }
    Ok(next)
}

/// Where a write names the entities that it is about, it is only them that may not have changed.
fn conflicts<V: State>(current: &Entities<V>, expected: Revision, change: &Change) -> bool {
    named(change).is_none_or(|keys| !keys.iter().all(|key| current.is_unchanged(key, expected)))
}

/// The keys that a change names; `None` where it may be about all of them.
fn named(change: &Change) -> Option<BTreeSet<String>> {
    match change {
        Change::Merge(Value::Object(members)) => Some(members.keys().cloned().collect()),
        Change::Patch(Value::Array(operations)) => {
            let mut keys = BTreeSet::new();
            for operation in operations {
                for pointer in ["path", "from"].into_iter().filter_map(|name| operation.get(name)) {
                    let key = pointer.as_str()?.strip_prefix('/')?.split('/').next()?;
                    keys.insert(key.replace("~1", "/").replace("~0", "~"));
                }
            }
            Some(keys)
        }
        _ => None,
    }
}
