//! Random histories against a model: a map, a counter, and a list of what each session was told.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Change, ChangeError, ClientWrite, Departure, Proposal, Revision, SESSIONS_PER_LABEL, SessionKey, Store,
    StoreOptions, Topic, WriteError,
    testing::{ManualClock, Recorder},
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    a: i32,
    b: Option<i32>,
}

const TOPICS: [Topic<State>; 2] = [Topic::new("one"), Topic::new("two")];

#[derive(Clone, Debug)]
enum Step {
    RustSet {
        topic: usize,
        a: i32,
    },
    RustRefuse {
        topic: usize,
    },
    RustPanic {
        topic: usize,
    },
    Write {
        topic: usize,
        window: usize,
        stale: bool,
        expect: bool,
        change: Ask,
    },
    /// The last write of a window, once more.
    Repeat {
        topic: usize,
        window: usize,
    },
    /// A write with the number of an earlier one.
    Late {
        topic: usize,
        window: usize,
    },
    Reload {
        window: usize,
    },
    RefuseAnnouncements {
        count: usize,
    },
    Drive {
        ms: u64,
    },
}

#[derive(Clone, Debug)]
enum Ask {
    Set(i32),
    MergeA(i32),
    MergeB(Option<i32>),
    WrongType,
    MissingField,
}

impl Ask {
    fn change(&self) -> Change {
        match self {
            Self::Set(a) => Change::Set(json!({ "a": a, "b": null })),
            Self::MergeA(a) => Change::Merge(json!({ "a": a })),
            Self::MergeB(b) => Change::Merge(json!({ "b": b })),
            Self::WrongType => Change::Merge(json!({ "a": "text" })),
            Self::MissingField => Change::Set(json!({ "b": 1 })),
        }
    }

    fn apply(&self, state: &State) -> Option<State> {
        match *self {
            Self::Set(a) => Some(State { a, b: None }),
            Self::MergeA(a) => Some(State { a, b: state.b }),
            Self::MergeB(b) => Some(State { a: state.a, b }),
            Self::WrongType | Self::MissingField => None,
        }
    }
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        3 => (0..9).prop_map(Ask::Set),
        3 => (0..9).prop_map(Ask::MergeA),
        3 => proptest::option::of(0..9).prop_map(Ask::MergeB),
        1 => Just(Ask::WrongType),
        1 => Just(Ask::MissingField),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, window) = (0..2usize, 0..3usize);
    prop_oneof![
        2 => (topic.clone(), 0..9).prop_map(|(topic, a)| Step::RustSet { topic, a }),
        1 => topic.clone().prop_map(|topic| Step::RustRefuse { topic }),
        1 => topic.clone().prop_map(|topic| Step::RustPanic { topic }),
        6 => (topic.clone(), window.clone(), any::<bool>(), any::<bool>(), ask()).prop_map(
            |(topic, window, stale, expect, change)| Step::Write { topic, window, stale, expect, change }
        ),
        3 => (topic.clone(), window.clone()).prop_map(|(topic, window)| Step::Repeat { topic, window }),
        1 => (topic, window.clone()).prop_map(|(topic, window)| Step::Late { topic, window }),
        1 => window.prop_map(|window| Step::Reload { window }),
        1 => (1..3usize).prop_map(|count| Step::RefuseAnnouncements { count }),
        3 => (0..40u64).prop_map(|ms| Step::Drive { ms }),
    ]
}

#[derive(Clone)]
struct LastWrite {
    page: usize,
    seq: u64,
    expected: Option<Revision>,
    change: Change,
    outcome: Result<Revision, WriteError>,
}

struct World {
    store: Store,
    clock: Arc<ManualClock>,
    recorder: Recorder,
    model: [(Revision, State); 2],
    first: [Revision; 2],
    used: BTreeSet<Revision>,
    pages: [usize; 3],
    last: HashMap<(usize, usize), LastWrite>,
    announced: [Revision; 2],
}

impl World {
    fn new() -> Self {
        let (clock, recorder) = (Arc::new(ManualClock::default()), Recorder::default());
        let options = StoreOptions { clock: clock.clone(), ..StoreOptions::default() };
        let store = Store::with_options(recorder.clone(), options);
        let model = TOPICS.map(|topic| (store.create(topic, State::default()).unwrap(), State::default()));
        store.announce_due();
        recorder.take();
        let used = model.iter().map(|(revision, _)| *revision).collect();
        Self {
            store,
            clock,
            recorder,
            first: [model[0].0, model[1].0],
            model,
            used,
            pages: [0; 3],
            last: HashMap::new(),
            announced: [Revision::ZERO; 2],
        }
    }

    fn session(&self, window: usize, page: usize) -> SessionKey {
        SessionKey::new(format!("w{window}"), format!("p{page}").parse().unwrap())
    }

    fn wrote(&mut self, topic: usize, revision: Revision, state: State) {
        // I5 never again: higher than every revision there ever was, whatever the topic.
        assert!(self.used.last().is_none_or(|last| revision > *last));
        self.used.insert(revision);
        self.model[topic] = (revision, state);
    }

    fn write(&self, topic: usize, window: usize, last: &LastWrite) -> Result<Revision, WriteError> {
        let session = self.session(window, last.page);
        let LastWrite { seq, expected, change, .. } = last.clone();
        let writes = vec![Proposal { expected, change: Ok(change) }];
        self.store.write(TOPICS[topic].name(), ClientWrite { session, client: None, seq, asked: false, writes })?[0]
            .clone()
    }

    /// The window's last write, unless so many pages have come since that its session may be forgotten.
    fn remembered(&self, topic: usize, window: usize) -> Option<&LastWrite> {
        let last = self.last.get(&(topic, window))?;
        (self.pages[window] - last.page < SESSIONS_PER_LABEL).then_some(last)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::RustSet { topic, a } => {
                let state = State { a, b: None };
                let revision = self.store.set(TOPICS[topic].clone(), state.clone()).unwrap();
                self.wrote(topic, revision, state);
            }
            Step::RustRefuse { topic } => {
                let refused = self.store.try_update(TOPICS[topic].clone(), |state| {
                    state.a = -1;
                    Err(())
                });
                assert!(refused.is_err());
            }
            Step::RustPanic { topic } => {
                let update = || self.store.update(TOPICS[topic].clone(), |_| std::panic::resume_unwind(Box::new(())));
                assert!(catch_unwind(AssertUnwindSafe(update)).is_err());
            }
            Step::Write { topic, window, stale, expect, ref change } => {
                let (current, state) = self.model[topic].clone();
                let expected = expect.then(|| if stale { Revision::from_u64(current.as_u64() - 1) } else { current });
                let page = self.pages[window];
                let before = self.last.get(&(topic, window)).filter(|last| last.page == page);
                let seq = before.map_or(1, |last| last.seq + 1);
                let mut last = LastWrite { page, seq, expected, change: change.change(), outcome: Ok(Revision::ZERO) };
                last.outcome = self.write(topic, window, &last);
                match (expect && stale, change.apply(&state), &last.outcome) {
                    (false, Some(next), Ok(revision)) => self.wrote(topic, *revision, next),
                    (true, _, Err(WriteError::Conflict { current: told, .. })) => assert_eq!(*told, current),
                    (false, None, Err(WriteError::Change { source: ChangeError::InvalidData { .. }, .. })) => {}
                    (_, _, outcome) => panic!("{step:?} gave {outcome:?}"),
                }
                self.last.insert((topic, window), last);
            }
            // I11 at most once: also after a reload, when the page is gone.
            Step::Repeat { topic, window } => {
                if let Some(last) = self.remembered(topic, window) {
                    assert_eq!(self.write(topic, window, last), last.outcome);
                }
            }
            // I11 in order.
            Step::Late { topic, window } => {
                if let Some(last) = self.remembered(topic, window).filter(|last| last.seq > 1) {
                    let late = LastWrite { seq: last.seq - 1, ..last.clone() };
                    let outcome = self.write(topic, window, &late);
                    assert!(matches!(outcome, Err(WriteError::OutOfOrder { .. })), "{outcome:?}");
                }
            }
            Step::Reload { window } => {
                self.store.drop_label(&format!("w{window}"), Departure::Ended);
                self.pages[window] += 1;
            }
            Step::RefuseAnnouncements { count } => self.recorder.refuse_next(count),
            Step::Drive { ms } => self.drive(ms),
        }
    }

    fn drive(&mut self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.store.announce_due();
        for heard in self.recorder.take() {
            let topic = TOPICS.iter().position(|topic| *topic.name() == heard.topic).unwrap();
            let readable = self.model[topic].0;
            assert!(heard.revision <= readable, "I2: announced {} before it can be read", heard.revision);
            assert!(heard.revision > self.announced[topic], "nothing is announced twice");
            self.announced[topic] = heard.revision;
        }
    }

    /// I1 and I10: what can be read is what the model says, after each step.
    fn check(&self) {
        for (topic, (revision, state)) in TOPICS.iter().zip(&self.model) {
            let snapshot = self.store.snapshot(topic.clone()).unwrap();
            assert_eq!((snapshot.revision, &*snapshot.value), (*revision, state));
        }
    }

    /// I3: once the writers have stopped, the last revision announced is the final one.
    fn settle(&mut self) {
        self.recorder.refuse_next(0);
        self.drive(200);
        self.drive(200);
        for (topic, announced) in self.announced.into_iter().enumerate() {
            let (last, first) = (self.model[topic].0, self.first[topic]);
            assert_eq!(announced, if last == first { Revision::ZERO } else { last });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn i1_i3_i5_i10_i11_every_history_agrees_with_the_model(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.settle();
    }

    #[test]
    fn a_pull_is_the_value_as_json(a in any::<i32>(), b in any::<Option<i32>>()) {
        let world = World::new();
        world.store.set(TOPICS[0].clone(), State { a, b }).unwrap();
        let answer = world.store.pull(TOPICS[0].name(), None).unwrap();
        let lockstep_core::Answer::Snapshot { data, .. } = answer else { panic!("unchanged") };
        prop_assert_eq!(serde_json::from_str::<Value>(&data).unwrap(), json!({ "a": a, "b": b }));
    }
}
