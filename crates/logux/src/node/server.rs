//! The side that is connected to.

use super::{
    NodeError, NodeHandle, NodeOptions, State,
    handle::Watched,
    session::{Role, Session},
};
use crate::{connection::Connection, log::Log};
use std::{sync::Arc, time::Duration};
use tokio::sync::{broadcast, watch};

/// One connection of a server: waits for a greeting, authenticates, synchronises its log with the client's.
///
/// Every message is validated: a bad one is answered with `wrong-format`, and closes the connection.
pub struct ServerNode {
    session: Session,
    handle: NodeHandle,
    watched: Arc<Watched>,
}

impl ServerNode {
    /// A node that sends what its log gets. [`NodeOptions::ping`] is at least 20 s here.
    pub fn new(log: &Log, connection: impl Connection + 'static, options: NodeOptions) -> Self {
        let ping = options.ping.max(Duration::from_secs(20));
        Self::of(log, Box::new(connection), Arc::new(NodeOptions { ping, ..options }), true)
    }

    /// With `listens` off it sends only what its handle is given.
    pub(crate) fn of(
        log: &Log,
        connection: crate::connection::BoxConnection,
        options: Arc<NodeOptions>,
        listens: bool,
    ) -> Self {
        let watched = Arc::new(Watched::default());
        let (session, handle) = Session::new(Role::Server, log, &options, &watched, connection, listens);
        Self { session, handle, watched }
    }

    /// To reach the node while it runs.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// How far it is.
    pub fn state(&self) -> watch::Receiver<State> {
        self.watched.state.subscribe()
    }

    /// What the client says for developers.
    pub fn debug(&self) -> broadcast::Receiver<String> {
        self.watched.debug.subscribe()
    }

    /// Runs until the connection ends.
    ///
    /// # Errors
    /// [`NodeError`]: why it ended, other than that somebody closed it.
    pub async fn run(self) -> Result<(), NodeError> {
        self.session.run().await.map(|_| ())
    }
}
