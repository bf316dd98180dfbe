//! What an app's code is told about an action.

use super::Server;
use crate::{
    action::{Action, Entry, Fields},
    id::{client_of, user_of},
    store::StoreError,
};
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    error::Error as StdError,
    sync::{Arc, OnceLock},
};
use thiserror::Error;

/// What an app's code fails with: anything. The action is undone as `error`, or, for [`NotFound`], as `notFound`.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// What a channel is about does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not found")]
pub struct NotFound;

/// An action, and who has sent it. Clones share it.
#[derive(Clone)]
pub struct Context(Arc<Inner>);

struct Inner {
    server: Server,
    entry: Arc<Entry>,
    params: HashMap<String, String>,
    /// Looked up when somebody asks.
    headers: OnceLock<Arc<Map<String, Value>>>,
}

impl Context {
    pub(super) fn new(server: &Server, entry: &Arc<Entry>, params: HashMap<String, String>) -> Self {
        let (server, entry) = (server.clone(), Arc::clone(entry));
        Self(Arc::new(Inner { server, entry, params, headers: OnceLock::new() }))
    }

    /// The action.
    pub fn action(&self) -> &Action {
        &self.0.entry.action
    }

    /// The action and its meta.
    pub fn entry(&self) -> &Arc<Entry> {
        &self.0.entry
    }

    /// The node that has made the action.
    pub fn node_id(&self) -> &str {
        &self.0.entry.meta.id.node
    }

    /// Its client: `user:client`.
    pub fn client_id(&self) -> &str {
        client_of(self.node_id())
    }

    /// Its user.
    pub fn user_id(&self) -> Option<&str> {
        user_of(self.node_id())
    }

    /// The version of the app's own protocol that the action was made by; 0 where nobody said.
    pub fn subprotocol(&self) -> u32 {
        self.0.entry.meta.subprotocol.unwrap_or(0)
    }

    /// What the client said about itself when this was first asked for. Empty where it was not connected any more.
    pub fn headers(&self) -> &Map<String, Value> {
        self.0.headers.get_or_init(|| {
            let peer = self.server().0.router.peer(self.client_id());
            peer.map(|peer| Arc::clone(&peer.headers)).unwrap_or_default()
        })
    }

    /// What stands in the channel's name for a `:name` of its pattern, or for its `*`. With a regular expression, a group by
    /// its number or name. `0` is the whole name, for regular expressions and
    /// [`other_channels`](super::ServerBuilder::other_channels).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.0.params.get(name).map(String::as_str)
    }

    /// Of `logux/subscribe`: the newest that the client has of the channel, as an id and a time in milliseconds.
    pub fn since(&self) -> Option<(crate::ActionId, i64)> {
        let since = self.action().get("since")?;
        Some((since.get("id")?.as_str()?.parse().ok()?, since.get("time")?.as_i64()?))
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.0.server
    }

    /// Sends an action to the client.
    ///
    /// # Errors
    /// [`StoreError`]: it was not sent.
    pub async fn send_back(&self, action: Action) -> Result<(), StoreError> {
        self.server().add(action, Fields::to_client(self.client_id())).await.map(|_| ())
    }
}
