//! One file for each. Tauri finds a command only where it is written, so these modules are no secret.

pub mod channel;
pub mod emit;
pub mod floor;
pub mod lockstep;
pub mod pull;
pub mod store;
pub mod zustand;
