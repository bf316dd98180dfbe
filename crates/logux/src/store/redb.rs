//! The durable store, in one file.

mod group;
mod indexes;
mod ledger;

use super::{Criteria, Cursors, MetaChange, Order, Position, Query, Store, StoreError};
use crate::{
    action::{Action, Created, Entry, Meta},
    id::ActionId,
};
use group::Group;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, ops::Bound, path::Path, sync::Arc};

const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("logux-entries");
const CREATED: TableDefinition<&[u8], u64> = TableDefinition::new("logux-created");
const IDS: TableDefinition<&str, u64> = TableDefinition::new("logux-ids");
const NUMBERS: TableDefinition<&str, u64> = TableDefinition::new("logux-numbers");
const TEXTS: TableDefinition<&str, &str> = TableDefinition::new("logux-texts");

const LAST_ADDED: &str = "last-added";
const SENT: &str = "sent";
const RECEIVED: &str = "received";
const RESERVED_IDS: &str = "reserved-ids";
const PEER: &str = "peer";

/// Keeps everything in a file of [redb](https://docs.rs/redb). What a method has returned survives `kill -9` and a
/// loss of power.
///
/// One process opens the file at a time: a second one gets [`StoreError::Failed`].
/// Steps that wait for the disk at once wait for it once: many writers cost little more than one.
pub struct RedbStore {
    database: Database,
    group: Group,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

fn failed<E: Into<redb::Error>>(doing: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::failed(doing, error.into())
}

impl RedbStore {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: the file cannot be read or written, is no store, or is open in another process. It is
    /// left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::of(Database::create(path).map_err(failed("open"))?)
    }

    /// A store in a database that others may use too: all its tables begin with `logux-`.
    ///
    /// # Errors
    /// [`StoreError::Failed`]: the tables cannot be created.
    pub fn of(database: Database) -> Result<Self, StoreError> {
        let store = Self { database, group: Group::default() };
        // Reading begins where nothing was ever written.
        store.write("open", |transaction| {
            let error = failed("open");
            transaction.open_table(ENTRIES).map_err(&error)?;
            transaction.open_table(CREATED).map_err(&error)?;
            transaction.open_table(IDS).map_err(&error)?;
            transaction.open_table(NUMBERS).map_err(&error)?;
            transaction.open_table(TEXTS).map_err(&error)?;
            indexes::create(transaction)?;
            ledger::create(transaction)
        })?;
        Ok(store)
    }

    /// One step. An error takes back all of it.
    fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        step: impl FnMut(&WriteTransaction) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.group.write(&self.database, doing, step)
    }

    fn number(&self, name: &'static str) -> Result<u64, StoreError> {
        let error = failed("read a number");
        let transaction = self.database.begin_read().map_err(failed("read a number"))?;
        let table = transaction.open_table(NUMBERS).map_err(failed("read a number"))?;
        Ok(table.get(name).map_err(error)?.map_or(0, |number| number.value()))
    }
}

fn raise(transaction: &WriteTransaction, name: &'static str, value: u64) -> Result<(), StoreError> {
    let mut numbers = transaction.open_table(NUMBERS).map_err(failed("raise a number"))?;
    let error = failed("raise a number");
    let now = numbers.get(name).map_err(&error)?.map_or(0, |number| number.value());
    if value > now {
        numbers.insert(name, value).map_err(&error)?;
    }
    Ok(())
}

/// Bytes with the order of [`Created`].
fn created_key(created: &Created) -> Vec<u8> {
    // With the sign's bit turned, negative times come first.
    let ordered = |number: i64| (number ^ i64::MIN).to_be_bytes();
    let mut key = ordered(created.time).to_vec();
    key.extend(created.id.node.as_bytes());
    // No node id holds it, so that `a` is before `ab`.
    key.push(0);
    key.extend(created.id.counter.to_be_bytes());
    key.extend(ordered(created.id.ms));
    key
}

/// An entry on the disk: the action is the text that it came as.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    action: &'a RawValue,
    meta: Cow<'a, Meta>,
}

fn encode(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let failed = |error| StoreError::failed("encode an entry", error);
    let action = entry.action.json();
    let action = serde_json::from_str(&action).map_err(failed)?;
    serde_json::to_vec(&Written { action, meta: Cow::Borrowed(&entry.meta) }).map_err(failed)
}

fn decode(at: impl ToString, bytes: &[u8]) -> Result<Entry, StoreError> {
    let damaged = |why: String| StoreError::Damaged { at: at.to_string(), why };
    let Written { action, meta } = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    let action = Action::read(action.get()).ok_or_else(|| damaged("an action without a type".to_owned()))?;
    Ok(Entry { action, meta: meta.into_owned() })
}

/// The entry with the id, in the middle of a step.
fn find(transaction: &WriteTransaction, id: &ActionId) -> Result<Option<Entry>, StoreError> {
    let ids = transaction.open_table(IDS).map_err(failed("find an entry"))?;
    let Some(added) = ids.get(&*id.to_string()).map_err(failed("find an entry"))?.map(|added| added.value()) else {
        return Ok(None);
    };
    let entries = transaction.open_table(ENTRIES).map_err(failed("find an entry"))?;
    match entries.get(added).map_err(failed("find an entry"))? {
        Some(bytes) => decode(added, bytes.value()).map(Some),
        None => Ok(None),
    }
}

fn put(transaction: &WriteTransaction, entry: &Entry) -> Result<(), StoreError> {
    let mut entries = transaction.open_table(ENTRIES).map_err(failed("write an entry"))?;
    entries.insert(entry.meta.added, &*encode(entry)?).map_err(failed("write an entry"))?;
    Ok(())
}

fn delete(transaction: &WriteTransaction, meta: &Meta) -> Result<(), StoreError> {
    indexes::remove(transaction, meta)?;
    let error = failed("remove an entry");
    transaction.open_table(ENTRIES).map_err(failed("remove an entry"))?.remove(meta.added).map_err(&error)?;
    let mut created = transaction.open_table(CREATED).map_err(failed("remove an entry"))?;
    created.remove(&*created_key(&meta.created())).map_err(&error)?;
    transaction.open_table(IDS).map_err(failed("remove an entry"))?.remove(&*meta.id.to_string()).map_err(&error)?;
    Ok(())
}

impl Store for RedbStore {
    fn add(&self, new: Vec<Entry>) -> Result<Vec<Option<Arc<Entry>>>, StoreError> {
        self.write("add", move |transaction| {
            let error = failed("add");
            let mut entries = transaction.open_table(ENTRIES).map_err(failed("add"))?;
            let mut created = transaction.open_table(CREATED).map_err(failed("add"))?;
            let mut ids = transaction.open_table(IDS).map_err(failed("add"))?;
            let mut numbers = transaction.open_table(NUMBERS).map_err(failed("add"))?;
            let mut last = numbers.get(LAST_ADDED).map_err(&error)?.map_or(0, |number| number.value());
            let mut added = Vec::with_capacity(new.len());
            for entry in &new {
                let mut entry = entry.clone();
                let id = entry.meta.id.to_string();
                if ids.get(&*id).map_err(&error)?.is_some() {
                    added.push(None);
                    continue;
                }
                last += 1;
                entry.meta.added = last;
                entries.insert(last, &*encode(&entry)?).map_err(&error)?;
                created.insert(&*created_key(&entry.meta.created()), last).map_err(&error)?;
                ids.insert(&*id, last).map_err(&error)?;
                indexes::insert(transaction, &entry.meta)?;
                added.push(Some(Arc::new(entry)));
            }
            numbers.insert(LAST_ADDED, last).map_err(&error)?;
            Ok(added)
        })
    }

    fn by_id(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed("find an entry"))?;
        let ids = transaction.open_table(IDS).map_err(failed("find an entry"))?;
        let Some(added) = ids.get(&*id.to_string()).map_err(failed("find an entry"))?.map(|added| added.value()) else {
            return Ok(None);
        };
        let entries = transaction.open_table(ENTRIES).map_err(failed("find an entry"))?;
        let bytes = entries.get(added).map_err(failed("find an entry"))?;
        bytes.map(|bytes| decode(added, bytes.value()).map(Arc::new)).transpose()
    }

    fn page(&self, query: &Query) -> Result<Vec<Arc<Entry>>, StoreError> {
        let error = failed("read entries");
        let transaction = self.database.begin_read().map_err(failed("read entries"))?;
        let entries = transaction.open_table(ENTRIES).map_err(failed("read entries"))?;
        let mut page = Vec::new();
        if let Some(index) = &query.index {
            for added in indexes::find(&transaction, index, query)? {
                if let Some(bytes) = entries.get(added).map_err(&error)? {
                    page.push(Arc::new(decode(added, bytes.value())?));
                }
            }
            return Ok(page);
        }
        match query.order {
            Order::Added => {
                let after = match query.after {
                    Some(Position::Added(added)) => Some(added),
                    _ => None,
                };
                let mut range = entries.range(bounds(after, query.newest_first)).map_err(&error)?;
                while page.len() < query.limit {
                    let next = if query.newest_first { range.next_back() } else { range.next() };
                    let Some(next) = next else { break };
                    let (added, bytes) = next.map_err(&error)?;
                    page.push(Arc::new(decode(added.value(), bytes.value())?));
                }
            }
            Order::Created => {
                let created = transaction.open_table(CREATED).map_err(failed("read entries"))?;
                let after = match &query.after {
                    Some(Position::Created(created)) => Some(created_key(created)),
                    _ => None,
                };
                let mut range = created.range::<&[u8]>(bounds(after.as_deref(), query.newest_first)).map_err(&error)?;
                while page.len() < query.limit {
                    let next = if query.newest_first { range.next_back() } else { range.next() };
                    let Some(next) = next else { break };
                    let added = next.map_err(&error)?.1.value();
                    if let Some(bytes) = entries.get(added).map_err(&error)? {
                        page.push(Arc::new(decode(added, bytes.value())?));
                    }
                }
            }
        }
        Ok(page)
    }

    fn change_meta(&self, id: &ActionId, change: &MetaChange) -> Result<bool, StoreError> {
        let (id, change) = (id.clone(), change.clone());
        self.write("change an entry", move |transaction| {
            let Some(mut entry) = find(transaction, &id)? else { return Ok(false) };
            change.apply(&mut entry.meta.fields);
            put(transaction, &entry)?;
            Ok(true)
        })
    }

    fn remove(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        let id = id.clone();
        self.write("remove an entry", move |transaction| {
            let Some(entry) = find(transaction, &id)? else { return Ok(None) };
            delete(transaction, &entry.meta)?;
            Ok(Some(Arc::new(entry)))
        })
    }

    fn remove_reason(&self, reason: &str, criteria: &Criteria) -> Result<Vec<Arc<Entry>>, StoreError> {
        let (reason, criteria) = (reason.to_owned(), criteria.clone());
        self.write("remove a reason", move |transaction| {
            let has_reason = |entry: &Entry| entry.meta.reasons.contains(&reason);
            let mut affected = Vec::new();
            if let Some(id) = &criteria.id {
                affected.extend(find(transaction, id)?);
            } else {
                let entries = transaction.open_table(ENTRIES).map_err(failed("remove a reason"))?;
                for next in entries.iter().map_err(failed("remove a reason"))? {
                    let (added, bytes) = next.map_err(failed("remove a reason"))?;
                    affected.push(decode(added.value(), bytes.value())?);
                }
            }
            affected.retain(|entry| has_reason(entry) && criteria.meets(&entry.meta));
            let mut cleaned = Vec::new();
            for mut entry in affected {
                entry.meta.reasons.retain(|other| *other != reason);
                if entry.meta.reasons.is_empty() {
                    delete(transaction, &entry.meta)?;
                    cleaned.push(Arc::new(entry));
                } else {
                    put(transaction, &entry)?;
                }
            }
            Ok(cleaned)
        })
    }

    fn last_added(&self) -> Result<u64, StoreError> {
        self.number(LAST_ADDED)
    }

    fn cursors(&self) -> Result<Cursors, StoreError> {
        let transaction = self.database.begin_read().map_err(failed("read the cursors"))?;
        let texts = transaction.open_table(TEXTS).map_err(failed("read the cursors"))?;
        let peer = texts.get(PEER).map_err(failed("read the cursors"))?.map(|peer| peer.value().to_owned());
        Ok(Cursors { sent: self.number(SENT)?, received: self.number(RECEIVED)?, peer })
    }

    fn raise_cursors(&self, sent: u64, received: u64) -> Result<(), StoreError> {
        self.write("raise the cursors", move |transaction| {
            raise(transaction, SENT, sent)?;
            raise(transaction, RECEIVED, received)
        })
    }

    fn reset_cursors(&self, peer: &str) -> Result<(), StoreError> {
        let peer = peer.to_owned();
        self.write("reset the cursors", move |transaction| {
            let error = failed("reset the cursors");
            let mut numbers = transaction.open_table(NUMBERS).map_err(failed("reset the cursors"))?;
            numbers.remove(SENT).map_err(&error)?;
            numbers.remove(RECEIVED).map_err(&error)?;
            let mut texts = transaction.open_table(TEXTS).map_err(failed("reset the cursors"))?;
            texts.insert(PEER, &*peer).map_err(&error)?;
            Ok(())
        })
    }

    fn reserve_ids(&self, until: i64) -> Result<(), StoreError> {
        self.write("reserve ids", move |transaction| {
            raise(transaction, RESERVED_IDS, u64::try_from(until).unwrap_or(0))
        })
    }

    fn reserved_ids(&self) -> Result<i64, StoreError> {
        Ok(i64::try_from(self.number(RESERVED_IDS)?).unwrap_or(i64::MAX))
    }

    fn clean(&self) -> Result<(), StoreError> {
        self.write("clean", |transaction| {
            let error = failed("clean");
            transaction.delete_table(ENTRIES).map_err(failed("clean"))?;
            transaction.delete_table(CREATED).map_err(failed("clean"))?;
            transaction.delete_table(IDS).map_err(failed("clean"))?;
            transaction.delete_table(TEXTS).map_err(failed("clean"))?;
            transaction.open_table(ENTRIES).map_err(failed("clean"))?;
            transaction.open_table(CREATED).map_err(failed("clean"))?;
            transaction.open_table(IDS).map_err(failed("clean"))?;
            transaction.open_table(TEXTS).map_err(failed("clean"))?;
            let mut numbers = transaction.open_table(NUMBERS).map_err(failed("clean"))?;
            numbers.remove(SENT).map_err(&error)?;
            numbers.remove(RECEIVED).map_err(&error)?;
            indexes::clean(transaction)?;
            ledger::clean(transaction)
        })
    }

    fn is_blocking(&self) -> bool {
        true
    }
}

fn bounds<K: Copy>(after: Option<K>, newest_first: bool) -> (Bound<K>, Bound<K>) {
    match (after, newest_first) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(key), false) => (Bound::Excluded(key), Bound::Unbounded),
        (Some(key), true) => (Bound::Unbounded, Bound::Excluded(key)),
    }
}
