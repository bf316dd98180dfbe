//! Where the engine's time comes from.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time. The engine never asks the system itself, so tests can own the time.
pub trait Clock: Send + Sync + 'static {
    /// Time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Wall-clock time in ms since 1970.
    fn unix_ms(&self) -> u64;
}

/// The system's time.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}
