//! A store for tests, and for logs that need not outlive the process.

use super::{Criteria, Cursors, Ledger, MetaChange, Order, Outcome, Position, Progress, Query, Store, StoreError};
use crate::{
    action::{Created, Entry},
    id::ActionId,
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque, hash_map},
    ops::Bound,
    sync::Arc,
};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    by_added: BTreeMap<u64, Arc<Entry>>,
    by_created: BTreeMap<Created, u64>,
    by_id: HashMap<ActionId, u64>,
    /// An index that has no entries is not there.
    indexes: HashMap<String, Index>,
    last_added: u64,
    cursors: Cursors,
    reserved_ids: i64,
    ledger: LedgerState,
}

#[derive(Debug, Default)]
struct Index {
    by_added: BTreeSet<u64>,
    by_created: BTreeMap<Created, u64>,
}

#[derive(Debug, Default)]
struct LedgerState {
    /// By node, then by the rest of the id: what comes together lies together.
    nodes: HashMap<Arc<str>, HashMap<(i64, u64), Known>>,
    unfinished: BTreeMap<u64, ActionId>,
    /// The oldest end first.
    finished: VecDeque<ActionId>,
    last: u64,
}

/// With the number of the receipt.
type Known = (u64, Progress);

impl LedgerState {
    fn find(&mut self, id: &ActionId) -> Option<&mut Known> {
        self.nodes.get_mut(&id.node)?.get_mut(&(id.ms, id.counter))
    }

    fn remove(&mut self, id: &ActionId) {
        if let Some(node) = self.nodes.get_mut(&id.node) {
            node.remove(&(id.ms, id.counter));
            if node.is_empty() {
                self.nodes.remove(&id.node);
            }
        }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
}

impl State {
    fn remove(&mut self, added: u64) -> Option<Arc<Entry>> {
        let entry = self.by_added.remove(&added)?;
        self.by_created.remove(&entry.meta.created());
        self.by_id.remove(&entry.meta.id);
        for name in &entry.meta.indexes {
            let Some(index) = self.indexes.get_mut(name) else { continue };
            index.by_added.remove(&added);
            index.by_created.remove(&entry.meta.created());
            if index.by_added.is_empty() {
                self.indexes.remove(name);
            }
        }
        Some(entry)
    }

    fn entry_mut(&mut self, id: &ActionId) -> Option<&mut Entry> {
        let added = self.by_id.get(id)?;
        self.by_added.get_mut(added).map(Arc::make_mut)
    }
}

fn range<K: Clone>(after: Option<K>, newest_first: bool) -> (Bound<K>, Bound<K>) {
    match (after, newest_first) {
        (None, _) => (Bound::Unbounded, Bound::Unbounded),
        (Some(key), false) => (Bound::Excluded(key), Bound::Unbounded),
        (Some(key), true) => (Bound::Unbounded, Bound::Excluded(key)),
    }
}

fn take<'a>(
    mut entries: impl DoubleEndedIterator<Item = &'a Arc<Entry>>,
    from_end: bool,
    limit: usize,
) -> Vec<Arc<Entry>> {
    let next = || if from_end { entries.next_back() } else { entries.next() };
    std::iter::from_fn(next).take(limit).cloned().collect()
}

impl Store for MemoryStore {
    fn add(&self, entries: Vec<Entry>) -> Result<Vec<Option<Arc<Entry>>>, StoreError> {
        let state = &mut *self.0.lock();
        let mut added = Vec::with_capacity(entries.len());
        for mut entry in entries {
            if state.by_id.contains_key(&entry.meta.id) {
                added.push(None);
                continue;
            }
            state.last_added += 1;
            entry.meta.added = state.last_added;
            let entry = Arc::new(entry);
            state.by_id.insert(entry.meta.id.clone(), entry.meta.added);
            state.by_created.insert(entry.meta.created(), entry.meta.added);
            for name in &entry.meta.indexes {
                let index = state.indexes.entry(name.clone()).or_default();
                index.by_added.insert(entry.meta.added);
                index.by_created.insert(entry.meta.created(), entry.meta.added);
            }
            state.by_added.insert(entry.meta.added, Arc::clone(&entry));
            added.push(Some(entry));
        }
        Ok(added)
    }

    fn by_id(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        let state = self.0.lock();
        Ok(state.by_id.get(id).and_then(|added| state.by_added.get(added)).cloned())
    }

    fn page(&self, query: &Query) -> Result<Vec<Arc<Entry>>, StoreError> {
        let state = self.0.lock();
        let index = match &query.index {
            Some(name) => match state.indexes.get(name) {
                Some(index) => Some(index),
                None => return Ok(Vec::new()),
            },
            None => None,
        };
        let entry = |added: &u64| state.by_added.get(added);
        let (from_end, limit) = (query.newest_first, query.limit);
        Ok(match query.order {
            Order::Added => {
                let after = match query.after {
                    Some(Position::Added(added)) => Some(added),
                    _ => None,
                };
                let bounds = range(after, query.newest_first);
                match index {
                    Some(index) => take(index.by_added.range(bounds).filter_map(entry), from_end, limit),
                    None => take(state.by_added.range(bounds).map(|(_, entry)| entry), from_end, limit),
                }
            }
            Order::Created => {
                let after = match &query.after {
                    Some(Position::Created(created)) => Some(created.clone()),
                    _ => None,
                };
                let by_created = index.map_or(&state.by_created, |index| &index.by_created);
                let found = by_created.range(range(after, query.newest_first));
                take(found.filter_map(|(_, added)| entry(added)), from_end, limit)
            }
        })
    }

    fn change_meta(&self, id: &ActionId, change: &MetaChange) -> Result<bool, StoreError> {
        let mut state = self.0.lock();
        Ok(state.entry_mut(id).map(|entry| change.apply(&mut entry.meta.fields)).is_some())
    }

    fn remove(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        let mut state = self.0.lock();
        Ok(state.by_id.get(id).copied().and_then(|added| state.remove(added)))
    }

    fn remove_reason(&self, reason: &str, criteria: &Criteria) -> Result<Vec<Arc<Entry>>, StoreError> {
        let state = &mut *self.0.lock();
        let affected =
            |entry: &Arc<Entry>| entry.meta.reasons.iter().any(|other| other == reason) && criteria.meets(&entry.meta);
        let numbers: Vec<u64> = match &criteria.id {
            Some(id) => {
                let entry = state.by_id.get(id).and_then(|added| state.by_added.get(added));
                entry.filter(|entry| affected(entry)).map(|entry| entry.meta.added).into_iter().collect()
            }
            None => state.by_added.values().filter(|entry| affected(entry)).map(|entry| entry.meta.added).collect(),
        };
        let mut cleaned = Vec::new();
        for added in numbers {
            let Some(entry) = state.by_added.get_mut(&added) else { continue };
            let reasons = &mut Arc::make_mut(entry).meta.reasons;
            reasons.retain(|other| other != reason);
            if reasons.is_empty() {
                cleaned.extend(state.remove(added));
            }
        }
        Ok(cleaned)
    }

    fn last_added(&self) -> Result<u64, StoreError> {
        Ok(self.0.lock().last_added)
    }

    fn cursors(&self) -> Result<Cursors, StoreError> {
        Ok(self.0.lock().cursors.clone())
    }

    fn raise_cursors(&self, sent: u64, received: u64) -> Result<(), StoreError> {
        let cursors = &mut self.0.lock().cursors;
        cursors.sent = cursors.sent.max(sent);
        cursors.received = cursors.received.max(received);
        Ok(())
    }

    fn reset_cursors(&self, peer: &str) -> Result<(), StoreError> {
        self.0.lock().cursors = Cursors { peer: Some(peer.to_owned()), ..Cursors::default() };
        Ok(())
    }

    fn reserve_ids(&self, until: i64) -> Result<(), StoreError> {
        let reserved = &mut self.0.lock().reserved_ids;
        *reserved = until.max(*reserved);
        Ok(())
    }

    fn reserved_ids(&self) -> Result<i64, StoreError> {
        Ok(self.0.lock().reserved_ids)
    }

    fn clean(&self) -> Result<(), StoreError> {
        let mut state = self.0.lock();
        let (last_added, reserved_ids) = (state.last_added, state.reserved_ids);
        *state = State { last_added, reserved_ids, ..State::default() };
        Ok(())
    }
}

impl Ledger for MemoryStore {
    fn receive(&self, entries: &[Arc<Entry>]) -> Result<Vec<Option<Progress>>, StoreError> {
        let ledger = &mut self.0.lock().ledger;
        let mut known = Vec::with_capacity(entries.len());
        for entries in entries.chunk_by(|one, next| one.meta.id.node == next.meta.id.node) {
            let node = ledger.nodes.entry(Arc::clone(&entries[0].meta.id.node)).or_default();
            for entry in entries {
                match node.entry((entry.meta.id.ms, entry.meta.id.counter)) {
                    hash_map::Entry::Occupied(found) => known.push(Some(found.get().1.clone())),
                    hash_map::Entry::Vacant(place) => {
                        ledger.last += 1;
                        ledger.unfinished.insert(ledger.last, entry.meta.id.clone());
                        place.insert((ledger.last, Progress::Received(Arc::clone(entry))));
                        known.push(None);
                    }
                }
            }
        }
        Ok(known)
    }

    fn begin(&self, id: &ActionId) -> Result<bool, StoreError> {
        let ledger = &mut self.0.lock().ledger;
        let Some((_, progress)) = ledger.find(id) else { return Ok(false) };
        let Progress::Received(entry) = progress else { return Ok(false) };
        *progress = Progress::Begun(Arc::clone(entry));
        Ok(true)
    }

    fn finish(&self, ended: &[(ActionId, Outcome)], keep: usize) -> Result<(), StoreError> {
        let ledger = &mut self.0.lock().ledger;
        for ended in ended.chunk_by(|(one, _), (next, _)| one.node == next.node) {
            let node = ledger.nodes.entry(Arc::clone(&ended[0].0.node)).or_default();
            for (id, outcome) in ended {
                let end = (0, Progress::Finished(outcome.clone()));
                match node.entry((id.ms, id.counter)) {
                    hash_map::Entry::Occupied(found) if matches!(found.get().1, Progress::Finished(_)) => continue,
                    hash_map::Entry::Occupied(mut found) => {
                        let (receipt, _) = found.insert(end);
                        ledger.unfinished.remove(&receipt);
                    }
                    hash_map::Entry::Vacant(place) => drop(place.insert(end)),
                }
                ledger.finished.push_back(id.clone());
            }
        }
        while ledger.finished.len() > keep {
            let Some(oldest) = ledger.finished.pop_front() else { break };
            ledger.remove(&oldest);
        }
        Ok(())
    }

    fn unfinished(&self) -> Result<Vec<Progress>, StoreError> {
        let ledger = &mut self.0.lock().ledger;
        let ids: Vec<ActionId> = ledger.unfinished.values().cloned().collect();
        Ok(ids.iter().filter_map(|id| ledger.find(id).map(|(_, progress)| progress.clone())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn keeps_the_contract() {
        contract::check_store(MemoryStore::new);
        contract::check_ledger(MemoryStore::new);
    }
}
