//! When to connect again.

use std::time::Duration;

/// When to connect again after a connection was lost or could not be opened: later each time, and not all at once.
///
/// The delay before attempt *n* is `min_delay · 2ⁿ`, plus up to half of it at random, and at most `max_delay`. Errors that
/// connecting again cannot cure ([`LoguxError::is_fatal`](crate::LoguxError::is_fatal)) end it. An authenticated
/// connection begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconnect {
    /// 1,000 ms by default.
    pub min_delay: Duration,
    /// 5,000 ms by default.
    pub max_delay: Duration,
    /// How often in a row, without success, before it gives up. For ever by default.
    pub attempts: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { min_delay: Duration::from_secs(1), max_delay: Duration::from_secs(5), attempts: None }
    }
}

impl Reconnect {
    /// Between these delays, for ever.
    pub fn between(min_delay: Duration, max_delay: Duration) -> Self {
        Self { min_delay, max_delay, attempts: None }
    }

    /// Gives up after so many attempts in a row.
    #[must_use]
    pub fn at_most(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// How long to wait after so many failures in a row. `None`: give up.
    pub fn delay(&self, failures: u32) -> Option<Duration> {
        if self.attempts.is_some_and(|attempts| failures >= attempts) {
            return None;
        }
        let base = self.min_delay.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        Some(base.saturating_add(base.min(self.max_delay).mul_f64(fastrand::f64() * 0.5)).min(self.max_delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_stay_below_the_limit_and_end() {
        let reconnect = Reconnect::between(Duration::from_millis(100), Duration::from_secs(1)).at_most(40);
        for (failures, least) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1_000), (39, 1_000)] {
            let delay = reconnect.delay(failures).unwrap().as_millis();
            assert!((least..=1_000).contains(&delay) && delay <= least * 3 / 2, "{failures}: {delay}");
        }
        assert_eq!(reconnect.delay(40), None);
    }
}
