//! Errors as windows see them: `{ kind, message, … }`, with `kind` one of the closed set in `PROTOCOL.md`.

use crate::scopes::Access;
use lockstep_core::{
    AccessError, Answer, ChangeError, CreateError, EncodeError, JoinError, PullError, Reject, Revision, SubscribeError,
    TopicName, UpdateError, WriteError,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// Why a command was rejected, as a window gets it: `{ kind, message, … }`, by `PROTOCOL.md`. Every error of a write means
/// that nothing was changed, but for `notSaved`.
#[derive(Debug, Serialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
pub struct CommandError {
    #[serde(flatten)]
    kind: Box<Kind>,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Kind {
    Denied {
        topic: TopicText,
        window: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        permission: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    AlreadyExists {
        topic: TopicText,
    },
    UnknownTopic {
        topic: TopicText,
    },
    InvalidTopic {
        topic: TopicText,
    },
    InvalidRequest {
        field: String,
    },
    InvalidData {
        topic: TopicText,
        path: String,
    },
    Conflict {
        topic: TopicText,
        expected_revision: Revision,
        revision: Revision,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Box<RawValue>>,
    },
    Rejected {
        topic: TopicText,
        code: String,
        reason: String,
    },
    TooLarge {
        topic: TopicText,
        size: usize,
        limit: usize,
    },
    OutOfOrder {
        topic: TopicText,
        seq: u64,
        last_seq: u64,
    },
    Busy {
        topic: TopicText,
    },
    SessionEnded {
        window: String,
        session: String,
    },
    Panicked {
        topic: TopicText,
    },
    Unserializable {
        topic: TopicText,
    },
    Exhausted {
        topic: TopicText,
    },
    /// The sole error of a write that was applied.
    NotSaved {
        topic: TopicText,
        revision: Revision,
    },
}

/// A topic's name, or what was given for one.
type TopicText = String;

impl CommandError {
    pub(crate) fn invalid_request(field: &str, reason: &str) -> Self {
        let place = if field.is_empty() { String::new() } else { format!(" at `{field}`") };
        Self {
            kind: Box::new(Kind::InvalidRequest { field: field.to_owned() }),
            message: format!("the request is malformed{place}: {reason}"),
        }
    }

    pub(crate) fn invalid_topic(text: &str) -> Self {
        let text: String = text.chars().take(TopicName::MAX_LEN).collect();
        let message = format!("{text:?} is not a topic name: use 1 to 128 of A-Z a-z 0-9 - _ / :");
        Self { kind: Box::new(Kind::InvalidTopic { topic: text }), message }
    }

    /// **I13**: the same whether the topic exists or not.
    pub(crate) fn denied(window: &str, topic: &TopicName, access: Access) -> Self {
        let permission = access.permission();
        let message = format!(
            r#"window "{window}" may not {access} topic "{topic}". To allow it, add {{ "identifier": "{permission}", "allow": [{{ "topic": "{topic}" }}] }} to the "permissions" of a capability (src-tauri/capabilities/*.json) whose "windows" name "{window}", and see that no "deny" covers the topic"#
        );
        let (topic, window) = (topic.to_string(), window.to_owned());
        Self {
            kind: Box::new(Kind::Denied { topic, window, permission: Some(permission), code: None, reason: None }),
            message,
        }
    }

    /// The app's own rules refuse what the capabilities grant.
    pub(crate) fn refused(window: &str, topic: &str, reject: &Reject) -> Self {
        let (code, reason) = (reject.code().to_owned(), reject.reason().to_owned());
        let message = format!(r#"the app does not let window "{window}" use topic "{topic}": {reason} ({code})"#);
        let (topic, window) = (topic.to_string(), window.to_owned());
        Self {
            kind: Box::new(Kind::Denied { topic, window, permission: None, code: Some(code), reason: Some(reason) }),
            message,
        }
    }

    pub(crate) fn too_large(topic: &TopicName, size: usize, limit: usize) -> Self {
        Self {
            kind: Box::new(Kind::TooLarge { topic: topic.to_string(), size, limit }),
            message: format!(
                "a write of {size} bytes to topic {topic:?} is over the limit of {limit}: write less at once, or raise `plugins.lockstep.maxPayloadBytes` in tauri.conf.json"
            ),
        }
    }

    pub(crate) fn busy(window: &str, topic: &TopicName) -> Self {
        let message = format!(
            r#"window "{window}" has too many calls under way, at topic "{topic}" or in all: call again when one has been answered"#
        );
        Self { kind: Box::new(Kind::Busy { topic: topic.to_string() }), message }
    }

    /// Takes out what a window that may not read the topic could learn of its state from: `serde` quotes the values
    /// that do not fit, and they need not be the window's own (**I13**).
    pub(crate) fn without_state(mut self) -> Self {
        match &mut *self.kind {
            Kind::InvalidData { topic, path } => {
                *path = String::new();
                self.message =
                    format!("the value does not fit topic {topic:?}; where, is told to those who may read it");
            }
            Kind::Panicked { topic } => {
                self.message = format!("the app's own code panicked while writing topic {topic:?}");
            }
            _ => {}
        }
        self
    }

    /// Adds the current state to a conflict, for a window that may read it.
    pub(crate) fn with_current(mut self, current: &Answer) -> Self {
        if let (Kind::Conflict { revision, data, .. }, Answer::Snapshot { revision: at, data: text }) =
            (&mut *self.kind, current)
        {
            *revision = *at;
            *data = RawValue::from_string(text.to_string()).ok();
        }
        self
    }
}

impl From<AccessError> for CommandError {
    fn from(error: AccessError) -> Self {
        let message = error.to_string();
        let kind = match error {
            AccessError::UnknownTopic(topic) | AccessError::WrongType(topic) => {
                Kind::UnknownTopic { topic: topic.to_string() }
            }
            AccessError::Reserved(topic) => Kind::Rejected {
                topic: topic.to_string(),
                code: "reserved".to_owned(),
                reason: "the role is given by the backend: join or leave it".to_owned(),
            },
            // A command is not run from inside a write; should a runtime ever do so, nothing has happened yet.
            AccessError::InsideWrite => Kind::InvalidRequest { field: String::new() },
        };
        Self { kind: Box::new(kind), message }
    }
}

impl From<SubscribeError> for CommandError {
    fn from(error: SubscribeError) -> Self {
        let message = error.to_string();
        match error {
            SubscribeError::Access(error) => error.into(),
            SubscribeError::SessionEnded(session) => {
                let (window, session) = (session.label().to_string(), session.page().clone().into());
                Self { kind: Box::new(Kind::SessionEnded { window, session }), message }
            }
        }
    }
}

impl From<JoinError> for CommandError {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Subscribe(error) => error.into(),
            JoinError::Update(error) => error.into(),
        }
    }
}

impl From<UpdateError> for CommandError {
    fn from(error: UpdateError) -> Self {
        let message = error.to_string();
        match error {
            UpdateError::NotSynchronous(topic) => {
                let (code, reason) = ("notSynchronous".to_owned(), message.clone());
                Self { kind: Box::new(Kind::Rejected { topic: topic.to_string(), code, reason }), message }
            }
            UpdateError::NotSaved { topic, revision, reason } => {
                WriteError::NotSaved { topic, revision, reason }.into()
            }
            UpdateError::Access(error) => error.into(),
            UpdateError::NotAsked(topic) => WriteError::NotAsked(topic).into(),
            UpdateError::Change { topic, source } => WriteError::Change { topic, source }.into(),
            UpdateError::Exhausted(topic) => WriteError::Exhausted(topic).into(),
        }
    }
}

impl From<CreateError> for CommandError {
    fn from(error: CreateError) -> Self {
        let message = error.to_string();
        let kind = match error {
            CreateError::AlreadyExists(topic) => Kind::AlreadyExists { topic: topic.to_string() },
            CreateError::Reserved(topic) => return AccessError::Reserved(topic).into(),
            CreateError::NoFamily(_) => Kind::InvalidRequest { field: "topic".to_owned() },
            CreateError::WrongType(topic) => return AccessError::WrongType(topic).into(),
            CreateError::Change { topic, source } => return WriteError::Change { topic, source }.into(),
            CreateError::Exhausted(topic) => return WriteError::Exhausted(topic).into(),
            CreateError::InsideWrite => return AccessError::InsideWrite.into(),
        };
        Self { kind: Box::new(kind), message }
    }
}

impl From<PullError> for CommandError {
    fn from(error: PullError) -> Self {
        let message = error.to_string();
        match error {
            PullError::Access(error) => error.into(),
            PullError::Encode { topic, source: EncodeError::Panicked(_) } => {
                Self { kind: Box::new(Kind::Panicked { topic: topic.to_string() }), message }
            }
            PullError::Encode { topic, source: EncodeError::Unserializable(_) } => {
                Self { kind: Box::new(Kind::Unserializable { topic: topic.to_string() }), message }
            }
        }
    }
}

impl From<WriteError> for CommandError {
    fn from(error: WriteError) -> Self {
        let message = error.to_string();
        let kind = match error {
            WriteError::Access(error) => return error.into(),
            WriteError::Change { topic, source } => {
                let topic = topic.to_string();
                match source {
                    ChangeError::InvalidData { path, .. } => Kind::InvalidData { topic, path },
                    ChangeError::NoActions => Kind::InvalidRequest { field: "action".to_owned() },
                    ChangeError::Rejected(reject) => {
                        let (code, reason) = (reject.code().to_owned(), reject.reason().to_owned());
                        Kind::Rejected { topic, code, reason }
                    }
                    ChangeError::Panicked(_) => Kind::Panicked { topic },
                }
            }
            WriteError::Conflict { topic, expected, current } => {
                Kind::Conflict { topic: topic.to_string(), expected_revision: expected, revision: current, data: None }
            }
            WriteError::NotAsked(topic) => Kind::Rejected {
                topic: topic.to_string(),
                code: "notAsked".to_owned(),
                reason: "the topic's hook could not be asked: write it again".to_owned(),
            },
            WriteError::NotSaved { topic, revision, .. } => Kind::NotSaved { topic: topic.to_string(), revision },
            WriteError::OutOfOrder { topic, seq, last } => {
                Kind::OutOfOrder { topic: topic.to_string(), seq, last_seq: last }
            }
            WriteError::Exhausted(topic) => Kind::Exhausted { topic: topic.to_string() },
        };
        Self { kind: Box::new(kind), message }
    }
}
