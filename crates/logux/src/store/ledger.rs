//! What a server has received, so that it processes nothing twice.

use super::StoreError;
use crate::{action::Entry, id::ActionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How a processed action ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Outcome {
    /// `logux/processed`.
    Processed,
    /// `logux/undo` for this reason.
    Undone(String),
}

/// How far a received action has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Received, and nothing of it done: it may begin.
    Received(Arc<Entry>),
    /// Begun. Whoever finds this after a restart does not know how far it came, and must not begin again.
    Begun(Arc<Entry>),
    /// Done: only the answer may be repeated.
    Finished(Outcome),
}

/// What a server has received from clients, by the actions' ids: a received action is not lost, and not processed twice.
///
/// The promises of [`Store`](super::Store) hold: each method is one step, and what has returned is kept.
pub trait Ledger: Send + Sync + 'static {
    /// Notes the entries that are new, in one step. `None` for those; what is known of the others.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was noted.
    fn receive(&self, entries: &[Arc<Entry>]) -> Result<Vec<Option<Progress>>, StoreError>;

    /// Notes that the action begins. False where it has begun before, or was never received: it must not begin.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was noted.
    fn begin(&self, id: &ActionId) -> Result<bool, StoreError>;

    /// Notes in one step how actions ended, and forgets the oldest of the finished ids beyond `keep`. The first end of an
    /// action stays.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was noted.
    fn finish(&self, ended: &[(ActionId, Outcome)], keep: usize) -> Result<(), StoreError>;

    /// What is not finished, in the order of receipt.
    ///
    /// # Errors
    /// [`StoreError`].
    fn unfinished(&self) -> Result<Vec<Progress>, StoreError>;
}
