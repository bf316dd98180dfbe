//! Deltas as this engine makes them, for the guest's tests: `guest-js/test/deltas.json`. With
//! `LOCKSTEP_FIXTURES=write` the test writes the file.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{Answer, Collection, Entities, NoAnnounce, Store, Topic};
use serde_json::{Value, json};
use std::{env, fs, path::Path};

const STATE: Topic<Value> = Topic::new("state");
const TASKS: Collection<Value> = Collection::new("tasks");

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

const KEYS: [&str; 8] = ["a", "b~/c", "__proto__", "constructor", "", "é\u{2028}", "\"\\", "toString"];

fn value(numbers: &mut Numbers, depth: usize) -> Value {
    match numbers.below(if depth == 0 { 4 } else { 6 }) {
        0 => Value::Null,
        1 => json!(numbers.below(3)),
        2 => json!(KEYS[numbers.below(KEYS.len())]),
        3 => json!(numbers.below(100) as f64 / 8.0),
        4 => (0..numbers.below(4)).map(|_| value(numbers, depth - 1)).collect(),
        _ => (0..numbers.below(4))
            .map(|_| (KEYS[numbers.below(KEYS.len())].to_owned(), value(numbers, depth - 1)))
            .collect(),
    }
}

fn list(numbers: &mut Numbers) -> Value {
    let mut ids: Vec<usize> = (0..12).collect();
    for at in (1..12).rev() {
        ids.swap(at, numbers.below(at + 1));
    }
    ids.truncate(4 + numbers.below(8));
    ids.iter().map(|id| json!({ "id": id, "v": numbers.below(3), "pad": "p".repeat(20) })).collect()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn of_values(numbers: &mut Numbers) -> Vec<Value> {
    let store = Store::new(NoAnnounce);
    let mut next = || json!({ "any": value(numbers, 3), "list": list(numbers), "pad": "x".repeat(1000) });
    store.create(STATE, next()).unwrap();
    let mut cases = Vec::new();
    for _ in 0..30 {
        let before = store.snapshot(STATE).unwrap();
        store.pull(STATE.name(), None).unwrap();
        store.set(STATE, next()).unwrap();
        if let Answer::Patch { patch, .. } = store.pull(STATE.name(), Some(before.revision)).unwrap() {
            cases
                .push(json!({ "before": *before.value, "patch": parsed(&patch), "after": *store.get(STATE).unwrap() }));
        }
    }
    cases
}

fn of_a_collection(numbers: &mut Numbers) -> Vec<Value> {
    let store = Store::new(NoAnnounce);
    let first: Entities<Value> = (0..20).map(|n| (n.to_string(), json!(n))).collect();
    store.create_collection(TASKS, first).unwrap();
    let tasks = store.collection(TASKS);
    let mut cases = Vec::new();
    for _ in 0..40 {
        let before = tasks.snapshot().unwrap();
        for _ in 0..1 + numbers.below(6) {
            let key = KEYS[numbers.below(KEYS.len())];
            match numbers.below(3) {
                0 => drop(tasks.remove(key).unwrap()),
                1 => drop(tasks.update(key, |value| *value = json!({ "was": value.clone() })).unwrap()),
                _ => drop(tasks.upsert(key, value(numbers, 2)).unwrap()),
            }
        }
        let Answer::Patch { patch, .. } = store.pull(TASKS.name(), Some(before.revision)).unwrap() else { continue };
        cases.push(json!({ "before": *before.value, "patch": parsed(&patch), "after": *tasks.entities().unwrap() }));
    }
    cases
}

#[test]
fn the_guest_s_fixtures_are_what_the_engine_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-js/test/deltas.json");
    let mut numbers = Numbers(7);
    let made = json!({ "values": of_values(&mut numbers), "collections": of_a_collection(&mut numbers) });
    let counts = ["values", "collections"].map(|name| made[name].as_array().unwrap().len());
    assert!(counts.iter().all(|count| *count >= 20), "{counts:?}");
    if env::var("LOCKSTEP_FIXTURES").is_ok_and(|mode| mode == "write") {
        fs::write(&path, format!("{made}\n")).unwrap();
    }
    let present: Value = parsed(&fs::read_to_string(&path).unwrap());
    assert!(present == made, "out of date: run this test again with LOCKSTEP_FIXTURES=write, and commit the file");
}
