//! Deliveries: pages are told what has changed before they ask.
//!
//! ```text
//!           changed            taken                   acknowledged, and nothing has changed since
//!   idle ───────────► dirty ───────────► under way ────────────────────────────────────────────────► idle
//!                       ▲                 │     │
//!                       ├── changed since ┘     │ late, or failed
//!                       │                       ▼
//!                       └── acknowledged ◄── stopped: the page is told once to ask by itself
//!                           late, or subscribes again
//! ```

use crate::{
    announce::Slot, revision::Revision, session::Sessions, session_key::SessionKey, snapshot::Answer, sync::Mutex,
    topic::TopicName,
};
use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

/// How long a page may take to acknowledge a delivery before it gets no more of them.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);

/// What one page is told: all of its topics that have changed, at their newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The page. No other may see this.
    pub session: SessionKey,
    /// What [`Store::acknowledged`](crate::Store::acknowledged) is called with.
    pub id: u64,
    /// One for each topic, in the order of their names.
    pub entries: Vec<DeliveryEntry>,
}

/// What has become of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryEntry {
    /// The topic.
    pub topic: TopicName,
    /// What it is at.
    pub revision: Revision,
    /// The label of the window that made all that is new to the page; `None` where the backend did, or several.
    pub source_id: Option<Arc<str>>,
    /// What the page would have been answered. `None` where that is an error, or the page may not have it any more: it
    /// asks by itself, and hears why.
    pub answer: Option<Answer>,
}

/// What is to be done about deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveriesDue {
    /// The labels for which [`Store::take_delivery`](crate::Store::take_delivery) is to be called.
    pub ready: Vec<Arc<str>>,
    /// The pages that have become too late: each is to be told once to subscribe again, and to pull.
    pub late: Vec<SessionKey>,
    /// When, on the store's clock, to look again if nothing wakes it before; `None` is never.
    pub next: Option<Duration>,
}

/// A page that gets deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveriesOf {
    /// The page.
    pub session: SessionKey,
    /// It was late, or could not be reached: it gets none until it acknowledges, or subscribes again.
    pub stopped: bool,
}

/// A delivery that is being made.
pub(crate) struct Begun {
    pub(crate) session: SessionKey,
    pub(crate) id: u64,
    pub(crate) topics: Vec<(Arc<Slot>, Option<Revision>)>,
}

struct UnderWay {
    id: u64,
    topics: Vec<Arc<Slot>>,
    /// What the page has, once it has acknowledged.
    giving: Vec<(TopicName, Revision)>,
    /// `None` while it is being made.
    until: Option<Duration>,
}

struct Page {
    session: SessionKey,
    /// What it is known to have.
    given: HashMap<TopicName, Revision>,
    dirty: BTreeMap<TopicName, Arc<Slot>>,
    under_way: Option<UnderWay>,
    stopped: bool,
    /// How many deliveries in a row were acknowledged when there was something new already.
    streak: u32,
    not_before: Duration,
}

impl Page {
    fn new(session: SessionKey) -> Self {
        Self {
            session,
            given: HashMap::new(),
            dirty: BTreeMap::new(),
            under_way: None,
            stopped: false,
            streak: 0,
            not_before: Duration::ZERO,
        }
    }

    /// Notes that the topic has changed. One of its name may have been removed since, and wait here in another place: that
    /// is not looked at any more, and so not to be taken for marked.
    fn mark(&mut self, slot: &Arc<Slot>) {
        let before = self.dirty.insert(slot.topic().clone(), Arc::clone(slot));
        if let Some(other) = before.filter(|before| !Arc::ptr_eq(before, slot)) {
            other.unmark();
        }
    }

    /// Nobody knows what has come of what is under way: it is told again, should the page have deliveries again.
    fn stop(&mut self) {
        self.stopped = true;
        for slot in self.under_way.iter().flat_map(|under_way| &under_way.topics) {
            self.given.remove(slot.topic());
            self.dirty.entry(slot.topic().clone()).or_insert_with(|| Arc::clone(slot));
        }
    }

    fn gave(&mut self, topic: TopicName, revision: Revision) {
        let given = self.given.entry(topic).or_insert(revision);
        *given = revision.max(*given);
    }
}

/// The pages that get deliveries, one for each label. Who of them reads what is known to the [`Sessions`], which are
/// asked under the lock of this: what is here follows them, and never tells a page what it does not read.
///
/// - **I14 bounded**: at most one delivery of a page's is under way, and what changes meanwhile is a mark for each topic.
///   A page that is changed again and again is told after 0, 1, 2, 4 ms and so on, up to `interval`; one that does not
///   acknowledge is not told any more.
/// - **I3 last word**: a topic is marked after its change can be read, and unmarked before it is read.
pub(crate) struct Deliveries {
    pages: Mutex<Pages>,
    interval: Duration,
}

#[derive(Default)]
struct Pages {
    by_label: HashMap<Arc<str>, Page>,
    last_id: u64,
}

impl Pages {
    /// The page, in the place of an earlier one of its label.
    fn at(&mut self, session: &SessionKey) -> &mut Page {
        let page = self.by_label.entry(Arc::clone(session.label())).or_insert_with(|| Page::new(session.clone()));
        if page.session != *session {
            *page = Page::new(session.clone());
        }
        page
    }

    fn under_way(&mut self, label: &str, id: u64) -> Option<&mut Page> {
        let is_it = |page: &&mut Page| page.under_way.as_ref().is_some_and(|under_way| under_way.id == id);
        self.by_label.get_mut(label).filter(is_it)
    }
}

impl Deliveries {
    pub(crate) fn new(interval: Duration) -> Self {
        Self { pages: Mutex::default(), interval }
    }

    /// The page is delivered the topic from here on, or rests from that. Says whether something waits for the page;
    /// nothing where it does not read the topic.
    pub(crate) fn open(
        &self,
        sessions: &Sessions,
        session: &SessionKey,
        slot: &Arc<Slot>,
        rests: bool,
    ) -> Option<bool> {
        let mut pages = self.pages.lock();
        let rested = sessions.deliver(session, slot.topic(), rests)?;
        let page = pages.at(session);
        if rests {
            page.dirty.remove(slot.topic());
        } else if rested {
            // Nobody knows what has changed meanwhile: that is looked at when it is taken.
            page.mark(slot);
        }
        if mem::take(&mut page.stopped) {
            page.under_way = None;
        }
        Some(!page.dirty.is_empty())
    }

    /// The label's page may have gone, or read less than before.
    pub(crate) fn follow(&self, sessions: &Sessions, label: &str) {
        let mut pages = self.pages.lock();
        let Some(page) = pages.by_label.get_mut(label) else { return };
        let (given, dirty) = (&mut page.given, &mut page.dirty);
        let is_there = sessions.with_delivered(&page.session, |topics| {
            given.retain(|topic, _| topics.contains_key(topic));
            dirty.retain(|topic, _| topics.contains_key(topic));
        });
        if is_there.is_none() {
            pages.by_label.remove(label);
        }
    }

    /// The page was answered, or is about to be.
    pub(crate) fn gave(&self, sessions: &Sessions, session: &SessionKey, topic: &TopicName, revision: Revision) {
        let mut pages = self.pages.lock();
        if sessions.is_delivered(session, topic) {
            pages.at(session).gave(topic.clone(), revision);
        }
    }

    /// The topic has changed.
    pub(crate) fn mark(&self, sessions: &Sessions, slot: &Arc<Slot>) {
        let mut pages = self.pages.lock();
        for session in sessions.following(slot.topic()) {
            pages.at(&session).mark(slot);
        }
    }

    pub(crate) fn due(&self, now: Duration) -> DeliveriesDue {
        let mut due = DeliveriesDue::default();
        let mut at = |moment: Duration| due.next = Some(due.next.map_or(moment, |next| next.min(moment)));
        for (label, page) in self.pages.lock().by_label.iter_mut().filter(|(_, page)| !page.stopped) {
            match &page.under_way {
                Some(UnderWay { until: Some(until), .. }) if *until <= now => {
                    page.stop();
                    due.late.push(page.session.clone());
                }
                Some(under_way) => {
                    if let Some(until) = under_way.until {
                        at(until);
                    }
                }
                None if page.dirty.is_empty() => {}
                None if page.not_before <= now => due.ready.push(Arc::clone(label)),
                None => at(page.not_before),
            }
        }
        due
    }

    /// Takes what is dirty. `None` where nothing is, or the page has to be waited for.
    pub(crate) fn begin(&self, label: &str, now: Duration) -> Option<Begun> {
        let mut pages = self.pages.lock();
        let id = pages.last_id + 1;
        let page = pages.by_label.get_mut(label)?;
        if page.under_way.is_some() || page.stopped || page.not_before > now || page.dirty.is_empty() {
            return None;
        }
        let dirty = mem::take(&mut page.dirty);
        let slots = dirty.values().cloned().collect();
        let topics = dirty.into_iter().map(|(topic, slot)| (slot, page.given.get(&topic).copied())).collect();
        page.under_way = Some(UnderWay { id, topics: slots, giving: Vec::new(), until: None });
        let session = page.session.clone();
        pages.last_id = id;
        Some(Begun { session, id, topics })
    }

    /// What was begun is made. Says no where it must not go out: nothing is in it, or the page has gone meanwhile.
    pub(crate) fn made(&self, delivery: &Delivery, now: Duration) -> bool {
        let mut pages = self.pages.lock();
        let Some(page) = pages.under_way(delivery.session.label(), delivery.id) else { return false };
        if delivery.entries.is_empty() {
            page.under_way = None;
            return false;
        }
        let Some(under_way) = &mut page.under_way else { return false };
        for entry in &delivery.entries {
            match &entry.answer {
                Some(answer) => under_way.giving.push((entry.topic.clone(), answer.revision())),
                None => drop(page.given.remove(&entry.topic)),
            }
        }
        // Both are in the order of the names. What is not told is known to the page already.
        under_way
            .topics
            .retain(|slot| delivery.entries.binary_search_by(|entry| entry.topic.cmp(slot.topic())).is_ok());
        under_way.until = Some(now + DELIVERY_TIMEOUT);
        true
    }

    /// The page has this delivery. Says whether something waits for it.
    pub(crate) fn acknowledged(&self, label: &str, id: u64, now: Duration) -> bool {
        let mut pages = self.pages.lock();
        let Some(page) = pages.under_way(label, id) else { return false };
        let giving = page.under_way.take().map(|under_way| under_way.giving).unwrap_or_default();
        for (topic, revision) in giving {
            page.gave(topic, revision);
        }
        page.stopped = false;
        if page.dirty.is_empty() {
            page.streak = 0;
            return false;
        }
        page.not_before = now + pause(page.streak).min(self.interval);
        page.streak = page.streak.saturating_add(1);
        true
    }

    /// This delivery did not reach the page.
    pub(crate) fn failed(&self, label: &str, id: u64) {
        if let Some(page) = self.pages.lock().under_way(label, id) {
            page.stop();
            page.under_way = None;
        }
    }

    /// The pages that follow the topic, and are not known to have it at this revision or a later one.
    pub(crate) fn lacking(&self, sessions: &Sessions, topic: &TopicName, revision: Revision) -> Vec<SessionKey> {
        let pages = self.pages.lock();
        let given = |session: &SessionKey| {
            let page = pages.by_label.get(session.label()).filter(|page| page.session == *session)?;
            page.given.get(topic).copied()
        };
        let mut following = sessions.following(topic);
        following.retain(|session| given(session).is_none_or(|given| given < revision));
        following
    }

    pub(crate) fn of(&self, label: &str) -> Option<DeliveriesOf> {
        let pages = self.pages.lock();
        pages.by_label.get(label).map(|page| DeliveriesOf { session: page.session.clone(), stopped: page.stopped })
    }

    /// How many pages there are, and how much is kept for them.
    pub(crate) fn size(&self) -> (usize, usize) {
        let pages = self.pages.lock();
        let kept = |page: &Page| {
            page.given.len() + page.dirty.len() + page.under_way.as_ref().map_or(0, |under_way| under_way.topics.len())
        };
        (pages.by_label.len(), pages.by_label.values().map(kept).sum())
    }
}

/// How long to let a page be that has had so many deliveries in a row.
fn pause(streak: u32) -> Duration {
    match streak {
        0 => Duration::ZERO,
        _ => Duration::from_millis(1 << (streak - 1).min(20)),
    }
}
