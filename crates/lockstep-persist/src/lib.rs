//! Keeps the topics of [Lockstep](https://docs.rs/tauri-plugin-lockstep) on disk: the [`Persist`] of `lockstep-core` over
//! one embedded database, [redb](https://www.redb.org), and the encryption of what is saved.
//!
//! ```
//! use lockstep_core::{NoAnnounce, Persisted, Persistence, Save, Store, StoreOptions, Topic, TopicOptions};
//! use lockstep_persist::RedbPersist;
//! use std::sync::Arc;
//!
//! const COUNTER: Topic<u32> = Topic::new("counter");
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let persistence = Persistence::open(Arc::new(RedbPersist::in_folder(folder)), || {});
//! let store = Store::with_options(NoAnnounce, StoreOptions { persistence: Some(persistence), ..Default::default() });
//! store.create_with(COUNTER, 0, TopicOptions::new().persisted(Persisted::new()))?;
//! let revision = store.update(COUNTER, |count| *count += 1)?;
//! store.save(Save::All);
//! assert_eq!(store.saved_revision(COUNTER.name())?, Some(revision));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Persist`]: lockstep_core::Persist
#![deny(missing_docs)]

mod codec;
mod database;
mod overlay;
mod redb_persist;
mod reserved;
mod seal;
mod storage;

pub use codec::{InvalidRecord, decode_record, encode_record};
pub use redb_persist::RedbPersist;
pub use reserved::{InvalidReserved, decode_reserved, encode_reserved};
pub use seal::{EncryptionKey, InvalidKey};
pub use storage::{Folder, Storage};
