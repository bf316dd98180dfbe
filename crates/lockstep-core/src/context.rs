//! What a topic's hooks are told of a write, and how they refuse it.

use crate::{clock::Clock, error::cut, revision::Revision, session::SessionKey};

/// A write, as the topic's reducer and hooks see it.
pub struct WriteContext<'a> {
    pub(crate) client: Option<(&'a SessionKey, u64)>,
    pub(crate) revision: Revision,
    pub(crate) clock: &'a dyn Clock,
}

impl WriteContext<'_> {
    /// The label of the window that writes; `None` when the app's own Rust code does.
    pub fn window(&self) -> Option<&str> {
        self.client.map(|(session, _)| &**session.label())
    }

    /// The page that writes; `None` when the app's own Rust code does.
    pub fn session(&self) -> Option<&SessionKey> {
        self.client.map(|(session, _)| session)
    }

    /// The write's number among those of its session to this topic; a batch has one number. `None` when the app's own
    /// Rust code writes.
    pub fn seq(&self) -> Option<u64> {
        self.client.map(|(_, seq)| seq)
    }

    /// The topic's revision before the write.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Wall-clock time, in ms since 1970.
    pub fn unix_ms(&self) -> u64 {
        self.clock.unix_ms()
    }
}

/// Why a reducer or hook refuses a write: both texts reach the window that wrote.
///
/// ```
/// use lockstep_core::Reject;
///
/// let reject = Reject::new("full", "the list holds at most 100 items");
/// assert_eq!(reject.code(), "full");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({code})")]
pub struct Reject {
    code: String,
    reason: String,
}

impl Reject {
    /// A refusal with a code for programs and a reason for people, each of the app's choosing. Each is cut to 1 KiB.
    pub fn new(code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { code: cut(code.into()), reason: cut(reason.into()) }
    }

    /// What a program decides by.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What a person reads.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}
