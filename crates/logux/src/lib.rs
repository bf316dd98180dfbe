//! [Logux](https://logux.org) nodes in Rust: a log of actions, and clients and servers that synchronise it, offline too,
//! with real Logux peers. It speaks version 5 of the protocol, and is tested with `@logux/server` 0.14 and `@logux/client`
//! 0.23.
//!
//! - A [`Client`] keeps the actions of an app until its server has processed them, over lost connections and restarts.
//! - A [`Server`] processes the actions of many clients, in order and at most once, and lets them subscribe to channels.
//! - Below them are a [`Log`] over a [`Store`], and a [`ClientNode`] and a [`ServerNode`] over any [`Connection`].
//!
//! The examples are the shortest way in: `cargo run -p logux --example server`, and beside it `--example client`.
//!
//! # The handshake
//!
//! ```text
//!  client                                                                   server
//!    │ ["connect", 5, "10:client:tab", lastReceived, { token, subprotocol }]  │
//!    ├───────────────────────────────────────────────────────────────────────►│ version? connect hook? auth?
//!    │                          ["connected", 5, "server:x", [start, end], {}] │
//!    │◄───────────────────────────────────────────────────────────────────────┤ end is what times are relative to
//!    │ the clocks are compared; what the other has missed follows, both ways  │
//!    │ ["sync", added, action, meta, …]                                       │
//!    ├───────────────────────────────────────────────────────────────────────►│ hooks, then the store
//!    │                                                     ["synced", added]  │
//!    │◄───────────────────────────────────────────────────────────────────────┤ only now
//!    │                     ["sync", added, { type: "logux/processed", id }, …] │
//!    │◄───────────────────────────────────────────────────────────────────────┤ the action's end
//! ```
//!
//! # What survives what
//!
//! | | the connection is lost | the process is killed | a message comes twice | the clock jumps |
//! |---|---|---|---|---|
//! | an action in a durable log | yes | [yes][killed] | [added once][faults] | [yes][faults] |
//! | the number of an entry, an id | – | [never again][killed] | – | [never again][ids] |
//! | an action that was dispatched | [sent again][offline] | [sent again][offline], with a durable store | [processed once][six] | [yes][faults] |
//! | an action that a server has acknowledged | [processed][stored], or undone | [the same][next], with a durable store | [answered again][six] | [yes][faults] |
//! | an action without reasons | lost | lost | – | – |
//! | a subscription | [renewed][renewed], with `since` | lost | – | – |
//! | the difference of the clocks | [measured anew][clocks] | – | – | until the next connection |
//!
//! [killed]: https://docs.rs/crate/logux/latest/source/tests/durable.rs "what_was_acknowledged_survives_kill_9_and_no_number_repeats"
//! [faults]: https://docs.rs/crate/logux/latest/source/tests/faults.rs "two_logs_agree_and_nothing_acknowledged_is_lost, what_is_dispatched_is_processed_once_or_undone"
//! [ids]: https://docs.rs/crate/logux/latest/source/src/log/tests.rs "ids_never_repeat_when_the_clock_stands_goes_back_or_the_process_is_new"
//! [offline]: https://docs.rs/crate/logux/latest/source/tests/app.rs "what_is_made_offline_survives_the_client_and_arrives_once"
//! [six]: https://docs.rs/crate/logux/latest/source/tests/app.rs "hole_6_an_action_that_comes_again_is_answered_again_and_not_processed_again"
//! [next]: https://docs.rs/crate/logux/latest/source/tests/app.rs "what_was_acknowledged_is_processed_by_the_next_server"
//! [stored]: https://docs.rs/crate/logux/latest/source/tests/batches.rs "what_is_being_stored_when_the_connection_ends_is_processed"
//! [renewed]: https://docs.rs/crate/logux/latest/source/tests/channels.rs "subscriptions_are_counted_renewed_with_since_and_end_with_their_connection"
//! [clocks]: https://docs.rs/crate/logux/latest/source/tests/nodes.rs "clocks_are_compared_anew_on_each_connect"
//!
//! # Differences from the reference
//!
//! - What is received is stored before it is acknowledged; what is sent keeps its order; a ping says only what was sent.
//! - A server remembers the ids of what it has processed. An action that comes again is answered again.
//! - A client sends what is not processed again on each connect. A server that does not remember ids, as `@logux/server`,
//!   may process such an action twice.
//! - A server that is not the one that a client knew is told everything, and asked for everything.
//! - A server ends a client's subscriptions with its connection, those of its other tabs too.
//! - Too many failed log-ins are answered with `bruteforce`, which does not end a client's attempts.
//! - Messages that come together are stored in one step; each still has its own `synced`, since the reference counts them.
//! - A pattern of a channel's name has `:name` and, at its end, `*`. For what else the reference's patterns can say, optional
//!   parts say, there are regular expressions.
//! - An [action of the server's own](Server::process) is not asked for its access, and waits in no queue, as there.
//! - Two `type` fields in one action are refused, or become one: nodes that read JSON otherwise would see another type.
//!
//! What the reference has, and this has not: `accessAndLoad` (a subscription begins between [`Channel::new`]'s access and
//! [`Channel::load`], so that nothing is missed), `sendOnConnect`, `subscribe` in the server's name, `http`, cookies in `auth`,
//! several servers behind one another, and the short keys `channel`, `user`, `client` and `node` in meta: say the lists.
//!
//! # Features
//!
//! `ws` (WebSockets with TLS) and `redb` (the durable store) are on by default. `test` is the kit for tests on virtual time,
//! in the module `testing`.
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
    ActionType, AuthAttempt, BuildError, Channel, ChannelFilter, Context, Failure, NotFound, ProcessError, Server,
    ServerBuilder,
};
#[cfg(feature = "ws")]
pub use server::{ListenOptions, Listener};
#[cfg(feature = "redb")]
pub use store::RedbStore;
pub use store::{
    Criteria, Cursors, Ledger, MemoryStore, MetaChange, Order, Outcome, Position, Progress, Query, Store, StoreError,
};
pub use wire::{Encoding, Frame, Json, LoguxError, Message, PROTOCOL, WireId, WireMeta};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
