//! How a client is put together.

use super::{Client, IdentityError, SYNCING, Who, client_id_at};
use crate::{
    clock::{Clock, SystemClock},
    connection::{ConnectionError, Connector, Reconnect},
    id::{IdError, check_user_id, random_id, user_of},
    log::Log,
    node::{ClientNode, NodeOptions, Token},
    store::{MemoryStore, Store},
};
use parking_lot::RwLock;
use std::{path::PathBuf, sync::Arc};
use thiserror::Error;

/// A client that cannot be built, and why.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No user or client may have the id.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The client's id could not be read or kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The address.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// Puts a [`Client`] together.
pub struct ClientBuilder {
    user: String,
    client: Option<String>,
    client_file: Option<PathBuf>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    reconnect: Reconnect,
    options: NodeOptions,
}

impl ClientBuilder {
    pub(super) fn new(user_id: &str) -> Self {
        Self {
            user: user_id.to_owned(),
            client: None,
            client_file: None,
            store: Arc::new(MemoryStore::new()),
            clock: Arc::new(SystemClock),
            reconnect: Reconnect::default(),
            options: NodeOptions::default(),
        }
    }

    /// What the user proves with who they are.
    #[must_use]
    pub fn token(mut self, token: impl Into<Token>) -> Self {
        self.options = self.options.token(token);
        self
    }

    /// Where actions are kept. In memory by default: what was not processed is lost with the process.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// The client's id. Random by default.
    #[must_use]
    pub fn client_id(mut self, id: &str) -> Self {
        self.client = Some(id.to_owned());
        self
    }

    /// Keeps the client's id in a file, so that it is the same after a restart. See [`client_id_at`].
    #[must_use]
    pub fn client_id_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.client_file = Some(path.into());
        self
    }

    /// The version of the app's own protocol.
    #[must_use]
    pub fn subprotocol(mut self, version: u32) -> Self {
        self.options = self.options.subprotocol(version);
        self
    }

    /// When to connect again.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.reconnect = reconnect;
        self
    }

    /// Other options of the node. The token and the subprotocol are set by the methods of the builder.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(NodeOptions) -> NodeOptions) -> Self {
        self.options = change(self.options);
        self
    }

    /// Another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Builds a client of the server at a `wss://` address.
    ///
    /// # Errors
    /// [`ClientError`]; an address without TLS is one: nothing is ever sent there.
    #[cfg(feature = "ws")]
    pub fn url(self, url: &str) -> Result<Client, ClientError> {
        let connector = crate::WsConnector::new(url)?;
        self.connector(connector)
    }

    /// Builds a client that connects so. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn connector(self, connector: impl Connector) -> Result<Client, ClientError> {
        check_user_id(&self.user)?;
        let client = match (self.client, self.client_file) {
            (Some(id), _) => id,
            (None, Some(path)) => client_id_at(path)?,
            (None, None) => random_id(),
        };
        let who = Who { user: self.user, client, tab: random_id() };
        let log = Log::with_clock(&who.node_id(), self.store, self.clock)?;
        let who = Arc::new(RwLock::new(who));

        let mut options = self.options;
        let subprotocol = options.subprotocol;
        let own_log = log.clone();
        // An action says by which version of the app it was made, even if a newer one sends it.
        let stamping = log.on_preadd(move |_, meta| {
            if subprotocol != 0 && meta.subprotocol.is_none() && *meta.id.node == *own_log.node_id() {
                meta.subprotocol = Some(subprotocol);
            }
        });
        let sender = Arc::clone(&who);
        options.select =
            Some(Arc::new(move |entry| entry.meta.sync && user_of(&entry.meta.id.node) == Some(&*sender.read().user)));
        options.public_only = true;
        options.resend_reason = Some(SYNCING.to_owned());
        let node = ClientNode::new(&log, connector, self.reconnect, options);
        Ok(Client::of(log, node, who, vec![stamping]))
    }
}
