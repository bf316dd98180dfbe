//! What a delta costs: of one field in a document of about 1 MB, of an item that is put before 5,000 others, and of
//! many changes; beside that, what it costs to make the whole text, and to parse it.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box};
use lockstep_core::{Answer, NoAnnounce, Revision, Store, Topic};
use serde::{Deserialize, Serialize};

const TASKS: Topic<Tasks> = Topic::new("tasks");

#[derive(Clone, Serialize, Deserialize)]
struct Tasks {
    name: String,
    tasks: Vec<Task>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Task {
    id: u32,
    title: String,
    notes: String,
    tags: Vec<String>,
    done: bool,
    percent: u32,
}

fn task(id: u32) -> Task {
    Task {
        id,
        title: format!("Task number {id} of the list"),
        notes: "n".repeat(80),
        tags: vec!["home".into(), "later".into()],
        done: false,
        percent: id % 100,
    }
}

/// About 200 bytes of JSON for each task.
fn store(tasks: u32) -> Store {
    let store = Store::new(NoAnnounce);
    store.create(TASKS, Tasks { name: "all".into(), tasks: (0..tasks).map(task).collect() }).unwrap();
    store
}

fn main() {
    divan::main();
}

/// The answer to a window that was up to date before the change, in a store that has made its text already.
fn delta(bencher: Bencher<'_, '_>, tasks: u32, change: impl Fn(&mut Tasks) + Sync) {
    let store = store(tasks);
    bencher
        .with_inputs(|| {
            let since = store.pull(TASKS.name(), None).unwrap().revision();
            store.update(TASKS, &change).unwrap();
            // The whole, for somebody else: so that its text is not what is measured.
            store.pull(TASKS.name(), Some(Revision::from_u64(since.as_u64() + 1000))).unwrap();
            since
        })
        .bench_local_values(|since| match store.pull(TASKS.name(), Some(since)).unwrap() {
            Answer::Patch { patch, .. } => black_box(patch.len()),
            other => panic!("{}", other.revision()),
        });
}

#[divan::bench(args = [100, 1000, 5000])]
fn one_field_in_the_middle(bencher: Bencher<'_, '_>, tasks: u32) {
    delta(bencher, tasks, |all| {
        let middle = all.tasks.len() / 2;
        all.tasks[middle].percent += 1;
    });
}

#[divan::bench(args = [100, 1000, 5000])]
fn one_field_at_both_ends(bencher: Bencher<'_, '_>, tasks: u32) {
    delta(bencher, tasks, |all| {
        let last = all.tasks.len() - 1;
        all.tasks[0].percent += 1;
        all.tasks[last].percent += 1;
    });
}

#[divan::bench(args = [100, 1000, 5000])]
fn an_item_put_in_front(bencher: Bencher<'_, '_>, tasks: u32) {
    delta(bencher, tasks, |all| {
        let id = all.tasks.iter().map(|task| task.id).max().unwrap_or(0) + 1;
        all.tasks.pop();
        all.tasks.insert(0, task(id));
    });
}

#[divan::bench(args = [100, 1000, 5000])]
fn an_item_moved(bencher: Bencher<'_, '_>, tasks: u32) {
    delta(bencher, tasks, |all| {
        let item = all.tasks.remove(10);
        all.tasks.push(item);
    });
}

/// What a pull costs that finds no text yet: the floor of every answer.
#[divan::bench(args = [100, 1000, 5000])]
fn the_whole_text(bencher: Bencher<'_, '_>, tasks: u32) {
    let value = store(tasks).get(TASKS).unwrap();
    bencher.bench_local(|| serde_json::to_string(&*value).unwrap());
}

/// What a generic comparison of two parsed values would pay before it begins.
#[divan::bench(args = [100, 1000, 5000])]
fn the_whole_as_a_value(bencher: Bencher<'_, '_>, tasks: u32) {
    let value = store(tasks).get(TASKS).unwrap();
    bencher.bench_local(|| serde_json::to_value(&*value).unwrap());
}
