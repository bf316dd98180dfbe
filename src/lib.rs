//! Multi-window state sync for Tauri: the Rust backend owns the state, every window shows it.
//!
//! Declare a [`Topic`], give it to the [`Builder`], and reach it by [`LockstepExt::lockstep`]. The README shows the
//! whole way, windows included; `ARCHITECTURE.md` says what must always hold, by the ids that stand in this
//! documentation.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs)]

mod announcer;
mod background;
mod bindings;
mod builder;
mod clients;
mod collection;
mod commands;
mod config;
mod delivered;
mod deliverer;
mod error;
mod first_paint;
mod from_clients;
mod in_flight;
mod lockstep;
mod options;
mod outbox;
mod pages;
mod reaper;
mod saver;
mod saving;
mod scopes;
mod wire;

pub use background::BackgroundError;
pub use bindings::{Bindings, BindingsError};
pub use builder::{Builder, init};
pub use config::{Config, DEFAULT_MAX_PAYLOAD_BYTES};
pub use delivered::DeliveryError;
pub use error::CommandError;
pub use lockstep::{Lockstep, LockstepExt};
/// For an app's tests: a store without Tauri and without windows, whose time stands still and whose announcements are
/// kept.
///
/// With the feature `test`, which belongs into the app's `[dev-dependencies]`: `cargo add --dev` with
/// `--features test`, from where the dependency itself comes.
///
/// ```
/// use tauri_plugin_lockstep::{Topic, testing::TestStore};
///
/// const COUNTER: Topic<u32> = Topic::new("counter");
///
/// let store = TestStore::new();
/// store.create(COUNTER, 0)?;
/// let revision = store.update(COUNTER, |count| *count += 1)?;
/// store.settle();
/// assert_eq!(store.recorder.heard(COUNTER.name()).last(), Some(&revision));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "test")]
#[cfg_attr(docsrs, doc(cfg(feature = "test")))]
pub use lockstep_core::testing;
pub use lockstep_core::{
    AccessError, Change, ChangeError, Client, Collection, CollectionRef, CompareAndSetError, CreateError,
    DEFAULT_DEBOUNCE, DEFAULT_MAX_WAIT, DELIVERY_TIMEOUT, Durability, Entities, Holder, ImportError, InvalidTopicName,
    InvalidTopicPattern, NotSaved, PRIMARY, PageId, PersistError, PersistIssue, Persisted, Primary, PullError, Record,
    Reject, Revision, Seal, SessionKey, Snapshot, State, StoreStats, Topic, TopicFamily, TopicName, TopicPattern,
    Transaction, TransactionError, TryUpdateError, UpdateError, WriteContext,
};
pub use lockstep_persist::{EncryptionKey, InvalidKey};
pub use options::{AsyncContext, TopicOptions};

/// Makes the README's Rust code compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Makes the Rust code of the first page compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/index.md")]
struct Home;

/// Makes the Rust code of the page on migration compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/migration.md")]
struct Migration;

/// Makes the Rust code of the page on patterns compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/patterns.md")]
struct Patterns;

/// Makes the Rust code of the quick start compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/quick-start.md")]
struct QuickStart;

/// Makes the Rust code of the page on echoes compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/self-echo.md")]
struct SelfEcho;

/// Makes the Rust code of the page on topics compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/topics.md")]
struct Topics;

/// Makes the Rust code of the page on persistence compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/persistence.md")]
struct PersistencePage;

/// Makes the Rust code of the page on topics with a life compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/topics-with-a-life.md")]
struct TopicsWithALife;

/// Makes the Rust code of the page on writing compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/writing.md")]
struct Writing;

/// Makes the Rust code of the page on collections compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/collections.md")]
struct Collections;
