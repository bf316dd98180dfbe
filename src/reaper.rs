//! Removes the topics whose time has come, and forgets the sessions whose grace is over.

use crate::background::{BackgroundError, Reporter};
use lockstep_core::{Reaped, Store};
use std::{sync::Arc, time::Duration};
use tauri::async_runtime;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// How long to sleep at most: an end may be further off than the system's clock can tell.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// How long to sleep after a round that panicked.
const PAUSE_AFTER_A_PANIC: Duration = Duration::from_secs(1);

/// Reaps for as long as the app runs. Each round has a thread of its own: it calls the app's `self_destruct`, and waits
/// for writes that are under way.
pub(crate) async fn run(store: Store, wake: Arc<Notify>, reporter: Reporter) {
    loop {
        let reaping = store.clone();
        let reaped = async_runtime::spawn_blocking(move || reaping.reap_due()).await;
        // What it runs into is the app's own code, such as a value's `Drop`: the others must not wait for ever.
        let after_a_panic = |_| Reaped { next: Some(store.now() + PAUSE_AFTER_A_PANIC), panicked: Vec::new() };
        let Reaped { next, panicked } = reaped.unwrap_or_else(after_a_panic);
        for (topic, panic) in panicked {
            reporter.report(&BackgroundError::SelfDestructPanicked { topic, panic });
        }
        let due = next.map(|at| Instant::now() + at.saturating_sub(store.now()).min(LONGEST_SLEEP));
        match due {
            Some(due) => tokio::select! {
                () = wake.notified() => {}
                () = sleep_until(due) => {}
            },
            None => wake.notified().await,
        }
    }
}
