//! What is said on a real connection.

use super::Side;
use crate::{
    connection::{BoxConnection, ConnectionError, Connector},
    wire::Frame,
};
use futures_util::{Sink, Stream, future::BoxFuture};
use parking_lot::Mutex;
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// Records what is said on the connections of a connector. A clone records into the same.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Vec<(Side, String)>>>);

impl Recorder {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Connects as the connector does, and records. Who connects is on the left.
    pub fn connector(&self, connector: impl Connector) -> impl Connector {
        let recorder = self.clone();
        move || -> BoxFuture<'static, Result<BoxConnection, ConnectionError>> {
            let (recorder, connecting) = (recorder.clone(), connector.connect());
            Box::pin(async move { Ok(recorder.connection(connecting.await?, Side::Left)) })
        }
    }

    /// Records what is said on a connection, whose near end is on a side.
    pub fn connection(&self, connection: BoxConnection, near: Side) -> BoxConnection {
        Box::new(Recorded { connection, near, recorder: self.clone() })
    }

    /// What was said, in order.
    pub fn said(&self) -> Vec<(Side, String)> {
        self.0.lock().clone()
    }

    fn note(&self, side: Side, frame: &Frame) {
        self.0.lock().push((side, super::pair::frame_text(frame)));
    }
}

struct Recorded {
    connection: BoxConnection,
    near: Side,
    recorder: Recorder,
}

impl Stream for Recorded {
    type Item = Result<Frame, ConnectionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let frame = ready!(Pin::new(&mut *self.connection).poll_next(cx));
        if let Some(Ok(frame)) = &frame {
            let far = if self.near == Side::Left { Side::Right } else { Side::Left };
            self.recorder.note(far, frame);
        }
        Poll::Ready(frame)
    }
}

impl Sink<Frame> for Recorded {
    type Error = ConnectionError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Pin::new(&mut *self.connection).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), ConnectionError> {
        self.recorder.note(self.near, &frame);
        Pin::new(&mut *self.connection).start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Pin::new(&mut *self.connection).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        Pin::new(&mut *self.connection).poll_close(cx)
    }
}
