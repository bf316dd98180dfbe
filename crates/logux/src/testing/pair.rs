//! A connection that a test watches, and breaks.

use crate::{
    connection::{BoxConnection, ConnectionError, Connector, LocalConnection, LocalPair},
    wire::Frame,
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{
        Mutex as AsyncMutex, Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::Instant,
};

/// One of the two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Whoever connects.
    Left,
    /// Whoever accepts.
    Right,
}

/// What happens to frames on their way.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Disorder {
    /// Each frame takes so long. Frames of one direction do not overtake each other.
    pub delay: Duration,
    /// Ends the connection in the place of this frame, counted from 0 over both directions.
    pub cut_at: Option<usize>,
    /// This frame arrives twice.
    pub repeat: Option<usize>,
    /// From this frame on nothing arrives, and nobody is told.
    pub silent_from: Option<usize>,
}

impl Disorder {
    /// Ends the connection in the place of this frame.
    pub fn cut_at(frame: usize) -> Self {
        Self { cut_at: Some(frame), ..Self::default() }
    }

    /// Frames take so long.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// This frame arrives twice.
    #[must_use]
    pub fn repeat(mut self, frame: usize) -> Self {
        self.repeat = Some(frame);
        self
    }

    /// From this frame on nothing arrives, and nobody is told.
    #[must_use]
    pub fn silent_from(mut self, frame: usize) -> Self {
        self.silent_from = Some(frame);
        self
    }
}

/// Connections between two nodes of a test, one after the other. Records what is said, and breaks when told to.
#[derive(Clone)]
pub struct TestPair(Arc<Inner>);

struct Inner {
    said: Mutex<Vec<(Side, String)>>,
    /// For the connections to come, in their order; afterwards there is order.
    disorder: Mutex<std::collections::VecDeque<Disorder>>,
    cut: Notify,
    heard: Notify,
    refuses: Mutex<bool>,
    accepting: UnboundedSender<LocalConnection>,
    accepted: AsyncMutex<UnboundedReceiver<LocalConnection>>,
}

impl TestPair {
    /// Not connected yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let (accepting, accepted) = unbounded_channel();
        Self(Arc::new(Inner {
            said: Mutex::default(),
            disorder: Mutex::default(),
            cut: Notify::new(),
            heard: Notify::new(),
            refuses: Mutex::new(false),
            accepting,
            accepted: AsyncMutex::new(accepted),
        }))
    }

    /// What the next connection suffers; called again, the one after it.
    pub fn then(&self, disorder: Disorder) -> &Self {
        self.0.disorder.lock().push_back(disorder);
        self
    }

    /// The left end connects with it.
    pub fn connector(&self) -> impl Connector {
        let pair = self.clone();
        move || -> BoxFuture<'static, Result<BoxConnection, ConnectionError>> {
            let pair = pair.clone();
            Box::pin(async move { pair.connect().map(|left| Box::new(left) as BoxConnection) })
        }
    }

    /// A connection, from the left.
    ///
    /// # Errors
    /// [`ConnectionError::Closed`] while it [refuses](Self::refuse).
    pub fn connect(&self) -> Result<LocalConnection, ConnectionError> {
        if *self.0.refuses.lock() {
            return Err(ConnectionError::Closed);
        }
        let (left, right) = (LocalPair::new(), LocalPair::new());
        let disorder = self.0.disorder.lock().pop_front().unwrap_or_default();
        tokio::spawn(Arc::clone(&self.0).carry(left.right, right.left, disorder));
        // The receiver is ours.
        let _ = self.0.accepting.send(right.right);
        Ok(left.left)
    }

    /// The right end of the next connection.
    pub async fn accept(&self) -> LocalConnection {
        match self.0.accepted.lock().await.recv().await {
            Some(connection) => connection,
            // The sender is ours.
            None => std::future::pending().await,
        }
    }

    /// Ends the connection.
    pub fn cut(&self) {
        self.0.cut.notify_waiters();
    }

    /// From now on nobody can connect, or can again.
    pub fn refuse(&self, refuses: bool) {
        *self.0.refuses.lock() = refuses;
    }

    /// What the left has said, in all connections.
    pub fn left_said(&self) -> Vec<String> {
        self.said_by(Side::Left)
    }

    /// What the right has said, in all connections.
    pub fn right_said(&self) -> Vec<String> {
        self.said_by(Side::Right)
    }

    fn said_by(&self, side: Side) -> Vec<String> {
        self.0.said.lock().iter().filter(|(by, _)| *by == side).map(|(_, text)| text.clone()).collect()
    }

    /// What was said, in order.
    pub fn said(&self) -> Vec<(Side, String)> {
        self.0.said.lock().clone()
    }

    /// Waits until a side has said something that begins so.
    pub async fn wait_for(&self, side: Side, beginning: &str) {
        loop {
            let heard = self.0.heard.notified();
            if self.said_by(side).iter().any(|text| text.starts_with(beginning)) {
                return;
            }
            heard.await;
        }
    }

    /// Forgets what was said.
    pub fn clear(&self) {
        self.0.said.lock().clear();
    }
}

impl Inner {
    async fn carry(self: Arc<Self>, left: LocalConnection, right: LocalConnection, disorder: Disorder) {
        let ((mut to_left, mut from_left), (mut to_right, mut from_right)) = (left.split(), right.split());
        let (left_sender, mut for_left) = unbounded_channel::<(Instant, Frame)>();
        let (right_sender, mut for_right) = unbounded_channel::<(Instant, Frame)>();
        let late = |delay| Instant::now() + delay;
        let mut number = 0;
        let read = async {
            loop {
                let (side, frame) = tokio::select! {
                    frame = from_left.next() => (Side::Left, frame),
                    frame = from_right.next() => (Side::Right, frame),
                };
                let Some(Ok(frame)) = frame else { return Left::Closed };
                self.said.lock().push((side, frame_text(&frame)));
                self.heard.notify_waiters();
                let sender = if side == Side::Left { &right_sender } else { &left_sender };
                let this = number;
                number += 1;
                if disorder.cut_at == Some(this) {
                    // What was said before it arrives, also where both are said at once.
                    return Left::Closed;
                }
                if disorder.silent_from.is_some_and(|from| this >= from) {
                    continue;
                }
                let times = if disorder.repeat == Some(this) { 2 } else { 1 };
                for _ in 0..times {
                    let _ = sender.send((late(disorder.delay), frame.clone()));
                }
            }
        };
        let deliver_left = async {
            while let Some((at, frame)) = for_left.recv().await {
                tokio::time::sleep_until(at).await;
                let _ = to_left.send(frame).await;
            }
        };
        let deliver_right = async {
            while let Some((at, frame)) = for_right.recv().await {
                tokio::time::sleep_until(at).await;
                let _ = to_right.send(frame).await;
            }
        };
        let deliver = async { tokio::join!(deliver_left, deliver_right) };
        tokio::pin!(deliver);
        let left = tokio::select! {
            left = read => left,
            _ = &mut deliver => Left::Cut,
            () = self.cut.notified() => Left::Cut,
        };
        // Whoever closes has said all before, and it arrives.
        if left == Left::Closed {
            drop((left_sender, right_sender));
            deliver.await;
        }
    }
}

/// How a connection was left.
#[derive(PartialEq)]
enum Left {
    Closed,
    Cut,
}

pub(super) fn frame_text(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => text.clone(),
        Frame::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
