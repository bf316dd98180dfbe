//! Collections: what is written by key is sent by key, and costs no more.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Answer, Change, ChangeError, ClientWrite, Collection, Entities, NoAnnounce, Proposal, Reject, Revision, SessionKey,
    Store, TopicOptions, UpdateError, WriteError,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const TASKS: Collection<Task> = Collection::new("tasks");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Task {
    title: String,
    done: bool,
}

fn task(title: &str) -> Task {
    Task { title: title.into(), done: false }
}

fn store() -> Store {
    let store = Store::new(NoAnnounce);
    let initial: Entities<Task> = (0..20).map(|n| (format!("t{n:02}"), task("something"))).collect();
    store.create_collection(TASKS, initial).unwrap();
    store
}

#[track_caller]
fn patch(store: &Store, since: Revision) -> Value {
    match store.pull(TASKS.name(), Some(since)).unwrap() {
        Answer::Patch { base, patch, .. } => {
            assert_eq!(base, since);
            serde_json::from_str(&patch).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

struct Page {
    session: SessionKey,
    seq: u64,
}

impl Page {
    fn new() -> Self {
        Self { session: SessionKey::new("main", "page".parse().unwrap()), seq: 0 }
    }

    fn write(&mut self, store: &Store, change: Change, expected: Option<Revision>) -> Result<Revision, WriteError> {
        self.seq += 1;
        let (session, seq) = (self.session.clone(), self.seq);
        let writes = vec![Proposal { expected, change: Ok(change) }];
        store.write(TASKS.name(), ClientWrite { session, client: None, seq, asked: false, writes }).unwrap()[0].clone()
    }
}

#[test]
fn what_is_written_by_key_is_sent_by_key() {
    let store = store();
    let tasks = store.collection(TASKS);
    let since = tasks.snapshot().unwrap().revision;
    tasks.upsert("new/1~", task("new")).unwrap();
    tasks.update("t03", |task| task.done = true).unwrap().unwrap();
    tasks.remove("t05").unwrap().unwrap();
    assert_eq!(
        patch(&store, since),
        json!([
            { "op": "add", "path": "/new~11~0", "value": { "title": "new", "done": false } },
            { "op": "add", "path": "/t03", "value": { "title": "something", "done": true } },
            { "op": "remove", "path": "/t05" },
        ])
    );
    assert!(matches!(store.pull(TASKS.name(), None).unwrap(), Answer::Snapshot { .. }), "a stock client");
    assert_eq!(store.stats().delta_bases, 0, "no text is kept");
}

#[test]
fn who_names_nothing_that_is_there_writes_nothing() {
    let store = store();
    let tasks = store.collection(TASKS);
    let before = tasks.snapshot().unwrap().revision;
    assert_eq!(tasks.update("nobody", |task| task.done = true).unwrap(), None);
    assert_eq!(tasks.remove("nobody").unwrap(), None);
    assert_eq!(tasks.snapshot().unwrap().revision, before);
    assert!(tasks.get("nobody").unwrap().is_none());
}

#[test]
fn windows_write_by_key_and_are_told_which_field_does_not_fit() {
    let store = store();
    let mut page = Page::new();
    let since = store.revision(TASKS.name()).unwrap();
    page.write(&store, Change::Merge(json!({ "t01": { "done": true }, "t02": null, "t50": task("x") })), None).unwrap();
    let operations = json!([
        { "op": "add", "path": "/t60", "value": task("y") },
        { "op": "replace", "path": "/t04/title", "value": "z" },
        { "op": "move", "from": "/t06", "path": "/t70" },
        { "op": "test", "path": "/t07/done", "value": false },
    ]);
    page.write(&store, Change::Patch(operations), None).unwrap();
    let keys = |patch: Value| -> Vec<String> {
        patch.as_array().unwrap().iter().map(|op| op["path"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys(patch(&store, since)), ["/t01", "/t02", "/t50", "/t04", "/t06", "/t60", "/t70"]);
    let all = store.collection(TASKS).entities().unwrap();
    assert_eq!((all.len(), &*all.get("t04").unwrap().title), (21, "z"));

    let refused = |page: &mut Page, change| match page.write(&store, change, None).unwrap_err() {
        WriteError::Change { source: ChangeError::InvalidData { path, .. }, .. } => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&mut page, Change::Merge(json!({ "t01": { "done": 7 } }))), "t01.done");
    assert_eq!(refused(&mut page, Change::Merge(json!({ "new": 7 }))), "new");
    assert_eq!(refused(&mut page, Change::Set(json!([]))), ".");
    assert_eq!(refused(&mut page, Change::Patch(json!([{ "op": "remove", "path": "/nobody" }]))), "/nobody");
}

#[test]
fn a_whole_that_is_set_touches_only_what_differs() {
    let store = store();
    let since = store.revision(TASKS.name()).unwrap();
    let mut all = store.value_of(TASKS.name()).unwrap();
    all["t09"]["done"] = true.into();
    all.as_object_mut().unwrap().remove("t10");
    Page::new().write(&store, Change::Set(all), None).unwrap();
    assert_eq!(patch(&store, since).as_array().unwrap().len(), 2);
}

#[test]
fn i10_a_write_by_key_conflicts_only_with_writes_to_that_key() {
    let store = store();
    let tasks = store.collection(TASKS);
    let mut page = Page::new();
    let since = tasks.snapshot().unwrap().revision;
    tasks.update("t01", |task| task.done = true).unwrap();
    let finish = |key: &str| Change::Patch(json!([{ "op": "replace", "path": format!("/{key}/done"), "value": true }]));
    page.write(&store, finish("t02"), Some(since)).unwrap();
    let conflict = page.write(&store, finish("t01"), Some(since)).unwrap_err();
    assert!(matches!(conflict, WriteError::Conflict { expected, .. } if expected == since), "{conflict:?}");
    tasks.remove("t03").unwrap();
    assert!(page.write(&store, Change::Merge(json!({ "t03": task("again") })), Some(since)).is_err(), "it has gone");
    let future = Revision::from_u64(since.as_u64() + 1000);
    assert!(page.write(&store, finish("t04"), Some(future)).is_err(), "it is not yet");
    let whole = page.write(&store, Change::Set(json!({})), Some(since)).unwrap_err();
    assert!(matches!(whole, WriteError::Conflict { .. }), "who writes all may not have missed any");
}

#[test]
fn hooks_actions_and_transactions_see_the_entities() {
    #[derive(Deserialize)]
    #[serde(tag = "type", rename_all = "camelCase")]
    enum Action {
        Finish { key: String },
    }
    let store = Store::new(NoAnnounce);
    let options = TopicOptions::new()
        .action(|tasks: &mut Entities<Task>, Action::Finish { key }, _| {
            let found = tasks.update(&key, |task| task.done = true);
            found.then_some(()).ok_or_else(|| Reject::new("unknown", "there is no such task"))
        })
        .validate(|_, next, _| match next.len() {
            0..=2 => Ok(()),
            _ => Err(Reject::new("full", "two are enough")),
        });
    let initial = [("a", task("a")), ("b", task("b"))].into_iter().collect();
    store.create_collection_with(TASKS, initial, options).unwrap();
    let tasks = store.collection(TASKS);
    let since = tasks.snapshot().unwrap().revision;
    assert!(matches!(tasks.upsert("c", task("c")), Err(UpdateError::Change { .. })));
    Page::new().write(&store, Change::Action(json!({ "type": "finish", "key": "a" })), None).unwrap();
    assert_eq!(patch(&store, since).as_array().unwrap().len(), 1);

    let since = tasks.snapshot().unwrap().revision;
    store
        .transaction(|tx| {
            tx.update(TASKS.topic(), |all| drop(all.remove("a")))?;
            tx.update(TASKS.topic(), |all| all.upsert("d", task("d")))?;
            Ok::<_, UpdateError>(())
        })
        .unwrap();
    let keys: Vec<_> = tasks.entities().unwrap().iter().map(|(key, _)| key.to_owned()).collect();
    assert_eq!(keys, ["b", "d"]);
    assert_eq!(patch(&store, since).as_array().unwrap().len(), 2);
}

#[derive(Clone, Debug)]
enum Step {
    Upsert(u8),
    Update(u8),
    Remove(u8),
    Merge(u8, bool),
    Pull(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..24_u8;
    prop_oneof![
        key().prop_map(Step::Upsert),
        key().prop_map(Step::Update),
        key().prop_map(Step::Remove),
        (key(), any::<bool>()).prop_map(|(key, gone)| Step::Merge(key, gone)),
        (0..3_usize).prop_map(Step::Pull),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn i1_windows_that_follow_by_keys_hold_what_the_backend_holds(steps in prop::collection::vec(step(), 1..60)) {
        let store = store();
        let tasks = store.collection(TASKS);
        let mut page = Page::new();
        let mut windows: [Option<(Revision, Value)>; 3] = [None, None, None];
        let key = |n: u8| format!("t{n:02}");
        for step in steps.into_iter().chain((0..3).map(Step::Pull)) {
            match step {
                Step::Upsert(n) => drop(tasks.upsert(key(n), task("new")).unwrap()),
                Step::Update(n) => drop(tasks.update(&key(n), |task| task.done = !task.done).unwrap()),
                Step::Remove(n) => drop(tasks.remove(&key(n)).unwrap()),
                Step::Merge(n, gone) => {
                    let patch = if gone { Value::Null } else { json!({ "title": "merged", "done": true }) };
                    page.write(&store, Change::Merge(json!({ key(n): patch })), None).unwrap();
                }
                Step::Pull(window) => {
                    let since = windows[window].as_ref().map(|(revision, _)| *revision);
                    let held = match store.pull(TASKS.name(), since).unwrap() {
                        Answer::Snapshot { revision, data } => (revision, serde_json::from_str(&data).unwrap()),
                        Answer::Patch { revision, base, patch } => {
                            let (at, mut value) = windows[window].take().unwrap();
                            prop_assert_eq!(base, at);
                            let operations: json_patch::Patch = serde_json::from_str(&patch).unwrap();
                            json_patch::patch(&mut value, &operations).unwrap();
                            (revision, value)
                        }
                        Answer::Unchanged { .. } => windows[window].take().unwrap(),
                    };
                    let current = tasks.snapshot().unwrap();
                    prop_assert_eq!(held.0, current.revision);
                    prop_assert_eq!(&held.1, &serde_json::to_value(&*current.value).unwrap());
                    windows[window] = Some(held);
                }
            }
        }
    }
}
