//! Logux nodes in Rust.
#![deny(missing_docs)]

mod action;
mod client;
mod clock;
mod connection;
mod id;
mod log;
mod node;
mod server;
mod store;
#[cfg(any(test, feature = "test"))]
pub mod testing;
mod wire;

pub use action::{Action, ActionError, Created, Entry, Fields, Meta, Status};
pub use client::{
    Client, ClientBuilder, ClientError, ClientStatus, DispatchError, IdentityError, Subscription, UndoReason,
    client_id_at,
};
pub use clock::{Clock, SystemClock};
pub use connection::{BoxConnection, Connection, ConnectionError, Connector, LocalConnection, LocalPair, Reconnect};
#[cfg(feature = "ws")]
pub use connection::{ServerTls, TlsError, Trust, WsConnection, WsConnector};
pub use id::{ActionId, IdError, ParsedId, check_node_id, parse_id};
pub use log::{Added, Filter, Listening, Log, NewMeta};
pub use node::{
    AuthRequest, ClientNode, HookError, NodeError, NodeHandle, NodeOptions, Outgoing, Remote, ServerNode, State, Token,
};
pub use server::{
    ActionType, AuthAttempt, BuildError, Channel, ChannelFilter, Context, Failure, NotFound, Server, ServerBuilder,
};
#[cfg(feature = "ws")]
pub use server::{ListenOptions, Listener};
#[cfg(feature = "redb")]
pub use store::RedbStore;
pub use store::{
    Criteria, Cursors, Ledger, MemoryStore, MetaChange, Order, Outcome, Position, Progress, Query, Store, StoreError,
};
pub use wire::{Encoding, Frame, Json, LoguxError, Message, PROTOCOL, WireId, WireMeta};
