//! Where a log keeps its actions.

#[cfg(any(test, feature = "test"))]
pub(crate) mod contract;
mod ledger;
mod memory;
#[cfg(feature = "redb")]
mod redb;

#[cfg(feature = "redb")]
pub use self::redb::RedbStore;
pub use ledger::{Ledger, Outcome, Progress};
pub use memory::MemoryStore;

use crate::{
    action::{Created, Entry, Fields, Meta},
    id::ActionId,
};
use serde_json::{Map, Value};
use std::{error::Error as StdError, sync::Arc};
use thiserror::Error;

/// Where a log keeps its actions, and a node its cursors.
///
/// - Each method is one step: it happens wholly or not at all, also when the process dies in it.
/// - What a method has returned is kept: a durable store returns after it is on disk.
/// - Numbers of entries ([`Meta::added`]) go up by one from 1, and are never used twice, not even after the entry is
///   gone or the process has died.
/// - Cursors never go back, except by [`reset_cursors`](Self::reset_cursors).
///
/// A store of one's own is checked by `testing::check_store`.
pub trait Store: Send + Sync + 'static {
    /// Adds the entries in one step, and gives each its number. `None` for an entry whose id is known: it is left
    /// alone.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was added.
    fn add(&self, entries: Vec<Entry>) -> Result<Vec<Option<Arc<Entry>>>, StoreError>;

    /// The entry with the id.
    ///
    /// # Errors
    /// [`StoreError`].
    fn by_id(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError>;

    /// Entries in an order. With an index it takes no longer for what is not in the index.
    ///
    /// # Errors
    /// [`StoreError`].
    fn page(&self, query: &Query) -> Result<Vec<Arc<Entry>>, StoreError>;

    /// Changes an entry's meta. False where there is no such entry.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was changed.
    fn change_meta(&self, id: &ActionId, change: &MetaChange) -> Result<bool, StoreError>;

    /// Removes an entry, and returns it.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was removed.
    fn remove(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError>;

    /// Takes a reason from the entries that meet the criteria, and removes and returns those without any left.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was changed.
    fn remove_reason(&self, reason: &str, criteria: &Criteria) -> Result<Vec<Arc<Entry>>, StoreError>;

    /// The number of the newest entry that there ever was; 0 if none.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last_added(&self) -> Result<u64, StoreError>;

    /// How far the log is synchronised with the peer.
    ///
    /// # Errors
    /// [`StoreError`].
    fn cursors(&self) -> Result<Cursors, StoreError>;

    /// Raises the cursors. A smaller value is ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    fn raise_cursors(&self, sent: u64, received: u64) -> Result<(), StoreError>;

    /// Sets both cursors to 0, and remembers whom they are about.
    ///
    /// # Errors
    /// [`StoreError`].
    fn reset_cursors(&self, peer: &str) -> Result<(), StoreError>;

    /// Ids with times up to this one, in milliseconds, may be given out from now on. A smaller value is ignored.
    ///
    /// # Errors
    /// [`StoreError`].
    fn reserve_ids(&self, until: i64) -> Result<(), StoreError>;

    /// The greatest time that was ever reserved. A new process gives out ids from beyond it.
    ///
    /// # Errors
    /// [`StoreError`].
    fn reserved_ids(&self) -> Result<i64, StoreError>;

    /// Removes everything, but for the numbers that must not be used again.
    ///
    /// # Errors
    /// [`StoreError`].
    fn clean(&self) -> Result<(), StoreError>;

    /// Whether the methods wait for a disk, and must not be called where other tasks wait. False by default.
    fn is_blocking(&self) -> bool {
        false
    }
}

/// In which order to read entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By [`Meta::added`]: in which they came into this log.
    #[default]
    Added,
    /// By [`Meta::created`]: in which they were made, the same in every log.
    Created,
}

/// A place in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// In [`Order::Added`].
    Added(u64),
    /// In [`Order::Created`].
    Created(Created),
}

/// Which entries to read.
#[derive(Clone, Debug)]
pub struct Query {
    /// In which order.
    pub order: Order,
    /// Only those with this index ([`Fields::indexes`]).
    pub index: Option<String>,
    /// From the newest to the oldest.
    pub newest_first: bool,
    /// Only those after this place, in the direction of reading. Must be of the same order.
    pub after: Option<Position>,
    /// How many at most.
    pub limit: usize,
}

impl Query {
    /// The place of an entry in the order.
    pub fn position(&self, meta: &Meta) -> Position {
        match self.order {
            Order::Added => Position::Added(meta.added),
            Order::Created => Position::Created(meta.created()),
        }
    }
}

/// Which entries lose a reason. All conditions must hold; none: all entries with the reason.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Criteria {
    /// Only this entry.
    pub id: Option<ActionId>,
    /// Only entries created before.
    pub older_than: Option<Created>,
    /// Only entries created after.
    pub younger_than: Option<Created>,
    /// Only entries with this number or a greater one.
    pub min_added: Option<u64>,
    /// Only entries with this number or a smaller one.
    pub max_added: Option<u64>,
}

impl Criteria {
    /// One entry.
    pub fn id(id: ActionId) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// What was created before.
    pub fn older_than(created: Created) -> Self {
        Self { older_than: Some(created), ..Self::default() }
    }

    /// Whether an entry meets all of them.
    pub fn meets(&self, meta: &Meta) -> bool {
        self.id.as_ref().is_none_or(|id| *id == meta.id)
            && self.older_than.as_ref().is_none_or(|other| meta.created() < *other)
            && self.younger_than.as_ref().is_none_or(|other| meta.created() > *other)
            && self.min_added.is_none_or(|least| meta.added >= least)
            && self.max_added.is_none_or(|most| meta.added <= most)
    }
}

/// A change of meta. What identifies and orders an entry cannot be changed.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MetaChange {
    /// New reasons. [`Log::change_meta`](crate::Log::change_meta) removes an entry that has none left.
    pub reasons: Option<Vec<String>>,
    /// A new status.
    pub status: Option<crate::Status>,
    /// Other keys, set or replaced.
    pub extra: Map<String, Value>,
}

impl MetaChange {
    /// New reasons.
    pub fn reasons(reasons: &[&str]) -> Self {
        Self { reasons: Some(reasons.iter().map(|&reason| reason.to_owned()).collect()), ..Self::default() }
    }

    /// A new status.
    pub fn status(status: crate::Status) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Makes the change.
    pub fn apply(&self, fields: &mut Fields) {
        if let Some(reasons) = &self.reasons {
            fields.reasons.clone_from(reasons);
        }
        if self.status.is_some() {
            fields.status = self.status;
        }
        fields.extra.extend(self.extra.clone());
    }
}

/// How far a log is synchronised with its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    /// The greatest number of ours that the peer has acknowledged.
    pub sent: u64,
    /// The greatest number of the peer's that we have stored.
    pub received: u64,
    /// The peer's node id, once known. Another peer knows nothing of the numbers.
    pub peer: Option<String>,
}

/// A store that could not do what it was asked for. Nothing has changed, unless it says so.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The disk or the database failed. Try again, or stop.
    #[error("the store could not {doing}: {source}")]
    Failed {
        /// What it was to do.
        doing: &'static str,
        /// Why it could not.
        source: Arc<dyn StdError + Send + Sync>,
    },
    /// What is stored cannot be read. It is left as it is.
    #[error("the store holds what is no entry, at {at}: {why}")]
    Damaged {
        /// Where.
        at: String,
        /// What is wrong with it.
        why: String,
    },
}

impl StoreError {
    /// A failure of whatever is below the store.
    pub fn failed(doing: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::Failed { doing, source: Arc::new(source) }
    }
}
