//! The side that connects.

use super::{
    NodeError, NodeHandle, NodeOptions, Remote, State,
    handle::Watched,
    session::{Ended, Role, Session},
};
use crate::{
    connection::{Connector, Reconnect},
    log::Log,
};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::{
    sync::{broadcast, watch},
    task::JoinHandle,
};

/// Keeps a connection to a server, and synchronises its log with the server's.
///
/// ```text
///            connect()             socket open           both know each other
/// Disconnected ────────► Connecting ────────► Connecting ────────► Sending ◄──► Synchronized
///      ▲                     │                     │                   │             │
///      └── delay, again ◄────┴─────────────────────┴───────────────────┴─────────────┘
/// ```
/// Dropping it closes the connection, at once.
pub struct ClientNode {
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    log: Log,
    connector: Arc<dyn Connector>,
    reconnect: Reconnect,
    options: Mutex<Arc<NodeOptions>>,
    watched: Arc<Watched>,
    /// Goes up with each change of mind; odd numbers want a connection.
    wanted: watch::Sender<u64>,
    handle: Mutex<Option<NodeHandle>>,
}

impl ClientNode {
    /// A node that does nothing until [`connect`](Self::connect).
    pub fn new(log: &Log, connector: impl Connector, reconnect: Reconnect, options: NodeOptions) -> Self {
        let shared = Shared {
            log: log.clone(),
            connector: Arc::new(connector),
            reconnect,
            options: Mutex::new(Arc::new(options)),
            watched: Arc::default(),
            wanted: watch::Sender::new(0),
            handle: Mutex::default(),
        };
        Self { shared: Arc::new(shared), task: Mutex::default() }
    }

    /// Connects, and goes on to until [`disconnect`](Self::disconnect), or until an error that connecting again cannot
    /// cure. Must be called in a tokio runtime.
    pub fn connect(&self) {
        let mut task = self.task.lock();
        let is_new = self.shared.wanted.send_if_modified(|wanted| {
            let is_new = *wanted % 2 == 0;
            *wanted += u64::from(is_new);
            is_new
        });
        if is_new && task.as_ref().is_none_or(JoinHandle::is_finished) {
            *task = Some(tokio::spawn(Arc::clone(&self.shared).run()));
        }
    }

    /// Closes the connection, and does not open another.
    pub fn disconnect(&self) {
        self.shared.unwant();
        if let Some(handle) = &*self.shared.handle.lock() {
            handle.disconnect();
        }
    }

    /// Closes the connection, and waits until it is closed.
    pub async fn destroy(self) {
        self.disconnect();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// How far it is.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.watched.state.subscribe()
    }

    /// Waits for a state.
    pub async fn wait_for(&self, state: State) {
        // The sender is ours: the wait ends only with the state.
        let _ = self.state().wait_for(|now| *now == state).await;
    }

    /// What goes wrong from now on.
    pub fn errors(&self) -> broadcast::Receiver<NodeError> {
        self.shared.watched.errors.subscribe()
    }

    /// What the server says for developers from now on.
    pub fn debug(&self) -> broadcast::Receiver<String> {
        self.shared.watched.debug.subscribe()
    }

    /// The server, while they know each other.
    pub fn remote(&self) -> watch::Receiver<Option<Remote>> {
        self.shared.watched.remote.subscribe()
    }

    /// Replaces what this node says about itself, now and on later connects.
    pub fn set_headers(&self, headers: Map<String, Value>) {
        self.change_options(|options| options.headers.clone_from(&headers));
        if let Some(handle) = &*self.shared.handle.lock() {
            handle.set_headers(headers);
        }
    }

    /// From the next connect on.
    pub(crate) fn change_options(&self, change: impl FnOnce(&mut NodeOptions)) {
        change(Arc::make_mut(&mut *self.shared.options.lock()));
    }
}

impl Drop for ClientNode {
    fn drop(&mut self) {
        self.disconnect();
    }
}

impl Shared {
    fn unwant(&self) {
        self.wanted.send_if_modified(|wanted| {
            let is_new = *wanted % 2 == 1;
            *wanted += u64::from(is_new);
            is_new
        });
    }

    async fn run(self: Arc<Self>) {
        let mut wanted = self.wanted.subscribe();
        let mut failures = 0;
        loop {
            let wish = *wanted.borrow_and_update();
            if wish.is_multiple_of(2) {
                break;
            }
            self.watched.set_state(State::Connecting);
            let result = tokio::select! {
                result = self.one_connection() => result,
                _ = wanted.changed() => {
                    // The session is told by its handle, and says its last words.
                    self.watched.set_state(State::Disconnected);
                    continue;
                }
            };
            match result {
                Ok(Ended { begins_anew: true, .. }) => continue,
                Ok(Ended { was_live: true, .. }) => failures = 0,
                Ok(_) => {}
                Err(error) if error.is_fatal() => {
                    self.give_up(wish);
                    break;
                }
                Err(_) => {}
            }
            let Some(delay) = self.reconnect.delay(failures) else {
                self.give_up(wish);
                break;
            };
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                _ = wanted.changed() => {}
            }
        }
        self.watched.set_state(State::Disconnected);
    }

    /// Wants no connection any more, unless somebody has changed their mind meanwhile.
    fn give_up(&self, wish: u64) {
        self.wanted.send_if_modified(|wanted| {
            let is_same = *wanted == wish;
            *wanted += u64::from(is_same);
            false
        });
    }

    async fn one_connection(&self) -> Result<Ended, NodeError> {
        let options = Arc::clone(&self.options.lock());
        let timeout = || NodeError::Timeout(u64::try_from(options.timeout.as_millis()).unwrap_or(u64::MAX));
        let connection = match tokio::time::timeout(options.timeout, self.connector.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(timeout()),
        };
        let connection = connection.inspect_err(|error| {
            self.watched.report(error);
            self.watched.set_state(State::Disconnected);
        })?;
        let (session, handle) = Session::new(Role::Client, &self.log, &options, &self.watched, connection, true);
        *self.handle.lock() = Some(handle);
        // A task of its own, so that it can say its last words after nobody wants it any more.
        let ended = tokio::spawn(session.run()).await;
        *self.handle.lock() = None;
        ended.unwrap_or_else(|_| Ok(Ended::default()))
    }
}
