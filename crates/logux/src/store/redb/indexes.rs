//! Which entries have which index.

use super::{bounds, created_key, failed};
use crate::{
    action::Meta,
    store::{Order, Position, Query, StoreError},
};
use redb::{ReadTransaction, TableDefinition, WriteTransaction};
use std::ops::Bound;

/// By index and number.
const ADDED: TableDefinition<(&str, u64), ()> = TableDefinition::new("logux-indexes-added");
/// By index and order of creation: the number.
const CREATED: TableDefinition<(&str, &[u8]), u64> = TableDefinition::new("logux-indexes-created");

const DOING: &str = "use an index";

pub fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(ADDED).map_err(failed(DOING))?;
    transaction.open_table(CREATED).map_err(failed(DOING))?;
    Ok(())
}

pub fn clean(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.delete_table(ADDED).map_err(failed(DOING))?;
    transaction.delete_table(CREATED).map_err(failed(DOING))?;
    create(transaction)
}

pub fn insert(transaction: &WriteTransaction, meta: &Meta) -> Result<(), StoreError> {
    if meta.indexes.is_empty() {
        return Ok(());
    }
    let mut by_added = transaction.open_table(ADDED).map_err(failed(DOING))?;
    let mut by_created = transaction.open_table(CREATED).map_err(failed(DOING))?;
    let created = created_key(&meta.created());
    for index in &meta.indexes {
        by_added.insert((&**index, meta.added), ()).map_err(failed(DOING))?;
        by_created.insert((&**index, &*created), meta.added).map_err(failed(DOING))?;
    }
    Ok(())
}

pub fn remove(transaction: &WriteTransaction, meta: &Meta) -> Result<(), StoreError> {
    if meta.indexes.is_empty() {
        return Ok(());
    }
    let mut by_added = transaction.open_table(ADDED).map_err(failed(DOING))?;
    let mut by_created = transaction.open_table(CREATED).map_err(failed(DOING))?;
    let created = created_key(&meta.created());
    for index in &meta.indexes {
        by_added.remove((&**index, meta.added)).map_err(failed(DOING))?;
        by_created.remove((&**index, &*created)).map_err(failed(DOING))?;
    }
    Ok(())
}

/// The numbers of the entries that a query is about.
pub fn find(transaction: &ReadTransaction, index: &str, query: &Query) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    // What begins after the index, and before any other.
    let next = format!("{index}\0");
    match query.order {
        Order::Added => {
            let table = transaction.open_table(ADDED).map_err(failed(DOING))?;
            let after = match query.after {
                Some(Position::Added(added)) => Some((index, added)),
                _ => None,
            };
            let all = (Bound::Included((index, 0)), Bound::Excluded((&*next, 0)));
            let mut range = table.range(within(all, bounds(after, query.newest_first))).map_err(failed(DOING))?;
            while found.len() < query.limit {
                let next = if query.newest_first { range.next_back() } else { range.next() };
                let Some(next) = next else { break };
                found.push(next.map_err(failed(DOING))?.0.value().1);
            }
        }
        Order::Created => {
            let table = transaction.open_table(CREATED).map_err(failed(DOING))?;
            let after = match &query.after {
                Some(Position::Created(created)) => Some(created_key(created)),
                _ => None,
            };
            let after = after.as_deref().map(|key| (index, key));
            let all = (Bound::Included((index, &[][..])), Bound::Excluded((&*next, &[][..])));
            let mut range = table.range(within(all, bounds(after, query.newest_first))).map_err(failed(DOING))?;
            while found.len() < query.limit {
                let next = if query.newest_first { range.next_back() } else { range.next() };
                let Some(next) = next else { break };
                found.push(next.map_err(failed(DOING))?.1.value());
            }
        }
    }
    Ok(found)
}

fn within<K>(all: (Bound<K>, Bound<K>), bounds: (Bound<K>, Bound<K>)) -> (Bound<K>, Bound<K>) {
    let or = |bound, all| if matches!(bound, Bound::Unbounded) { all } else { bound };
    (or(bounds.0, all.0), or(bounds.1, all.1))
}
