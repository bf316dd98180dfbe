//! The state of a collection: a persistent map that remembers what changed last.

use crate::{
    history::{Gone, History, Key},
    revision::Revision,
};
use rpds::RedBlackTreeMapSync;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use std::{collections::BTreeSet, fmt, marker::PhantomData, sync::Arc};

/// The state of a [`Collection`](crate::Collection): keys, each with an entity. A key may be any text.
///
/// A clone costs nothing, and shares what neither of the two changes; to add, change or remove an entity costs time and
/// memory in proportion to the logarithm of how many there are. As JSON it is an object. The entities are in the order
/// of their keys.
///
/// ```
/// use lockstep_core::Entities;
///
/// let mut stock: Entities<u32> = [("apples", 3), ("pears", 5)].into_iter().collect();
/// let before = stock.clone();
/// stock.upsert("plums", 7);
/// stock.update("apples", |count| *count -= 1);
/// stock.remove("pears");
/// assert_eq!(stock.iter().collect::<Vec<_>>(), [("apples", &2), ("plums", &7)]);
/// assert_eq!(before.get("apples"), Some(&3));
/// ```
pub struct Entities<V> {
    map: RedBlackTreeMapSync<Key, Slot<V>>,
    /// The keys that have changed since the state was last given a revision.
    touched: BTreeSet<Key>,
    history: History,
}

struct Slot<V> {
    value: Arc<V>,
    /// The revision of the entity's last change, and that of its creation.
    changed: Revision,
    born: Revision,
}

/// What has become of one entity since some revision.
#[derive(Debug, PartialEq)]
pub(crate) enum EntityChange<'a, V> {
    Upserted(&'a V),
    Removed {
        /// Whether it was there at that revision for certain; else it may have come and gone since.
        was_there: bool,
    },
}

impl<V> Entities<V> {
    /// A collection without entities.
    pub fn new() -> Self {
        Self { map: RedBlackTreeMapSync::new_sync(), touched: BTreeSet::new(), history: History::new() }
    }

    /// The entity.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.map.get(key).map(|slot| &*slot.value)
    }

    /// The entity, to be kept.
    pub fn get_shared(&self, key: &str) -> Option<Arc<V>> {
        self.map.get(key).map(|slot| Arc::clone(&slot.value))
    }

    /// Whether there is such an entity.
    pub fn contains(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    /// How many entities there are.
    pub fn len(&self) -> usize {
        self.map.size()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All entities, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.map.iter().map(|(key, slot)| (&**key, &*slot.value))
    }

    /// Adds the entity, or puts it in the place of the one that has the key.
    pub fn upsert(&mut self, key: impl Into<Arc<str>>, value: V) {
        self.put(key.into(), Arc::new(value));
    }

    fn put(&mut self, key: Key, value: Arc<V>) {
        let (changed, born) = (Revision::ZERO, self.map.get(&key).map_or(Revision::ZERO, |slot| slot.born));
        self.map.insert_mut(Arc::clone(&key), Slot { value, changed, born });
        self.touched.insert(key);
    }

    /// Changes the entity, on a copy; says whether there is one.
    pub fn update(&mut self, key: &str, change: impl FnOnce(&mut V)) -> bool
    where
        V: Clone,
    {
        let Some((key, slot)) = self.map.get_key_value(key) else { return false };
        let (key, mut value) = (Arc::clone(key), Arc::clone(&slot.value));
        change(Arc::make_mut(&mut value));
        self.put(key, value);
        true
    }

    /// Removes the entity; returns it where there was one.
    pub fn remove(&mut self, key: &str) -> Option<Arc<V>> {
        let (key, slot) = self.map.get_key_value(key)?;
        let (key, value) = (Arc::clone(key), Arc::clone(&slot.value));
        self.map.remove_mut(&key);
        self.touched.insert(key);
        Some(value)
    }

    /// Removes all entities.
    pub fn clear(&mut self) {
        self.touched.extend(self.map.keys().cloned());
        self.map = RedBlackTreeMapSync::new_sync();
    }

    /// Gives the state a revision, and notes that what has changed since `before` did so then. Where the state does not
    /// come from `before`, all of it did.
    pub(crate) fn seal(&mut self, before: Option<&Self>, revision: Revision) {
        let Some(before) = before.filter(|before| before.history.is_before(&self.history)) else {
            return self.begin(revision);
        };
        self.history.at = revision;
        for key in std::mem::take(&mut self.touched) {
            let (was, was_gone) = (before.map.get(&key), before.history.gone.get(&key));
            if let Some(earlier) = was.map(|slot| slot.changed).or(was_gone.map(|gone| gone.at)) {
                self.history.log.remove_mut(&(earlier, Arc::clone(&key)));
            }
            if let Some(slot) = self.map.get(&key) {
                let born = was.map_or(revision, |slot| slot.born);
                let slot = Slot { value: Arc::clone(&slot.value), changed: revision, born };
                self.map.insert_mut(Arc::clone(&key), slot);
                self.history.gone.remove_mut(&key);
            } else if let Some(was) = was {
                self.history.gone.insert_mut(Arc::clone(&key), Gone { at: revision, born: was.born });
            } else {
                // It came and went in one write: what was noted of an earlier one still holds.
                if let Some(gone) = was_gone {
                    self.history.log.insert_mut((gone.at, key), ());
                }
                continue;
            }
            self.history.log.insert_mut((revision, key), ());
        }
        self.history.forget_the_oldest();
    }

    fn begin(&mut self, revision: Revision) {
        let slot = |slot: &Slot<V>| Slot { value: Arc::clone(&slot.value), changed: revision, born: revision };
        let map = self.map.iter().map(|(key, entity)| (Arc::clone(key), slot(entity))).collect();
        *self = Self { map, ..Self::new() };
        (self.history.at, self.history.since) = (revision, revision);
    }

    /// What has become of the entities since the state was at `since`; `None` where that is too long ago, or so much
    /// that the whole is less.
    pub(crate) fn changes_since(&self, since: Revision) -> Option<Vec<(&str, EntityChange<'_, V>)>> {
        if since < self.history.since || !self.touched.is_empty() {
            return None;
        }
        let mut changes = Vec::new();
        for ((_, key), ()) in self.history.log.range((since.successor()?, Arc::from(""))..) {
            if changes.len() > self.len() / 2 + 1 {
                return None;
            }
            let change = match (self.map.get(key), self.history.gone.get(key)) {
                (Some(slot), _) => EntityChange::Upserted(&*slot.value),
                (None, gone) => EntityChange::Removed { was_there: gone.is_some_and(|gone| gone.born <= since) },
            };
            changes.push((&**key, change));
        }
        Some(changes)
    }

    /// Whether the entity, or its absence, is as it was at `since`; no where that cannot be told any more.
    pub(crate) fn is_unchanged(&self, key: &str, since: Revision) -> bool {
        let changed = self.map.get(key).map(|slot| slot.changed);
        let changed = changed.or(self.history.gone.get(key).map(|gone| gone.at));
        changed.unwrap_or(self.history.since) <= since
    }
}

impl<V> Default for Entities<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Clone for Entities<V> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone(), touched: self.touched.clone(), history: self.history.clone() }
    }
}

impl<V> Clone for Slot<V> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), changed: self.changed, born: self.born }
    }
}

impl<V: PartialEq> PartialEq for Entities<V> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl<V: fmt::Debug> fmt::Debug for Entities<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Arc<str>>, V> FromIterator<(K, V)> for Entities<V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entities: I) -> Self {
        let mut all = Self::new();
        all.extend(entities);
        all
    }
}

impl<K: Into<Arc<str>>, V> Extend<(K, V)> for Entities<V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entities: I) {
        for (key, value) in entities {
            self.upsert(key, value);
        }
    }
}

impl<V: Serialize> Serialize for Entities<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entities<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsMap<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for AsMap<V> {
            type Value = Entities<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of keys and entities")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entities<V>, A::Error> {
                let mut all = Entities::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    all.upsert(key, value);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(AsMap(PhantomData))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::history::COLLECTION_LOG;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn at(revision: u64) -> Revision {
        Revision::from_u64(revision)
    }

    /// What somebody holds who was at `since` and is told of the changes.
    fn followed(held: &BTreeMap<String, u8>, all: &Entities<u8>, since: Revision) -> Option<BTreeMap<String, u8>> {
        let mut held = held.clone();
        for (key, change) in all.changes_since(since)? {
            match change {
                EntityChange::Upserted(value) => drop(held.insert(key.to_owned(), *value)),
                EntityChange::Removed { was_there } => {
                    let removed = held.remove(key);
                    assert!(removed.is_some() || !was_there, "{key} was not there");
                }
            }
        }
        Some(held)
    }

    fn plain(all: &Entities<u8>) -> BTreeMap<String, u8> {
        all.iter().map(|(key, value)| (key.to_owned(), *value)).collect()
    }

    #[derive(Clone, Debug)]
    enum Op {
        Upsert(u8, u8),
        Update(u8),
        Remove(u8),
        Clear,
        Restore(usize),
    }

    fn op() -> impl Strategy<Value = Op> {
        let key = || 0..6_u8;
        prop_oneof![
            6 => (key(), any::<u8>()).prop_map(|(key, value)| Op::Upsert(key, value)),
            4 => key().prop_map(Op::Update),
            6 => key().prop_map(Op::Remove),
            1 => Just(Op::Clear),
            1 => any::<usize>().prop_map(Op::Restore),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// Whatever is written in whatever steps, also an earlier state that somebody has kept: from every revision for
        /// which there are changes, they lead to what is there.
        #[test]
        fn i1_the_changes_since_any_revision_lead_to_the_state(
            writes in prop::collection::vec(prop::collection::vec(op(), 1..5), 1..14),
        ) {
            let mut all: Entities<u8> = (0..40).map(|n| (format!("k{n}"), 0)).collect();
            all.seal(None, at(1));
            let mut states = vec![(at(1), all)];
            for (n, write) in writes.into_iter().enumerate() {
                let before = states.last().unwrap().1.clone();
                let mut next = before.clone();
                for op in write {
                    match op {
                        Op::Upsert(key, value) => next.upsert(format!("k{key}"), value),
                        Op::Update(key) => drop(next.update(&format!("k{key}"), |value| *value = value.wrapping_add(1))),
                        Op::Remove(key) => drop(next.remove(&format!("k{key}"))),
                        Op::Clear => next.clear(),
                        Op::Restore(which) => next = states[which % states.len()].1.clone(),
                    }
                }
                let revision = at(n as u64 * 2 + 3);
                next.seal(Some(&before), revision);
                for (since, state) in &states {
                    if let Some(followed) = followed(&plain(state), &next, *since) {
                        prop_assert_eq!(followed, plain(&next), "since {}", since);
                    }
                    for key in (0..6).map(|n| format!("k{n}")) {
                        let same = state.get(&key) == next.get(&key);
                        prop_assert!(same || !next.is_unchanged(&key, *since), "{} since {}", key, since);
                    }
                }
                states.push((revision, next));
            }
        }
    }

    #[test]
    fn a_change_is_told_alone_and_the_last_of_a_key_counts() {
        let mut all: Entities<u8> = (0..100).map(|n| (format!("{n:03}"), 0)).collect();
        all.seal(None, at(1));
        for revision in 2..10 {
            let before = all.clone();
            all.update("007", |value| *value += 1);
            all.seal(Some(&before), at(revision));
        }
        assert_eq!(all.changes_since(at(5)).unwrap(), [("007", EntityChange::Upserted(&8))]);
        assert_eq!(all.changes_since(at(9)).unwrap(), []);
        assert!(all.is_unchanged("008", at(1)) && !all.is_unchanged("007", at(8)));
        assert_eq!(all.history.log.size(), 1);
    }

    #[test]
    fn i14_the_log_is_bounded_and_who_was_away_for_longer_gets_the_whole() {
        let mut all: Entities<u8> = (0..2 * COLLECTION_LOG).map(|n| (n.to_string(), 0)).collect();
        all.seal(None, at(1));
        for n in 0..=COLLECTION_LOG {
            let before = all.clone();
            if n % 2 == 0 {
                drop(all.remove(&n.to_string()))
            } else {
                all.upsert(n.to_string(), 1)
            }
            all.seal(Some(&before), at(n as u64 + 2));
        }
        assert_eq!(all.history.log.size(), COLLECTION_LOG);
        assert!(all.history.gone.size() <= COLLECTION_LOG / 2 + 1);
        assert!(all.changes_since(at(1)).is_none());
        assert!(all.changes_since(at(3000)).is_some());
    }

    #[test]
    fn a_state_from_elsewhere_is_new_as_a_whole() {
        let mut all: Entities<u8> = [("a", 1)].into_iter().collect();
        all.seal(None, at(1));
        let mut other: Entities<u8> = [("b", 1)].into_iter().collect();
        other.seal(Some(&all), at(2));
        assert!(other.changes_since(at(1)).is_none());
        assert!(!other.is_unchanged("a", at(1)));
        assert!(other.is_unchanged("a", at(2)));
    }

    #[test]
    fn it_is_an_object_as_json() {
        let all: Entities<u8> = [("b", 2), ("a", 1), ("__proto__", 3)].into_iter().collect();
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(json, r#"{"__proto__":3,"a":1,"b":2}"#);
        assert_eq!(serde_json::from_str::<Entities<u8>>(&json).unwrap(), all);
        assert!(serde_json::from_str::<Entities<u8>>("[1]").is_err());
    }
}
