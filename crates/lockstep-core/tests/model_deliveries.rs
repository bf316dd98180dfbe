//! Random histories of deliveries: what is taken, lost, acknowledged late, twice or never, by pages that come and go.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    DELIVERY_TIMEOUT, Delivery, Departure, PageId, Revision, SessionKey, Topic, TopicName, testing::TestStore,
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

const TOPICS: [Topic<u32>; 3] = [Topic::new("one"), Topic::new("two"), Topic::new("three")];
const LABELS: [&str; 2] = ["left", "right"];

#[derive(Clone, Debug)]
enum Step {
    Write {
        topic: usize,
    },
    Remove {
        topic: usize,
    },
    Create {
        topic: usize,
    },
    Subscribe {
        page: usize,
        topic: usize,
    },
    /// Goes on reading, and is told nothing of it.
    Rest {
        page: usize,
        topic: usize,
    },
    /// Rests no more. It does not pull: it is told.
    Return {
        page: usize,
        topic: usize,
    },
    Unsubscribe {
        page: usize,
        topic: usize,
    },
    Dismiss {
        page: usize,
        topic: usize,
    },
    Pull {
        page: usize,
        topic: usize,
    },
    Reload {
        page: usize,
        silent: bool,
    },
    Take {
        page: usize,
    },
    /// What was taken comes to the page, and is acknowledged, unless that is lost.
    Arrive {
        page: usize,
        acknowledged: bool,
    },
    /// It does not, and the outside knows that.
    Fail {
        page: usize,
    },
    /// Some acknowledgement of before comes once more, or late.
    Again {
        which: usize,
    },
    Pass {
        ms: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, page) = (0..TOPICS.len(), 0..LABELS.len());
    let both = || (page.clone(), topic.clone());
    prop_oneof![
        8 => topic.clone().prop_map(|topic| Step::Write { topic }),
        1 => topic.clone().prop_map(|topic| Step::Remove { topic }),
        2 => topic.clone().prop_map(|topic| Step::Create { topic }),
        5 => both().prop_map(|(page, topic)| Step::Subscribe { page, topic }),
        2 => both().prop_map(|(page, topic)| Step::Rest { page, topic }),
        2 => both().prop_map(|(page, topic)| Step::Return { page, topic }),
        1 => both().prop_map(|(page, topic)| Step::Unsubscribe { page, topic }),
        1 => both().prop_map(|(page, topic)| Step::Dismiss { page, topic }),
        3 => both().prop_map(|(page, topic)| Step::Pull { page, topic }),
        1 => (page.clone(), any::<bool>()).prop_map(|(page, silent)| Step::Reload { page, silent }),
        8 => page.clone().prop_map(|page| Step::Take { page }),
        6 => (page.clone(), prop::bool::weighted(0.8)).prop_map(|(page, acknowledged)| Step::Arrive { page, acknowledged }),
        1 => page.prop_map(|page| Step::Fail { page }),
        2 => (0..20usize).prop_map(|which| Step::Again { which }),
        3 => prop_oneof![0..30u64, 4000..6000u64].prop_map(|ms| Step::Pass { ms }),
    ]
}

struct Page {
    session: SessionKey,
    /// What it reads by deliveries, and what it has of that: nothing where it was told to ask, and has not yet.
    has: BTreeMap<TopicName, Option<Revision>>,
    /// Those of them that it rests from.
    rests: BTreeSet<TopicName>,
    /// What was taken for it, and has not arrived.
    under_way: Option<Delivery>,
    lives: bool,
}

struct World {
    store: TestStore,
    pages: Vec<Page>,
    lives: usize,
    ids: Vec<(usize, u64)>,
    /// For each topic that there was after the last step, its revision, and who lacked that.
    lacked: Vec<(TopicName, Revision, Vec<SessionKey>)>,
}

impl World {
    fn new() -> Self {
        let store = TestStore::new();
        for topic in TOPICS {
            store.create(topic, 0).unwrap();
        }
        let mut world = Self { store, pages: Vec::new(), lives: 0, ids: Vec::new(), lacked: Vec::new() };
        for label in LABELS {
            let page = world.open(label);
            world.pages.push(page);
        }
        world
    }

    fn open(&mut self, label: &str) -> Page {
        self.lives += 1;
        let session = SessionKey::new(label, format!("p{}", self.lives).parse::<PageId>().unwrap());
        Page { session, has: BTreeMap::new(), rests: BTreeSet::new(), under_way: None, lives: true }
    }

    /// Says whether there is such a topic.
    fn tell(&mut self, page: usize, topic: &TopicName, rests: bool) -> bool {
        let session = self.pages[page].session.clone();
        let told = self.store.door(topic).unwrap().subscribe_to_deliveries(&session, &|| true, rests);
        let Ok(delivers) = told else { return false };
        assert!(delivers);
        let page = &mut self.pages[page];
        if rests {
            page.rests.insert(topic.clone())
        } else {
            page.rests.remove(topic)
        };
        true
    }

    fn subscribe(&mut self, page: usize, topic: &TopicName) {
        if self.tell(page, topic, false) {
            self.pages[page].has.entry(topic.clone()).or_default();
            // A client pulls once it has subscribed.
            self.pull(page, topic);
        }
    }

    fn end_rest(&mut self, page: usize, topic: &TopicName) {
        if self.pages[page].rests.contains(topic) && !self.tell(page, topic, false) {
            self.pull(page, topic);
        }
    }

    fn pull(&mut self, page: usize, topic: &TopicName) {
        let page = &mut self.pages[page];
        let Some(has) = page.has.get_mut(topic) else { return };
        match self.store.pull(topic, *has) {
            Ok(answer) => {
                self.store.gave(&page.session, topic, answer.revision());
                *has = Some(answer.revision()).max(*has);
            }
            // It has heard that there is none.
            Err(_) => *has = None,
        }
    }

    fn take(&mut self, page: usize) -> bool {
        let due = self.store.deliveries_due();
        for late in due.late {
            self.wake(&late);
        }
        let at = page;
        let page = &self.pages[at];
        let Some(delivery) = self.store.take_delivery(LABELS[at], |_, _| true) else { return false };
        assert!(page.lives && delivery.session == page.session, "I13: to nobody but the page that lives");
        let told: BTreeSet<_> = delivery.entries.iter().map(|entry| &entry.topic).collect();
        assert_eq!(told.len(), delivery.entries.len());
        for entry in &delivery.entries {
            assert!(page.has.contains_key(&entry.topic), "I13: nothing but what it reads");
            assert!(!page.rests.contains(&entry.topic), "I14: nothing while it rests");
            let newest = self.store.revision(&entry.topic);
            assert!(newest.map_or(entry.answer.is_none(), |newest| newest == entry.revision), "the newest, or none");
        }
        self.ids.push((at, delivery.id));
        self.pages[at].under_way = Some(delivery);
        true
    }

    /// A page that was late subscribes to all it reads, and pulls.
    fn wake(&mut self, session: &SessionKey) {
        let at = LABELS.iter().position(|label| **label == **session.label()).unwrap();
        if self.pages[at].session != *session || !self.pages[at].lives {
            return;
        }
        for topic in self.pages[at].has.keys().cloned().collect::<Vec<_>>() {
            self.subscribe(at, &topic);
            self.pull(at, &topic);
        }
    }

    fn arrive(&mut self, at: usize, acknowledged: bool) {
        let page = &mut self.pages[at];
        let Some(delivery) = page.under_way.take() else { return };
        if delivery.session != page.session {
            return;
        }
        let mut asks = Vec::new();
        for entry in &delivery.entries {
            let Some(has) = page.has.get_mut(&entry.topic) else { continue };
            match &entry.answer {
                Some(answer) => *has = Some(answer.revision()).max(*has),
                None => asks.push(entry.topic.clone()),
            }
        }
        if acknowledged {
            self.store.acknowledged(LABELS[at], delivery.id);
        }
        for topic in asks {
            self.pull(at, &topic);
        }
    }

    fn play(&mut self, step: Step) {
        let name = |topic: usize| TOPICS[topic].name().clone();
        match step {
            Step::Write { topic } => {
                let _ = self.store.update(TOPICS[topic].clone(), |n| *n += 1);
            }
            Step::Remove { topic } => {
                self.store.remove(&name(topic)).unwrap();
            }
            Step::Create { topic } => {
                let _ = self.store.create(TOPICS[topic].clone(), 0);
            }
            Step::Subscribe { page, topic } => self.subscribe(page, &name(topic)),
            Step::Rest { page, topic } => {
                if self.pages[page].has.contains_key(&name(topic)) {
                    self.tell(page, &name(topic), true);
                }
            }
            Step::Return { page, topic } => self.end_rest(page, &name(topic)),
            Step::Unsubscribe { page, topic } => {
                self.store.unsubscribe(&name(topic), &self.pages[page].session);
                self.pages[page].has.remove(&name(topic));
                self.pages[page].rests.remove(&name(topic));
            }
            Step::Dismiss { page, topic } => {
                self.store.dismiss(LABELS[page], &name(topic), &|| true);
                self.pages[page].has.remove(&name(topic));
                self.pages[page].rests.remove(&name(topic));
            }
            Step::Pull { page, topic } => self.pull(page, &name(topic)),
            Step::Reload { page, silent } => {
                let departure = if silent { Departure::Silent } else { Departure::Ended };
                self.store.drop_label(LABELS[page], departure);
                self.pages[page] = self.open(LABELS[page]);
            }
            Step::Take { page } => drop(self.take(page)),
            Step::Arrive { page, acknowledged } => self.arrive(page, acknowledged),
            Step::Fail { page } => {
                if let Some(lost) = self.pages[page].under_way.take() {
                    self.store.not_delivered(LABELS[page], lost.id);
                    // The outside wakes it then.
                    self.wake(&lost.session);
                }
            }
            Step::Again { which } => {
                if let Some((page, id)) = self.ids.iter().rev().nth(which).copied() {
                    // Not for what it has not got: that would be a lie of the platform's.
                    if self.pages[page].under_way.as_ref().is_none_or(|under_way| under_way.id != id) {
                        self.store.acknowledged(LABELS[page], id);
                    }
                }
            }
            Step::Pass { ms } => self.store.clock.advance(Duration::from_millis(ms)),
        }
        let bound = LABELS.len() * TOPICS.len() * 3;
        let stats = self.store.stats();
        assert!(stats.delivered_topics <= bound && stats.delivered_pages <= LABELS.len(), "I14: {stats:?}");
        self.check_lacking();
    }

    /// Who lacks a revision is said, and that somebody does not any more.
    fn check_lacking(&mut self) {
        let woken = self.store.recorder.take_undelivered_wakes() > 0;
        for (topic, revision, before) in mem::take(&mut self.lacked) {
            let now = self.store.undelivered(&topic, revision).unwrap_or_default();
            assert!(woken || before.iter().all(|page| now.contains(page)), "I12: who waits for {topic} is not woken");
        }
        for topic in TOPICS {
            let topic = topic.name();
            let Ok(revision) = self.store.revision(topic) else { continue };
            let lacking = self.store.undelivered(topic, revision).unwrap();
            let follows = |page: &&Page| page.has.contains_key(topic) && !page.rests.contains(topic);
            let following: Vec<_> = self.pages.iter().filter(follows).collect();
            assert!(lacking.iter().all(|lacks| following.iter().any(|page| page.session == *lacks)), "{lacking:?}");
            for page in following.iter().filter(|page| !lacking.contains(&page.session)) {
                assert!(page.has[topic] >= Some(revision), "I12: {:?} lacks {topic} at {revision}", page.session);
            }
            self.lacked.push((topic.clone(), revision, lacking));
        }
    }

    /// Nothing is lost any more; then every page has the last word.
    fn settle(&mut self) {
        for _ in 0..20 {
            for (at, label) in LABELS.iter().enumerate() {
                for topic in self.pages[at].rests.clone() {
                    self.end_rest(at, &topic);
                }
                while self.take(at) {
                    self.arrive(at, true);
                }
                self.arrive(at, true);
                // Asked whether it is there, as it is now and then.
                if let Some(of) = self.store.deliveries_of(label)
                    && of.stopped
                {
                    self.wake(&of.session);
                }
            }
            self.store.clock.advance(DELIVERY_TIMEOUT / 4);
        }
        for page in &self.pages {
            for (topic, has) in &page.has {
                assert_eq!(*has, self.store.revision(topic).ok(), "I3, I8: {topic} in {:?}", page.session);
            }
        }
        self.check_lacking();
        assert!(self.lacked.iter().all(|(_, _, lacking)| lacking.is_empty()), "{:?}", self.lacked);
        assert_eq!(self.store.deliveries_due(), Default::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn i3_i8_i12_i13_i14_whatever_is_lost_each_page_is_told_what_it_reads_and_ends_at_the_newest(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let mut world = World::new();
        for step in steps {
            world.play(step);
        }
        world.settle();
    }
}
