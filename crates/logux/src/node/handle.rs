//! What is left of a session in the hands of others.

use super::{NodeError, Remote, State};
use crate::{action::Entry, wire::Message};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{
    broadcast,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch,
};

/// What others ask of a session.
#[derive(Debug)]
pub(super) enum Command {
    Say(Message),
    Disconnect,
    TooSlow,
}

/// What a node shows to the outside, over all its sessions.
#[derive(Debug)]
pub(super) struct Watched {
    pub state: watch::Sender<State>,
    pub errors: broadcast::Sender<NodeError>,
    pub debug: broadcast::Sender<String>,
    pub remote: watch::Sender<Option<Remote>>,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            state: watch::Sender::default(),
            errors: broadcast::Sender::new(16),
            debug: broadcast::Sender::new(16),
            remote: watch::Sender::default(),
        }
    }
}

impl Watched {
    pub fn set_state(&self, state: State) {
        self.state.send_if_modified(|now| std::mem::replace(now, state) != state);
    }

    pub fn report(&self, error: &NodeError) {
        tracing::debug!(%error, "logux node");
        // Nobody may listen.
        let _ = self.errors.send(error.clone());
    }
}

/// The ends of a session's channels that the session reads.
pub(super) struct Inlet {
    pub entries: UnboundedReceiver<Arc<Entry>>,
    pub commands: UnboundedReceiver<Command>,
    pub waiting: Arc<AtomicUsize>,
}

/// One session, from outside: sends to its peer, closes it. A session that has ended ignores what it is asked for.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    entries: UnboundedSender<Arc<Entry>>,
    commands: UnboundedSender<Command>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    headers: Arc<Mutex<Map<String, Value>>>,
}

impl NodeHandle {
    pub(super) fn new(max_waiting: usize, headers: Map<String, Value>) -> (Self, Inlet) {
        let ((entries, from_entries), (commands, from_commands)) = (unbounded_channel(), unbounded_channel());
        let waiting = Arc::new(AtomicUsize::new(0));
        let inlet = Inlet { entries: from_entries, commands: from_commands, waiting: Arc::clone(&waiting) };
        (Self { entries, commands, waiting, max_waiting, headers: Arc::new(Mutex::new(headers)) }, inlet)
    }

    /// Sends an entry to the peer. Too many that wait close the connection.
    pub fn push(&self, entry: Arc<Entry>) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.max_waiting {
            let _ = self.commands.send(Command::TooSlow);
            return;
        }
        let _ = self.entries.send(entry);
    }

    /// Sends a text for a developer.
    pub fn debug(&self, text: &str) {
        let _ = self.commands.send(Command::Say(Message::Debug(text.to_owned())));
    }

    /// Replaces what this node says about itself.
    pub fn set_headers(&self, headers: Map<String, Value>) {
        self.headers.lock().clone_from(&headers);
        let _ = self.commands.send(Command::Say(Message::Headers(headers)));
    }

    pub(super) fn headers(&self) -> Map<String, Value> {
        self.headers.lock().clone()
    }

    /// Closes the connection. A client node connects again.
    pub fn disconnect(&self) {
        let _ = self.commands.send(Command::Disconnect);
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.commands.is_closed()
    }
}
