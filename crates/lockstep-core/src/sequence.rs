//! At most once, in order: what the backend remembers of a session's writes to one topic.

use crate::{error::WriteError, revision::Revision, session::SessionKey, topic::TopicName};
use std::{collections::HashMap, sync::Arc};

/// What became of each write of a batch.
pub(crate) type Outcomes = Arc<[Result<Revision, WriteError>]>;

/// The last batch of writes of each session to one topic.
///
/// - **I11 at most once, in order**: the caller holds the topic's lock from [`Sequences::admit`] to
///   [`Sequences::record`], so a repeated write meets the outcome of the first, even when both arrive at once.
/// - **I14 bounded**: one number and the outcomes of one batch for each session; batches and sessions are bounded.
#[derive(Default)]
pub(crate) struct Sequences {
    last: HashMap<SessionKey, (u64, Outcomes)>,
}

/// Whether a batch is to be applied.
pub(crate) enum Admission {
    /// It is new: apply it, and record what became of it.
    New,
    /// It was taken before, with these outcomes.
    Repeated(Outcomes),
}

impl Sequences {
    pub(crate) fn admit(&self, topic: &TopicName, session: &SessionKey, seq: u64) -> Result<Admission, WriteError> {
        match self.last.get(session) {
            Some((last, outcomes)) if seq == *last => Ok(Admission::Repeated(Arc::clone(outcomes))),
            Some((last, _)) if seq < *last => Err(WriteError::OutOfOrder { topic: topic.clone(), seq, last: *last }),
            _ => Ok(Admission::New),
        }
    }

    pub(crate) fn record(&mut self, session: SessionKey, seq: u64, outcomes: Outcomes) {
        self.last.insert(session, (seq, outcomes));
    }

    pub(crate) fn forget(&mut self, session: &SessionKey) {
        self.last.remove(session);
    }

    pub(crate) fn len(&self) -> usize {
        self.last.len()
    }
}
