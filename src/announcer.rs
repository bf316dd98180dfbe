//! Turns the engine's announcements into events, at a pace that the main loop can follow.

use crate::{
    Lockstep,
    background::{BackgroundError, Reporter},
    pages::Pages,
    wire,
};
use lockstep_core::{Announce, AnnounceError, Invalidation, Store};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tauri::{AppHandle, Emitter, Manager, Runtime};
use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, sleep_until, timeout},
};

/// How long to wait for the main loop. It may be busy for longer, or end without a word; then announcements go on at
/// this pace.
const MAIN_LOOP_TIMEOUT: Duration = Duration::from_secs(1);

/// How often windows are asked whether they are still there.
const PROBE_INTERVAL: Duration = Duration::from_secs(60);

/// What the engine's door and the task behind it share.
#[derive(Default)]
pub(crate) struct Signal {
    wake: Notify,
    /// The reaper's.
    pub(crate) reap: Arc<Notify>,
    /// The deliverer's.
    pub(crate) deliver: Arc<Notify>,
    /// Theirs who wait for what the windows lack.
    pub(crate) undelivered: Arc<Notify>,
    /// Something was emitted since the main loop was last waited for.
    emitted: AtomicBool,
}

/// The engine's door to the windows.
///
/// The engine calls it under no lock of its own, so `emit` may take Tauri's. Tauri's loop over the webviews ends at the
/// first one that cannot be reached; the engine then announces again, and a window that hears it twice is not harmed
/// (**I6**).
pub(crate) struct EventAnnouncer<R: Runtime> {
    pub(crate) app: AppHandle<R>,
    pub(crate) signal: Arc<Signal>,
    pub(crate) reporter: Reporter,
}

impl<R: Runtime> Announce for EventAnnouncer<R> {
    fn wake(&self) {
        self.signal.wake.notify_one();
    }

    fn wake_reaper(&self) {
        self.signal.reap.notify_one();
    }

    fn wake_deliveries(&self) {
        self.signal.deliver.notify_one();
    }

    fn wake_undelivered(&self) {
        self.signal.undelivered.notify_waiters();
    }

    fn announce(&self, invalidation: &Invalidation) -> Result<(), AnnounceError> {
        self.signal.emitted.store(true, Ordering::Relaxed);
        let name = wire::event_name(&invalidation.topic);
        tracing::debug!(topic = %invalidation.topic, revision = %invalidation.revision, "announce");
        let event = wire::InvalidatedEvent::from(invalidation);
        // Tauri calls the app's Rust listeners here, after the windows: one that panics has kept nobody from hearing.
        match catch_unwind(AssertUnwindSafe(|| self.app.emit(&name, event))) {
            Ok(emitted) => emitted.map_err(|error| {
                let (topic, reason) = (invalidation.topic.clone(), error.to_string());
                self.reporter.report(&BackgroundError::NotAnnounced { topic, reason: reason.clone() });
                AnnounceError(reason)
            }),
            Err(_) => {
                self.reporter.report(&BackgroundError::ListenerPanicked { event: name });
                Ok(())
            }
        }
    }
}

/// Announces for as long as the app runs.
///
/// - One task emits everything, off the main thread, so that events keep their order.
/// - After each round it waits until the main loop has run that round's events (**I14**): however many writes there
///   are, at most one event for each topic is queued there, and one more for each second in which that loop is stuck.
pub(crate) async fn run<R: Runtime>(app: AppHandle<R>, store: Store, signal: Arc<Signal>, pages: Arc<Pages<R>>) {
    let mut next_probe = Instant::now() + PROBE_INTERVAL;
    loop {
        let deadline = store.announce_due();
        if signal.emitted.swap(false, Ordering::Relaxed) {
            main_loop_has_run(&app).await;
        }
        if Instant::now() >= next_probe {
            next_probe = Instant::now() + PROBE_INTERVAL;
            if let Some(lockstep) = app.try_state::<Lockstep>() {
                pages.probe(&lockstep);
            }
        }
        let due = deadline.map(|at| Instant::now() + at.saturating_sub(store.now()).min(PROBE_INTERVAL));
        let until = due.map_or(next_probe, |due| due.min(next_probe));
        tokio::select! {
            () = signal.wake.notified() => {}
            () = sleep_until(until) => {}
        }
    }
}

async fn main_loop_has_run<R: Runtime>(app: &AppHandle<R>) {
    let (done, was_done) = oneshot::channel();
    let reached = app.run_on_main_thread(move || {
        // Nobody waits any more if this took too long.
        let _ = done.send(());
    });
    if reached.is_ok() {
        let _ = timeout(MAIN_LOOP_TIMEOUT, was_done).await;
    }
}
