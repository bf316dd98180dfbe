//! One action at a time for each client and queue.

use super::{Busy, Server, types::MAIN};
use crate::{
    action::Entry,
    id::client_of,
    store::{Outcome, Progress},
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
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
    /// Never waits: whoever has noted the entries does not part from them.
    pub(super) async fn enqueue(&self, entries: Vec<Arc<Entry>>) {
        let mut new: Vec<BoxFuture<'static, ()>> = Vec::new();
        {
            let mut queues = self.0.queues.lock();
            let mut entries = entries.into_iter().peekable();
            while let Some(entry) = entries.next() {
                let key = (client_of(&entry.meta.id.node).to_owned(), self.queue_of(&entry));
                let queue = queues.0.entry(key).or_insert_with_key(|key| {
                    new.push(Box::pin(self.clone().work(key.clone(), self.busy())));
                    VecDeque::new()
                });
                // Most of what comes together belongs together.
                let (node, kind) = (Arc::clone(&entry.meta.id.node), entry.action.clone());
                queue.push_back(entry);
                let is_same = |next: &Arc<Entry>| next.meta.id.node == node && next.action.kind() == kind.kind();
                while let Some(next) = entries.next_if(|next| is_same(next) && !is_subscription(next)) {
                    queue.push_back(next);
                }
            }
        }
        for mut work in new {
            // Most is done at once, while what it is about is at hand. A task of its own does the rest.
            if now(&mut work).await.is_pending() {
                tokio::spawn(work);
            }
        }
    }

    fn queue_of(&self, entry: &Entry) -> Arc<str> {
        let queue = if is_subscription(entry) {
            let channel = entry.action.text("channel").and_then(|name| self.0.channels.find(name));
            channel.map(|(channel, _)| &channel.queue)
        } else {
            self.0.types.find(entry.action.kind()).map(|definition| &definition.queue)
        };
        queue.map_or_else(|| MAIN.into(), Arc::clone)
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
                    Progress::Received(entry) => server.enqueue(vec![entry]).await,
                    // Nobody knows how far it came.
                    Progress::Begun(entry) => server.finish(vec![(entry, Outcome::Undone("error".to_owned()))]).await,
                    Progress::Finished(_) => {}
                }
            }
        });
    }

    async fn work(self, key: Key, _busy: Busy) {
        // What has ended and is not answered yet: many answers cost little more than one.
        let mut ended: Vec<(Arc<Entry>, Outcome)> = Vec::new();
        let mut turn: VecDeque<Arc<Entry>> = VecDeque::new();
        loop {
            if turn.is_empty() {
                let mut queues = self.0.queues.lock();
                match queues.0.get_mut(&key) {
                    Some(queue) if !queue.is_empty() => std::mem::swap(queue, &mut turn),
                    _ if ended.is_empty() => {
                        queues.0.remove(&key);
                        return;
                    }
                    _ => {}
                }
            }
            let Some(entry) = turn.pop_front() else {
                self.finish(std::mem::take(&mut ended)).await;
                continue;
            };
            let outcome = {
                // A hook that panics fails this action, and not the client's queue for ever.
                let mut processing = std::pin::pin!(AssertUnwindSafe(self.process_entry(&entry)).catch_unwind());
                let outcome = match now(&mut processing).await {
                    Poll::Ready(outcome) => outcome,
                    // Who has to wait does not keep others waiting. Both go on: each may hold what the other waits for.
                    Poll::Pending => tokio::join!(processing, self.finish(std::mem::take(&mut ended))).0,
                };
                outcome.unwrap_or_else(|_| {
                    tracing::error!(id = %entry.meta.id, kind = entry.action.kind(), "a hook has panicked");
                    Some(Outcome::Undone("error".to_owned()))
                })
            };
            let Some(outcome) = outcome else { continue };
            let failed = matches!(outcome, Outcome::Undone(_));
            ended.push((entry, outcome));
            if failed {
                // What waits may build on what has failed.
                let later = self.0.queues.lock().0.get_mut(&key).map(std::mem::take).unwrap_or_default();
                let behind = turn.drain(..).chain(later);
                ended.extend(behind.map(|entry| (entry, Outcome::Undone("error".to_owned()))));
            }
            if failed || ended.len() >= ANSWERS {
                self.finish(std::mem::take(&mut ended)).await;
            }
        }
    }
}

/// What comes of it without waiting.
async fn now<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx))).await
}

/// Whether it is about a subscription, and not an action of the app's.
pub(super) fn is_subscription(entry: &Entry) -> bool {
    matches!(entry.action.kind(), "logux/subscribe" | "logux/unsubscribe")
}
