//! Windows that are sent only what changed hold what the backend holds.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{Answer, DELTA_BASES, NoAnnounce, Revision, SMALLEST_DELTA, Store, Topic};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOTES: Topic<Value> = Topic::new("notes");

/// A window that applies patches by an applier that is not ours.
#[derive(Default)]
struct Window {
    at: Option<(Revision, Value)>,
    patches: usize,
}

impl Window {
    fn pull(&mut self, store: &Store) {
        let since = self.at.as_ref().map(|(revision, _)| *revision);
        self.at = match (store.pull(NOTES.name(), since).unwrap(), self.at.take()) {
            (Answer::Snapshot { revision, data }, _) => Some((revision, serde_json::from_str(&data).unwrap())),
            (Answer::Patch { revision, base, patch }, Some((at, mut value))) => {
                assert_eq!(base, at, "a patch changes what this window has");
                let operations: json_patch::Patch = serde_json::from_str(&patch).unwrap();
                json_patch::patch(&mut value, &operations).unwrap();
                self.patches += 1;
                Some((revision, value))
            }
            (Answer::Unchanged { revision }, Some((at, value))) => {
                assert_eq!(revision, at);
                Some((at, value))
            }
            (answer, None) => panic!("{answer:?} to a window that has nothing"),
        };
        let current = store.snapshot(NOTES).unwrap();
        let (revision, value) = self.at.as_ref().unwrap();
        assert_eq!((*revision, value), (current.revision, &*current.value));
    }
}

fn store() -> Store {
    let store = Store::new(NoAnnounce);
    let items: Vec<_> = (0..30).map(|id| json!({ "id": id, "text": "t".repeat(40), "done": false })).collect();
    store.create(NOTES, json!({ "items": items, "count": 0 })).unwrap();
    store
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Remove(usize),
    Move(usize, usize),
    Finish(usize),
    Count,
    Pull(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..30_usize;
    prop_oneof![
        at().prop_map(Step::Insert),
        at().prop_map(Step::Remove),
        (at(), at()).prop_map(|(from, to)| Step::Move(from, to)),
        at().prop_map(Step::Finish),
        Just(Step::Count),
        (0..3_usize).prop_map(Step::Pull),
        (0..3_usize).prop_map(Step::Pull),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn i1_windows_that_follow_by_patches_hold_what_the_backend_holds(steps in prop::collection::vec(step(), 1..60)) {
        let store = store();
        let mut windows = [Window::default(), Window::default(), Window::default()];
        let mut next_id = 100;
        for step in steps {
            if let Step::Pull(window) = step {
                windows[window].pull(&store);
                continue;
            }
            store.update(NOTES, |notes| {
                let items = notes["items"].as_array_mut().unwrap();
                let within = |at: usize, length: usize| at % length.max(1);
                match step {
                    Step::Insert(at) => {
                        next_id += 1;
                        items.insert(within(at, items.len()), json!({ "id": next_id, "text": "new" }));
                    }
                    Step::Remove(at) if !items.is_empty() => drop(items.remove(within(at, items.len()))),
                    Step::Move(from, to) if !items.is_empty() => {
                        let item = items.remove(within(from, items.len()));
                        items.insert(within(to, items.len()), item);
                    }
                    Step::Finish(at) if !items.is_empty() => {
                        let at = within(at, items.len());
                        items[at]["done"] = true.into();
                    }
                    _ => notes["count"] = (notes["count"].as_u64().unwrap() + 1).into(),
                }
            })
            .unwrap();
        }
        windows.iter_mut().for_each(|window| window.pull(&store));
    }
}

#[test]
fn who_follows_is_sent_patches_and_who_rests_too_long_the_whole() {
    let store = store();
    let (mut quick, mut slow) = (Window::default(), Window::default());
    quick.pull(&store);
    slow.pull(&store);
    for _ in 0..DELTA_BASES + 1 {
        store
            .update(NOTES, |notes| notes["items"][3]["done"] = (!notes["items"][3]["done"].as_bool().unwrap()).into())
            .unwrap();
        quick.pull(&store);
    }
    slow.pull(&store);
    assert_eq!((quick.patches, slow.patches), (DELTA_BASES + 1, 0));
    assert_eq!(store.stats().delta_bases, DELTA_BASES);
}

#[test]
fn i5_a_revision_of_an_earlier_topic_of_the_name_is_no_base() {
    let store = store();
    let mut window = Window::default();
    window.pull(&store);
    store.remove(NOTES.name()).unwrap();
    store.create(NOTES, json!({ "text": "x".repeat(SMALLEST_DELTA) })).unwrap();
    window.pull(&store);
    assert_eq!(window.patches, 0);
}

#[test]
fn a_stock_client_always_gets_the_whole() {
    let store = store();
    store.pull(NOTES.name(), None).unwrap();
    store.update(NOTES, |notes| notes["count"] = 1.into()).unwrap();
    assert!(matches!(store.pull(NOTES.name(), None).unwrap(), Answer::Snapshot { .. }));
}
