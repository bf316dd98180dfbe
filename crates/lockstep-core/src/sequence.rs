//! At most once, in order: what the backend remembers of a session's writes to one topic.

use crate::{
    error::WriteError, revision::Revision, session::SESSION_GRACE, session_key::SessionKey, sync::Mutex,
    topic::TopicName,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

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

    pub(crate) fn forget(&mut self, which: impl Fn(&SessionKey) -> bool) {
        self.last.retain(|session, _| !which(session));
    }

    pub(crate) fn len(&self) -> usize {
        self.last.len()
    }
}

/// What sessions wrote to topics that were removed, for those of the same name that come after them: a write that is
/// repeated does not mean the next life (**I11**).
///
/// **I14 bounded**: for [`SESSION_GRACE`], and of no more than [`MOST_REMOVED`].
#[derive(Default)]
pub(crate) struct Removed {
    kept: Mutex<VecDeque<Kept>>,
}

/// How many removed topics' writes are remembered.
const MOST_REMOVED: usize = 1000;

struct Kept {
    topic: TopicName,
    until: Duration,
    sequences: Sequences,
}

impl Removed {
    pub(crate) fn keep(&self, topic: &TopicName, sequences: Sequences, now: Duration) {
        if sequences.len() == 0 {
            return;
        }
        let mut kept = self.kept.lock();
        kept.push_back(Kept { topic: topic.clone(), until: now + SESSION_GRACE, sequences });
        if kept.len() > MOST_REMOVED {
            kept.pop_front();
        }
    }

    pub(crate) fn take(&self, topic: &TopicName) -> Sequences {
        let mut kept = self.kept.lock();
        let at = kept.iter().position(|kept| kept.topic == *topic);
        at.and_then(|at| kept.remove(at)).map(|kept| kept.sequences).unwrap_or_default()
    }

    pub(crate) fn forget(&self, sessions: &[SessionKey]) {
        let mut kept = self.kept.lock();
        for kept in kept.iter_mut() {
            kept.sequences.forget(|session| sessions.contains(session));
        }
    }

    pub(crate) fn expire(&self, now: Duration) {
        self.kept.lock().retain(|kept| kept.until > now);
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.kept.lock().front().map(|kept| kept.until)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn wrote(session: &SessionKey) -> Sequences {
        let mut sequences = Sequences::default();
        sequences.record(session.clone(), 7, Arc::new([]));
        sequences
    }

    #[test]
    fn i11_i14_what_was_written_to_a_removed_topic_is_kept_for_the_grace_and_bounded() {
        let (removed, now) = (Removed::default(), Duration::from_secs(1));
        let session = SessionKey::new("main", "p".parse().unwrap());
        let name = |n: usize| TopicName::new(format!("t{n}")).unwrap();
        for n in 0..=MOST_REMOVED {
            removed.keep(&name(n), wrote(&session), now);
        }
        assert_eq!(removed.take(&name(0)).len(), 0, "one too many");
        assert_eq!((removed.take(&name(1)).len(), removed.take(&name(1)).len()), (1, 0), "it is handed over once");
        removed.forget(std::slice::from_ref(&session));
        assert_eq!(removed.take(&name(2)).len(), 0, "the session is forgotten");
        assert_eq!(removed.next_deadline(), Some(now + SESSION_GRACE));
        removed.expire(now + SESSION_GRACE);
        assert_eq!(removed.next_deadline(), None);
    }
}
