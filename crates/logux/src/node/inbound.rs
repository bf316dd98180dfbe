//! From the peer into the log.

use super::{
    NodeError, NodeOptions,
    session::{Done, Phase, Session, hook_error},
};
use crate::{
    action::Action,
    id::ActionId,
    log::{Added, Log, NewMeta},
    wire::{LoguxError, Message, WireMeta},
};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

/// How many messages may wait for the store before nothing more is read.
const MAX_QUEUE: usize = 64;
/// How many actions are stored in one step, unless one message has more.
const MAX_STEP: usize = 256;

/// How many actions most often come together.
const ROOM: usize = 16;

enum Item {
    /// Its number, and how many of the entries are its.
    Sync(u64, usize),
    Remember(u64),
}

/// What was received and is not stored yet.
#[derive(Default)]
pub(super) struct Inbound {
    pub work: Option<BoxFuture<'static, Done>>,
    queue: VecDeque<Item>,
    /// Of all messages in the queue.
    entries: Vec<(Action, NewMeta)>,
    /// The ids that come from the peer just now: they are not sent back.
    pub from_peer: Arc<Mutex<HashSet<ActionId>>>,
    /// The greatest number of the peer's that is stored.
    pub received: u64,
}

impl Inbound {
    pub fn has_room(&self) -> bool {
        self.queue.len() < MAX_QUEUE
    }
}

impl Session {
    pub fn receive(&mut self, added: u64, entries: Vec<(Action, WireMeta)>) -> Result<(), NodeError> {
        if self.inbound.entries.is_empty() {
            self.inbound.entries.reserve(entries.len().max(ROOM));
        }
        let count = entries.len();
        for (action, meta) in entries {
            let Some(new) = self.base.expand(&meta, &self.remote_id) else {
                let message = Message::Sync { added, entries: vec![(action, meta)] };
                let text = self.options.encoding.encode(&message).excerpt();
                return Err(NodeError::Sent(LoguxError::WrongFormat(text)));
            };
            self.inbound.entries.push((action, new));
        }
        self.inbound.queue.push_back(Item::Sync(added, count));
        Ok(())
    }

    /// Remembers the number once everything before it is stored.
    pub fn remember(&mut self, added: u64) {
        if added > self.inbound.received {
            self.inbound.queue.push_back(Item::Remember(added));
        }
    }

    /// Stores what waits, if nothing is being stored.
    pub fn next_inbound(&mut self) {
        if self.inbound.work.is_some() || self.phase != Phase::Live || self.inbound.queue.is_empty() {
            return;
        }
        let (mut up_to, mut answers, mut taken) = (0, Vec::with_capacity(self.inbound.queue.len()), 0);
        while let Some(item) = self.inbound.queue.pop_front() {
            match item {
                Item::Remember(added) => up_to = up_to.max(added),
                Item::Sync(added, count) => {
                    up_to = up_to.max(added);
                    answers.push(added);
                    taken += count;
                    // A hook that refuses a message does not keep back those before it.
                    if self.options.on_receive.is_some() || taken >= MAX_STEP {
                        break;
                    }
                }
            }
        }
        let later = self.inbound.entries.split_off(taken);
        let all = std::mem::replace(&mut self.inbound.entries, later);
        let (log, options) = (self.log.clone(), Arc::clone(&self.options));
        let from_peer = Arc::clone(&self.inbound.from_peer);
        let is_server = self.role == super::session::Role::Server;
        let received = self.inbound.received;
        self.inbound.work = Some(Box::pin(async move {
            let result = match answers.is_empty() {
                true => Ok(0),
                false => store(&log, &options, &from_peer, all).await,
            };
            let result = match result {
                // A server's cursors are its clients'.
                Ok(newest) if !is_server && up_to > received => {
                    log.run(move |store| store.raise_cursors(0, up_to)).await.map_err(NodeError::from).map(|()| newest)
                }
                result => result,
            };
            Done::Stored { result, added: up_to, answers }
        }));
    }

    pub fn inbound_done(&mut self, done: Done) -> Result<(), NodeError> {
        match done {
            Done::Greeting(greeting) => self.say_greeting(greeting?),
            Done::Admitted(admitted) => self.admitted(admitted?)?,
            Done::Stored { result, added, answers } => {
                self.pass_over(result?);
                self.inbound.received = self.inbound.received.max(added);
                answers.into_iter().for_each(|added| self.say(&Message::Synced(added)));
            }
        }
        Ok(())
    }
}

/// The greatest number that the log gave to what it got.
async fn store(
    log: &Log,
    options: &NodeOptions,
    from_peer: &Mutex<HashSet<ActionId>>,
    entries: Vec<(Action, NewMeta)>,
) -> Result<u64, NodeError> {
    let mut kept = entries;
    if let Some(on_receive) = &options.on_receive {
        let entries = std::mem::take(&mut kept);
        for (action, meta) in entries {
            kept.extend(on_receive(action, meta).await.map_err(hook_error)?);
        }
    }
    if let Some(receiver) = &options.receiver {
        return receiver(kept).await.map(|()| 0).map_err(hook_error);
    }
    let ids: Vec<ActionId> = kept.iter().filter_map(|(_, meta)| meta.id.clone()).collect();
    from_peer.lock().extend(ids.iter().cloned());
    let result = log.add_all(kept).await;
    let mut from_peer = from_peer.lock();
    ids.iter().for_each(|id| {
        from_peer.remove(id);
    });
    let newest = result?.iter().filter_map(Added::entry).map(|entry| entry.meta.added).max();
    Ok(newest.unwrap_or(0))
}
