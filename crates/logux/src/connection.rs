//! What carries frames between two nodes.

mod local;
mod reconnect;
#[cfg(feature = "ws")]
mod tls;
#[cfg(feature = "ws")]
pub(crate) mod ws;

pub use local::{LocalConnection, LocalPair};
pub use reconnect::Reconnect;
#[cfg(feature = "ws")]
pub use tls::{ServerTls, TlsError, Trust};
#[cfg(feature = "ws")]
pub use ws::{WsConnection, WsConnector};

use crate::wire::Frame;
use futures_util::{Sink, Stream, future::BoxFuture};
use std::{io, sync::Arc};
use thiserror::Error;

/// Frames in both directions, in order, until it ends. Whatever is such a stream and sink is a connection.
pub trait Connection:
    Stream<Item = Result<Frame, ConnectionError>> + Sink<Frame, Error = ConnectionError> + Send + Unpin
{
}

impl<C> Connection for C where
    C: Stream<Item = Result<Frame, ConnectionError>> + Sink<Frame, Error = ConnectionError> + Send + Unpin
{
}

/// A connection of any kind.
pub type BoxConnection = Box<dyn Connection>;

/// Opens connections, one after the other.
pub trait Connector: Send + Sync + 'static {
    /// Opens one.
    fn connect(&self) -> BoxFuture<'static, Result<BoxConnection, ConnectionError>>;
}

impl<F> Connector for F
where
    F: Fn() -> BoxFuture<'static, Result<BoxConnection, ConnectionError>> + Send + Sync + 'static,
{
    fn connect(&self) -> BoxFuture<'static, Result<BoxConnection, ConnectionError>> {
        self()
    }
}

/// Why there is no connection, or none any more.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The other side has gone.
    #[error("the connection is closed")]
    Closed,
    /// The network.
    #[error("the network failed: {0}")]
    Io(Arc<io::Error>),
    /// A frame over the limit. It was not read.
    #[error("a frame is longer than {limit} bytes: send smaller actions, or raise the limit on both sides")]
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// An address that cannot be used, and why.
    #[error("cannot connect to {url}: {why}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The other side does not speak WebSocket, or not correctly.
    #[error("the other side breaks the rules of WebSocket: {0}")]
    Protocol(String),
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
