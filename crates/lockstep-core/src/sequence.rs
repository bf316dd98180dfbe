//! At most once, in order: what the backend remembers of a session's writes to one topic.

use crate::{error::WriteError, revision::Revision, session::SessionKey, topic::TopicName};
use std::collections::HashMap;

/// What became of a write.
pub(crate) type Outcome = Result<Revision, WriteError>;

/// The last write of each session to one topic.
///
/// - **I11 at most once, in order**: the caller holds the topic's lock from [`Sequences::admit`] to
///   [`Sequences::record`], so a repeated write meets the outcome of the first, even when both arrive at once.
/// - **I14 bounded**: one number and one outcome for each session, and the sessions are bounded.
#[derive(Default)]
pub(crate) struct Sequences {
    last: HashMap<SessionKey, (u64, Outcome)>,
}

/// Whether a write is to be applied.
pub(crate) enum Admission {
    /// It is new: apply it, and record what became of it.
    New,
    /// It was taken before, with this outcome.
    Repeated(Outcome),
}

impl Sequences {
    pub(crate) fn admit(&self, topic: &TopicName, session: &SessionKey, seq: u64) -> Result<Admission, WriteError> {
        match self.last.get(session) {
            Some((last, outcome)) if seq == *last => Ok(Admission::Repeated(outcome.clone())),
            Some((last, _)) if seq < *last => Err(WriteError::OutOfOrder { topic: topic.clone(), seq, last: *last }),
            _ => Ok(Admission::New),
        }
    }

    pub(crate) fn record(&mut self, session: SessionKey, seq: u64, outcome: Outcome) {
        self.last.insert(session, (seq, outcome));
    }

    pub(crate) fn forget(&mut self, session: &SessionKey) {
        self.last.remove(session);
    }

    pub(crate) fn len(&self) -> usize {
        self.last.len()
    }
}
