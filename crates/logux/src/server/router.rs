//! Who gets what.

use super::{ChannelFilter, Context, types::Finally};
use crate::{
    action::Entry,
    id::{client_of, user_of},
    node::NodeHandle,
};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// One connection.
pub(super) struct Peer {
    /// Tells connections of one client apart.
    pub key: u64,
    pub node_id: String,
    pub headers: Arc<Map<String, Value>>,
    pub handle: NodeHandle,
}

/// One node's subscription to a channel: by what its `filter` says, the filter, and what to call at the end.
struct Subscription {
    filters: HashMap<String, (Option<ChannelFilter>, End)>,
}

/// What is called when a subscription ends.
pub(super) type End = Option<(Finally, Context)>;

/// Who is connected, and subscribed to what.
#[derive(Default)]
pub(super) struct Router(Mutex<Routes>);

#[derive(Default)]
struct Routes {
    last_key: u64,
    /// By client: there is one connection of each.
    clients: HashMap<String, Arc<Peer>>,
    users: HashMap<String, HashSet<String>>,
    /// By channel and node.
    channels: HashMap<String, HashMap<String, Subscription>>,
    /// The channels of each client's nodes, so that its end costs no search.
    subscribed: HashMap<String, HashSet<(String, String)>>,
}

impl Router {
    /// Lets a node in, in the place of an older connection of the same client. What ends with that is returned.
    pub fn join(&self, node_id: &str, headers: Map<String, Value>, handle: NodeHandle) -> (u64, Vec<End>) {
        let mut routes = self.0.lock();
        let client = client_of(node_id).to_owned();
        let ended = routes.leave(&client, None);
        routes.last_key += 1;
        let key = routes.last_key;
        if let Some(user) = user_of(node_id) {
            routes.users.entry(user.to_owned()).or_default().insert(client.clone());
        }
        let peer = Peer { key, node_id: node_id.to_owned(), headers: Arc::new(headers), handle };
        routes.clients.insert(client, Arc::new(peer));
        (key, ended)
    }

    /// A connection has ended. What ends with it is returned.
    pub fn leave(&self, node_id: &str, key: u64) -> Vec<End> {
        self.0.lock().leave(client_of(node_id), Some(key))
    }

    pub fn peer(&self, client: &str) -> Option<Arc<Peer>> {
        self.0.lock().clients.get(client).cloned()
    }

    pub fn connected(&self) -> Vec<String> {
        self.0.lock().clients.values().map(|peer| peer.node_id.clone()).collect()
    }

    pub fn disconnect_all(&self) {
        self.0.lock().clients.values().for_each(|peer| peer.handle.disconnect());
    }

    /// False where the client is not connected any more.
    pub fn subscribe(
        &self,
        node_id: &str,
        channel: &str,
        filter_id: &str,
        filter: Option<ChannelFilter>,
        end: End,
    ) -> bool {
        let mut routes = self.0.lock();
        let client = client_of(node_id);
        if !routes.clients.contains_key(client) {
            return false;
        }
        let place = (channel.to_owned(), node_id.to_owned());
        routes.subscribed.entry(client.to_owned()).or_default().insert(place);
        let nodes = routes.channels.entry(channel.to_owned()).or_default();
        let subscription = nodes.entry(node_id.to_owned()).or_insert_with(|| Subscription { filters: HashMap::new() });
        subscription.filters.insert(filter_id.to_owned(), (filter, end));
        true
    }

    pub fn unsubscribe(&self, node_id: &str, channel: &str, filter_id: &str) -> End {
        let mut routes = self.0.lock();
        let nodes = routes.channels.get_mut(channel)?;
        let subscription = nodes.get_mut(node_id)?;
        let (_, end) = subscription.filters.remove(filter_id)?;
        if subscription.filters.is_empty() {
            nodes.remove(node_id);
            if nodes.is_empty() {
                routes.channels.remove(channel);
            }
            if let Some(places) = routes.subscribed.get_mut(client_of(node_id)) {
                places.remove(&(channel.to_owned(), node_id.to_owned()));
            }
        }
        end
    }

    /// Sends an entry to whom its meta names, once to each client.
    pub fn route(&self, entry: &Arc<Entry>) {
        let meta = &entry.meta;
        if meta.nodes.is_empty() && meta.clients.is_empty() && meta.users.is_empty() && meta.channels.is_empty() {
            return;
        }
        let routes = self.0.lock();
        if let ([], [client], [], [], []) =
            (&*meta.nodes, &*meta.clients, &*meta.users, &*meta.channels, &*meta.exclude_clients)
        {
            // An answer, as most are.
            if let Some(peer) = routes.clients.get(client) {
                peer.handle.push(Arc::clone(entry));
            }
            return;
        }
        let mut served: HashSet<&str> = meta.exclude_clients.iter().map(String::as_str).collect();
        let mut to: Vec<&Arc<Peer>> = Vec::new();
        for node in &meta.nodes {
            to.extend(routes.clients.get(client_of(node)).filter(|peer| peer.node_id == *node));
        }
        to.extend(meta.clients.iter().filter_map(|client| routes.clients.get(client)));
        to.retain(|peer| served.insert(client_of(&peer.node_id)));
        // Whoever has made it has it.
        served.insert(client_of(&meta.id.node));
        for client in meta.users.iter().filter_map(|user| routes.users.get(user)).flatten() {
            if served.insert(client) {
                to.extend(routes.clients.get(client));
            }
        }
        for nodes in meta.channels.iter().filter_map(|channel| routes.channels.get(channel)) {
            for (node, subscription) in nodes {
                let client = client_of(node);
                if !served.contains(client) && subscription.lets_through(entry) {
                    served.insert(client);
                    to.extend(routes.clients.get(client));
                }
            }
        }
        to.iter().for_each(|peer| peer.handle.push(Arc::clone(entry)));
    }
}

impl Subscription {
    fn lets_through(&self, entry: &Entry) -> bool {
        self.filters.values().any(|(filter, _)| filter.as_ref().is_none_or(|filter| filter(entry)))
    }
}

impl Routes {
    /// With a key only that connection.
    fn leave(&mut self, client: &str, key: Option<u64>) -> Vec<End> {
        let Some(peer) = self.clients.get(client) else { return Vec::new() };
        if key.is_some_and(|key| key != peer.key) {
            return Vec::new();
        }
        peer.handle.disconnect();
        self.clients.remove(client);
        if let Some((user, clients)) = user_of(client).and_then(|user| Some((user, self.users.get_mut(user)?))) {
            clients.remove(client);
            if clients.is_empty() {
                self.users.remove(user);
            }
        }
        let mut ended = Vec::new();
        for (channel, node) in self.subscribed.remove(client).unwrap_or_default() {
            let Some(nodes) = self.channels.get_mut(&channel) else { continue };
            if let Some(subscription) = nodes.remove(&node) {
                ended.extend(subscription.filters.into_values().map(|(_, end)| end));
            }
            if nodes.is_empty() {
                self.channels.remove(&channel);
            }
        }
        ended
    }
}
