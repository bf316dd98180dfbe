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
mod commands;
mod config;
mod error;
mod in_flight;
mod lockstep;
mod options;
mod pages;
mod reaper;
mod scopes;
mod wire;

pub use background::BackgroundError;
pub use bindings::{Bindings, BindingsError};
pub use builder::{Builder, init};
pub use config::{Config, DEFAULT_MAX_PAYLOAD_BYTES};
pub use error::CommandError;
pub use lockstep::{Lockstep, LockstepExt};
pub use lockstep_core::{
    AccessError, Change, ChangeError, Client, CompareAndSetError, CreateError, Holder, InvalidTopicName,
    InvalidTopicPattern, PRIMARY, PageId, Primary, PullError, Reject, Revision, SessionKey, Snapshot, State,
    StoreStats, Topic, TopicFamily, TopicName, TopicPattern, Transaction, TransactionError, TryUpdateError,
    UpdateError, WriteContext,
};
pub use options::{AsyncContext, TopicOptions};

/// Makes the README's Rust code compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Makes the Rust code of the page on writing compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/writing.md")]
struct Writing;

/// Makes the Rust code of the page on topics with a life compile.
#[cfg(doctest)]
#[doc = include_str!("../docs/topics-with-a-life.md")]
struct TopicsWithALife;
