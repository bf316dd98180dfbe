//! From the log to the peer.

use super::{
    NodeError, NodeOptions,
    session::{Role, Session, hook_error},
};
use crate::{
    action::{Action, Entry, Meta},
    id::ActionId,
    store::{Order, Position, Query},
    wire::Message,
};
use futures_util::future::BoxFuture;
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};
use tokio::time::Instant;

/// How many actions go into one message.
pub(super) const BATCH: usize = 256;

/// A `sync` that is not acknowledged yet.
pub(super) struct Outstanding {
    pub added: u64,
    pub answer_by: Instant,
}

/// What is sent of an entry: it as it is, or what a hook has made of it.
pub(super) enum Sent {
    Kept(Arc<Entry>),
    Mapped(Box<(Action, Meta)>),
}

impl Sent {
    fn parts(&self) -> (&Action, &Meta) {
        match self {
            Self::Kept(entry) => (&entry.action, &entry.meta),
            Self::Mapped(mapped) => (&mapped.0, &mapped.1),
        }
    }
}

/// Entries that were asked about, in order.
pub(super) struct Batch {
    entries: Vec<Sent>,
    /// All entries up to this number were asked about.
    handled: u64,
    scan: Option<Scan>,
}

/// Where the reading of what the peer has missed stands. Entries after `after` are new to it; older ones go again if they
/// still have the reason.
#[derive(Clone, Copy)]
pub(super) struct Scan {
    at: u64,
    after: u64,
}

#[derive(Default)]
pub(super) struct Outbound {
    pub work: Option<BoxFuture<'static, Result<Batch, NodeError>>>,
    pub outstanding: VecDeque<Outstanding>,
    /// Everything of ours up to this number was sent, or need not be.
    pub handled: u64,
    /// The greatest number that the peer has acknowledged.
    sent: u64,
    scanning: bool,
    /// What the scan has sent: it may also wait among what the log has got since.
    scanned: HashSet<ActionId>,
}

impl Outbound {
    pub fn wants_entries(&self) -> bool {
        self.work.is_none() && !self.scanning
    }

    pub fn is_busy(&self) -> bool {
        self.scanning || !self.outstanding.is_empty()
    }
}

impl Session {
    /// Sends what the peer has missed, then what comes.
    pub fn start_outbound(&mut self, since: u64) {
        if self.listens {
            let (handle, from_peer) = (self.handle.clone(), Arc::clone(&self.inbound.from_peer));
            self.listening = Some(self.log.on_add(crate::log::Filter::all(), move |entry| {
                if !from_peer.lock().contains(&entry.meta.id) {
                    handle.push(Arc::clone(entry));
                }
            }));
        }
        self.outbound.sent = since;
        self.outbound.handled = since;
        self.outbound.scanning = true;
        let at = if self.options.resend_reason.is_some() { 0 } else { since };
        self.scan(Scan { at, after: since });
    }

    fn scan(&mut self, scan: Scan) {
        let (log, options) = (self.log.clone(), Arc::clone(&self.options));
        let remote = self.remote.node_id.clone();
        self.outbound.work = Some(Box::pin(async move {
            let after = Some(Position::Added(scan.at));
            let query = Query { order: Order::Added, index: None, newest_first: false, after, limit: BATCH };
            let mut page = log.page(query).await?;
            let last = page.last().map(|entry| entry.meta.added);
            let goes_on = page.len() == BATCH;
            page.retain(|entry| {
                let again = options.resend_reason.as_ref().is_some_and(|reason| entry.meta.reasons.contains(reason));
                // What the peer has made it has.
                *entry.meta.id.node != *remote && (entry.meta.added > scan.after || again)
            });
            page.retain(|entry| options.selects(entry));
            let entries = ask_about(&options, page).await?;
            let scan = last.filter(|_| goes_on).map(|at| Scan { at, ..scan });
            Ok(Batch { entries, handled: last.unwrap_or(0), scan })
        }));
    }

    pub fn send_entries(&mut self, mut entries: Vec<Arc<Entry>>) {
        let scanned = &self.outbound.scanned;
        let handled = entries.iter().map(|entry| entry.meta.added).max().unwrap_or(0);
        // Whoever gives entries to the handle has selected them.
        entries.retain(|entry| !scanned.contains(&entry.meta.id) && (!self.listens || self.options.selects(entry)));
        if self.options.on_send.is_none() {
            let entries = entries.into_iter().map(Sent::Kept).collect();
            return self.send_batch(Batch { entries, handled, scan: None });
        }
        let options = Arc::clone(&self.options);
        self.outbound.work =
            Some(Box::pin(
                async move { Ok(Batch { entries: ask_about(&options, entries).await?, handled, scan: None }) },
            ));
    }

    pub fn send_batch(&mut self, batch: Batch) {
        let local = self.log.node_id();
        let public = self.options.public_only.then_some(self.options.subprotocol);
        let mut entries = Vec::with_capacity(batch.entries.len());
        for sent in &batch.entries {
            let (action, meta) = sent.parts();
            if self.outbound.scanning {
                self.outbound.scanned.insert(meta.id.clone());
            }
            entries.push((action.clone(), self.base.compress(meta, &local, public)));
        }
        self.outbound.handled = self.outbound.handled.max(batch.handled);
        if !entries.is_empty() {
            let added = self.outbound.handled;
            let answer_by = Instant::now() + self.options.timeout;
            self.outbound.outstanding.push_back(Outstanding { added, answer_by });
            self.say(&Message::Sync { added, entries });
        }
        match batch.scan {
            Some(scan) => self.scan(scan),
            None => self.outbound.scanning = false,
        }
        self.update_state();
    }

    pub fn acknowledged(&mut self, added: u64) {
        // An acknowledgement of what was never sent, or for the second time, moves nothing.
        let mut newest = None;
        while let Some(first) = self.outbound.outstanding.front() {
            // Messages of actions that are not stored repeat the number before: each has its own answer.
            let is_later = first.added > added || newest == Some(added);
            if is_later {
                break;
            }
            newest = Some(first.added);
            self.outbound.outstanding.pop_front();
        }
        let Some(newest) = newest else { return };
        if !self.someone_waits() {
            self.outbound.scanned.clear();
        }
        if self.role == Role::Client && newest > self.outbound.sent {
            self.outbound.sent = newest;
            self.keep_sent(newest);
        }
        self.update_state();
    }

    /// What was received just now need not be sent, up to this number, unless something older waits.
    pub fn pass_over(&mut self, newest: u64) {
        if self.role == Role::Client && self.is_idle() && newest > self.outbound.handled {
            self.outbound.handled = newest;
            self.outbound.sent = newest;
            self.keep_sent(newest);
        }
    }

    /// A cursor that is lost costs a repetition, so nobody waits for it.
    fn keep_sent(&self, sent: u64) {
        let log = self.log.clone();
        if !log.store().is_blocking() {
            if let Err(error) = log.store().raise_cursors(sent, 0) {
                self.watched.report(&error.into());
            }
            return;
        }
        let watched = Arc::clone(&self.watched);
        tokio::spawn(async move {
            if let Err(error) = log.run(move |store| store.raise_cursors(sent, 0)).await {
                watched.report(&error.into());
            }
        });
    }
}

/// One after the other: nothing overtakes.
async fn ask_about(options: &NodeOptions, entries: Vec<Arc<Entry>>) -> Result<Vec<Sent>, NodeError> {
    let mut answers = Vec::with_capacity(entries.len());
    for entry in entries {
        match &options.on_send {
            Some(on_send) => {
                let mapped = on_send(entry).await.map_err(hook_error)?;
                answers.extend(mapped.map(|mapped| Sent::Mapped(Box::new(mapped))));
            }
            None => answers.push(Sent::Kept(entry)),
        }
    }
    Ok(answers)
}
