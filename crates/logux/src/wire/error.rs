//! Errors that nodes tell each other.

use serde_json::{Value, json};
use thiserror::Error;

/// What one node tells the other to be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LoguxError {
    /// The peer speaks too old a version of the protocol. Nobody connects again.
    #[error("this node supports protocols from version {supported}, and the other speaks {used}: update the other")]
    WrongProtocol {
        /// The oldest version that is spoken here.
        supported: u32,
        /// The peer's.
        used: u32,
    },
    /// The app's own protocol has another version. Nobody connects again.
    #[error("subprotocols from {supported} are supported, and the other speaks {used}: update the app")]
    WrongSubprotocol {
        /// The oldest version that is supported.
        supported: u32,
        /// The peer's.
        used: u32,
    },
    /// The token was not accepted. Nobody connects again.
    #[error("wrong credentials: log in again")]
    WrongCredentials,
    /// No answer within so many milliseconds.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// A message that makes no sense, as raw text.
    #[error("a message in the wrong format: {0}")]
    WrongFormat(String),
    /// A message with a name that nobody knows.
    #[error("a message of the unknown type `{0}`")]
    UnknownMessage(String),
    /// Too many failed log-ins from this address: wait.
    #[error("too many wrong attempts to log in: wait, then try again")]
    Bruteforce,
    /// An error that this version does not know.
    #[error("the other node says `{0}`")]
    Unknown(String),
}

impl LoguxError {
    /// Whether connecting again cannot help.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::WrongProtocol { .. } | Self::WrongSubprotocol { .. } | Self::WrongCredentials)
    }

    /// The name on the wire.
    pub fn kind(&self) -> &str {
        match self {
            Self::WrongProtocol { .. } => "wrong-protocol",
            Self::WrongSubprotocol { .. } => "wrong-subprotocol",
            Self::WrongCredentials => "wrong-credentials",
            Self::Timeout(_) => "timeout",
            Self::WrongFormat(_) => "wrong-format",
            Self::UnknownMessage(_) => "unknown-message",
            Self::Bruteforce => "bruteforce",
            Self::Unknown(kind) => kind,
        }
    }

    pub(super) fn options(&self) -> Option<Value> {
        match self {
            Self::WrongProtocol { supported, used } | Self::WrongSubprotocol { supported, used } => {
                Some(json!({ "supported": supported, "used": used }))
            }
            Self::Timeout(ms) => Some((*ms).into()),
            Self::WrongFormat(text) | Self::UnknownMessage(text) => Some(text.as_str().into()),
            Self::WrongCredentials | Self::Bruteforce | Self::Unknown(_) => None,
        }
    }

    /// `None` where the options are not those of the kind.
    pub(super) fn read(kind: &str, options: Option<&Value>) -> Option<Self> {
        let text = || options.and_then(Value::as_str).map(str::to_owned);
        let versions = || {
            // Older nodes of Logux say versions as text.
            let number = |key: &str| match options?.get(key)? {
                Value::String(text) => text.split('.').next()?.parse().ok(),
                number => u32::try_from(number.as_u64()?).ok(),
            };
            Some((number("supported")?, number("used")?))
        };
        Some(match kind {
            "wrong-protocol" => versions().map(|(supported, used)| Self::WrongProtocol { supported, used })?,
            "wrong-subprotocol" => versions().map(|(supported, used)| Self::WrongSubprotocol { supported, used })?,
            "wrong-credentials" => Self::WrongCredentials,
            "timeout" => Self::Timeout(options.and_then(Value::as_u64)?),
            "wrong-format" => Self::WrongFormat(text().unwrap_or_default()),
            "unknown-message" => Self::UnknownMessage(text().unwrap_or_default()),
            "bruteforce" => Self::Bruteforce,
            other => Self::Unknown(other.chars().take(80).collect()),
        })
    }
}
