//! What went wrong where nobody was there to be told.

use lockstep_core::{NotSaved, PersistIssue, TopicName};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A failure that no call returns: it happened in the background, or in code of the app's that only says yes or no.
/// [`Builder::on_error`](crate::Builder::on_error) hears of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackgroundError {
    /// A change could not be announced to all windows. It is announced again.
    #[error("topic {topic:?} could not be announced, and will be again: {reason}")]
    NotAnnounced {
        /// The topic.
        topic: TopicName,
        /// What Tauri says.
        reason: String,
    },
    /// A Rust listener of an event of ours panicked. The windows were told, of this change, and are of all later ones. But
    /// Tauri held its own lock for Rust listeners, which stays poisoned: for the rest of the run no Rust listener of the
    /// app hears any event, `listen` and `unlisten` do nothing, and Tauri keeps every event for them. So a listener must
    /// not panic.
    #[error("a Rust listener of event {event:?} panicked")]
    ListenerPanicked {
        /// The event.
        event: String,
    },
    /// A topic's `self_destruct` panicked: the topic stays, and is asked again.
    #[error("the self-destruction of topic {topic:?} panicked: {panic}")]
    SelfDestructPanicked {
        /// The topic.
        topic: TopicName,
        /// With what.
        panic: String,
    },
    /// A topic's `allow` panicked: the window was not allowed.
    #[error("the rule about who may use topic {topic:?} panicked on window {window:?}: {panic}")]
    AllowPanicked {
        /// The topic.
        topic: TopicName,
        /// The window's label.
        window: String,
        /// With what.
        panic: String,
    },
    /// `authorize` panicked or took too long: the window was refused, and is asked about again with its next call.
    #[error("authorising window {window:?} failed: {reason}")]
    NotAuthorized {
        /// The window's label.
        window: String,
        /// What happened.
        reason: String,
    },
    /// Something is wrong with what is saved.
    #[error(transparent)]
    Persist(#[from] PersistIssue),
    /// The app ended before everything was on disk.
    #[error("the app ends, and {0}")]
    NotSavedAtExit(NotSaved),
    /// A window asked for a topic whose value cannot be turned into JSON. The next write may heal it.
    #[error("a window asked for topic {topic:?}: {reason}")]
    NotEncoded {
        /// The topic.
        topic: TopicName,
        /// What happened.
        reason: String,
    },
}

/// Where background errors go: into the log, and to the app.
#[derive(Clone, Default)]
pub(crate) struct Reporter(Option<Handler>);

type Handler = Arc<dyn Fn(&BackgroundError) + Send + Sync>;

impl Reporter {
    pub(crate) fn new(handler: impl Fn(&BackgroundError) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(handler)))
    }

    pub(crate) fn report(&self, error: &BackgroundError) {
        tracing::error!(%error);
        if let Some(handler) = &self.0
            && catch_unwind(AssertUnwindSafe(|| handler(error))).is_err()
        {
            tracing::error!("the app's own on_error panicked");
        }
    }
}
