//! What the capabilities grant a window.

use crate::error::CommandError;
use lockstep_core::{SessionKey, TopicName, TopicPattern, TopicScope};
use parking_lot::Mutex;
use serde::{Deserialize, Deserializer};
use std::{collections::HashMap, fmt, sync::Arc};
use tauri::{Runtime, Webview, async_runtime, ipc::CommandScope};

/// What a window wants to do with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    Create,
    Remove,
    Join,
}

impl Access {
    /// The permission that grants it.
    pub(crate) fn permission(self) -> &'static str {
        match self {
            Self::Read => "lockstep:default",
            Self::Write => "lockstep:write",
            Self::Create | Self::Remove => "lockstep:admin",
            Self::Join => "lockstep:role",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Join => "join",
        })
    }
}

/// One entry of a permission's scope: `{ "topic": "settings" }`.
///
/// A pattern that is not valid is kept as such: Tauri would otherwise reject every call with an error that names
/// neither the window nor the topic.
#[derive(Debug)]
pub(crate) struct TopicEntry(Option<TopicPattern>);

impl<'de> Deserialize<'de> for TopicEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            topic: String,
        }
        let text = Entry::deserialize(deserializer)?.topic;
        let pattern = text.parse().inspect_err(|error| tracing::error!(%error, "in the scope of a capability"));
        Ok(Self(pattern.ok()))
    }
}

/// The scope of a command for the window that calls it.
///
/// **I13**: Tauri's own `CommandScope::matches` takes an empty `allow` for "everything"; here it is nothing. A pattern
/// that is not valid grants nothing, and as a denial denies everything.
pub(crate) fn topic_scope(scope: &CommandScope<TopicEntry>) -> TopicScope {
    let denied = |entry: &Arc<TopicEntry>| entry.0.clone().unwrap_or(TopicPattern::Prefix(String::new()));
    TopicScope {
        allow: scope.allows().iter().filter_map(|entry| entry.0.clone()).collect(),
        deny: scope.denies().iter().map(denied).collect(),
    }
}

/// Lets a call pass if the scope grants the topic. It comes before the question whether the topic exists (**I13**).
pub(crate) fn authorise(
    window: &str,
    topic: &TopicName,
    access: Access,
    scope: &TopicScope,
) -> Result<(), CommandError> {
    if scope.grants(topic) { Ok(()) } else { Err(CommandError::denied(window, topic, access)) }
}

/// The topics that the webview's page may pull. Waits for the main thread.
pub(crate) fn read_scope<R: Runtime>(webview: &Webview<R>) -> TopicScope {
    let resolved = webview.resolve_command_scope::<TopicEntry>("lockstep", "get_snapshot").ok().flatten();
    resolved.map(|resolved| topic_scope(resolved.command_scope())).unwrap_or_default()
}

/// What each window's newest session may read, for commands that are not themselves about reading: asking Tauri
/// costs a trip to the main thread, so a session that was granted a topic does not ask again.
#[derive(Default)]
pub(crate) struct ReadScopes(Mutex<HashMap<Arc<str>, Known>>);

#[derive(Clone)]
struct Known {
    session: SessionKey,
    scope: Arc<TopicScope>,
}

impl ReadScopes {
    pub(crate) async fn may_read<R: Runtime>(
        &self,
        webview: &Webview<R>,
        session: &SessionKey,
        topic: &TopicName,
    ) -> bool {
        if self.is_known_to_read(session, topic) {
            return true;
        }
        let asked = webview.clone();
        // It waits for the main thread.
        let resolving = async_runtime::spawn_blocking(move || read_scope(&asked));
        let scope = resolving.await.unwrap_or_default();
        // A refusal is not kept: the app may add a capability while it runs.
        let granted = scope.grants(topic);
        if granted {
            let known = Known { session: session.clone(), scope: Arc::new(scope) };
            self.0.lock().insert(Arc::clone(session.label()), known);
        }
        granted
    }

    /// As [`ReadScopes::may_read`], without asking anybody.
    pub(crate) fn is_known_to_read(&self, session: &SessionKey, topic: &TopicName) -> bool {
        let known = self.0.lock().get(session.label()).filter(|known| known.session == *session).cloned();
        known.is_some_and(|known| known.scope.grants(topic))
    }

    pub(crate) fn forget(&self, label: &str) {
        self.0.lock().remove(label);
    }
}
