//! Logux nodes in Rust.
#![deny(missing_docs)]

mod action;
mod clock;
mod id;
mod log;
mod store;
#[cfg(any(test, feature = "test"))]
pub mod testing;

pub use action::{Action, ActionError, Created, Entry, Fields, Meta, Status};
pub use clock::{Clock, SystemClock};
pub use id::{ActionId, IdError, ParsedId, check_node_id, parse_id};
pub use log::{Added, Filter, Listening, Log, NewMeta};
#[cfg(feature = "redb")]
pub use store::RedbStore;
pub use store::{
    Criteria, Cursors, Ledger, MemoryStore, MetaChange, Order, Outcome, Position, Progress, Query, Store, StoreError,
};
