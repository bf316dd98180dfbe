//! What is saved, and what windows are told of it.

use crate::{
    bare,
    mock::{admin, app, data_dir, eventually, window, window_with, with_topics},
    revision_of,
};
use serde_json::{Value, json};
use std::{
    fs,
    sync::{Arc, Mutex},
};
use tauri::{App, async_runtime::block_on, test::MockRuntime};
use tauri_plugin_lockstep::{
    BackgroundError, Builder, Durability, LockstepExt, PersistError, PersistIssue, Persisted, Topic, TopicOptions,
    UpdateError,
};

const SAFE: Topic<u32> = Topic::new("safe");
const LOOSE: Topic<u32> = Topic::new("loose");

fn topics() -> Builder {
    let safe = TopicOptions::new().persisted(Persisted::new().durability(Durability::Immediate));
    Builder::new().topic_with(SAFE, 0, safe).topic(LOOSE, 0)
}

/// An app whose folder cannot be made; and what it was told.
fn without_disk() -> (App<MockRuntime>, Arc<Mutex<Vec<BackgroundError>>>) {
    let place = data_dir();
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("file"), "").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let listening = topics().on_error(move |error| hears.lock().unwrap().push(error.clone()));
    (with_topics(listening.persist_in(place.join("file/folder"))), told)
}

#[test]
fn i15_a_flush_tells_the_revision_that_is_on_disk() {
    let app = app();
    let main = window(&app, "main");
    let written = main.write("counter", 1, json!({ "set": 7 })).unwrap();
    let flushed = main.lockstep("flush", json!({ "topic": "counter" })).unwrap();
    assert_eq!(flushed, json!({ "revision": written["revision"] }));
    let saved = app.lockstep().saved_revision(&"counter".parse().unwrap()).unwrap();
    assert_eq!(saved, Some(revision_of(&flushed)));
    assert_eq!(block_on(app.lockstep().flush()), Ok(()));
    let export: Value = serde_json::from_str(&app.lockstep().export_json().unwrap()).unwrap();
    assert_eq!(export["topics"]["counter"], json!({ "version": 1, "revision": flushed["revision"], "data": 7 }));
    assert_eq!(export["topics"]["presence"], Value::Null, "it is not persisted");
    assert_eq!(app.lockstep().backups(), Ok(vec![]));

    main.write("counter", 2, json!({ "set": 8 })).unwrap();
    let imported = block_on(app.lockstep().import_json(&export.to_string())).unwrap();
    assert_eq!(main.lockstep("get_snapshot", json!({ "topic": "counter" })).unwrap()["data"], 7);
    assert_eq!(app.lockstep().saved_revision(&"counter".parse().unwrap()).unwrap(), imported, "it is on disk");
}

#[test]
fn i13_who_may_not_write_a_topic_may_not_flush_it() {
    let app = app();
    let main = window(&app, "main");
    for topic in ["presence", "no-such-topic"] {
        let denied = bare(main.lockstep("flush", json!({ "topic": topic })));
        assert_eq!((&denied["kind"], &denied["permission"]), (&json!("denied"), &json!("lockstep:write")));
    }
    let reader = window_with(&app, "r", &json!([{ "identifier": "lockstep:default", "allow": [{ "topic": "*" }] }]));
    assert!(reader.lockstep("flush", json!({ "topic": "counter" })).unwrap_err().is_string(), "Tauri refuses");
}

#[test]
fn i15_a_write_that_waits_for_the_disk_is_on_it_when_it_is_answered() {
    let app = with_topics(topics().persist_in(data_dir()));
    let desk = admin(&app, "desk");
    let saved = || app.lockstep().saved_revision(SAFE.name()).unwrap();
    let written = desk.write("safe", 1, json!({ "set": 1 })).unwrap();
    assert_eq!(saved(), Some(revision_of(&written)));
    let batch = desk.write("safe", 2, json!({ "writes": [{ "set": 2 }, { "set": 3 }] })).unwrap();
    assert_eq!(saved(), Some(revision_of(&batch["results"][1])));
    assert_eq!(app.lockstep().set(SAFE, 4), Err(UpdateError::NotSynchronous(SAFE.name().clone())));
    let by_rust = block_on(app.lockstep().update_async(SAFE, |safe| *safe = 4)).unwrap();
    assert_eq!(saved(), Some(by_rust));
}

#[test]
fn i10_i15_where_the_disk_fails_the_write_stays_and_is_told_to_be_not_saved() {
    let (app, told) = without_disk();
    eventually("it is told", || !told.lock().unwrap().is_empty());
    let is_io = matches!(
        &told.lock().unwrap()[..],
        [BackgroundError::Persist(PersistIssue::Unavailable { error: PersistError::Io(_) })]
    );
    assert!(is_io, "{told:?}");

    let desk = admin(&app, "desk");
    let error = bare(desk.write("safe", 1, json!({ "set": 1 })));
    let shown = desk.get_snapshot("safe").unwrap();
    assert_eq!(shown["data"], 1, "it was applied");
    assert_eq!(error, json!({ "kind": "notSaved", "topic": "safe", "revision": shown["revision"] }));
    assert_eq!(bare(desk.write("safe", 1, json!({ "set": 1 }))), error, "a repeated one is answered the same");
    let batch = desk.write("safe", 2, json!({ "writes": [{ "set": 2 }, { "merge": "x" }] })).unwrap();
    assert_eq!(batch["results"][0]["error"]["kind"], "notSaved");
    assert_eq!(batch["results"][1]["error"]["kind"], "invalidData", "one that was refused was not applied");
    assert_eq!(batch["data"], 2);

    let by_rust = block_on(app.lockstep().update_async(SAFE, |safe| *safe = 3));
    assert!(matches!(by_rust, Err(UpdateError::NotSaved { .. })), "{by_rust:?}");
    assert_eq!(*app.lockstep().get(SAFE).unwrap(), 3);
    assert_eq!(block_on(app.lockstep().flush()).unwrap_err().topics, std::slice::from_ref(SAFE.name()));
    assert_eq!(bare(desk.lockstep("flush", json!({ "topic": "safe" })))["kind"], "notSaved");
    assert_eq!(
        app.lockstep().set(LOOSE, 1).map(|_| *app.lockstep().get(LOOSE).unwrap()),
        Ok(1),
        "others are not slowed"
    );
    assert_eq!(bare(desk.lockstep("flush", json!({ "topic": "loose" })))["kind"], "notSaved", "it is not persisted");
}
