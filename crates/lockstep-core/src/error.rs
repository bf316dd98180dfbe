//! What can go wrong, one set for each operation.

use crate::{context::Reject, revision::Revision, session_key::SessionKey, topic::TopicName};
use std::any::Any;

/// The longest text of an app's own error or panic that is kept, in bytes: a remembered outcome must not grow with
/// the payload that caused it (**I14**).
const MAX_DETAIL: usize = 1024;

pub(crate) fn cut(mut text: String) -> String {
    if text.len() > MAX_DETAIL {
        let end = (0..=MAX_DETAIL).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    cut(text.unwrap_or_else(|| "no message".to_owned()))
}

/// Why a topic could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// There is no topic of this name.
    #[error(
        "there is no topic {0:?}: it was removed, or never created (add it to the plugin's builder with `.topic(…)`)"
    )]
    UnknownTopic(TopicName),
    /// The topic was created with another Rust type.
    #[error("topic {0:?} holds another type: declare the topic once, as a constant, and use that everywhere")]
    WrongType(TopicName),
    /// The topic is the engine's own: it is read like every other, and nobody else creates, writes or removes it.
    #[error(
        "topic {0:?} is reserved: pages join and leave the role, and the backend gives it; read it, or choose another name"
    )]
    Reserved(TopicName),
    /// The store was called from inside a write to it, where waiting for a lock could wait forever.
    #[error(
        "the store was called from inside a write (a closure, `Deserialize` or reducer): read what you need before, and write the rest after"
    )]
    InsideWrite,
}

/// Why a page could not begin to read a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The topic could not be reached.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The page has ended: it was seen to go, or another has taken its place.
    #[error("session {0:?} has ended: a page that lives begins a new one")]
    SessionEnded(SessionKey),
}

/// Why a page could not become a candidate for the role of the primary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The page could not begin to read who holds the role.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The role could not be changed.
    #[error(transparent)]
    Update(#[from] UpdateError),
}

/// Why a topic could not be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// The name is taken.
    #[error("topic {0:?} exists already: each topic has one owner")]
    AlreadyExists(TopicName),
    /// The name is that of a topic of the engine's own.
    #[error("topic {0:?} is reserved: choose another name")]
    Reserved(TopicName),
    /// The family that the name belongs to, or the topic that has it, is of another Rust type.
    #[error("topic {0:?} has another Rust type there: use the constant that it was declared with")]
    WrongType(TopicName),
    /// A window wants a topic of no family.
    #[error("no family covers topic {0:?}: declare one, so that windows can create its topics")]
    NoFamily(TopicName),
    /// The value that a window gives to the topic does not fit, or is refused; or the app's code that makes the first
    /// value panicked.
    #[error("topic {topic:?}: {source}")]
    Change {
        /// The topic.
        topic: TopicName,
        /// What happened.
        source: ChangeError,
    },
    /// No revision is left.
    #[error("topic {0:?}: {exhausted}", exhausted = crate::revision::Exhausted)]
    Exhausted(TopicName),
    /// The store was called from inside a write.
    #[error("a topic cannot be created from inside a write")]
    InsideWrite,
}

/// Why a change could not be made of a topic's state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The result does not fit the topic's Rust type, or the change does not fit the present value.
    #[error("the value does not fit at `{path}`: {reason}")]
    InvalidData {
        /// The field that does not fit, such as `window.width`; `.` is the value itself. For a JSON Patch that could
        /// not be applied, a JSON Pointer.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The topic has no reducer.
    #[error("it takes no actions: declare them with `TopicOptions::action`")]
    NoActions,
    /// The topic's reducer or a hook refused.
    #[error("rejected: {0}")]
    Rejected(#[from] Reject),
    /// The app's own code for the topic's type, its reducer or a hook panicked.
    #[error("the app's own code panicked: {0}")]
    Panicked(String),
}

impl ChangeError {
    pub(crate) fn invalid(path: impl Into<String>, reason: impl ToString) -> Self {
        Self::InvalidData { path: cut(path.into()), reason: cut(reason.to_string()) }
    }
}

/// Why a write by the app's own Rust code did not happen. Nothing was changed, announced or bumped (**I10**); the sole
/// exception is [`UpdateError::NotSaved`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    /// The topic could not be reached.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The topic has an asynchronous hook, which has to be asked first.
    #[error("topic {0:?} has an asynchronous hook: write it with `update_async`")]
    NotAsked(TopicName),
    /// The topic's writes wait for the disk, which a synchronous write must not.
    #[error("writes to topic {0:?} wait for the disk: write it with `update_async`")]
    NotSynchronous(TopicName),
    /// The write was applied, and can be read; but it could not be saved yet, which is tried again.
    #[error("topic {topic:?} is at revision {revision}, which could not be saved: {reason}")]
    NotSaved {
        /// The topic.
        topic: TopicName,
        /// The revision that the write made.
        revision: Revision,
        /// Why it is not on disk.
        reason: String,
    },
    /// The topic's own rules did not let the change be made.
    #[error("topic {topic:?}: {source}")]
    Change {
        /// The topic.
        topic: TopicName,
        /// What happened.
        source: ChangeError,
    },
    /// No revision is left.
    #[error("topic {0:?}: {exhausted}", exhausted = crate::revision::Exhausted)]
    Exhausted(TopicName),
}

/// Why a write that may refuse itself did not happen (**I10**).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryUpdateError<E> {
    /// The store refused.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// The closure refused, with this.
    #[error("the closure refused the write: {0}")]
    Refused(E),
}

/// Why a compare-and-set did not happen (**I10**).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompareAndSetError {
    /// The store refused.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// Somebody else wrote in between.
    #[error("topic {topic:?} is at revision {current}, not {expected}: read it again, and decide again")]
    Conflict {
        /// The topic.
        topic: TopicName,
        /// The revision that the writer expected.
        expected: Revision,
        /// The revision that the topic is at.
        current: Revision,
    },
}

/// Why a transaction did not happen (**I10**).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError<E> {
    /// The closure refused, with this; a `?` on the transaction's own calls ends here, too.
    #[error("the transaction was given up: {0}")]
    Refused(E),
    /// It was begun from inside a write.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No revision is left.
    #[error("{exhausted}", exhausted = crate::revision::Exhausted)]
    Exhausted,
}

/// Why a state could not be turned into JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The app's `Serialize` returned an error.
    #[error("its value cannot be turned into JSON: {0}")]
    Unserializable(String),
    /// The app's `Serialize` panicked.
    #[error("turning its value into JSON panicked: {0}")]
    Panicked(String),
}

/// Why a pull was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PullError {
    /// The topic could not be reached.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The state could not be turned into JSON.
    #[error("topic {topic:?}: {source}")]
    Encode {
        /// The topic.
        topic: TopicName,
        /// What happened.
        source: EncodeError,
    },
}

/// Why a window's write did not happen. Nothing was changed, announced or bumped (**I10**); the sole exception is
/// [`WriteError::NotSaved`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The topic could not be reached.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The change could not be made.
    #[error("topic {topic:?}: {source}")]
    Change {
        /// The topic.
        topic: TopicName,
        /// What happened.
        source: ChangeError,
    },
    /// The topic is not at the revision that the writer expected.
    #[error("topic {topic:?} is at revision {current}, not {expected}: read it again, and decide again")]
    Conflict {
        /// The topic.
        topic: TopicName,
        /// The revision that the writer expected.
        expected: Revision,
        /// The revision that the topic is at.
        current: Revision,
    },
    /// The topic has an asynchronous hook, and this write came before it could be asked.
    #[error("topic {0:?} has an asynchronous hook, which was not asked: write it again")]
    NotAsked(TopicName),
    /// The write was applied, and can be read; but it could not be saved yet, which is tried again. The sole variant that
    /// says so: the topic is one whose writes wait for the disk.
    #[error("topic {topic:?} is at revision {revision}, which could not be saved: {reason}")]
    NotSaved {
        /// The topic.
        topic: TopicName,
        /// The revision that the write made.
        revision: Revision,
        /// Why it is not on disk.
        reason: String,
    },
    /// A write that is older than one already taken from this session.
    #[error("write {seq} to topic {topic:?} came after write {last} of the same session: it was not applied")]
    OutOfOrder {
        /// The topic.
        topic: TopicName,
        /// The write's number.
        seq: u64,
        /// The highest number taken so far.
        last: u64,
    },
    /// No revision is left.
    #[error("topic {0:?}: {exhausted}", exhausted = crate::revision::Exhausted)]
    Exhausted(TopicName),
}
