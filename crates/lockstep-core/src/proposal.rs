//! What a window asks for, a batch of writes, and what became of it.

use crate::{
    change::Change, client::Client, context::Reject, error::WriteError, revision::Revision, sequence::Outcomes,
    session_key::SessionKey, snapshot::AnyVersion,
};
use std::sync::Arc;

/// A batch of writes by a window, as the engine takes it.
#[derive(Clone, Debug)]
pub struct ClientWrite {
    /// Who writes.
    pub session: SessionKey,
    /// What the app knows of who writes, for the hooks.
    pub client: Option<Arc<Client>>,
    /// The batch's number among those of its session to its topic; it only goes up.
    pub seq: u64,
    /// An asynchronous hook was asked about each of the writes; without, a topic that has one takes no new batch.
    pub asked: bool,
    /// The writes, each applied or refused for itself, in this order.
    pub writes: Vec<Proposal>,
}

/// One write of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Apply only if the topic is at exactly this revision.
    pub expected: Option<Revision>,
    /// What to change; or why somebody who was asked before refuses it.
    pub change: Result<Change, Reject>,
}

/// What became of a window's batch, beside its outcomes.
pub(crate) struct Taken {
    pub(crate) outcomes: Result<Outcomes, WriteError>,
    /// The last revision that this very call made.
    pub(crate) made: Option<Revision>,
    /// The state before it, to be dropped when the change has been announced: that may be code of the app's.
    pub(crate) old: Option<Arc<dyn AnyVersion>>,
    /// A session whose place was needed.
    pub(crate) evicted: Option<SessionKey>,
}
