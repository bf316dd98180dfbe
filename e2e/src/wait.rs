//! Waiting for conditions, never for time to pass.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long anything may take that should be there almost at once. It is reached only by what is broken, also where
/// others use the machine at the same time.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
pub(crate) const INTERVAL: Duration = Duration::from_millis(15);

/// Returns when `condition` holds.
///
/// # Errors
/// If it does not within [`PATIENCE`], with `what` and the condition's last error.
pub async fn wait_until(what: &str, condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    wait_for(PATIENCE, what, condition).await
}

/// As [`wait_until`], for what takes its time.
///
/// # Errors
/// If the condition does not hold within `patience`.
pub async fn wait_for(patience: Duration, what: &str, mut condition: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        let last = condition().await;
        if matches!(last, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let why = last.err().map(|error| format!(": {error:#}")).unwrap_or_default();
            bail!("after {} s it was still not so that {what}{why}", patience.as_secs());
        }
        sleep(INTERVAL).await;
    }
}
