//! How a client is, for people.

use super::{SYNCING, UndoReason, pending::answer_in};
use crate::{
    action::Entry,
    id::ActionId,
    log::{Filter, Listening, Log},
    node::{ClientNode, NodeError, State},
    store::Order,
    wire::LoguxError,
};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc::unbounded_channel, watch},
    task::JoinHandle,
    time::Instant,
};

/// How a client is, for people: with delays, so that it does not flicker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Status {
    /// No connection, and nothing waits for one.
    #[default]
    Disconnected,
    /// No connection, and there is something that the server does not know.
    Wait,
    /// Connecting for 100 ms already.
    Connecting,
    /// The same, with something that waits.
    ConnectingAfterWait,
    /// The server does not have everything yet.
    Sending,
    /// The same, after something had to wait.
    SendingAfterWait,
    /// The server has just now processed what had to wait. For 3 s; then [`Synchronized`](Self::Synchronized).
    SynchronizedAfterWait,
    /// The server has processed everything.
    Synchronized,
    /// This app is too old for the server.
    ProtocolError,
    /// The server and this client do not understand each other.
    SyncError,
    /// The server has failed with an action.
    Error,
    /// The server has denied an action.
    Denied,
    /// The server does not let this user in.
    WrongCredentials,
}

const BEFORE_CONNECTING: Duration = Duration::from_millis(100);
const BEFORE_SYNCHRONIZED: Duration = Duration::from_millis(500);
const AFTER_WAIT: Duration = Duration::from_secs(3);

struct Shown {
    status: watch::Sender<Status>,
    state: State,
    /// Since it was online, something had to wait.
    waits: bool,
    /// An error is shown until there is a connection again.
    failed: bool,
    /// What the server has not processed.
    open: HashSet<ActionId>,
    later: Option<(Instant, Status)>,
}

pub(super) fn watch(
    log: &Log,
    node: &ClientNode,
    listening: &mut Vec<Listening>,
) -> (watch::Receiver<Status>, JoinHandle<()>) {
    let (added, mut from_log) = unbounded_channel();
    listening.push(log.on_add(Filter::all(), move |entry| {
        let _ = added.send(Arc::clone(entry));
    }));
    let status = watch::Sender::default();
    let receiver = status.subscribe();
    let (mut states, mut errors, log) = (node.state(), node.errors(), log.clone());
    let task = tokio::spawn(async move {
        let state = *states.borrow();
        let mut shown = Shown { status, state, waits: false, failed: false, open: HashSet::new(), later: None };
        // What an earlier process has left.
        for entry in log.entries(Order::Added).await.unwrap_or_default() {
            if entry.meta.reasons.iter().any(|reason| reason == SYNCING) {
                shown.open.insert(entry.meta.id.clone());
                shown.waits = true;
            }
        }
        shown.state_is(state);
        loop {
            let later = shown.later;
            tokio::select! {
                changed = states.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let state = *states.borrow_and_update();
                    shown.state_is(state);
                }
                error = errors.recv() => match error {
                    Ok(error) => shown.error(&error),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                Some(entry) = from_log.recv() => shown.heard(&entry),
                () = sleep_until(later) => {
                    if let Some((_, status)) = shown.later.take() {
                        shown.show(status);
                    }
                }
            }
        }
    });
    (receiver, task)
}

async fn sleep_until(later: Option<(Instant, Status)>) {
    match later {
        Some((at, _)) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Shown {
    fn show(&mut self, status: Status) {
        self.status.send_if_modified(|now| std::mem::replace(now, status) != status);
    }

    fn show_later(&mut self, delay: Duration, status: Status) {
        self.later = Some((Instant::now() + delay, status));
    }

    fn state_is(&mut self, state: State) {
        self.state = state;
        self.later = None;
        match state {
            State::Disconnected if self.failed => {}
            State::Disconnected => self.show(if self.waits { Status::Wait } else { Status::Disconnected }),
            State::Connecting if self.failed => {}
            State::Connecting => {
                let status = if self.waits { Status::ConnectingAfterWait } else { Status::Connecting };
                self.show_later(BEFORE_CONNECTING, status);
            }
            State::Sending => {
                self.failed = false;
                self.show(if self.waits { Status::SendingAfterWait } else { Status::Sending });
            }
            State::Synchronized => {
                self.failed = false;
                self.synchronized();
            }
        }
    }

    /// Synchronised is what is processed, not what is merely sent.
    fn synchronized(&mut self) {
        if self.state != State::Synchronized || !self.open.is_empty() {
            return;
        }
        if self.waits {
            self.waits = false;
            self.show(Status::SynchronizedAfterWait);
            self.show_later(AFTER_WAIT, Status::Synchronized);
        } else if self.later.is_none_or(|(_, status)| status != Status::Synchronized) {
            self.show_later(BEFORE_SYNCHRONIZED, Status::Synchronized);
        }
    }

    fn error(&mut self, error: &NodeError) {
        let status = match error {
            NodeError::Received(LoguxError::Timeout(_)) | NodeError::Timeout(_) | NodeError::Connection(_) => return,
            NodeError::Received(error) | NodeError::Sent(error) => match error {
                LoguxError::WrongProtocol { .. } | LoguxError::WrongSubprotocol { .. } => Status::ProtocolError,
                LoguxError::WrongCredentials => Status::WrongCredentials,
                _ => Status::SyncError,
            },
            _ => Status::SyncError,
        };
        self.failed = true;
        self.later = None;
        self.show(status);
    }

    fn heard(&mut self, entry: &Entry) {
        if let Some((id, answer)) = answer_in(&entry.action) {
            let was_open = self.open.remove(&id);
            match answer {
                Ok(()) if was_open => self.synchronized(),
                Ok(()) => {}
                Err(super::DispatchError::Undone { reason: UndoReason::Denied, .. }) => self.show(Status::Denied),
                Err(_) => self.show(Status::Error),
            }
        } else if entry.meta.sync && entry.meta.added > 0 {
            self.open.insert(entry.meta.id.clone());
            if matches!(self.state, State::Disconnected | State::Connecting) && !self.waits {
                self.waits = true;
                if !self.failed {
                    self.show(Status::Wait);
                }
            }
        }
    }
}
