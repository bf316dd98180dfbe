//! A server: types and channels of an app, for many clients.

mod admission;
mod builder;
mod channels;
mod context;
#[cfg(feature = "ws")]
mod listen;
mod own;
mod pattern;
mod peers;
mod process;
mod queues;
mod router;
mod types;

pub use admission::AuthAttempt;
pub use builder::{BuildError, ServerBuilder};
pub use channels::{Channel, ChannelFilter};
pub use context::{Context, Failure, NotFound};
#[cfg(feature = "ws")]
pub use listen::{ListenOptions, Listener};
pub use own::ProcessError;
pub use types::ActionType;

use crate::{
    action::{Action, Fields},
    log::{Added, Listening, Log},
    node::NodeOptions,
    store::{Ledger, StoreError},
};
use admission::{Admission, Attempts};
use channels::Channels;
use parking_lot::Mutex;
use queues::Queues;
use router::Router;
use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::watch;
use types::Types;

/// A Logux server. A handle: clones are the same server.
///
/// - The actions of one client and queue are processed one at a time, in order. One that fails undoes those that wait
///   behind it.
/// - What was acknowledged is processed, also after a restart with a durable store; nothing is processed twice. An action
///   whose processing was interrupted is undone, since nobody knows how far it came.
/// - A client has one connection: a new one ends the old one, and its subscriptions.
///
/// ```
/// use logux::{Action, ActionType, MemoryStore, Server};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let server = Server::builder(MemoryStore::new())
///     .auth(|attempt| async move { attempt.token == Some("secret".into()) })
///     .action("user/rename", ActionType::new(|context| async move { Ok(context.user_id() == context.action().text("user")) }))
///     .build()?;
/// server.stop().await;
/// # Ok::<(), logux::BuildError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    log: Log,
    ledger: Arc<dyn Ledger>,
    types: Types,
    channels: Channels,
    admission: Arc<Admission>,
    attempts: Mutex<Attempts>,
    options: NodeOptions,
    keep_finished: usize,
    /// Tells clients what went wrong in the app's code.
    development: bool,
    router: Arc<Router>,
    _routing: Listening,
    queues: Mutex<Queues>,
    /// How many connections and queues there are.
    busy: watch::Sender<usize>,
    stopping: AtomicBool,
}

impl Server {
    /// A server that keeps its log, and what it has processed, in a store.
    pub fn builder(store: impl crate::Store + Ledger) -> ServerBuilder {
        ServerBuilder::new(Arc::new(store))
    }

    /// The log. What is added to it goes to whom its meta names.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Adds an action of the server's own, to whom the fields name. See also [`process`](Self::process).
    ///
    /// # Errors
    /// [`StoreError`]: it was not added, and nobody gets it.
    pub async fn add(&self, action: Action, to: Fields) -> Result<Added, StoreError> {
        self.0.log.add(action, to).await
    }

    /// The ids of the nodes that are connected now.
    pub fn connected(&self) -> Vec<String> {
        self.0.router.connected()
    }

    /// Undoes an action that was processed: its client, and whoever got it, are told.
    ///
    /// # Errors
    /// [`StoreError`]: nobody was told.
    pub async fn undo(&self, entry: &crate::Entry, reason: &str) -> Result<(), StoreError> {
        self.say(entry, &crate::Outcome::Undone(reason.to_owned())).await
    }

    /// Stops: nobody comes in any more, connections are closed, and what was acknowledged is processed. Returns when all
    /// that is done.
    pub async fn stop(&self) {
        self.0.stopping.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.router.disconnect_all();
        // The sender is ours.
        let _ = self.0.busy.subscribe().wait_for(|busy| *busy == 0).await;
    }

    fn is_stopping(&self) -> bool {
        self.0.stopping.load(std::sync::atomic::Ordering::SeqCst)
    }

    /// Until the guard is dropped, [`stop`](Self::stop) waits.
    fn busy(&self) -> Busy {
        self.0.busy.send_modify(|busy| *busy += 1);
        Busy(self.clone())
    }

    async fn ledger<T: Send + 'static>(
        &self,
        step: impl FnOnce(&dyn Ledger) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let ledger = Arc::clone(&self.0.ledger);
        self.0.log.run(move |_| step(&*ledger)).await
    }
}

struct Busy(Server);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.send_modify(|busy| *busy -= 1);
    }
}

/// An address of a client's, where there is one.
type Address = Option<IpAddr>;
