//! One connection's life: what comes in, what goes out, what takes too long.
//!
//! ```text
//!            frames ──► message ──► inbound queue ──► hook, log ──► synced
//!                          │            (one at a time, in order)
//!   log, handle ──► scan ──┴──► outbound batch ──► hook ──► sync ──► frames
//!                               (one at a time, in order)
//! ```
//! - Received actions are acknowledged after they are stored, in the order of receipt; so is the cursor that a ping
//!   brings along.
//! - Actions are sent in the order of their numbers; pings say only numbers that were sent before them.
//! - What waits is bounded: reading stops while too much waits for the store or for the peer.
//! - When the session ends, nothing of it goes on.

use super::{
    HookError, NodeError, NodeOptions, Remote, State,
    handle::{Command, Inlet, NodeHandle, Watched},
    inbound::Inbound,
    outbound::Outbound,
};
use crate::{
    action::Entry,
    connection::{BoxConnection, ConnectionError},
    log::{Listening, Log},
    wire::{Frame, LoguxError, Message, compress::Base},
};
use futures_util::future::BoxFuture;
use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};

/// How many frames may wait for the peer before nothing more is read from it.
const MAX_FRAMES: usize = 64;
/// How long the last words may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// How far the two have come in getting to know each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A server waits for the greeting, a client for the answer.
    Waiting,
    /// Somebody is asked whether the peer may come in.
    Authenticating,
    /// Both know each other.
    Live,
}

/// What work that was waited for has come to.
pub(super) enum Done {
    /// A client's token and cursor.
    Greeting(Result<super::handshake::Greeting, NodeError>),
    /// What authentication has come to.
    Admitted(Result<super::handshake::Admitted, NodeError>),
    /// Everything of some messages is stored, up to this number. Each message has its own acknowledgement: the reference
    /// counts them.
    Stored { result: Result<u64, NodeError>, added: u64, answers: Vec<u64> },
}

enum Event {
    Frame(Frame),
    Ended(Option<ConnectionError>),
    Inbound(Done),
    Outbound(Result<super::outbound::Batch, NodeError>),
    Entry(Arc<Entry>),
    Command(Command),
    Deadline,
}

pub(super) struct Session {
    pub role: Role,
    pub log: Log,
    pub options: Arc<NodeOptions>,
    pub watched: Arc<Watched>,
    pub handle: NodeHandle,
    pub phase: Phase,
    pub remote: Remote,
    /// The same id as in `remote`, for the ids of its actions.
    pub remote_id: Arc<str>,
    pub base: Base,
    /// When a client has greeted, in milliseconds since 1970.
    pub greeted: i64,
    pub unauthenticated: VecDeque<Message>,
    pub inbound: Inbound,
    pub outbound: Outbound,
    /// Hears of what the log gets, where nobody else tells.
    pub listens: bool,
    pub listening: Option<Listening>,
    /// Until when the peer must have got through the greeting.
    pub must_know: Option<Instant>,
    pub must_pong: Option<Instant>,
    pub next_ping: Instant,
    /// There was traffic since `next_ping` was set.
    pub touched: bool,
    pub timer: Pin<Box<Sleep>>,
    connection: BoxConnection,
    frames: VecDeque<Frame>,
    /// How many frames the connection has taken since it was flushed.
    unflushed: usize,
    /// The task has slept since the timer and the commands were looked at.
    woken: bool,
    inlet: Inlet,
    pub was_live: bool,
    pub begins_anew: bool,
}

/// How a session ended, where nothing was wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended {
    /// Both knew each other.
    pub was_live: bool,
    /// The peer is not the one that was known: connect again at once, without what was known.
    pub begins_anew: bool,
}

impl Session {
    pub fn new(
        role: Role,
        log: &Log,
        options: &Arc<NodeOptions>,
        watched: &Arc<Watched>,
        connection: BoxConnection,
        listens: bool,
    ) -> (Self, NodeHandle) {
        let (handle, inlet) = NodeHandle::new(options.max_waiting, options.headers.clone());
        let now = Instant::now();
        let session = Self {
            role,
            log: log.clone(),
            options: Arc::clone(options),
            watched: Arc::clone(watched),
            handle: handle.clone(),
            phase: Phase::Waiting,
            remote: Remote::default(),
            remote_id: "".into(),
            base: Base::default(),
            greeted: 0,
            unauthenticated: VecDeque::new(),
            inbound: Inbound::default(),
            outbound: Outbound::default(),
            listens,
            listening: None,
            must_know: Some(now + options.timeout),
            must_pong: None,
            next_ping: now + options.ping,
            touched: false,
            timer: Box::pin(tokio::time::sleep_until(now + options.ping.min(options.timeout))),
            connection,
            frames: VecDeque::new(),
            unflushed: 0,
            woken: true,
            inlet,
            was_live: false,
            begins_anew: false,
        };
        (session, handle)
    }

    /// Until the connection ends. The error, where it was one.
    pub async fn run(mut self) -> Result<Ended, NodeError> {
        self.watched.set_state(State::Connecting);
        if self.role == Role::Client {
            self.greet();
        }
        let result = loop {
            let event = poll_fn(|cx| self.poll_event(cx)).await;
            match self.handle_event(event) {
                Ok(true) => {}
                Ok(false) => break Ok(Ended { was_live: self.was_live, begins_anew: self.begins_anew }),
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = &result {
            self.watched.report(error);
            if let NodeError::Sent(error) = error {
                self.say(&Message::Error(error.clone()));
            }
        }
        self.close().await;
        result
    }

    /// What happens next. Writing goes on meanwhile.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        if let Err(error) = self.poll_write(cx) {
            return Poll::Ready(Event::Ended(Some(error)));
        }
        // What is written waits for more, unless there is none or it is enough.
        if self.unflushed >= MAX_FRAMES
            && let Err(error) = self.poll_flush(cx)
        {
            return Poll::Ready(Event::Ended(Some(error)));
        }
        // Both wake the task: looking once each time it wakes is enough.
        if std::mem::take(&mut self.woken) {
            if self.timer.as_mut().poll(cx).is_ready() {
                self.woken = true;
                return Poll::Ready(Event::Deadline);
            }
            if let Poll::Ready(Some(command)) = self.inlet.commands.poll_recv(cx) {
                self.woken = true;
                return Poll::Ready(Event::Command(command));
            }
        }
        if let Poll::Ready(batch) = poll_work(&mut self.outbound.work, cx) {
            return Poll::Ready(Event::Outbound(batch));
        }
        let peer_reads = self.frames.len() < MAX_FRAMES;
        if peer_reads && self.inbound.has_room() {
            match Pin::new(&mut *self.connection).poll_next(cx) {
                Poll::Ready(Some(Ok(frame))) => return Poll::Ready(Event::Frame(frame)),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Ended(Some(error))),
                Poll::Ready(None) => return Poll::Ready(Event::Ended(None)),
                Poll::Pending => {}
            }
        }
        // After reading: all that has come is stored in one step.
        self.next_inbound();
        if let Poll::Ready(done) = poll_work(&mut self.inbound.work, cx) {
            return Poll::Ready(Event::Inbound(done));
        }
        if peer_reads
            && self.phase == Phase::Live
            && self.outbound.wants_entries()
            && let Poll::Ready(Some(entry)) = self.inlet.entries.poll_recv(cx)
        {
            return Poll::Ready(Event::Entry(entry));
        }
        self.woken = true;
        self.delay_ping();
        match self.poll_flush(cx) {
            Ok(()) => Poll::Pending,
            Err(error) => Poll::Ready(Event::Ended(Some(error))),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        if self.unflushed > 0
            && let Poll::Ready(flushed) = Pin::new(&mut *self.connection).poll_flush(cx)
        {
            flushed?;
            self.unflushed = 0;
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionError> {
        let mut connection = Pin::new(&mut *self.connection);
        while !self.frames.is_empty() {
            match connection.as_mut().poll_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => return Ok(()),
            }
            if let Some(frame) = self.frames.pop_front() {
                connection.as_mut().start_send(frame)?;
                self.unflushed += 1;
            }
        }
        Ok(())
    }

    /// False ends it.
    fn handle_event(&mut self, event: Event) -> Result<bool, NodeError> {
        match event {
            Event::Frame(frame) => {
                self.touch();
                let message = self.options.encoding.decode(&frame).map_err(NodeError::Sent)?;
                self.handle_message(message)?;
            }
            Event::Ended(None | Some(ConnectionError::Closed)) => return Ok(false),
            Event::Ended(Some(error)) => return Err(error.into()),
            Event::Inbound(done) => self.inbound_done(done)?,
            Event::Outbound(batch) => self.send_batch(batch?),
            Event::Entry(entry) => self.take_entries(entry),
            Event::Command(Command::Say(message)) => {
                if self.phase == Phase::Live {
                    self.say(&message);
                }
            }
            Event::Command(Command::Disconnect) => return Ok(false),
            Event::Command(Command::TooSlow) => {
                return Err(NodeError::TooSlow(self.inlet.waiting.load(Ordering::Relaxed)));
            }
            Event::Deadline => self.check_deadlines()?,
        }
        Ok(true)
    }

    pub fn handle_message(&mut self, message: Message) -> Result<(), NodeError> {
        let again = |message: &Message| NodeError::Sent(LoguxError::WrongFormat(excerpt(&self.options, message)));
        match message {
            Message::Error(error) => return Err(NodeError::Received(error)),
            Message::Debug(text) => {
                let _ = self.watched.debug.send(text);
            }
            Message::Headers(headers) => {
                self.remote.headers = headers;
                if self.phase == Phase::Live {
                    self.watched.remote.send_replace(Some(self.remote.clone()));
                }
            }
            Message::Connect { .. } if self.role == Role::Client || self.phase != Phase::Waiting => {
                return Err(again(&message));
            }
            Message::Connected { .. } if self.role == Role::Server || self.phase != Phase::Waiting => {
                return Err(again(&message));
            }
            Message::Connect { protocol, node_id, synced, token, subprotocol } => {
                self.remote =
                    Remote { node_id, protocol, subprotocol, headers: std::mem::take(&mut self.remote.headers) };
                self.remote_id = self.remote.node_id.as_str().into();
                self.greeted_by(synced, token)?;
            }
            Message::Connected { protocol, node_id, start, end, token, subprotocol } => {
                self.remote =
                    Remote { node_id, protocol, subprotocol, headers: std::mem::take(&mut self.remote.headers) };
                self.remote_id = self.remote.node_id.as_str().into();
                self.answered(start, end, token)?;
            }
            message if self.phase != Phase::Live => {
                if self.unauthenticated.len() >= self.options.max_unauthenticated {
                    return Err(NodeError::TooEager(self.options.max_unauthenticated));
                }
                self.unauthenticated.push_back(message);
            }
            Message::Sync { added, entries } => self.receive(added, entries)?,
            Message::Synced(added) => self.acknowledged(added),
            Message::Ping(added) => {
                self.remember(added);
                self.say(&Message::Pong(self.outbound.handled));
            }
            Message::Pong(added) => {
                self.must_pong = None;
                self.remember(added);
            }
        }
        Ok(())
    }

    pub fn say(&mut self, message: &Message) {
        self.touch();
        self.frames.push_back(self.options.encoding.encode(message));
    }

    /// Takes what waits to be sent, with what is first.
    fn take_entries(&mut self, first: Arc<Entry>) {
        let mut entries = vec![first];
        while entries.len() < super::outbound::BATCH {
            match self.inlet.entries.try_recv() {
                Ok(entry) => entries.push(entry),
                Err(_) => break,
            }
        }
        self.inlet.waiting.fetch_sub(entries.len(), Ordering::Relaxed);
        self.send_entries(entries);
    }

    /// Nothing of ours is on its way or waits to be sent.
    pub fn is_idle(&self) -> bool {
        !self.outbound.is_busy() && self.outbound.work.is_none() && !self.someone_waits()
    }

    pub fn someone_waits(&self) -> bool {
        self.inlet.waiting.load(Ordering::Relaxed) > 0
    }

    pub fn update_state(&self) {
        // Where others tell what goes out, nobody looks at the state.
        if self.phase == Phase::Live && self.listens {
            let busy = self.outbound.is_busy();
            self.watched.set_state(if busy { State::Sending } else { State::Synchronized });
        }
    }

    /// Says what is still to be said, and closes.
    async fn close(mut self) {
        self.listening = None;
        self.watched.set_state(State::Disconnected);
        self.watched.remote.send_replace(None);
        let last_words = poll_fn(|cx| {
            if self.poll_write(cx).is_err() || self.poll_flush(cx).is_err() {
                return Poll::Ready(());
            }
            if !self.frames.is_empty() || self.unflushed > 0 {
                return Poll::Pending;
            }
            Pin::new(&mut *self.connection).poll_close(cx).map(|_| ())
        });
        // Whoever does not listen need not be waited for.
        let _ = tokio::time::timeout(LAST_WORDS, last_words).await;
    }
}

fn excerpt(options: &NodeOptions, message: &Message) -> String {
    options.encoding.encode(message).excerpt()
}

/// Polls work if there is any; what is done is gone.
fn poll_work<T>(work: &mut Option<BoxFuture<'static, T>>, cx: &mut Context<'_>) -> Poll<T> {
    let Some(future) = work else { return Poll::Pending };
    let result = future.as_mut().poll(cx);
    if result.is_ready() {
        *work = None;
    }
    result
}

pub(super) fn hook_error(error: HookError) -> NodeError {
    NodeError::Hook(error)
}
