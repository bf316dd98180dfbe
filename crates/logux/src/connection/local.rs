//! Two nodes in one process.

use super::ConnectionError;
use crate::wire::Frame;
use futures_util::{Sink, Stream};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Two ends of a connection inside one process.
///
/// What is sent waits in memory until the other end reads it, without a limit.
#[derive(Debug)]
pub struct LocalPair {
    /// One end.
    pub left: LocalConnection,
    /// The other.
    pub right: LocalConnection,
}

impl LocalPair {
    /// Connected.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let ((to_right, from_left), (to_left, from_right)) = (unbounded_channel(), unbounded_channel());
        Self {
            left: LocalConnection { sender: Some(to_right), receiver: from_right },
            right: LocalConnection { sender: Some(to_left), receiver: from_left },
        }
    }
}

/// One end of a [`LocalPair`].
#[derive(Debug)]
pub struct LocalConnection {
    sender: Option<UnboundedSender<Frame>>,
    receiver: UnboundedReceiver<Frame>,
}

impl Stream for LocalConnection {
    type Item = Result<Frame, ConnectionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

impl Sink<Frame> for LocalConnection {
    type Error = ConnectionError;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, frame: Frame) -> Result<(), ConnectionError> {
        let sender = self.sender.as_ref().ok_or(ConnectionError::Closed)?;
        sender.send(frame).map_err(|_| ConnectionError::Closed)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        self.sender = None;
        Poll::Ready(Ok(()))
    }
}
