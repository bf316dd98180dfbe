//! The engine of [Lockstep](https://docs.rs/tauri-plugin-lockstep): topics, revisions, writes and policy.
//!
//! It knows no Tauri, no async runtime and no window. It is synchronous and deterministic: time comes from a
//! [`Clock`], and what has to happen later is said by [`Store::announce_due`], which somebody else calls.
//!
//! The words are those of the repository's `ARCHITECTURE.md`; what must always hold is there too, numbered I1, I2 and
//! so on, and each number that the engine keeps stands in the doc comment of the code that does.
#![deny(missing_docs)]

mod announce;
mod cell;
mod change;
mod client;
mod clients;
mod clock;
mod collection;
mod context;
mod deliver;
mod deliveries;
mod deltas;
mod diff;
mod door;
mod entities;
mod error;
mod export;
mod family;
mod history;
mod import;
mod json_text;
mod life;
mod list_diff;
#[cfg(feature = "test")]
mod memory_persist;
mod options;
mod persist;
#[cfg(feature = "test")]
mod persist_contract;
mod persisted;
mod policy;
mod proposal;
mod registry;
mod restore;
mod revision;
mod role;
mod saver;
mod saving;
mod sequence;
mod session;
mod session_key;
mod snapshot;
mod store;
mod sync;
#[cfg(feature = "test")]
pub mod testing;
mod topic;
mod transaction;

pub use announce::{Announce, AnnounceError, Invalidation, NoAnnounce};
pub use cell::State;
pub use change::Change;
pub use client::Client;
pub use clock::{Clock, SystemClock};
pub use collection::{Collection, CollectionRef};
pub use context::{Reject, WriteContext};
pub use deliver::HeldNews;
pub use deliveries::{DELIVERY_TIMEOUT, DeliveriesDue, DeliveriesOf, Delivery, DeliveryEntry};
pub use deltas::{DELTA_BASES, DELTA_BASES_BYTES, LARGEST_DELTA, SMALLEST_DELTA};
pub use door::Door;
pub use entities::Entities;
pub use error::{
    AccessError, ChangeError, CompareAndSetError, CreateError, EncodeError, JoinError, PullError, SubscribeError,
    TransactionError, TryUpdateError, UpdateError, WriteError,
};
pub use family::{ClientCreate, TopicFamily, unique_topic};
pub use history::COLLECTION_LOG;
pub use import::ImportError;
pub use life::SELF_DESTRUCT_INTERVAL;
pub use options::{Asker, TopicOptions};
pub use persist::{Batch, Loaded, Persist, PersistError, PersistIssue, Record, Seal};
pub use persisted::{DEFAULT_DEBOUNCE, DEFAULT_MAX_WAIT, Durability, Persisted};
pub use policy::{InvalidTopicPattern, TopicPattern, TopicScope};
pub use proposal::{ClientWrite, Proposal};
pub use registry::Reaped;
pub use revision::{Exhausted, InvalidRevision, Revision};
pub use role::{Holder, PRIMARY, Primary};
pub use saver::{NotSaved, Persistence, REVISION_BLOCK, Save, Saved};
pub use session::{Departure, SESSION_GRACE, SESSIONS_PER_LABEL};
pub use session_key::{InvalidPageId, PageId, SessionKey};
pub use snapshot::{Answer, Snapshot};
pub use store::{DEFAULT_ANNOUNCE_INTERVAL, Store, StoreOptions, StoreStats};
pub use topic::{InvalidTopicName, Topic, TopicName};
pub use transaction::Transaction;
