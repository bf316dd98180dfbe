//! What a topic's hooks are told of a write, and how they refuse it.

use crate::{client::Client, clock::Clock, error::cut, revision::Revision, session_key::SessionKey};

/// A write, as the topic's reducer and hooks see it.
pub struct WriteContext<'a> {
    pub(crate) writer: Option<Writer<'a>>,
    pub(crate) revision: Revision,
    pub(crate) clock: &'a dyn Clock,
}

/// The page that writes.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) session: &'a SessionKey,
    /// None for what has no number: the creation of a topic.
    pub(crate) seq: Option<u64>,
    pub(crate) client: Option<&'a Client>,
}

impl WriteContext<'_> {
    /// The label of the window that writes; `None` when the app's own Rust code does.
    pub fn window(&self) -> Option<&str> {
        self.writer.map(|writer| &**writer.session.label())
    }

    /// The page that writes; `None` when the app's own Rust code does.
    pub fn session(&self) -> Option<&SessionKey> {
        self.writer.map(|writer| writer.session)
    }

    /// What the app knows of that page; `None` when the app's own Rust code writes.
    pub fn client(&self) -> Option<&Client> {
        self.writer.and_then(|writer| writer.client)
    }

    /// The write's number among those of its session to this topic; a batch has one number. `None` when the app's own
    /// Rust code writes, and for the value that a window gives to a topic that it creates.
    pub fn seq(&self) -> Option<u64> {
        self.writer.and_then(|writer| writer.seq)
    }

    /// The topic's revision before the write; zero for the value that a window gives to a topic that it creates.
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
