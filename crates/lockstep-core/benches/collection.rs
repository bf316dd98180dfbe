//! Growth curves of a collection, from 10 to 100,000 entities: what a write costs, and what its delta; beside that, the
//! same as an ordinary topic, whose costs grow with all it holds.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box};
use lockstep_core::{
    Answer, Change, ClientWrite, Collection, Entities, NoAnnounce, Proposal, SessionKey, Store, Topic,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;

const TASKS: Collection<Task> = Collection::new("tasks");
const MAP: Topic<BTreeMap<String, Task>> = Topic::new("map");
const SIZES: [u32; 5] = [10, 100, 1000, 10_000, 100_000];

#[derive(Clone, Serialize, Deserialize)]
struct Task {
    title: String,
    notes: String,
    done: bool,
    percent: u32,
}

fn tasks(count: u32) -> impl Iterator<Item = (String, Task)> {
    (0..count).map(|n| {
        let task = Task { title: format!("Task number {n}"), notes: "n".repeat(120), done: false, percent: 0 };
        (format!("task-{n:06}"), task)
    })
}

fn collection(count: u32) -> (Store, String) {
    let store = Store::new(NoAnnounce);
    let all: Entities<Task> = tasks(count).collect();
    store.create_collection(TASKS, all).unwrap();
    (store, format!("task-{:06}", count / 2))
}

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn update_one(bencher: Bencher<'_, '_>, count: u32) {
    let (store, key) = collection(count);
    bencher.bench_local(|| store.collection(TASKS).update(&key, |task| task.percent += 1).unwrap());
}

#[divan::bench(args = SIZES)]
fn update_one_and_its_delta(bencher: Bencher<'_, '_>, count: u32) {
    let (store, key) = collection(count);
    let mut since = store.revision(TASKS.name()).unwrap();
    bencher.bench_local(|| {
        store.collection(TASKS).update(&key, |task| task.percent += 1).unwrap();
        match store.pull(TASKS.name(), Some(since)).unwrap() {
            Answer::Patch { revision, patch, .. } => {
                since = revision;
                black_box(patch.len())
            }
            other => panic!("{}", other.revision()),
        }
    });
}

#[divan::bench(args = SIZES)]
fn add_and_remove_one(bencher: Bencher<'_, '_>, count: u32) {
    let (store, _) = collection(count);
    let task = tasks(1).next().unwrap().1;
    bencher.bench_local(|| {
        store.collection(TASKS).upsert("new", task.clone()).unwrap();
        store.collection(TASKS).remove("new").unwrap()
    });
}

#[divan::bench(args = SIZES)]
fn merge_one_from_a_window(bencher: Bencher<'_, '_>, count: u32) {
    let (store, key) = collection(count);
    let session = SessionKey::new("main", "page".parse().unwrap());
    let mut seq = 0;
    bencher.bench_local(|| {
        seq += 1;
        let change = Change::Merge(json!({ &key: { "percent": seq } }));
        let writes = vec![Proposal { expected: None, change: Ok(change) }];
        let write = ClientWrite { client: None, asked: false, session: session.clone(), seq, writes };
        store.write(TASKS.name(), write).unwrap()
    });
}

#[divan::bench(args = SIZES, sample_count = 20)]
fn update_one_of_an_ordinary_topic(bencher: Bencher<'_, '_>, count: u32) {
    let store = Store::new(NoAnnounce);
    store.create(MAP, tasks(count).collect()).unwrap();
    let key = format!("task-{:06}", count / 2);
    bencher.bench_local(|| store.update(MAP, |all| all.get_mut(&key).unwrap().percent += 1).unwrap());
}
