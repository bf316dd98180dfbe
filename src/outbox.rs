//! Scripts on their way to the main thread, which alone may give them to webviews.

use parking_lot::Mutex;
use std::{collections::VecDeque, mem, sync::Arc};
use tauri::{AppHandle, Runtime, Webview, async_runtime};

/// How many bytes of scripts the main thread is given in one turn, beside the last: it has windows to draw.
const BYTES_A_TURN: usize = 256 << 10;

/// Hears what a script's value is, or `None` where it did not reach its page.
type Answered = Arc<dyn Fn(Option<String>) + Send + Sync>;

struct Script<R: Runtime> {
    webview: Webview<R>,
    text: String,
    answered: Answered,
}

/// The scripts that wait for the main thread. One wake-up of it, and one turn of its loop, serves all that have come
/// together until then, where each by itself would cost its own.
pub(crate) struct Outbox<R: Runtime> {
    app: AppHandle<R>,
    waiting: Mutex<VecDeque<Script<R>>>,
}

impl<R: Runtime> Outbox<R> {
    pub(crate) fn new(app: AppHandle<R>) -> Arc<Self> {
        Arc::new(Self { app, waiting: Mutex::default() })
    }

    /// Runs a script in a page, soon. `answered` is called on the main thread, so it is to do little.
    pub(crate) fn post(
        self: &Arc<Self>,
        webview: Webview<R>,
        text: String,
        answered: impl Fn(Option<String>) + Send + Sync + 'static,
    ) {
        let is_first = {
            let mut waiting = self.waiting.lock();
            waiting.push_back(Script { webview, text, answered: Arc::new(answered) });
            waiting.len() == 1
        };
        // The main thread has been asked for the others.
        if is_first {
            self.ask();
        }
    }

    fn ask(self: &Arc<Self>) {
        let outbox = Arc::clone(self);
        if let Err(error) = self.app.run_on_main_thread(move || outbox.send()) {
            tracing::debug!(%error, "the main thread could not be reached");
            for script in mem::take(&mut *self.waiting.lock()) {
                (script.answered)(None);
            }
        }
    }

    /// On the main thread.
    fn send(self: &Arc<Self>) {
        let mut sent = 0;
        loop {
            let Some(Script { webview, text, answered }) = self.waiting.lock().pop_front() else { return };
            sent += text.len();
            let hears = Arc::clone(&answered);
            if let Err(error) = webview.eval_with_callback(text, move |value| hears(Some(value))) {
                tracing::debug!(window = webview.label(), %error, "could not be reached");
                answered(None);
            }
            if sent >= BYTES_A_TURN && !self.waiting.lock().is_empty() {
                let outbox = Arc::clone(self);
                // Asked from this thread, it would go on at once.
                async_runtime::spawn(async move { outbox.ask() });
                return;
            }
        }
    }
}
