//! How a server is put together.

use super::{
    ActionType, AuthAttempt, Channel, Inner, Server,
    admission::{Admission, Attempts},
    channels::Channels,
    pattern::Pattern,
    router::Router,
    types::Types,
};
use crate::{
    clock::{Clock, SystemClock},
    id::{IdError, random_id},
    log::{Filter, Log},
    node::NodeOptions,
    store::{Ledger, Store},
};
use std::{sync::Arc, time::Duration};
use thiserror::Error;

/// A server that cannot be built, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Nobody would be let in, or everybody: say which.
    #[error("there is no `auth`: say who is let in")]
    NoAuth,
    /// Two definitions of one type or channel.
    #[error("`{0}` is defined twice")]
    Twice(String),
    /// No regular expression, and why.
    #[error("`{pattern}` is no regular expression: {why}")]
    Pattern {
        /// The text.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// No node may have the id.
    #[error(transparent)]
    Id(#[from] IdError),
}

/// Puts a [`Server`] together.
pub struct ServerBuilder {
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    id: String,
    options: NodeOptions,
    min_subprotocol: u32,
    admission: Option<Admission>,
    types: Types,
    channels: Channels,
    keep_finished: usize,
    development: bool,
    wrong: Option<BuildError>,
}

impl ServerBuilder {
    pub(super) fn new<S: Store + Ledger>(store: Arc<S>) -> Self {
        Self {
            store: Arc::clone(&store) as Arc<dyn Store>,
            ledger: store,
            clock: Arc::new(SystemClock),
            id: random_id(),
            options: NodeOptions::default().ping(Duration::from_secs(20)),
            min_subprotocol: 0,
            admission: None,
            types: Types::default(),
            channels: Channels::default(),
            keep_finished: 100_000,
            development: false,
            wrong: None,
        }
    }

    /// Who is let in. Asked once for each connection.
    #[must_use]
    pub fn auth<F>(mut self, auth: impl Fn(AuthAttempt) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.admission = Some(Admission::new(auth));
        self
    }

    /// The actions of a type. Types without a definition are undone as `unknownType`.
    #[must_use]
    pub fn action(mut self, kind: &str, definition: ActionType) -> Self {
        let is_new = self.types.define(kind, definition);
        self.once(is_new, kind)
    }

    /// The actions of all types that a regular expression matches, and that have no definition of their own. The first that
    /// matches counts. `^` and `$` say where a type begins and ends; the syntax is that of the crate `regex-lite`.
    #[must_use]
    pub fn actions_matching(mut self, regex: &str, definition: ActionType) -> Self {
        match Pattern::matching(regex) {
            Ok(pattern) => {
                let is_new = self.types.define_matching(pattern, definition);
                self.once(is_new, regex)
            }
            Err(error) => self.wrong_pattern(regex, &error),
        }
    }

    /// The actions of all types that have no definition of their own, and that no regular expression matches.
    #[must_use]
    pub fn other_actions(mut self, definition: ActionType) -> Self {
        let is_new = self.types.define_other(definition);
        self.once(is_new, "other_actions")
    }

    /// Channels whose names fit a pattern: `:name` stands for one part between slashes, as in `user/:id`, and `*` at the end
    /// for all that follows, as in `posts/*`. See [`Context::param`](super::Context::param). The first pattern that fits
    /// counts. Other channels are undone as `wrongChannel`.
    #[must_use]
    pub fn channel(mut self, pattern: &str, definition: Channel) -> Self {
        let is_new = self.channels.define(Pattern::parts(pattern), definition);
        self.once(is_new, pattern)
    }

    /// Channels whose names a regular expression matches, in one order with [`channel`](Self::channel). `^` and `$` say where
    /// a name begins and ends; the syntax is that of the crate `regex-lite`.
    #[must_use]
    pub fn channels_matching(mut self, regex: &str, definition: Channel) -> Self {
        match Pattern::matching(regex) {
            Ok(pattern) => {
                let is_new = self.channels.define(pattern, definition);
                self.once(is_new, regex)
            }
            Err(error) => self.wrong_pattern(regex, &error),
        }
    }

    /// All other channels.
    #[must_use]
    pub fn other_channels(mut self, definition: Channel) -> Self {
        let is_new = self.channels.define_other(definition);
        self.once(is_new, "other_channels")
    }

    fn once(mut self, is_new: bool, name: &str) -> Self {
        if !is_new {
            self.wrong.get_or_insert_with(|| BuildError::Twice(name.to_owned()));
        }
        self
    }

    fn wrong_pattern(mut self, pattern: &str, error: &regex_lite::Error) -> Self {
        let (pattern, why) = (pattern.to_owned(), error.to_string());
        self.wrong.get_or_insert(BuildError::Pattern { pattern, why });
        self
    }

    /// The part of the server's node id after `server:`. Random by default: say one where the store is durable.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// The version of the app's own protocol, and the oldest one that clients may speak. Both are 0 by default.
    #[must_use]
    pub fn subprotocol(mut self, current: u32, oldest: u32) -> Self {
        self.options = self.options.subprotocol(current);
        self.min_subprotocol = oldest;
        self
    }

    /// Pings after so long without traffic (20 s by default), and closes after so long without an answer (70 s).
    #[must_use]
    pub fn timeouts(mut self, ping: Duration, timeout: Duration) -> Self {
        self.options = self.options.ping(ping).timeout(timeout);
        self
    }

    /// How many messages may wait for authentication (32 by default), and how many actions for a slow client (10,000).
    #[must_use]
    pub fn limits(mut self, unauthenticated: usize, waiting: usize) -> Self {
        self.options = self.options.max_unauthenticated(unauthenticated).max_waiting(waiting);
        self
    }

    /// How many ids of finished actions are remembered, so that they are not processed twice. 100,000 by default.
    #[must_use]
    pub fn keep_finished(mut self, ids: usize) -> Self {
        self.keep_finished = ids;
        self
    }

    /// Tells clients for developers what went wrong, and that the server is one for development: clients then accept to be
    /// connected without TLS.
    #[must_use]
    pub fn development(mut self) -> Self {
        self.development = true;
        let headers = [("env".to_owned(), "development".into())];
        self.options = self.options.headers(headers.into_iter().collect());
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds it, and goes on with what an earlier process has acknowledged and not finished. Must be called in a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(mut self) -> Result<Server, BuildError> {
        if let Some(wrong) = self.wrong.take() {
            return Err(wrong);
        }
        let mut admission = self.admission.ok_or(BuildError::NoAuth)?;
        admission.min_subprotocol = self.min_subprotocol;
        let log = Log::with_clock(&format!("server:{}", self.id), self.store, self.clock)?;
        let router = Arc::new(Router::default());
        let routes = Arc::clone(&router);
        let routing = log.on_add(Filter::all(), move |entry| routes.route(entry));
        self.options.public_only = true;
        let server = Server(Arc::new(Inner {
            log,
            ledger: self.ledger,
            types: self.types,
            channels: self.channels,
            admission: Arc::new(admission),
            attempts: parking_lot::Mutex::new(Attempts::default()),
            options: self.options,
            keep_finished: self.keep_finished,
            development: self.development,
            router,
            _routing: routing,
            queues: parking_lot::Mutex::default(),
            busy: tokio::sync::watch::Sender::default(),
            stopping: std::sync::atomic::AtomicBool::default(),
        }));
        server.resume();
        Ok(server)
    }
}
