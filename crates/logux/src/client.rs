//! An app's client: actions that are kept until the server has processed them, subscriptions, a status for people.

mod builder;
mod identity;
mod pending;
mod status;
mod subscriptions;

pub use builder::{ClientBuilder, ClientError};
pub use identity::{IdentityError, client_id_at};
pub use status::Status as ClientStatus;
pub use subscriptions::Subscription;

use crate::{
    action::{Action, Entry, Fields},
    id::{IdError, check_user_id},
    log::{Filter, Listening, Log, NewMeta},
    node::{ClientNode, NodeError, State, Token},
    store::{Criteria, StoreError},
};
use parking_lot::{Mutex, RwLock};
use pending::Pending;
use std::sync::Arc;
use subscriptions::{Key, Subscriptions};
use thiserror::Error;
use tokio::{
    sync::{broadcast, mpsc::unbounded_channel, watch},
    task::JoinHandle,
};

/// The reason that keeps an action until the server has processed it.
pub(crate) const SYNCING: &str = "syncing";

/// Why the server has not done what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UndoReason {
    /// This user may not.
    Denied,
    /// The server's code has failed, or what it waited behind has.
    Error,
    /// The server knows no such type.
    UnknownType,
    /// The server knows no such channel.
    WrongChannel,
    /// What it is about does not exist.
    NotFound,
    /// A reason of the app's own.
    Other(String),
}

impl From<&str> for UndoReason {
    fn from(reason: &str) -> Self {
        match reason {
            "denied" => Self::Denied,
            "error" => Self::Error,
            "unknownType" => Self::UnknownType,
            "wrongChannel" => Self::WrongChannel,
            "notFound" => Self::NotFound,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// An action that was not processed.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// The server has undone it: undo what was shown.
    #[error("the server has undone the action: {reason:?}")]
    Undone {
        /// Why.
        reason: UndoReason,
        /// The `logux/undo`, with whatever the server adds.
        undo: Action,
    },
    /// It could not be kept, and was not sent.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The client is gone. What was dispatched goes on with the next one on the same store.
    #[error("the client is closed; the action is kept for the next one")]
    Closed,
}

/// A client of a Logux server, over a log of its own. Dropping it closes the connection.
///
/// - What is [dispatched](Self::dispatch) is in the store, and is sent again after each connect and each restart, until
///   the server has answered that it is processed or undone.
/// - Nothing but dispatched actions and subscriptions leaves.
/// - Subscriptions are counted, and renewed on each connect with what the client has of the channel.
///
/// A server that does not remember what it has processed (`@logux/server` does not) may get an action twice, if the
/// connection is lost before its answer arrives.
pub struct Client {
    node: ClientNode,
    log: Log,
    who: Arc<RwLock<Who>>,
    pending: Arc<Pending>,
    subscriptions: Subscriptions,
    status: watch::Receiver<ClientStatus>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    _listening: Vec<Listening>,
}

/// Whose client it is.
struct Who {
    user: String,
    client: String,
    tab: String,
}

impl Who {
    fn node_id(&self) -> String {
        format!("{}:{}:{}", self.user, self.client, self.tab)
    }
}

impl Client {
    /// A client of a user's.
    pub fn builder(user_id: &str) -> ClientBuilder {
        ClientBuilder::new(user_id)
    }

    /// Connects, and goes on to. Must be called in a tokio runtime.
    pub fn start(&self) {
        self.node.connect();
    }

    /// Closes the connection. Dispatched actions wait.
    pub fn stop(&self) {
        self.node.disconnect();
    }

    /// Closes the connection, and waits until it is closed.
    pub async fn destroy(self) {
        self.node.disconnect();
        self.node.wait_for(State::Disconnected).await;
    }

    /// Closes the connection, and removes everything from the store.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was removed.
    pub async fn clean(self) -> Result<(), StoreError> {
        let log = self.log.clone();
        self.destroy().await;
        log.run(|store| store.clean()).await
    }

    /// The log: also for actions that stay here.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The node below.
    pub fn node(&self) -> &ClientNode {
        &self.node
    }

    /// `user:client:tab`.
    pub fn node_id(&self) -> Arc<str> {
        self.log.node_id()
    }

    /// Sends an action to the server, now or when it is there again, and waits until it is processed. Whoever stops waiting
    /// does not stop the action.
    ///
    /// # Errors
    /// [`DispatchError`].
    pub async fn dispatch(&self, action: Action) -> Result<(), DispatchError> {
        self.dispatch_with(action, Fields::default()).await
    }

    /// As [`dispatch`](Self::dispatch), with meta: reasons that keep it in the log after it is processed.
    ///
    /// # Errors
    /// [`DispatchError`].
    pub async fn dispatch_with(&self, action: Action, mut fields: Fields) -> Result<(), DispatchError> {
        let id = self.log.generate_id().await?;
        let answer = self.pending.wait_for(&id);
        fields.sync = true;
        fields = fields.and_reason(SYNCING);
        let meta = NewMeta { id: Some(id.clone()), time: None, fields };
        if let Err(error) = self.log.add(action, meta).await {
            self.pending.forget(&id);
            return Err(error.into());
        }
        answer.await.unwrap_or(Err(DispatchError::Closed))
    }

    /// Subscribes to a channel, until the subscription is dropped.
    pub fn subscribe(&self, channel: &str) -> Subscription {
        self.subscriptions.subscribe(Key::new(channel, None))
    }

    /// Subscribes to a part of a channel: to the server, `filter` says which.
    pub fn subscribe_to(&self, channel: &str, filter: serde_json::Map<String, serde_json::Value>) -> Subscription {
        self.subscriptions.subscribe(Key::new(channel, Some(filter)))
    }

    /// Calls for each new action of a type, from here or from the server, until the guard is dropped. The listener must be
    /// quick.
    pub fn on_action(&self, kind: &str, listener: impl Fn(&Arc<Entry>) + Send + Sync + 'static) -> Listening {
        self.log.on_add(Filter::kind(kind), listener)
    }

    /// How it is, for people. See [`ClientStatus`].
    pub fn status(&self) -> watch::Receiver<ClientStatus> {
        self.status.clone()
    }

    /// How far the node is.
    pub fn state(&self) -> watch::Receiver<State> {
        self.node.state()
    }

    /// What goes wrong from now on.
    pub fn errors(&self) -> broadcast::Receiver<NodeError> {
        self.node.errors()
    }

    /// Goes on as another user. What the former one has dispatched waits until they are back.
    ///
    /// # Errors
    /// [`IdError::User`]: nothing has changed.
    pub async fn change_user(&self, user_id: &str, token: Option<Token>) -> Result<(), IdError> {
        check_user_id(user_id)?;
        let was_connected = *self.node.state().borrow() != State::Disconnected;
        self.node.disconnect();
        self.node.wait_for(State::Disconnected).await;
        let node_id = {
            let mut who = self.who.write();
            user_id.clone_into(&mut who.user);
            who.node_id()
        };
        self.log.set_node_id(&node_id);
        self.node.change_options(|options| *options = options.clone().maybe_token(token));
        if was_connected {
            self.node.connect();
        }
        Ok(())
    }

    fn of(log: Log, node: ClientNode, who: Arc<RwLock<Who>>, own: Vec<Listening>) -> Self {
        let pending = Arc::new(Pending::default());
        let subscriptions = Subscriptions::new(&log);
        let (answered, mut to_clean) = unbounded_channel();
        let mut listening = own;
        let (settled, renewed) = (Arc::clone(&pending), subscriptions.clone());
        listening.push(log.on_add(Filter::all(), move |entry| {
            if let Some(id) = settled.settle(&entry.action) {
                // The receiver lives as long as the client.
                let _ = answered.send(id);
            }
            renewed.heard(entry);
        }));
        let (status, showing) = status::watch(&log, &node, &mut listening);
        let cleaning_log = log.clone();
        let cleaning = tokio::spawn(async move {
            while let Some(id) = to_clean.recv().await {
                if let Err(error) = cleaning_log.remove_reason(SYNCING, Criteria::id(id)).await {
                    // It is sent again, and answered again.
                    tracing::warn!(%error, "a processed action stays in the log");
                }
            }
        });
        let renewing = subscriptions.renew_on_each_connect(&node);
        let tasks = Mutex::new(vec![cleaning, showing, renewing]);
        Self { node, log, who, pending, subscriptions, status, tasks, _listening: listening }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.node.disconnect();
        self.tasks.lock().iter().for_each(JoinHandle::abort);
    }
}
