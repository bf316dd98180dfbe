//! Sessions: which page lives read which topics, and for how long their writes are remembered.

mod delivered;

use crate::{
    life::Life,
    session_key::{PageId, SessionKey},
    sync::Mutex,
    topic::TopicName,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    mem,
    sync::Arc,
    time::Duration,
};

/// How long the outcome of a dropped session's last writes is kept: Tauri runs in-flight commands of a page again
/// while it reloads (tauri#14154).
pub const SESSION_GRACE: Duration = Duration::from_secs(60);

/// How many page lives of one label are remembered, dropped ones included.
pub const SESSIONS_PER_LABEL: usize = 8;

/// How many removed topics a page goes on with where they are created again; of more, those that were removed last.
const MISSED_PER_PAGE: usize = 1000;

/// How a page has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It has ended: it navigated, reloaded or crashed, or its webview was closed. It does not come back; a page that
    /// does, out of a cache, has another id.
    Ended,
    /// It does not answer. It lives again when it subscribes.
    Silent,
}

/// What a page has stopped reading.
pub(crate) type TopicsLeft = BTreeSet<TopicName>;

/// Who reads a topic, and after how many have begun to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audience {
    pub(crate) readers: usize,
    joins: u64,
}

/// What came of a page's wish to read a topic.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// The topic ended before.
    pub(crate) too_late: bool,
    /// The page did.
    pub(crate) ended: bool,
    /// The session that had to be forgotten for it.
    pub(crate) evicted: Option<SessionKey>,
    /// What the pages whose place it has taken read no more.
    pub(crate) left: Vec<TopicsLeft>,
}

#[derive(Debug)]
struct Page {
    id: PageId,
    /// Since when it has been gone.
    dropped: Option<Duration>,
    /// It has ended for good: it was seen to go, or another has taken its place.
    ended: bool,
    /// It was its label's current page once: what it subscribes from here on may be a repetition.
    was_current: bool,
    topics: BTreeSet<TopicName>,
    /// Those of what it reads, or misses, that are delivered to it, and whether it rests from that.
    delivered: BTreeMap<TopicName, bool>,
    /// What it read until that was removed, oldest first: it goes on where such a topic is created again.
    missed: VecDeque<TopicName>,
}

impl Page {
    fn new(id: PageId, was_current: bool) -> Self {
        let (topics, delivered, missed) = (BTreeSet::new(), BTreeMap::new(), VecDeque::new());
        Self { id, dropped: None, ended: false, was_current, topics, delivered, missed }
    }

    fn drop_at(&mut self, now: Duration, departure: Departure) -> TopicsLeft {
        self.dropped.get_or_insert(now);
        self.ended |= departure == Departure::Ended;
        self.missed.clear();
        self.delivered.clear();
        mem::take(&mut self.topics)
    }

    fn miss(&mut self, topic: &TopicName) {
        if self.topics.remove(topic) {
            self.missed.push_back(topic.clone());
            if self.missed.len() > MISSED_PER_PAGE
                && let Some(forgotten) = self.missed.pop_front()
            {
                self.delivered.remove(&forgotten);
            }
        }
    }

    /// Says whether it missed it.
    fn stop_missing(&mut self, topic: &TopicName) -> bool {
        let at = self.missed.iter().position(|missed| missed == topic);
        at.is_some_and(|at| self.missed.remove(at).is_some())
    }
}

/// The page lives of all labels, oldest first in each; the last one is the current one.
///
/// - A page becomes current by subscribing for the first time; the older ones are dropped then. Tauri runs the commands
///   of a dead page again, so one that has ended does not become current again, nor does one that only writes.
/// - A dropped page keeps no subscription. It is forgotten [`SESSION_GRACE`] after it was dropped and last wrote.
/// - **I14 bounded**: a label has at most [`SESSIONS_PER_LABEL`] pages, whatever ids it invents.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    labels: Mutex<HashMap<Arc<str>, Vec<Page>>>,
}

impl Sessions {
    /// Notes that a session writes. Returns the one that had to be forgotten for it, if any.
    pub(crate) fn wrote(&self, session: &SessionKey, now: Duration) -> Option<SessionKey> {
        let mut labels = self.labels.lock();
        let pages = labels.entry(Arc::clone(session.label())).or_default();
        if let Some(page) = pages.iter_mut().find(|page| page.id == *session.page()) {
            // What it wrote now may be repeated for as long as what it wrote before.
            page.dropped = page.dropped.map(|_| now);
            return None;
        }
        let page = |dropped| Page { dropped, ..Page::new(session.page().clone(), false) };
        match pages.iter().rposition(|page| page.dropped.is_none()) {
            Some(live) => pages.insert(live, page(Some(now))),
            None => pages.push(page(None)),
        }
        evict(session.label(), pages)
    }

    /// Notes that a session reads a topic, unless the topic's life is over, or the page's. A page that was only silent
    /// lives again by this, unless a newer one has taken its place. `lives` is asked under the lock: a page whose end is
    /// noted from here on is dropped after this.
    pub(crate) fn subscribe(
        &self,
        session: &SessionKey,
        lives: &dyn Fn() -> bool,
        topic: &TopicName,
        life: &Life,
        now: Duration,
    ) -> Joined {
        let mut labels = self.labels.lock();
        let known = labels.get(session.label()).and_then(|pages| pages.iter().find(|page| page.id == *session.page()));
        if known.is_some_and(|page| page.ended && page.was_current) || !lives() {
            return Joined { ended: true, ..Joined::default() };
        }
        if !life.join() {
            return Joined { too_late: true, ..Joined::default() };
        }
        let pages = labels.entry(Arc::clone(session.label())).or_default();
        let at = pages.iter().position(|page| page.id == *session.page());
        let mut page = at.map_or_else(|| Page::new(session.page().clone(), true), |at| pages.remove(at));
        let left = pages.iter_mut().map(|older| older.drop_at(now, Departure::Ended)).collect();
        (page.dropped, page.ended, page.was_current) = (None, false, true);
        page.stop_missing(topic);
        page.topics.insert(topic.clone());
        pages.push(page);
        Joined { evicted: evict(session.label(), pages), left, ..Joined::default() }
    }

    /// Says whether it did read it.
    pub(crate) fn unsubscribe(&self, session: &SessionKey, topic: &TopicName) -> bool {
        let mut labels = self.labels.lock();
        let pages = labels.get_mut(session.label());
        let page = pages.and_then(|pages| pages.iter_mut().find(|page| page.id == *session.page()));
        page.is_some_and(|page| {
            page.stop_missing(topic);
            page.delivered.remove(topic);
            page.topics.remove(topic)
        })
    }

    /// The label's page has gone.
    pub(crate) fn drop_label(&self, label: &str, departure: Departure, now: Duration) -> Vec<TopicsLeft> {
        let mut labels = self.labels.lock();
        let pages = labels.get_mut(label).into_iter().flatten();
        pages.map(|page| page.drop_at(now, departure)).collect()
    }

    /// The label's pages do not read those topics any more. `lives` is asked under the lock, as of
    /// [`Sessions::subscribe`].
    pub(crate) fn dismiss(
        &self,
        label: &str,
        lives: &dyn Fn() -> bool,
        which: &dyn Fn(&TopicName) -> bool,
    ) -> Vec<TopicsLeft> {
        let mut labels = self.labels.lock();
        let pages = labels.get_mut(label).into_iter().flatten().take_while(|_| lives());
        let left = |page: &mut Page| {
            page.missed.retain(|topic| !which(topic));
            page.delivered.retain(|topic, _| !which(topic));
            let (left, kept) = mem::take(&mut page.topics).into_iter().partition(|topic| which(topic));
            page.topics = kept;
            left
        };
        pages.map(left).collect()
    }

    /// Nobody reads the topic any more, nor begins to. Those who did miss it.
    pub(crate) fn retire(&self, topic: &TopicName, life: &Life) {
        let mut labels = self.labels.lock();
        life.retire();
        for page in labels.values_mut().flatten() {
            page.miss(topic);
        }
    }

    /// A topic has been created: those who missed one of its name read it, whether they have heard of its end or not.
    pub(crate) fn revive(&self, topic: &TopicName, life: &Life) {
        let mut labels = self.labels.lock();
        for page in labels.values_mut().flatten() {
            if page.stop_missing(topic) && life.join() {
                page.topics.insert(topic.clone());
            }
        }
    }

    /// As [`Sessions::retire`], unless somebody has begun to read the topic since it had this audience.
    pub(crate) fn retire_unless_joined(&self, audience: Audience, life: &Life) -> bool {
        let _labels = self.labels.lock();
        life.retire_unless_joined(audience.joins)
    }

    /// Who reads the topic.
    pub(crate) fn audience(&self, topic: &TopicName, life: &Life) -> Audience {
        let labels = self.labels.lock();
        Audience { readers: readers(&labels, topic), joins: life.joins() }
    }

    /// Whether the session reads the topic.
    pub(crate) fn reads(&self, session: &SessionKey, topic: &TopicName) -> bool {
        let labels = self.labels.lock();
        let mut pages = labels.get(session.label()).into_iter().flatten();
        pages.any(|page| page.id == *session.page() && page.topics.contains(topic))
    }

    /// Whether the session is remembered.
    pub(crate) fn knows(&self, session: &SessionKey) -> bool {
        let labels = self.labels.lock();
        let mut pages = labels.get(session.label()).into_iter().flatten();
        pages.any(|page| page.id == *session.page())
    }

    /// Forgets those whose grace is over, and returns them.
    pub(crate) fn expire(&self, now: Duration) -> Vec<SessionKey> {
        let mut forgotten = Vec::new();
        self.labels.lock().retain(|label, pages| {
            pages.retain(|page| {
                let over = page.dropped.is_some_and(|at| now >= at + SESSION_GRACE);
                if over {
                    forgotten.push(SessionKey::new(Arc::clone(label), page.id.clone()));
                }
                !over
            });
            !pages.is_empty()
        });
        forgotten
    }

    /// When [`Sessions::expire`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let labels = self.labels.lock();
        labels.values().flatten().filter_map(|page| page.dropped).min().map(|at| at + SESSION_GRACE)
    }

    /// How many live sessions read the topic.
    pub(crate) fn readers(&self, topic: &TopicName) -> usize {
        readers(&self.labels.lock(), topic)
    }

    /// How many sessions are remembered, dropped ones included.
    pub(crate) fn len(&self) -> usize {
        self.labels.lock().values().map(Vec::len).sum()
    }
}

fn readers(labels: &HashMap<Arc<str>, Vec<Page>>, topic: &TopicName) -> usize {
    labels.values().flatten().filter(|page| page.topics.contains(topic)).count()
}

fn evict(label: &Arc<str>, pages: &mut Vec<Page>) -> Option<SessionKey> {
    (pages.len() > SESSIONS_PER_LABEL).then(|| SessionKey::new(Arc::clone(label), pages.remove(0).id))
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, life::Lifespan, revision::Revision};

    fn session(label: &str, page: &str) -> SessionKey {
        SessionKey::new(label, page.parse().unwrap())
    }

    fn topic() -> TopicName {
        TopicName::new("t").unwrap()
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn life() -> Life {
        let immortal = Lifespan { ttl: None, self_destruct: None };
        Life::new(Revision::from_u64(1), immortal, &SystemClock::default())
    }

    fn met(sessions: &Sessions, session: &SessionKey, at: u64) {
        sessions.subscribe(session, &|| true, &topic(), &life(), secs(at));
    }

    #[test]
    fn the_newest_page_of_a_label_is_the_current_one() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "old"), 0);
        met(&sessions, &session("a", "new"), 1);
        met(&sessions, &session("b", "other"), 1);
        assert_eq!(sessions.readers(&topic()), 2);

        met(&sessions, &session("a", "old"), 2);
        assert_eq!(sessions.readers(&topic()), 2, "a dead page's repeated subscribe does not count");
    }

    #[test]
    fn an_unknown_page_that_has_ended_takes_nobody_s_place() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "live"), 0);
        let late = sessions.subscribe(&session("a", "late"), &|| false, &topic(), &life(), secs(1));
        assert!(late.ended && sessions.reads(&session("a", "live"), &topic()));
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn a_dropped_session_is_remembered_for_the_grace_and_then_forgotten() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "p"), 0);
        sessions.drop_label("a", Departure::Silent, secs(5));
        assert_eq!(sessions.readers(&topic()), 0);
        assert_eq!(sessions.next_deadline(), Some(secs(65)));
        assert!(sessions.expire(secs(64)).is_empty());
        assert_eq!(sessions.expire(secs(65)), [session("a", "p")]);
        assert_eq!((sessions.len(), sessions.next_deadline()), (0, None));
    }

    #[test]
    fn a_page_taken_for_dead_lives_again_when_it_subscribes() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "p"), 0);
        sessions.drop_label("a", Departure::Silent, secs(5));
        met(&sessions, &session("a", "p"), 6);
        assert_eq!(sessions.readers(&topic()), 1);
        assert!(sessions.expire(secs(1000)).is_empty());
    }

    #[test]
    fn i11_a_late_write_of_an_unknown_page_does_not_displace_the_live_one() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "live"), 0);
        sessions.wrote(&session("a", "late"), secs(1));
        assert_eq!(sessions.next_deadline(), Some(secs(61)), "it is remembered for the grace, and not for ever");
        let other = TopicName::new("other").unwrap();
        sessions.subscribe(&session("a", "live"), &|| true, &other, &life(), secs(2));
        assert_eq!((sessions.readers(&topic()), sessions.readers(&other)), (1, 1));
        met(&sessions, &session("a", "late"), 3);
        assert_eq!(sessions.readers(&topic()), 1, "it was the next page after all: it takes over");
        met(&sessions, &session("a", "live"), 4);
        sessions.drop_label("a", Departure::Silent, secs(5));
        assert_eq!(sessions.expire(secs(63)), [session("a", "live")]);
        assert_eq!(sessions.expire(secs(65)), [session("a", "late")]);
    }

    #[test]
    fn i11_a_page_taken_for_dead_that_writes_on_is_remembered_from_its_last_write() {
        let sessions = Sessions::default();
        met(&sessions, &session("a", "p"), 0);
        sessions.drop_label("a", Departure::Silent, secs(0));
        sessions.wrote(&session("a", "p"), secs(59));
        assert!(sessions.expire(secs(118)).is_empty());
        assert_eq!(sessions.expire(secs(119)), [session("a", "p")]);
    }

    #[test]
    fn i14_a_page_that_invents_sessions_costs_a_constant() {
        let sessions = Sessions::default();
        let forgotten = (0..100).filter_map(|n| sessions.wrote(&session("a", &format!("p{n}")), secs(0))).count();
        assert_eq!(sessions.len(), SESSIONS_PER_LABEL);
        assert_eq!(forgotten, 100 - SESSIONS_PER_LABEL);
    }

    #[test]
    fn who_read_a_removed_topic_reads_the_one_that_comes_after_it() {
        let sessions = Sessions::default();
        for label in ["stays", "leaves", "closes"] {
            met(&sessions, &session(label, "p"), 0);
        }
        sessions.retire(&topic(), &life());
        assert_eq!(sessions.readers(&topic()), 0);
        sessions.unsubscribe(&session("leaves", "p"), &topic());
        sessions.drop_label("closes", Departure::Ended, secs(1));
        let next = life();
        sessions.revive(&topic(), &next);
        assert_eq!((sessions.readers(&topic()), next.joins()), (1, 1));
        assert!(sessions.reads(&session("stays", "p"), &topic()));
    }

    #[test]
    fn i14_a_page_misses_a_constant_number_of_topics() {
        let sessions = Sessions::default();
        let name = |n: usize| TopicName::new(format!("t{n}")).unwrap();
        for n in 0..3 * MISSED_PER_PAGE {
            sessions.subscribe(&session("a", "p"), &|| true, &name(n), &life(), secs(0));
            sessions.retire(&name(n), &life());
        }
        let page_misses = |n| {
            sessions.revive(&name(n), &life());
            sessions.readers(&name(n)) == 1
        };
        assert!(!page_misses(0) && !page_misses(2 * MISSED_PER_PAGE - 1));
        assert!(page_misses(2 * MISSED_PER_PAGE) && page_misses(3 * MISSED_PER_PAGE - 1));
    }
}
