//! The wall clock that ids and times of actions come from.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970. May jump, in both directions: what must not, does not ask it.
///
/// Timers (timeouts, pings, delays) run on tokio's clock, which tests can pause.
pub trait Clock: Send + Sync + 'static {
    /// Now, in milliseconds since 1970.
    fn now(&self) -> i64;
}

/// The system's clock: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
