//! Random lives of topics and pages against a model: which topics there are, until when, and who reads them.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Change, ClientWrite, CreateError, Departure, Proposal, Revision, SELF_DESTRUCT_INTERVAL, SessionKey,
    Store, StoreOptions, Topic, TopicName, TopicOptions, UpdateError,
    testing::{ManualClock, Recorder},
};
use proptest::prelude::*;
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

#[derive(Clone, Debug)]
enum Step {
    Create {
        topic: usize,
        span: Span,
    },
    GetOrCreate {
        topic: usize,
    },
    Remove {
        topic: usize,
    },
    RemoveAll,
    Set {
        topic: usize,
        value: u32,
    },
    Write {
        topic: usize,
        window: usize,
        value: u32,
    },
    Subscribe {
        topic: usize,
        window: usize,
    },
    Unsubscribe {
        topic: usize,
        window: usize,
    },
    Dismiss {
        topic: usize,
        window: usize,
    },
    /// The page ends, and the label's next one begins.
    Reload {
        window: usize,
    },
    Silent {
        window: usize,
    },
    Advance {
        secs: u64,
    },
    RefuseAnnouncements {
        count: usize,
    },
    Announce,
}

/// When a topic ends by itself.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    ttl: Option<u64>,
    renewed: bool,
    while_read: bool,
}

impl Span {
    fn options(self) -> TopicOptions<u32> {
        let mut options = TopicOptions::new();
        if let Some(ttl) = self.ttl {
            options = options.ttl(Duration::from_secs(ttl));
        }
        if self.renewed {
            options = options.renewed_by_writes();
        }
        if self.while_read {
            options = options.self_destruct(|readers, _| readers == 0);
        }
        options
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, window) = (0..3usize, 0..3usize);
    let span = (proptest::option::of(1..30u64), any::<bool>(), any::<bool>())
        .prop_map(|(ttl, renewed, while_read)| Span { ttl, renewed, while_read });
    let both = (topic.clone(), window.clone());
    prop_oneof![
        6 => (topic.clone(), span).prop_map(|(topic, span)| Step::Create { topic, span }),
        2 => topic.clone().prop_map(|topic| Step::GetOrCreate { topic }),
        2 => topic.clone().prop_map(|topic| Step::Remove { topic }),
        1 => Just(Step::RemoveAll),
        3 => (topic.clone(), 0..9u32).prop_map(|(topic, value)| Step::Set { topic, value }),
        3 => (both.clone(), 0..9u32).prop_map(|((topic, window), value)| Step::Write { topic, window, value }),
        5 => both.clone().prop_map(|(topic, window)| Step::Subscribe { topic, window }),
        2 => both.clone().prop_map(|(topic, window)| Step::Unsubscribe { topic, window }),
        1 => both.prop_map(|(topic, window)| Step::Dismiss { topic, window }),
        2 => window.clone().prop_map(|window| Step::Reload { window }),
        1 => window.prop_map(|window| Step::Silent { window }),
        4 => (0..20u64).prop_map(|secs| Step::Advance { secs }),
        1 => (1..3usize).prop_map(|count| Step::RefuseAnnouncements { count }),
        2 => Just(Step::Announce),
    ]
}

fn name(topic: usize) -> TopicName {
    format!("life/{topic}").parse().unwrap()
}

fn typed(topic: usize) -> Topic<u32> {
    Topic::named(name(topic))
}

fn unknown(topic: usize) -> AccessError {
    AccessError::UnknownTopic(name(topic))
}

/// A topic as the model knows it.
struct Alive {
    born: u64,
    revision: u64,
    value: u32,
    span: Span,
    expires: Option<Duration>,
    ask: Option<Duration>,
    readers: BTreeSet<usize>,
}

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    recorder: Recorder,
    /// The last revision there was, and the last of each name.
    counter: u64,
    last: BTreeMap<usize, u64>,
    alive: BTreeMap<usize, Alive>,
    /// Who read a topic that has ended, and will read the next one of its name.
    missed: BTreeMap<usize, BTreeSet<usize>>,
    pages: [usize; 3],
    seq: u64,
    announced: BTreeMap<TopicName, Revision>,
}

impl World {
    fn new() -> Self {
        let (clock, recorder) = (Arc::new(ManualClock::default()), Recorder::default());
        let options = StoreOptions { clock: clock.clone(), ..StoreOptions::default() };
        Self {
            store: Store::with_options(recorder.clone(), options),
            clock,
            recorder,
            counter: 0,
            last: BTreeMap::new(),
            alive: BTreeMap::new(),
            missed: BTreeMap::new(),
            pages: [0; 3],
            seq: 0,
            announced: BTreeMap::new(),
        }
    }

    fn session(&self, window: usize) -> SessionKey {
        SessionKey::new(format!("w{window}"), format!("p{}", self.pages[window]).parse().unwrap())
    }

    /// The next revision is this name's.
    fn bump(&mut self, topic: usize) -> u64 {
        self.counter += 1;
        self.last.insert(topic, self.counter);
        self.counter
    }

    fn born(&mut self, topic: usize, value: u32, span: Span, told: Revision) {
        let revision = self.bump(topic);
        assert_eq!(told.as_u64(), revision);
        let now = self.store.now();
        let expires = span.ttl.map(|ttl| now + Duration::from_secs(ttl));
        let ask = span.while_read.then(|| now + SELF_DESTRUCT_INTERVAL);
        let readers = self.missed.remove(&topic).unwrap_or_default();
        self.alive.insert(topic, Alive { born: revision, revision, value, span, expires, ask, readers });
    }

    fn ends(&mut self, topic: usize) -> bool {
        let Some(ended) = self.alive.remove(&topic) else { return false };
        self.missed.entry(topic).or_default().extend(ended.readers);
        self.bump(topic);
        true
    }

    fn wrote(&mut self, topic: usize, value: u32, told: Result<Revision, AccessError>) {
        if !self.alive.contains_key(&topic) {
            assert_eq!(told, Err(unknown(topic)));
            return;
        }
        let (revision, now) = (self.bump(topic), self.store.now());
        assert_eq!(told.unwrap().as_u64(), revision);
        let alive = self.alive.get_mut(&topic).unwrap();
        (alive.revision, alive.value) = (revision, value);
        if let Some(ttl) = alive.span.ttl.filter(|_| alive.span.renewed) {
            alive.expires = Some(now + Duration::from_secs(ttl));
        }
    }

    fn leaves(&mut self, topic: usize, window: usize) {
        let now = self.store.now();
        if let Some(missed) = self.missed.get_mut(&topic) {
            missed.remove(&window);
        }
        if let Some(alive) = self.alive.get_mut(&topic)
            && alive.readers.remove(&window)
        {
            alive.ask = alive.ask.map(|_| now);
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Create { topic, span } => match self.store.create_with(typed(topic), 0, span.options()) {
                Ok(revision) => self.born(topic, 0, span, revision),
                Err(error) => {
                    assert_eq!(error, CreateError::AlreadyExists(name(topic)));
                    assert!(self.alive.contains_key(&topic));
                }
            },
            Step::GetOrCreate { topic } => {
                let got = self.store.get_or_create(typed(topic), || 5).unwrap();
                if !self.alive.contains_key(&topic) {
                    self.born(topic, 5, Span::default(), got.revision);
                }
                assert_eq!(*got.value, self.alive[&topic].value);
            }
            Step::Remove { topic } => {
                let removed = self.store.remove(&name(topic)).unwrap();
                assert_eq!(removed, self.ends(topic));
            }
            Step::RemoveAll => {
                let there: Vec<_> = self.alive.keys().copied().collect();
                let names: Vec<_> = there.iter().map(|topic| name(*topic)).collect();
                assert_eq!(self.store.remove_all(&"life/*".parse().unwrap()).unwrap(), names);
                for topic in there {
                    self.ends(topic);
                }
            }
            Step::Set { topic, value } => {
                let told = self.store.set(typed(topic), value).map_err(|error| match error {
                    UpdateError::Access(error) => error,
                    other => panic!("{other}"),
                });
                self.wrote(topic, value, told);
            }
            Step::Write { topic, window, value } => {
                self.seq += 1;
                let (session, seq) = (self.session(window), self.seq);
                let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(value))) }];
                let write = ClientWrite { session, client: None, seq, asked: false, writes };
                let told = self.store.write(&name(topic), write).map(|outcomes| outcomes[0].clone().unwrap());
                self.wrote(topic, value, told.map_err(|_| unknown(topic)));
            }
            Step::Subscribe { topic, window } => {
                let told = self.store.subscribe(&name(topic), &self.session(window));
                match self.alive.get_mut(&topic) {
                    Some(alive) => drop(alive.readers.insert(window)),
                    None => assert_eq!(told, Err(unknown(topic).into())),
                }
            }
            Step::Unsubscribe { topic, window } => {
                self.store.unsubscribe(&name(topic), &self.session(window));
                self.leaves(topic, window);
            }
            Step::Dismiss { topic, window } => {
                self.store.dismiss(&format!("w{window}"), &name(topic), &|| true);
                self.leaves(topic, window);
            }
            Step::Reload { window } => {
                self.store.drop_label(&format!("w{window}"), Departure::Ended);
                (0..3).for_each(|topic| self.leaves(topic, window));
                self.pages[window] += 1;
            }
            Step::Silent { window } => {
                self.store.drop_label(&format!("w{window}"), Departure::Silent);
                (0..3).for_each(|topic| self.leaves(topic, window));
            }
            Step::Advance { secs } => {
                self.clock.advance(Duration::from_secs(secs));
                self.reap();
            }
            Step::RefuseAnnouncements { count } => self.recorder.refuse_next(count),
            Step::Announce => self.announce(),
        }
    }

    fn reap(&mut self) {
        assert_eq!(self.store.reap_due().panicked, []);
        let now = self.store.now();
        let mut mortals: Vec<_> = self.alive.iter().map(|(topic, alive)| (alive.born, *topic)).collect();
        // They end in the order in which they came.
        mortals.sort_unstable();
        for (_, topic) in mortals {
            let alive = self.alive.get_mut(&topic).unwrap();
            let is_over = alive.expires.is_some_and(|at| at <= now);
            let is_asked = !is_over && alive.ask.is_some_and(|at| at <= now);
            if is_over || is_asked && alive.readers.is_empty() {
                self.ends(topic);
            } else if is_asked {
                alive.ask = Some(now + SELF_DESTRUCT_INTERVAL);
            }
        }
    }

    /// I2 and I5: what is announced can be had, and is higher than what was announced of that name before.
    fn announce(&mut self) {
        self.clock.advance(Duration::from_millis(200));
        self.store.announce_due();
        for heard in self.recorder.take() {
            let readable = self.store.revision(&heard.topic);
            assert!(readable.is_err() || readable.is_ok_and(|readable| readable >= heard.revision));
            let before = self.announced.insert(heard.topic, heard.revision);
            assert!(before.is_none_or(|before| heard.revision > before));
        }
    }

    fn check(&self) {
        assert_eq!(self.store.list(), self.alive.keys().map(|topic| name(*topic)).collect::<Vec<_>>());
        for (topic, alive) in &self.alive {
            let snapshot = self.store.snapshot(typed(*topic)).unwrap();
            assert_eq!((snapshot.revision.as_u64(), *snapshot.value), (alive.revision, alive.value));
            assert_eq!(self.store.readers(&name(*topic)), alive.readers.len());
        }
        let stats = self.store.stats();
        let mortal = self.alive.values().filter(|alive| alive.span.ttl.is_some() || alive.span.while_read).count();
        assert_eq!((stats.topics, stats.mortal_topics), (self.alive.len(), mortal));
        assert!(stats.announcements <= 3 && stats.remembered_writes <= stats.sessions * stats.topics, "{stats:?}");
    }

    /// I3: the last that is announced of each name is the last that happened to it, its end included.
    fn settle(&mut self) {
        self.recorder.refuse_next(0);
        self.announce();
        self.announce();
        let told = self.announced.iter().map(|(name, revision)| (name.clone(), revision.as_u64()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            self.last.iter().map(|(topic, at)| (name(*topic), *at)).collect::<Vec<_>>()
        );
        assert_eq!(self.store.stats().announcements, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn i2_i3_i5_i14_every_life_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.settle();
    }
}
