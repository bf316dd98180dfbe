//! One action at a time for each client and queue.

use super::{Server, types::MAIN};
use crate::{
    action::Entry,
    id::client_of,
    store::{Outcome, Progress},
};
use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    sync::Arc,
    task::Poll,
};

/// How many answers may wait for each other.
const ANSWERS: usize = 64;

type Key = (String, Arc<str>);

/// What waits for its turn. A queue that is empty is not there.
#[derive(Default)]
pub(super) struct Queues(HashMap<Key, VecDeque<Arc<Entry>>>);

impl Server {
    pub(super) fn enqueue(&self, entry: Arc<Entry>) {
        let queue = match entry.action.kind() {
            "logux/subscribe" | "logux/unsubscribe" => {
                let channel = entry.action.text("channel").and_then(|name| self.0.channels.find(name));
                channel.map(|(channel, _)| Arc::clone(&channel.queue))
            }
            kind => self.0.types.find(kind).map(|definition| Arc::clone(&definition.queue)),
        };
        let key = (client_of(&entry.meta.id.node).to_owned(), queue.unwrap_or_else(|| MAIN.into()));
        let mut queues = self.0.queues.lock();
        let queue = queues.0.entry(key.clone()).or_insert_with(|| {
            tokio::spawn(self.clone().work(key));
            VecDeque::new()
        });
        queue.push_back(entry);
    }

    /// Goes on with what an earlier process has acknowledged.
    pub(super) fn resume(&self) {
        let (server, busy) = (self.clone(), self.busy());
        tokio::spawn(async move {
            let _busy = busy;
            let unfinished = match server.ledger(|ledger| ledger.unfinished()).await {
                Ok(unfinished) => unfinished,
                Err(error) => return tracing::error!(%error, "what was acknowledged before waits for the next start"),
            };
            for progress in unfinished {
                match progress {
                    Progress::Received(entry) => server.enqueue(entry),
                    // Nobody knows how far it came.
                    Progress::Begun(entry) => server.finish(vec![(entry, Outcome::Undone("error".to_owned()))]).await,
                    Progress::Finished(_) => {}
                }
            }
        });
    }

    async fn work(self, key: Key) {
        let _busy = self.busy();
        // What has ended and is not answered yet: many answers cost little more than one.
        let mut ended: Vec<(Arc<Entry>, Outcome)> = Vec::new();
        loop {
            let next = {
                let mut queues = self.0.queues.lock();
                let next = queues.0.get_mut(&key).and_then(VecDeque::pop_front);
                if next.is_none() && ended.is_empty() {
                    queues.0.remove(&key);
                    return;
                }
                next
            };
            let Some(entry) = next else {
                self.finish(std::mem::take(&mut ended)).await;
                continue;
            };
            let outcome = {
                let mut processing = std::pin::pin!(self.process(&entry));
                match poll_fn(|cx| Poll::Ready(processing.as_mut().poll(cx))).await {
                    Poll::Ready(outcome) => outcome,
                    // Who has to wait does not keep others waiting. Both go on: each may hold what the other waits for.
                    Poll::Pending => tokio::join!(processing, self.finish(std::mem::take(&mut ended))).0,
                }
            };
            let Some(outcome) = outcome else { continue };
            let failed = matches!(outcome, Outcome::Undone(_));
            ended.push((entry, outcome));
            if failed {
                // What waits may build on what has failed.
                let behind = self.0.queues.lock().0.get_mut(&key).map(std::mem::take).unwrap_or_default();
                ended.extend(behind.into_iter().map(|entry| (entry, Outcome::Undone("error".to_owned()))));
            }
            if failed || ended.len() >= ANSWERS {
                self.finish(std::mem::take(&mut ended)).await;
            }
        }
    }
}
