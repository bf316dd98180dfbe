//! Messages, and what they look like on the wire.

pub(crate) mod compress;
mod error;
mod json;

pub use error::LoguxError;
pub use json::Json;

use crate::action::Action;
use serde_json::{Map, Value};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u32 = 5;

/// What nodes say to each other.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// The client's greeting.
    Connect {
        /// The version of the protocol.
        protocol: u32,
        /// Who greets.
        node_id: String,
        /// The greatest number of the server's that the client has.
        synced: u64,
        /// What proves who the client is.
        token: Option<Value>,
        /// The version of the app's own protocol; 0 where none was said.
        subprotocol: u32,
    },
    /// The server's answer.
    Connected {
        /// The version of the protocol.
        protocol: u32,
        /// Who answers.
        node_id: String,
        /// When the greeting came in, in milliseconds since 1970.
        start: i64,
        /// When authentication was done, in milliseconds since 1970: what later times are relative to.
        end: i64,
        /// What proves who the server is.
        token: Option<Value>,
        /// The version of the app's own protocol; 0 where none was said.
        subprotocol: u32,
    },
    /// Replaces what was said about the sender before.
    Headers(Map<String, Value>),
    /// Actions, the oldest first.
    Sync {
        /// The sender's number of the newest of them.
        added: u64,
        /// The actions and their compressed meta.
        entries: Vec<(Action, WireMeta)>,
    },
    /// The answer to a `Sync`, with its number.
    Synced(u64),
    /// Are you there? With the number of the newest action that was sent.
    Ping(u64),
    /// The answer to a `Ping`, with the number of the newest action that was sent.
    Pong(u64),
    /// A text for a developer.
    Debug(String),
    /// What went wrong.
    Error(LoguxError),
}

/// Meta as it travels.
#[derive(Clone, Debug, PartialEq)]
pub struct WireMeta {
    /// The id.
    pub id: WireId,
    /// Milliseconds relative to the connection's base.
    pub time: i64,
    /// All other keys.
    pub rest: Map<String, Value>,
}

/// An action's id as it travels. `shift` is relative to the connection's base, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub enum WireId {
    /// Of the sender, with the counter 0.
    Own(i64),
    /// Of the sender: shift, counter.
    Counted(i64, u64),
    /// Shift, node id, counter.
    Full(i64, String, u64),
}

/// A message in the shape that a connection carries.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl Frame {
    /// How long it is, in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) => bytes.len(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As text, for people: at most 1,024 bytes of it.
    pub fn excerpt(&self) -> String {
        let text = match self {
            Self::Text(text) => text.as_str().into(),
            Self::Binary(bytes) => String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]),
        };
        let end = (0..=text.len().min(EXCERPT)).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text[..end].to_owned()
    }
}

const EXCERPT: usize = 1_024;

/// How messages become frames, and frames messages. [`Json`] is what Logux peers speak.
pub trait Encoding: Send + Sync + 'static {
    /// The frame that says the message.
    fn encode(&self, message: &Message) -> Frame;

    /// The message that the frame says. Whatever is in the frame, this does not panic.
    ///
    /// # Errors
    /// [`LoguxError::WrongFormat`] with the raw text, at most 1,024 bytes of it, or [`LoguxError::UnknownMessage`].
    fn decode(&self, frame: &Frame) -> Result<Message, LoguxError>;
}
