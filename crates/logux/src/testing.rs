//! For tests of what is built on this crate.

pub use crate::store::contract::{check_ledger, check_store};
