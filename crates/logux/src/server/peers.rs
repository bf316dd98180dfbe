//! Connections of clients.

use super::{Address, AuthAttempt, Server, queues::is_subscription, router::End};
use crate::{
    action::{Action, Entry, Fields, Meta},
    connection::{BoxConnection, Connection},
    id::{client_of, parse_id, user_of},
    log::{NewMeta, join},
    node::{AuthRequest, NodeError, NodeHandle, Receiver, Selector, ServerNode},
    store::{Progress, StoreError},
    wire::LoguxError,
};
use parking_lot::Mutex;
use std::{net::IpAddr, sync::Arc};

/// Who is on a connection, once they are let in.
type Who = Arc<Mutex<Option<(String, u64)>>>;

impl Server {
    /// Serves a connection until it ends.
    ///
    /// # Errors
    /// [`NodeError`]: why it ended, other than that somebody closed it.
    pub async fn serve(&self, connection: impl Connection + 'static, address: Option<IpAddr>) -> Result<(), NodeError> {
        self.serve_any(Box::new(connection), address).await
    }

    pub(super) async fn serve_any(&self, connection: BoxConnection, address: Address) -> Result<(), NodeError> {
        let _busy = self.busy();
        if self.is_stopping() {
            return Ok(());
        }
        let who = Who::default();
        // The handle is known after the options that need it.
        let handle: Arc<Mutex<Option<NodeHandle>>> = Arc::default();
        let mut options = self.0.options.clone();
        let oldest = self.0.admission.min_subprotocol;
        options = options.on_connect(move |remote| match remote.subprotocol {
            used if used < oldest => Err(LoguxError::WrongSubprotocol { supported: oldest, used }),
            _ => Ok(()),
        });
        let (server, on_connection, its_handle) = (self.clone(), Arc::clone(&who), Arc::clone(&handle));
        options = options.auth(move |request| {
            server.clone().admit(request, address, Arc::clone(&on_connection), Arc::clone(&its_handle))
        });
        options.select = Some(select(Arc::clone(&who)));
        options.receiver = Some(self.receiver(Arc::clone(&who)));
        let node = ServerNode::of(&self.0.log, connection, Arc::new(options), false);
        *handle.lock() = Some(node.handle());
        let result = node.run().await;
        let left = who.lock().take();
        if let Some((node_id, key)) = left {
            end(self.0.router.leave(&node_id, key));
        }
        result
    }

    async fn admit(
        self,
        request: AuthRequest,
        address: Address,
        who: Who,
        handle: Arc<Mutex<Option<NodeHandle>>>,
    ) -> Result<bool, LoguxError> {
        if self.0.attempts.lock().is_blocked(address) {
            return Err(LoguxError::Bruteforce);
        }
        let node_id = request.remote.node_id.clone();
        let parsed = parse_id(&node_id);
        let is_server = node_id == "server" || user_of(&node_id) == Some("server");
        let attempt = AuthAttempt {
            remote: request.remote.clone(),
            user_id: parsed.user_id,
            client_id: parsed.client_id,
            token: request.token,
            address,
        };
        if is_server || !(self.0.admission.auth)(attempt).await {
            self.0.attempts.lock().failed(address);
            return Ok(false);
        }
        let Some(handle) = handle.lock().take() else { return Ok(false) };
        let (key, ended) = self.0.router.join(&node_id, request.remote.headers, handle.clone());
        end(ended);
        *who.lock() = Some((node_id, key));
        if self.is_stopping() {
            handle.disconnect();
        }
        Ok(true)
    }

    /// Keeps what is received before it is acknowledged, and has it processed.
    fn receiver(&self, who: Who) -> Receiver {
        let server = self.clone();
        Arc::new(move |received| {
            let (server, node_id) = (server.clone(), who.lock().as_ref().map(|(node_id, _)| node_id.clone()));
            Box::pin(async move {
                let Some(node_id) = node_id else { return Ok(()) };
                let failed = |error: StoreError| Arc::new(error) as crate::HookError;
                if !server.0.log.store().is_blocking() {
                    return server.receive(&node_id, received).await.map_err(failed);
                }
                // A task of its own: what is noted is processed, even if the connection ends meanwhile.
                let busy = server.busy();
                let receiving = async move {
                    let _busy = busy;
                    server.receive(&node_id, received).await
                };
                join(tokio::spawn(receiving)).await.map_err(failed)
            })
        })
    }

    async fn receive(&self, node_id: &str, received: Vec<(Action, NewMeta)>) -> Result<(), StoreError> {
        let client = client_of(node_id);
        let mut entries = Vec::with_capacity(received.len());
        for (action, new) in received {
            let Some(id) = new.id else { continue };
            let subprotocol = new.fields.subprotocol;
            let is_public = new.fields == Fields { subprotocol, ..Fields::default() };
            let meta = Meta { time: new.time.unwrap_or(id.ms), id, added: 0, fields: new.fields };
            let is_own = client_of(&meta.id.node) == client;
            let entry = Arc::new(Entry { action, meta });
            if is_public && is_own {
                entries.push(entry);
            } else {
                self.deny_to(client, &entry).await?;
            }
        }
        // A subscription belongs to the connection: it is done as often as it is asked for.
        let to_note: Vec<Arc<Entry>> = entries.iter().filter(|entry| !is_subscription(entry)).cloned().collect();
        let known = match to_note.is_empty() {
            true => Vec::new(),
            false => self.ledger(move |ledger| ledger.receive(&to_note)).await?,
        };
        let (mut known, mut new, mut finished) = (known.into_iter(), Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            let progress = if is_subscription(&entry) { None } else { known.next().flatten() };
            match progress {
                None => new.push(entry),
                Some(Progress::Finished(outcome)) => finished.push((entry, outcome)),
                // It waits for its turn.
                Some(_) => {}
            }
        }
        self.enqueue(new).await;
        // Their answers were lost: they are given again, and nothing else happens.
        for (entry, outcome) in finished {
            self.say(&entry, &outcome).await?;
        }
        Ok(())
    }
}

/// What of the log a new connection gets: what is addressed to it. Channels are not replayed.
fn select(who: Who) -> Selector {
    Arc::new(move |entry| {
        let who = who.lock();
        let Some((node_id, _)) = who.as_ref() else { return false };
        let (client, user) = (client_of(node_id), user_of(node_id));
        let meta = &entry.meta;
        let is_addressed = meta.clients.iter().any(|other| other == client)
            || meta.nodes.iter().any(|other| other == node_id)
            || user.is_some_and(|user| meta.users.iter().any(|other| other == user));
        is_addressed && !meta.exclude_clients.iter().any(|other| other == client)
    })
}

pub(super) fn end(ended: Vec<End>) {
    for (unsubscribe, context) in ended.into_iter().flatten() {
        unsubscribe(context);
    }
}
