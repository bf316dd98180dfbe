//! Announcements: what windows hear of a change, and when.
//!
//! ```text
//!           a write of r                    announce_due: take, then tell
//!   idle ───────────────► waiting(r) ───────────────────────────────► idle, last told = r
//!                          │     ▲                       │
//!          a write of r+1  ▼     │ the outside refused   │
//!                         waiting(r+1) ◄─────────────────┘
//! ```

use crate::{clock::Clock, revision::Revision, sync::Mutex, topic::TopicName};
use std::{
    collections::{BTreeMap, btree_map::Entry},
    mem,
    sync::Arc,
    time::Duration,
};

/// How long to wait before an announcement that the outside refused is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// "Your copy may be older than this." It carries no state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalidation {
    /// The topic that changed.
    pub topic: TopicName,
    /// The revision that can be had now.
    pub revision: Revision,
    /// The label of the window that wrote; `None` when the backend wrote, or several writers are covered.
    pub source_id: Option<Arc<str>>,
    /// Wall-clock time of the announcement, in ms since 1970.
    pub timestamp_ms: u64,
}

/// The outside could not be told; the announcement is tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the announcement was not taken: {0}")]
pub struct AnnounceError(pub String);

/// The door through which changes are announced. Its methods are called under no lock of the engine's (**I4**).
pub trait Announce: Send + Sync + 'static {
    /// Something waits: see to it that [`Store::announce_due`](crate::Store::announce_due) runs soon. Called on the
    /// writer's thread, once for each topic that was idle; it must be quick and must not write.
    fn wake(&self);

    /// A page has gone, or a topic has come that ends by itself: see to it that
    /// [`Store::reap_due`](crate::Store::reap_due) runs soon. As quick as [`Announce::wake`].
    fn wake_reaper(&self);

    /// Something is to be delivered: see to it that [`Store::deliveries_due`](crate::Store::deliveries_due) runs soon. As
    /// quick as [`Announce::wake`]. Does nothing where nobody delivers.
    fn wake_deliveries(&self) {}

    /// A page has been given something, or a page or a topic has gone: whoever waits for what
    /// [`Store::undelivered`](crate::Store::undelivered) says is to look again. As quick as [`Announce::wake`]. Does nothing where nobody waits.
    fn wake_undelivered(&self) {}

    /// Tells the outside.
    ///
    /// # Errors
    /// [`AnnounceError`] if it was not told to everybody; it is then told again later.
    fn announce(&self, invalidation: &Invalidation) -> Result<(), AnnounceError>;
}

/// Announces to nobody, for a store that no window looks at.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAnnounce;

impl Announce for NoAnnounce {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn announce(&self, _: &Invalidation) -> Result<(), AnnounceError> {
        Ok(())
    }
}

/// Who is behind what waits to be announced.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    One(Option<Arc<str>>),
    Several,
}

impl Source {
    fn label(&self) -> Option<Arc<str>> {
        match self {
            Self::One(label) => label.clone(),
            Self::Several => None,
        }
    }
}

#[derive(Debug)]
struct Waiting {
    revision: Revision,
    source: Source,
}

/// One topic's place among the announcements. It may outlive the topic, whose end is announced, too.
#[derive(Debug)]
pub(crate) struct Slot {
    topic: TopicName,
    state: Mutex<SlotState>,
}

impl Slot {
    pub(crate) fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// Who is delivered the topic is to be marked with its next change.
    pub(crate) fn unmark(&self) {
        self.state.lock().marked = false;
    }

    /// The latest change, and who made those that a reader has not.
    pub(crate) fn latest(&self) -> Latest {
        self.state.lock().latest.clone()
    }
}

/// A topic's latest change, and whose it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latest {
    pub(crate) revision: Revision,
    by: Option<Arc<str>>,
    /// The latest change by anybody else.
    others: Revision,
}

impl Latest {
    fn note(&mut self, revision: Revision, by: &Option<Arc<str>>) {
        if *by == self.by {
            self.revision = self.revision.max(revision);
        } else if revision > self.revision {
            *self = Self { revision, by: by.clone(), others: self.revision };
        } else {
            self.others = self.others.max(revision);
        }
    }

    /// Who made all the changes after `given`, up to `revision`.
    pub(crate) fn source(&self, given: Option<Revision>, revision: Revision) -> Option<Arc<str>> {
        let is_all = revision == self.revision && given.is_some_and(|given| given >= self.others);
        self.by.clone().filter(|_| is_all)
    }
}

#[derive(Debug, Default)]
struct SlotState {
    waiting: Option<Waiting>,
    told: Revision,
    not_before: Duration,
    queued: bool,
    /// All pages that are delivered the topic are marked, or will be before they are looked at.
    marked: bool,
    latest: Latest,
}

impl SlotState {
    /// Adds a change to what waits; true if the topic has to be queued for it.
    fn note(&mut self, revision: Revision, source: Source) -> bool {
        if revision <= self.told {
            return false;
        }
        match &mut self.waiting {
            Some(waiting) => {
                waiting.revision = waiting.revision.max(revision);
                if waiting.source != source {
                    waiting.source = Source::Several;
                }
            }
            None => self.waiting = Some(Waiting { revision, source }),
        }
        !mem::replace(&mut self.queued, true)
    }

    /// Takes what waits. The topic is idle from here on: whoever writes next queues it again.
    fn take(&mut self, not_before: Duration) -> Option<Waiting> {
        self.queued = false;
        self.not_before = not_before;
        self.waiting.take()
    }

    fn told(&mut self, revision: Revision) {
        self.told = self.told.max(revision);
    }
}

/// Who is to be woken, once no lock is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "somebody waits for it"]
pub(crate) struct Wake {
    announcer: bool,
    deliverer: bool,
}

/// Coalesces the changes of each topic, and announces them at a bearable pace.
///
/// - **I2 announced is readable**: a change is noted only after its state can be read.
/// - **I3 last word**: what waits is the highest revision noted; it is taken in the same step that makes the topic
///   idle, so a later write queues it again, and what the outside refuses goes back.
/// - **I4 no callback under a lock**: the outside is woken and told after every lock is released.
/// - **I14 bounded**: one waiting announcement for each name, however many writes it covers, and however often a topic
///   of that name comes and goes.
pub(crate) struct Announcements {
    queue: Mutex<BTreeMap<TopicName, Arc<Slot>>>,
    /// The topics whose pages are to be marked.
    changed: Mutex<Vec<Arc<Slot>>>,
    interval: Duration,
    clock: Arc<dyn Clock>,
    outside: Arc<dyn Announce>,
}

impl Announcements {
    pub(crate) fn new(interval: Duration, clock: Arc<dyn Clock>, outside: Arc<dyn Announce>) -> Self {
        Self { queue: Mutex::default(), changed: Mutex::default(), interval, clock, outside }
    }

    /// The place of a topic that comes: that of an earlier one of this name, if that still waits.
    pub(crate) fn slot(&self, topic: &TopicName) -> Arc<Slot> {
        let waiting = self.queue.lock().get(topic).cloned();
        waiting.unwrap_or_else(|| Arc::new(Slot { topic: topic.clone(), state: Mutex::default() }))
    }

    /// Notes a change that can be read already.
    pub(crate) fn note_readable(&self, slot: &Arc<Slot>, revision: Revision, writer: Option<Arc<str>>) {
        self.wake(self.note(slot, revision, writer));
    }

    /// As [`Announcements::note_readable`], for who holds a lock: [`Announcements::wake`] is to follow.
    pub(crate) fn note(&self, slot: &Arc<Slot>, revision: Revision, writer: Option<Arc<str>>) -> Wake {
        let wake = {
            let mut state = slot.state.lock();
            state.latest.note(revision, &writer);
            let deliverer = !mem::replace(&mut state.marked, true);
            Wake { announcer: state.note(revision, Source::One(writer)), deliverer }
        };
        if wake.deliverer {
            self.changed.lock().push(Arc::clone(slot));
        }
        if wake.announcer {
            self.enqueue(Arc::clone(slot));
        }
        wake
    }

    pub(crate) fn wake(&self, wake: Wake) {
        if wake.deliverer {
            self.outside.wake_deliveries();
        }
        if wake.announcer {
            self.outside.wake();
        }
    }

    pub(crate) fn wake_deliveries(&self) {
        self.outside.wake_deliveries();
    }

    pub(crate) fn wake_undelivered(&self) {
        self.outside.wake_undelivered();
    }

    /// The topics that have changed since they were unmarked.
    pub(crate) fn take_changed(&self) -> Vec<Arc<Slot>> {
        mem::take(&mut self.changed.lock())
    }

    pub(crate) fn wake_reaper(&self) {
        self.outside.wake_reaper();
    }

    /// Announces what is due; returns when something is due next.
    pub(crate) fn announce_due(&self) -> Option<Duration> {
        let now = self.clock.now();
        for slot in self.take_due(now) {
            let Some(waiting) = slot.state.lock().take(now.saturating_add(self.interval)) else {
                continue;
            };
            let invalidation = Invalidation {
                topic: slot.topic.clone(),
                revision: waiting.revision,
                source_id: waiting.source.label(),
                timestamp_ms: self.clock.unix_ms(),
            };
            match self.outside.announce(&invalidation) {
                Ok(()) => slot.state.lock().told(waiting.revision),
                Err(error) => {
                    tracing::warn!(topic = %invalidation.topic, %error, "trying again");
                    self.put_back(slot, waiting, now + RETRY);
                }
            }
        }
        self.next_deadline()
    }

    fn take_due(&self, now: Duration) -> Vec<Arc<Slot>> {
        let mut queue = self.queue.lock();
        let (due, later): (BTreeMap<_, _>, _) =
            mem::take(&mut *queue).into_iter().partition(|(_, slot)| slot.state.lock().not_before <= now);
        *queue = later;
        due.into_values().collect()
    }

    fn put_back(&self, slot: Arc<Slot>, refused: Waiting, not_before: Duration) {
        let queue_it = {
            let mut state = slot.state.lock();
            state.not_before = not_before;
            state.note(refused.revision, refused.source)
        };
        if queue_it {
            self.enqueue(slot);
        }
    }

    fn enqueue(&self, slot: Arc<Slot>) {
        let mut queue = self.queue.lock();
        match queue.entry(slot.topic.clone()) {
            Entry::Vacant(place) => {
                place.insert(slot);
            }
            // The name is in use again, and the announcement of its topic covers this one. Nobody takes what that slot
            // has while the queue is locked.
            Entry::Occupied(newer) => {
                let mut state = slot.state.lock();
                let not_before = state.not_before;
                let Some(Waiting { revision, source }) = state.take(not_before) else { return };
                state.told(revision);
                drop(state);
                newer.get().state.lock().note(revision, source);
            }
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.queue.lock().values().map(|slot| slot.state.lock().not_before).min()
    }

    /// How many announcements wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().len()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::testing::{ManualClock, Recorder};

    #[test]
    fn i3_i14_what_was_refused_of_an_earlier_topic_joins_what_waits_of_the_one_that_came_after_it() {
        let (recorder, clock) = (Recorder::default(), Arc::new(ManualClock::default()));
        let all = Announcements::new(Duration::ZERO, clock.clone(), Arc::new(recorder.clone()));
        let name = TopicName::new("t").unwrap();
        let revision = Revision::from_u64;
        let earlier = all.slot(&name);
        all.note_readable(&earlier, revision(1), Some("one".into()));
        assert!(Arc::ptr_eq(&earlier, &all.slot(&name)), "its place goes on while it waits");

        // It is being told, and refused, while the name is used again.
        let taken = all.take_due(Duration::ZERO).remove(0);
        let waiting = taken.state.lock().take(Duration::ZERO).unwrap();
        let later = all.slot(&name);
        all.note_readable(&later, revision(2), Some("other".into()));
        all.put_back(taken, waiting, Duration::from_secs(9));
        assert_eq!(all.waiting(), 1);
        assert!(!all.note(&earlier, revision(1), None).announcer, "it is seen to");
        all.announce_due();
        let heard = recorder.take();
        assert_eq!(
            (heard.len(), heard[0].revision, heard[0].source_id.as_deref()),
            (1, revision(2), None),
            "it covers both"
        );
        assert_eq!(all.next_deadline(), None);
    }
}
