//! Subscriptions: counted here, renewed on each connect.

use super::{
    DispatchError,
    pending::{Answer, answer_in},
};
use crate::{
    action::{Action, Created, Entry, Fields},
    id::ActionId,
    log::{Log, NewMeta},
    node::ClientNode,
};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
};

/// A channel, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    channel: String,
    filter: Option<Map<String, Value>>,
}

impl Key {
    pub fn new(channel: &str, filter: Option<Map<String, Value>>) -> Self {
        Self { channel: channel.to_owned(), filter }
    }

    fn action(&self, kind: &str) -> Action {
        let action = Action::new(kind).with("channel", &*self.channel);
        match &self.filter {
            Some(filter) => action.with("filter", filter.clone()),
            None => action,
        }
    }

    fn text(&self) -> String {
        self.action("logux/subscribe").to_string()
    }
}

/// How far a subscription has come: `None` until the server has answered.
type Settled = Option<Answer>;

struct Active {
    key: Key,
    count: usize,
    /// What the server was asked with, in this connection.
    asked: Option<ActionId>,
    settled: watch::Sender<Settled>,
}

/// A subscription. Dropping the last one to a channel ends it.
pub struct Subscription {
    all: Subscriptions,
    key: Key,
    settled: watch::Receiver<Settled>,
}

impl Subscription {
    /// Waits until the server has sent what the channel begins with.
    ///
    /// # Errors
    /// [`DispatchError::Undone`]: the server refuses.
    pub async fn ready(&self) -> Result<(), DispatchError> {
        match self.settled.clone().wait_for(Option::is_some).await {
            Ok(settled) => settled.clone().unwrap_or(Ok(())),
            Err(_) => Err(DispatchError::Closed),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.all.unsubscribe(&self.key);
    }
}

#[derive(Clone)]
pub(super) struct Subscriptions(Arc<Inner>);

struct Inner {
    active: Mutex<HashMap<String, Active>>,
    /// The newest that the client has of each channel.
    last: Mutex<HashMap<String, Created>>,
    /// What is to be said, in order.
    saying: UnboundedSender<Saying>,
    to_say: Mutex<Option<UnboundedReceiver<Saying>>>,
    log: Log,
}

enum Saying {
    Subscribe(Key),
    Unsubscribe(Key),
    /// All of them, in a new connection.
    Renew,
}

impl Subscriptions {
    pub fn new(log: &Log) -> Self {
        let (saying, to_say) = unbounded_channel();
        Self(Arc::new(Inner {
            active: Mutex::default(),
            last: Mutex::default(),
            saying,
            to_say: Mutex::new(Some(to_say)),
            log: log.clone(),
        }))
    }

    pub fn subscribe(&self, key: Key) -> Subscription {
        let mut active = self.0.active.lock();
        let one = active.entry(key.text()).or_insert_with(|| {
            let _ = self.0.saying.send(Saying::Subscribe(key.clone()));
            Active { key: key.clone(), count: 0, asked: None, settled: watch::Sender::new(None) }
        });
        one.count += 1;
        Subscription { all: self.clone(), key, settled: one.settled.subscribe() }
    }

    fn unsubscribe(&self, key: &Key) {
        let mut active = self.0.active.lock();
        let text = key.text();
        let Some(one) = active.get_mut(&text) else { return };
        one.count -= 1;
        if one.count == 0 {
            let refused = matches!(&*one.settled.borrow(), Some(Err(_)));
            active.remove(&text);
            if refused {
                return;
            }
            let _ = self.0.saying.send(Saying::Unsubscribe(key.clone()));
        }
    }

    /// Takes note of an action of the log's.
    pub fn heard(&self, entry: &Entry) {
        if let Some((id, answer)) = answer_in(&entry.action) {
            let mut active = self.0.active.lock();
            let asked = active.values_mut().find(|one| one.asked.as_ref() == Some(&id));
            let Some(one) = asked else { return };
            one.asked = None;
            if answer.is_ok() {
                self.raise(&one.key.channel, entry.meta.created());
            }
            one.settled.send_replace(Some(answer));
        } else if *entry.meta.id.node != *self.0.log.node_id() {
            for channel in &entry.meta.channels {
                self.raise(channel, entry.meta.created());
            }
        }
    }

    fn raise(&self, channel: &str, created: Created) {
        let mut last = self.0.last.lock();
        if last.get(channel).is_none_or(|last| *last < created) {
            last.insert(channel.to_owned(), created);
        }
    }

    pub fn renew_on_each_connect(&self, node: &ClientNode) -> JoinHandle<()> {
        let (all, mut remote) = (self.clone(), node.remote());
        let to_say = self.0.to_say.lock().take();
        tokio::spawn(async move {
            let Some(mut to_say) = to_say else { return };
            let mut connected = false;
            loop {
                let saying = tokio::select! {
                    biased;
                    changed = remote.changed() => {
                        if changed.is_err() {
                            return;
                        }
                        // A connection that came and went in between is noticed by its session being another.
                        connected = remote.borrow_and_update().is_some();
                        if connected { Saying::Renew } else { continue }
                    }
                    Some(saying) = to_say.recv() => saying,
                };
                if connected {
                    all.say(saying).await;
                }
            }
        })
    }

    async fn say(&self, saying: Saying) {
        match saying {
            Saying::Renew => {
                let keys: Vec<Key> = self.0.active.lock().values().map(|one| one.key.clone()).collect();
                for key in keys {
                    self.ask(&key).await;
                }
            }
            // It may have been renewed, or given up, in the meantime.
            Saying::Subscribe(key) => {
                let is_open = self
                    .0
                    .active
                    .lock()
                    .get(&key.text())
                    .is_some_and(|one| one.asked.is_none() && one.settled.borrow().is_none());
                if is_open {
                    self.ask(&key).await;
                }
            }
            Saying::Unsubscribe(key) => {
                if !self.0.active.lock().contains_key(&key.text()) {
                    self.send(key.action("logux/unsubscribe"), None).await;
                }
            }
        }
    }

    async fn ask(&self, key: &Key) {
        let id = match self.0.log.generate_id().await {
            Ok(id) => id,
            Err(error) => return tracing::warn!(%error, "a subscription waits for the next connection"),
        };
        match self.0.active.lock().get_mut(&key.text()) {
            Some(one) => one.asked = Some(id.clone()),
            None => return,
        }
        let mut action = key.action("logux/subscribe");
        if let Some(last) = self.0.last.lock().get(&key.channel) {
            action = action.with("since", json!({ "id": last.id, "time": last.time }));
        }
        self.send(action, Some(id)).await;
    }

    /// Not stored: it is for this connection only.
    async fn send(&self, action: Action, id: Option<ActionId>) {
        let fields = Fields { sync: true, ..Fields::default() };
        if let Err(error) = self.0.log.add(action, NewMeta { id, time: None, fields }).await {
            tracing::warn!(%error, "a subscription waits for the next connection");
        }
    }
}
