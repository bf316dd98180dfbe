//! WebSockets.

use super::{BoxConnection, ConnectionError, Connector, Trust};
use crate::wire::Frame;
use futures_util::{Sink, Stream, future::BoxFuture};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{Error, Message, http::Uri, protocol::WebSocketConfig},
};

/// How long a frame may be unless told otherwise, in bytes.
pub(crate) const MAX_FRAME: usize = 4 << 20;

/// What every idle connection keeps.
const BUFFER: usize = 4 << 10;

/// What is written at once at most. It is there only while it is needed.
const WRITE: usize = 16 << 10;

/// TCP, with or without TLS.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A WebSocket, of a client's or a server's.
pub struct WsConnection {
    socket: WebSocketStream<Box<dyn Io>>,
    max_frame: usize,
}

pub(crate) fn config(max_frame: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(WRITE)
        .max_message_size(Some(max_frame))
        .max_frame_size(Some(max_frame))
}

impl WsConnection {
    pub(crate) fn new(socket: WebSocketStream<Box<dyn Io>>, max_frame: usize) -> Self {
        Self { socket, max_frame }
    }

    fn error(&self, error: Error) -> ConnectionError {
        convert(error, self.max_frame)
    }
}

fn convert(error: Error, max_frame: usize) -> ConnectionError {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => ConnectionError::Closed,
        Error::Io(error) => error.into(),
        Error::Capacity(_) => ConnectionError::TooLarge { limit: max_frame },
        other => ConnectionError::Protocol(other.to_string()),
    }
}

impl Stream for WsConnection {
    type Item = Result<Frame, ConnectionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                None | Some(Ok(Message::Close(_))) => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.error(error)))),
                Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes.into()),
                // Answered by the library.
                Some(Ok(_)) => continue,
            };
            return Poll::Ready(Some(Ok(frame)));
        }
    }
}

impl Sink<Frame> for WsConnection {
    type Error = ConnectionError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let ready = ready!(Pin::new(&mut self.socket).poll_ready(cx));
        Poll::Ready(ready.map_err(|error| self.error(error)))
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Frame) -> Result<(), ConnectionError> {
        let message = match frame {
            Frame::Text(text) => Message::Text(text.into()),
            Frame::Binary(bytes) => Message::Binary(bytes.into()),
        };
        let sent = Pin::new(&mut self.socket).start_send(message);
        sent.map_err(|error| self.error(error))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let flushed = ready!(Pin::new(&mut self.socket).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.error(error)))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let closed = ready!(Pin::new(&mut self.socket).poll_close(cx));
        Poll::Ready(closed.map_err(|error| self.error(error)))
    }
}

/// Connects to a server's address.
#[derive(Clone)]
pub struct WsConnector {
    url: Uri,
    host: String,
    port: u16,
    trust: Option<Trust>,
    max_frame: usize,
}

impl WsConnector {
    /// A `wss://` address, of a server whose certificate the web trusts.
    ///
    /// # Errors
    /// [`ConnectionError::Address`]: no such address, or one without TLS: nothing is ever sent there.
    pub fn new(url: &str) -> Result<Self, ConnectionError> {
        let trust = Trust::web().map_err(|error| wrong(url, &error.to_string()))?;
        Self::with_trust(url, trust)
    }

    /// A `wss://` address, of a server whose certificate is accepted.
    ///
    /// # Errors
    /// [`ConnectionError::Address`]: no such address, or one without TLS: nothing is ever sent there.
    pub fn with_trust(url: &str, trust: Trust) -> Result<Self, ConnectionError> {
        match Self::parse(url)? {
            connector if connector.url.scheme_str() == Some("wss") => Ok(Self { trust: Some(trust), ..connector }),
            _ => Err(wrong(
                url,
                "everybody on the way could read the token: use `wss://`, or for development `insecure`",
            )),
        }
    }

    /// A `ws://` address: everybody on the way can read and change everything, the token too. For development.
    ///
    /// # Errors
    /// [`ConnectionError::Address`]: no such address.
    pub fn insecure(url: &str) -> Result<Self, ConnectionError> {
        match Self::parse(url)? {
            connector if connector.url.scheme_str() == Some("ws") => Ok(connector),
            _ => Err(wrong(url, "only `ws://` addresses are insecure")),
        }
    }

    /// How long a frame may be, in bytes. 4 MiB by default.
    #[must_use]
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    fn parse(text: &str) -> Result<Self, ConnectionError> {
        let url: Uri = text.parse().map_err(|_| wrong(text, "it is no address"))?;
        let port = match url.scheme_str() {
            Some("ws") => 80,
            Some("wss") => 443,
            _ => return Err(wrong(text, "it begins with neither `wss://` nor `ws://`")),
        };
        let host = url.host().ok_or_else(|| wrong(text, "it names no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = url.port_u16().unwrap_or(port);
        Ok(Self { url, host, port, trust: None, max_frame: MAX_FRAME })
    }

    async fn open(self) -> Result<BoxConnection, ConnectionError> {
        let tcp = TcpStream::connect((&*self.host, self.port)).await?;
        tcp.set_nodelay(true)?;
        let io: Box<dyn Io> = match &self.trust {
            Some(trust) => {
                let name = ServerName::try_from(self.host.clone())
                    .map_err(|_| wrong(&self.url.to_string(), "its host is no name for a certificate"))?;
                Box::new(trust.connector().connect(name, tcp).await?)
            }
            None => Box::new(tcp),
        };
        let connected = client_async_with_config(self.url, io, Some(config(self.max_frame))).await;
        let (socket, _) = connected.map_err(|error| convert(error, self.max_frame))?;
        Ok(Box::new(WsConnection::new(socket, self.max_frame)))
    }
}

fn wrong(url: &str, why: &str) -> ConnectionError {
    ConnectionError::Address { url: url.to_owned(), why: why.to_owned() }
}

impl Connector for WsConnector {
    fn connect(&self) -> BoxFuture<'static, Result<BoxConnection, ConnectionError>> {
        Box::pin(self.clone().open())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_without_tls_are_refused_unless_asked_for() {
        for (url, secure, insecure) in [
            ("wss://example.com/x", true, false),
            ("ws://example.com", false, true),
            ("ws://localhost:1", false, true),
            ("http://example.com", false, false),
            ("example.com", false, false),
            ("", false, false),
        ] {
            assert_eq!(WsConnector::new(url).is_ok(), secure, "{url}");
            assert_eq!(WsConnector::insecure(url).is_ok(), insecure, "{url}");
        }
    }
}
