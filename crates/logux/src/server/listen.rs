//! Where clients connect to.

use super::Server;
use crate::connection::{
    ServerTls, WsConnection,
    ws::{Io, MAX_FRAME, config},
};
use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::accept_async_with_config;

/// How a server listens.
#[derive(Clone)]
pub struct ListenOptions {
    tls: Option<ServerTls>,
    max_frame: usize,
    max_connections: usize,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { tls: None, max_frame: MAX_FRAME, max_connections: 10_000 }
    }
}

impl ListenOptions {
    /// With TLS: clients connect to `wss://`.
    #[must_use]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How long a frame may be, in bytes. A longer one closes the connection. 4 MiB by default.
    #[must_use]
    pub fn max_frame(mut self, bytes: usize) -> Self {
        self.max_frame = bytes;
        self
    }

    /// How many connections there may be at a time. More are not accepted until one ends. 10,000 by default.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }
}

/// A server that listens. Dropping it ends the listening, and not the connections.
pub struct Listener {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listener {
    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How long a request may be, in bytes, and how long it may take.
const MAX_HEAD: usize = 8 << 10;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

impl Server {
    /// Listens for WebSockets. `GET /health` is answered with 200, and with 503 once the server stops.
    ///
    /// # Errors
    /// The address cannot be listened at.
    pub async fn listen(
        &self,
        address: impl tokio::net::ToSocketAddrs,
        options: ListenOptions,
    ) -> io::Result<Listener> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let server = self.clone();
        let room = std::sync::Arc::new(tokio::sync::Semaphore::new(options.max_connections));
        let task = tokio::spawn(async move {
            // The semaphore is never closed.
            while let Ok(place) = std::sync::Arc::clone(&room).acquire_owned().await {
                let (tcp, from) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Too many open files, say: they are closed sooner or later.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                };
                let (server, options) = (server.clone(), options.clone());
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = server.welcome(tcp, from, &options).await {
                        tracing::debug!(%error, %from, "a connection has failed");
                    }
                });
            }
        });
        Ok(Listener { address, task })
    }

    async fn welcome(&self, tcp: TcpStream, from: SocketAddr, options: &ListenOptions) -> io::Result<()> {
        tcp.set_nodelay(true)?;
        // Boxed: what it takes to open a connection is not kept while it lives.
        let opening = Box::pin(async {
            let mut io: Box<dyn Io> = match &options.tls {
                Some(tls) => Box::new(tls.acceptor().accept(tcp).await?),
                None => Box::new(tcp),
            };
            let head = read_head(&mut io).await?;
            if !is_upgrade(&head) {
                self.answer_request(&head, &mut io).await?;
                return Ok(None);
            }
            let io: Box<dyn Io> = Box::new(Prefixed { head, at: 0, io });
            let socket = accept_async_with_config(io, Some(config(options.max_frame))).await;
            socket.map(Some).map_err(io::Error::other)
        });
        let socket = tokio::time::timeout(HEAD_TIMEOUT, opening).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if let Some(socket) = socket {
            let connection = Box::new(WsConnection::new(socket, options.max_frame));
            // What went wrong was reported to the client.
            let _ = Box::pin(self.serve_any(connection, Some(from.ip()))).await;
        }
        Ok(())
    }

    async fn answer_request(&self, head: &[u8], io: &mut Box<dyn Io>) -> io::Result<()> {
        let (status, body) = match (head.starts_with(b"GET /health "), self.is_stopping()) {
            (_, true) => ("503 Service Unavailable", "The server is shutting down\n"),
            (true, false) => ("200 OK", "OK\n"),
            (false, false) => ("404 Not Found", "Not found\n"),
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
        io.write_all(answer.as_bytes()).await?;
        io.shutdown().await
    }
}

async fn read_head(io: &mut Box<dyn Io>) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if io.read_buf(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn is_upgrade(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.lines().any(|line| line.starts_with("upgrade:") && line.contains("websocket"))
}

/// What was read already, and then the rest.
struct Prefixed {
    head: Vec<u8>,
    at: usize,
    io: Box<dyn Io>,
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.at < self.head.len() {
            let count = buffer.remaining().min(self.head.len() - self.at);
            buffer.put_slice(&self.head[self.at..self.at + count]);
            self.at += count;
            if self.at == self.head.len() {
                (self.head, self.at) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
