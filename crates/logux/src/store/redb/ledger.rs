//! The ledger's tables.

use super::{RedbStore, decode, encode, failed};
use crate::{
    action::Entry,
    id::ActionId,
    store::{Ledger, Outcome, Progress, StoreError},
};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use std::sync::Arc;

/// By id: the number of the receipt (negative), or of the end.
const LEDGER: TableDefinition<&str, i64> = TableDefinition::new("logux-ledger");
/// By the number of the receipt: whether it has begun, and the entry.
const UNFINISHED: TableDefinition<u64, (bool, &[u8])> = TableDefinition::new("logux-unfinished");
/// By the number of the end: the id and the outcome.
const FINISHED: TableDefinition<u64, (&str, &[u8])> = TableDefinition::new("logux-finished");
const LAST: TableDefinition<(), u64> = TableDefinition::new("logux-ledger-last");

const NOTE: &str = "note what was received";

pub fn create(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(LEDGER).map_err(failed(NOTE))?;
    transaction.open_table(UNFINISHED).map_err(failed(NOTE))?;
    transaction.open_table(FINISHED).map_err(failed(NOTE))?;
    transaction.open_table(LAST).map_err(failed(NOTE))?;
    Ok(())
}

pub fn clean(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.delete_table(LEDGER).map_err(failed(NOTE))?;
    transaction.delete_table(UNFINISHED).map_err(failed(NOTE))?;
    transaction.delete_table(FINISHED).map_err(failed(NOTE))?;
    create(transaction)
}

fn next_number(transaction: &WriteTransaction) -> Result<u64, StoreError> {
    let mut table = transaction.open_table(LAST).map_err(failed(NOTE))?;
    let next = table.get(()).map_err(failed(NOTE))?.map_or(0, |last| last.value()) + 1;
    table.insert((), next).map_err(failed(NOTE))?;
    Ok(next)
}

enum Place {
    Unfinished(u64),
    Finished(u64),
}

fn place(transaction: &WriteTransaction, id: &str) -> Result<Option<Place>, StoreError> {
    let table = transaction.open_table(LEDGER).map_err(failed(NOTE))?;
    let number = table.get(id).map_err(failed(NOTE))?.map(|number| number.value());
    Ok(number.map(|number| match number {
        ..0 => Place::Unfinished(number.unsigned_abs()),
        0.. => Place::Finished(number.unsigned_abs()),
    }))
}

fn set_place(transaction: &WriteTransaction, id: &str, place: &Place) -> Result<(), StoreError> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let number = match *place {
        Place::Unfinished(number) => -signed(number),
        Place::Finished(number) => signed(number),
    };
    let mut table = transaction.open_table(LEDGER).map_err(failed(NOTE))?;
    table.insert(id, number).map_err(failed(NOTE))?;
    Ok(())
}

fn damaged(at: impl ToString, why: impl ToString) -> StoreError {
    StoreError::Damaged { at: at.to_string(), why: why.to_string() }
}

fn progress(begun: bool, entry: Entry) -> Progress {
    if begun { Progress::Begun(Arc::new(entry)) } else { Progress::Received(Arc::new(entry)) }
}

fn known(transaction: &WriteTransaction, place: &Place) -> Result<Progress, StoreError> {
    match *place {
        Place::Unfinished(number) => {
            let table = transaction.open_table(UNFINISHED).map_err(failed(NOTE))?;
            let found = table.get(number).map_err(failed(NOTE))?;
            let found = found.ok_or_else(|| damaged(number, "a receipt without its entry"))?;
            let (begun, bytes) = found.value();
            Ok(progress(begun, decode(number, bytes)?))
        }
        Place::Finished(number) => {
            let table = transaction.open_table(FINISHED).map_err(failed(NOTE))?;
            let found = table.get(number).map_err(failed(NOTE))?;
            let found = found.ok_or_else(|| damaged(number, "an end without its outcome"))?;
            let outcome = serde_json::from_slice(found.value().1).map_err(|error| damaged(number, error))?;
            Ok(Progress::Finished(outcome))
        }
    }
}

impl Ledger for RedbStore {
    fn receive(&self, entries: &[Arc<Entry>]) -> Result<Vec<Option<Progress>>, StoreError> {
        let entries = entries.to_vec();
        self.write(NOTE, move |transaction| {
            let mut all = Vec::with_capacity(entries.len());
            for entry in &entries {
                let id = entry.meta.id.to_string();
                if let Some(place) = place(transaction, &id)? {
                    all.push(Some(known(transaction, &place)?));
                    continue;
                }
                let number = next_number(transaction)?;
                let mut table = transaction.open_table(UNFINISHED).map_err(failed(NOTE))?;
                table.insert(number, (false, &*encode(entry)?)).map_err(failed(NOTE))?;
                set_place(transaction, &id, &Place::Unfinished(number))?;
                all.push(None);
            }
            Ok(all)
        })
    }

    fn begin(&self, id: &ActionId) -> Result<bool, StoreError> {
        let id = id.to_string();
        self.write(NOTE, move |transaction| {
            let Some(Place::Unfinished(number)) = place(transaction, &id)? else { return Ok(false) };
            let mut table = transaction.open_table(UNFINISHED).map_err(failed(NOTE))?;
            let found = table.get(number).map_err(failed(NOTE))?.map(|found| {
                let (begun, bytes) = found.value();
                (begun, bytes.to_vec())
            });
            let Some((false, bytes)) = found else { return Ok(false) };
            table.insert(number, (true, &*bytes)).map_err(failed(NOTE))?;
            Ok(true)
        })
    }

    fn finish(&self, ended: &[(ActionId, Outcome)], keep: usize) -> Result<(), StoreError> {
        let ended = ended.to_vec();
        self.write(NOTE, move |transaction| {
            let mut finished = transaction.open_table(FINISHED).map_err(failed(NOTE))?;
            for (id, outcome) in &ended {
                let id = id.to_string();
                match place(transaction, &id)? {
                    Some(Place::Finished(_)) => continue,
                    Some(Place::Unfinished(number)) => {
                        transaction
                            .open_table(UNFINISHED)
                            .map_err(failed(NOTE))?
                            .remove(number)
                            .map_err(failed(NOTE))?;
                    }
                    None => {}
                }
                let number = next_number(transaction)?;
                let outcome = serde_json::to_vec(outcome).map_err(|error| StoreError::failed(NOTE, error))?;
                finished.insert(number, (&*id, &*outcome)).map_err(failed(NOTE))?;
                set_place(transaction, &id, &Place::Finished(number))?;
            }
            let keep = u64::try_from(keep).unwrap_or(u64::MAX);
            while finished.len().map_err(failed(NOTE))? > keep {
                let oldest = finished.pop_first().map_err(failed(NOTE))?;
                let Some(oldest) = oldest.map(|(_, value)| value.value().0.to_owned()) else { break };
                transaction.open_table(LEDGER).map_err(failed(NOTE))?.remove(&*oldest).map_err(failed(NOTE))?;
            }
            Ok(())
        })
    }

    fn unfinished(&self) -> Result<Vec<Progress>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed(NOTE))?;
        let table = transaction.open_table(UNFINISHED).map_err(failed(NOTE))?;
        let mut all = Vec::new();
        for next in table.iter().map_err(failed(NOTE))? {
            let (number, found) = next.map_err(failed(NOTE))?;
            let (begun, bytes) = found.value();
            all.push(progress(begun, decode(number.value(), bytes)?));
        }
        Ok(all)
    }
}
