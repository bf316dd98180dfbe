//! Nodes: what keeps a log and a peer's log the same.

mod client;
mod deadlines;
mod handle;
mod handshake;
mod inbound;
mod options;
mod outbound;
mod server;
mod session;

pub use client::ClientNode;
pub use handle::NodeHandle;
pub use options::{AuthRequest, HookError, NodeOptions, Outgoing, Remote, Token};
pub(crate) use options::{Receiver, Selector};
pub use server::ServerNode;

use crate::{connection::ConnectionError, store::StoreError, wire::LoguxError};
use thiserror::Error;

/// How far a node is synchronised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// No connection.
    #[default]
    Disconnected,
    /// From the first attempt to connect until both sides know each other.
    Connecting,
    /// The peer has not acknowledged everything yet.
    Sending,
    /// The peer has everything.
    Synchronized,
}

/// What went wrong in a node. It has closed the connection; a [`ClientNode`] connects again, unless that cannot help.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The peer has said so.
    #[error("the other node reports: {0}")]
    Received(LoguxError),
    /// This node has told the peer.
    #[error("the other node is at fault: {0}")]
    Sent(LoguxError),
    /// No answer within so many milliseconds.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// The connection.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The store. What it could not take was not acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A hook of the app's.
    #[error("a hook failed: {0}")]
    Hook(HookError),
    /// The peer takes too slowly what it is sent: so many actions wait.
    #[error("the other node is too slow: {0} actions wait for it")]
    TooSlow(usize),
    /// The peer sent more than allowed before it was authenticated.
    #[error("more than {0} messages before authentication")]
    TooEager(usize),
}

impl NodeError {
    /// Whether connecting again cannot help.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Received(error) | Self::Sent(error) => error.is_fatal(),
            Self::Connection(ConnectionError::Address { .. }) => true,
            _ => false,
        }
    }
}
