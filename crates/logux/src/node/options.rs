//! What an app chooses about a node.

use crate::{
    action::{Action, Entry, Meta},
    log::NewMeta,
    wire::{Encoding, Json, LoguxError},
};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::{error::Error as StdError, sync::Arc, time::Duration};

/// What a hook failed with.
pub type HookError = Arc<dyn StdError + Send + Sync>;

/// What a node proves with who it is: any JSON, at hand or asked for on each connect.
#[derive(Clone)]
pub struct Token(Arc<dyn Fn() -> BoxFuture<'static, Result<Value, HookError>> + Send + Sync>);

impl Token {
    /// Always the same.
    pub fn value(value: impl Into<Value>) -> Self {
        let value = value.into();
        Self(Arc::new(move || {
            let value = value.clone();
            Box::pin(async move { Ok(value) })
        }))
    }

    /// Asked for on each connect, so that it may be renewed. An error closes the connection.
    pub fn provider<F>(provide: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Value, HookError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(provide())))
    }

    pub(super) async fn get(&self) -> Result<Value, HookError> {
        (self.0)().await
    }
}

impl<T: Into<Value>> From<T> for Token {
    fn from(value: T) -> Self {
        Self::value(value)
    }
}

/// The node at the other end.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Remote {
    /// Its id.
    pub node_id: String,
    /// The version of the protocol that it speaks.
    pub protocol: u32,
    /// The version of the app's own protocol; 0 where it said none.
    pub subprotocol: u32,
    /// What else it said about itself.
    pub headers: Map<String, Value>,
}

/// Who wants to be let in.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuthRequest {
    /// The node.
    pub remote: Remote,
    /// What it proves with who it is.
    pub token: Option<Value>,
}

/// What leaves in an entry's place.
pub type Outgoing = Option<(Action, Meta)>;

type Auth = dyn Fn(AuthRequest) -> BoxFuture<'static, Result<bool, LoguxError>> + Send + Sync;
type OnConnect = dyn Fn(&Remote) -> Result<(), LoguxError> + Send + Sync;
type OnSend = dyn Fn(Arc<Entry>) -> BoxFuture<'static, Result<Outgoing, HookError>> + Send + Sync;
type OnReceive =
    dyn Fn(Action, NewMeta) -> BoxFuture<'static, Result<Option<(Action, NewMeta)>, HookError>> + Send + Sync;

/// Which entries are sent at all.
pub(crate) type Selector = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;
/// Where received actions go, in the place of the log: one call for each message. They are kept when it returns.
pub(crate) type Receiver =
    Arc<dyn Fn(Vec<(Action, NewMeta)>) -> BoxFuture<'static, Result<(), HookError>> + Send + Sync>;

/// What an app chooses about a node.
#[derive(Clone)]
pub struct NodeOptions {
    pub(super) token: Option<Token>,
    pub(super) auth: Option<Arc<Auth>>,
    pub(super) on_connect: Option<Arc<OnConnect>>,
    pub(super) on_send: Option<Arc<OnSend>>,
    pub(super) on_receive: Option<Arc<OnReceive>>,
    pub(super) encoding: Arc<dyn Encoding>,
    pub(crate) select: Option<Selector>,
    pub(crate) receiver: Option<Receiver>,
    /// Only what is public of the meta leaves.
    pub(crate) public_only: bool,
    /// Sent again on each connect until the entry has lost it.
    pub(crate) resend_reason: Option<String>,
    pub(crate) subprotocol: u32,
    pub(crate) ping: Duration,
    pub(crate) timeout: Duration,
    pub(crate) fix_time: bool,
    pub(crate) max_unauthenticated: usize,
    pub(crate) max_waiting: usize,
    pub(crate) headers: Map<String, Value>,
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self {
            token: None,
            auth: None,
            on_connect: None,
            on_send: None,
            on_receive: None,
            encoding: Arc::new(Json),
            select: None,
            receiver: None,
            public_only: false,
            resend_reason: None,
            subprotocol: 0,
            ping: Duration::from_secs(10),
            timeout: Duration::from_secs(70),
            fix_time: true,
            max_unauthenticated: 32,
            max_waiting: 10_000,
            headers: Map::new(),
        }
    }
}

impl NodeOptions {
    pub(super) fn selects(&self, entry: &Entry) -> bool {
        self.select.as_ref().is_none_or(|select| select(entry))
    }

    /// The version of the app's own protocol; 0 says none. 0 by default.
    #[must_use]
    pub fn subprotocol(mut self, version: u32) -> Self {
        self.subprotocol = version;
        self
    }

    /// After so long without traffic, ask whether the peer is there. 10 s by default, and at least 20 s for servers.
    #[must_use]
    pub fn ping(mut self, after: Duration) -> Self {
        self.ping = after;
        self
    }

    /// Without an answer for so long, close the connection. 70 s by default.
    #[must_use]
    pub fn timeout(mut self, after: Duration) -> Self {
        self.timeout = after;
        self
    }

    /// Whether a client measures how far its clock is from the server's, anew on each connect. True by default.
    #[must_use]
    pub fn fix_time(mut self, fixes: bool) -> Self {
        self.fix_time = fixes;
        self
    }

    /// How many messages may wait for the end of authentication. 32 by default.
    #[must_use]
    pub fn max_unauthenticated(mut self, messages: usize) -> Self {
        self.max_unauthenticated = messages;
        self
    }

    /// How many actions may wait for a slow peer before the connection is closed. 10,000 by default.
    #[must_use]
    pub fn max_waiting(mut self, actions: usize) -> Self {
        self.max_waiting = actions;
        self
    }

    /// What this node says about itself.
    #[must_use]
    pub fn headers(mut self, headers: Map<String, Value>) -> Self {
        self.headers = headers;
        self
    }

    /// What this node proves with who it is.
    #[must_use]
    pub fn token(mut self, token: impl Into<Token>) -> Self {
        self.token = Some(token.into());
        self
    }

    pub(crate) fn maybe_token(mut self, token: Option<Token>) -> Self {
        self.token = token;
        self
    }

    /// Lets the peer in, or not: false answers `wrong-credentials`, an error answers itself. Without this hook, everybody
    /// is let in.
    #[must_use]
    pub fn auth<F>(mut self, auth: impl Fn(AuthRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, LoguxError>> + Send + 'static,
    {
        self.auth = Some(Arc::new(move |request| Box::pin(auth(request))));
        self
    }

    /// Asked before authentication, when the peer has said who it is and what it speaks. An error is sent, and closes the
    /// connection.
    #[must_use]
    pub fn on_connect(mut self, hook: impl Fn(&Remote) -> Result<(), LoguxError> + Send + Sync + 'static) -> Self {
        self.on_connect = Some(Arc::new(hook));
        self
    }

    /// Filters and maps what is sent: asked in order, one at a time, so that nothing overtakes. `None` keeps it here; an
    /// error closes the connection, and the action is sent on the next one.
    #[must_use]
    pub fn on_send<F>(mut self, hook: impl Fn(Arc<Entry>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Outgoing, HookError>> + Send + 'static,
    {
        self.on_send = Some(Arc::new(move |entry| Box::pin(hook(entry))));
        self
    }

    /// Filters and maps what is received, in order, one at a time. `None` drops it, acknowledged; an error closes the
    /// connection, not acknowledged.
    #[must_use]
    pub fn on_receive<F>(mut self, hook: impl Fn(Action, NewMeta) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Option<(Action, NewMeta)>, HookError>> + Send + 'static,
    {
        self.on_receive = Some(Arc::new(move |action, meta| Box::pin(hook(action, meta))));
        self
    }

    /// Another encoding than JSON.
    #[must_use]
    pub fn encoding(mut self, encoding: impl Encoding) -> Self {
        self.encoding = Arc::new(encoding);
        self
    }
}
