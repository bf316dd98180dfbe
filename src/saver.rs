//! The thread that saves: the only one that waits for the disk.

use crate::background::{BackgroundError, Reporter};
use lockstep_core::{NotSaved, Save, Saved, Store};
use parking_lot::{Condvar, Mutex};
use std::{
    io, mem,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// How long the end of the app waits for the disk.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to sleep at most: a deadline may be further off than the system's clock can tell.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);

type Answer = Box<dyn FnOnce(Option<NotSaved>) + Send>;

/// What the thread is asked to do.
#[derive(Default)]
pub(crate) struct Requests {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    woken: bool,
    /// Whoever asks here is answered by a save that begins after that.
    asked: Vec<(Save, Answer)>,
    ended: bool,
}

impl Requests {
    /// Something is to be saved, by and by.
    pub(crate) fn wake(&self) {
        self.state.lock().woken = true;
        self.changed.notify_one();
    }

    fn ask(&self, what: Save, answer: Answer) {
        self.state.lock().asked.push((what, answer));
        self.changed.notify_one();
    }

    /// Waits until there is something to do, or the time has come.
    fn next(&self, until: Option<Instant>) -> (Vec<(Save, Answer)>, bool) {
        let mut state = self.state.lock();
        while !state.woken && state.asked.is_empty() && !state.ended {
            match until {
                Some(until) => {
                    if self.changed.wait_until(&mut state, until).timed_out() {
                        break;
                    }
                }
                None => self.changed.wait(&mut state),
            }
        }
        state.woken = false;
        (mem::take(&mut state.asked), state.ended)
    }
}

/// The thread, for those who ask it. It ends when this is dropped, after it has saved everything.
pub(crate) struct Saver {
    requests: Arc<Requests>,
    thread: Option<JoinHandle<()>>,
}

impl Saver {
    pub(crate) fn start(store: Store, requests: Arc<Requests>, reporter: Reporter) -> io::Result<Self> {
        let asked = Arc::clone(&requests);
        let thread = thread::Builder::new().name("lockstep-saver".to_owned());
        let thread = thread.spawn(move || run(&store, &asked, &reporter))?;
        Ok(Self { requests, thread: Some(thread) })
    }

    /// Saves, and says what could not be.
    pub(crate) async fn save(&self, what: Save) -> Option<NotSaved> {
        let (done, was_done) = oneshot::channel();
        self.requests.ask(what, Box::new(|outcome| drop(done.send(outcome))));
        was_done.await.unwrap_or_else(|_| Some(ended()))
    }

    /// Saves everything soon.
    pub(crate) fn save_soon(&self) {
        self.requests.ask(Save::All, Box::new(drop));
    }

    /// Saves everything now, for the end of the app: waits for the disk, but not for ever.
    pub(crate) fn save_at_exit(&self) -> Option<NotSaved> {
        let (done, was_done) = mpsc::channel();
        self.requests.ask(Save::All, Box::new(move |outcome| drop(done.send(outcome))));
        was_done.recv_timeout(EXIT_TIMEOUT).unwrap_or_else(|_| {
            Some(NotSaved { topics: Vec::new(), reason: format!("the disk did not answer within {EXIT_TIMEOUT:?}") })
        })
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.requests.state.lock().ended = true;
        self.requests.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the saver's thread panicked");
        }
    }
}

fn ended() -> NotSaved {
    NotSaved { topics: Vec::new(), reason: "the app is ending".to_owned() }
}

/// Saves for as long as the app runs.
fn run(store: &Store, requests: &Requests, reporter: &Reporter) {
    let save = |what| {
        let Saved { next, issues, not_saved } = store.save(what);
        issues.into_iter().for_each(|issue| reporter.report(&BackgroundError::Persist(issue)));
        (next, not_saved)
    };
    let (mut next, _) = save(Save::Due);
    loop {
        let until = next.map(|at| Instant::now() + at.saturating_sub(store.now()).min(LONGEST_SLEEP));
        let (asked, ended) = requests.next(until);
        let all = ended || asked.iter().any(|(what, _)| *what == Save::All);
        let what = match asked.is_empty() {
            _ if all => Save::All,
            true => Save::Due,
            false => Save::Waiting,
        };
        let not_saved;
        (next, not_saved) = save(what);
        asked.into_iter().for_each(|(_, answer)| answer(not_saved.clone()));
        if ended {
            return;
        }
    }
}
