//! Actions, patches, batches and hooks as a window meets them. The topics are made here, beside the app's own.

use crate::{
    bare,
    mock::{Window, admin, app, eventually, window_with},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tauri::{
    App,
    async_runtime::{block_on, spawn_blocking},
    test::MockRuntime,
};
use tauri_plugin_lockstep::{Change, LockstepExt, Reject, Topic, TopicOptions, UpdateError};
use ts_rs::TS;

const NOTES: Topic<Vec<String>> = Topic::new("notes");

/// Long enough for every hook that is meant to answer.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
enum NoteAction {
    Add { text: String },
    Panic,
}

fn options() -> TopicOptions<Vec<String>> {
    TopicOptions::new().action(|notes: &mut Vec<String>, action: NoteAction, cx| match action {
        NoteAction::Add { text } if text.is_empty() => Err(Reject::new("empty", "a note needs a text")),
        NoteAction::Add { text } => {
            notes.push(format!("{}: {text}", cx.window().unwrap_or("Rust")));
            Ok(())
        }
        NoteAction::Panic => panic!("boom"),
    })
}

fn notes(options: TopicOptions<Vec<String>>) -> (App<MockRuntime>, Window) {
    let app = app();
    app.lockstep().create_with(NOTES, vec![], options).unwrap();
    let everything = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "*" }] }]);
    let window = window_with(&app, "desk", &everything);
    (app, window)
}

fn add(text: &str) -> Value {
    json!({ "action": { "type": "add", "text": text } })
}

fn rejected(code: &str, reason: &str) -> Value {
    json!({ "kind": "rejected", "topic": "notes", "code": code, "reason": reason })
}

#[test]
fn i12_an_action_is_answered_with_the_state_that_it_made() {
    let (_app, desk) = notes(options());
    assert_eq!(desk.write("notes", 1, add("milk")).unwrap()["data"], json!(["desk: milk"]));
}

#[test]
fn i10_a_reducer_that_refuses_or_panics_is_told_with_the_app_s_own_words() {
    let (app, desk) = notes(options());
    assert_eq!(bare(desk.write("notes", 1, add(""))), rejected("empty", "a note needs a text"));
    let panicked = bare(desk.write("notes", 2, json!({ "action": { "type": "panic" } })));
    assert_eq!(panicked, json!({ "kind": "panicked", "topic": "notes" }));
    let wrong = bare(desk.write("notes", 3, json!({ "action": { "type": "sing" } })));
    assert_eq!(wrong["kind"], "invalidData");
    let none = bare(desk.write("counter", 1, add("x")));
    assert_eq!(none, json!({ "kind": "invalidRequest", "field": "action" }));
    assert!(app.lockstep().get(NOTES).unwrap().is_empty());
}

#[test]
fn i10_a_patch_is_applied_whole_or_not_at_all() {
    let (app, desk) = notes(options());
    let both = json!([{ "op": "add", "path": "/-", "value": "a" }, { "op": "add", "path": "/-", "value": "b" }]);
    assert_eq!(desk.write("notes", 1, json!({ "patch": both })).unwrap()["data"], json!(["a", "b"]));
    let half = json!([{ "op": "remove", "path": "/0" }, { "op": "test", "path": "/0", "value": "a" }]);
    let error = bare(desk.write("notes", 2, json!({ "patch": half })));
    assert_eq!(error, json!({ "kind": "invalidData", "topic": "notes", "path": "/0" }));
    assert_eq!(*app.lockstep().get(NOTES).unwrap(), ["a", "b"]);
}

#[test]
fn i11_a_batch_says_of_each_write_what_became_of_it_and_is_answered_again() {
    let (app, desk) = notes(options());
    let first = app.lockstep().snapshot(NOTES).unwrap().revision;
    let writes = json!({ "writes": [
        add("milk"),
        add(""),
        { "set": ["only"], "expectedRevision": first },
        { "merge": ["bread"] },
    ] });
    let answer = desk.write("notes", 1, writes.clone()).unwrap();
    let results = answer["results"].as_array().unwrap();
    let kinds: Vec<_> = results.iter().map(|result| result["error"]["kind"].as_str()).collect();
    assert_eq!(kinds, [None, Some("rejected"), Some("conflict"), None]);
    assert_eq!(results[2]["error"]["data"], Value::Null, "what is there now stands beside the results");
    assert_eq!((&answer["data"], &answer["revision"]), (&json!(["bread"]), &results[3]["revision"]));

    app.lockstep().update(NOTES, |notes| notes.push("later".into())).unwrap();
    let again = desk.write("notes", 1, writes).unwrap();
    assert_eq!(again["results"][3], answer["results"][3]);
    assert_eq!(again["data"], json!(["bread", "later"]));
}

#[test]
fn i11_an_asynchronous_hook_is_asked_once_for_each_write_and_in_their_order() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let (app, desk) = notes(options().intercept_async(PATIENCE, move |change, cx| {
        let turn = count.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!(cx.window(), Some("desk"));
            match turn {
                0 => Ok(change),
                _ => Err(Reject::new("once", "one is enough")),
            }
        }
    }));
    let answer = desk.write("notes", 1, json!({ "writes": [add("a"), add("b")] })).unwrap();
    assert_eq!(answer["data"], json!(["desk: a"]));
    assert_eq!(bare(Err(answer["results"][1]["error"].clone())), rejected("once", "one is enough"));
    desk.write("notes", 1, json!({ "writes": [add("a"), add("b")] })).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a repeated batch is answered from memory");
    assert_eq!(app.lockstep().get(NOTES).unwrap().len(), 1);
}

#[test]
fn i10_an_asynchronous_hook_that_panics_refuses_and_wedges_nothing() {
    let (app, desk) = notes(options().intercept_async(PATIENCE, |change, _| async move {
        match &change {
            Change::Set(Value::Null) => panic!("boom"),
            _ => Ok(change),
        }
    }));
    assert_eq!(desk.write("notes", 1, json!({ "set": null })).unwrap_err()["code"], "panicked");
    desk.write("notes", 2, add("fine")).unwrap();
    assert_eq!(*app.lockstep().get(NOTES).unwrap(), ["desk: fine"]);
}

#[test]
fn i10_an_asynchronous_hook_that_never_answers_refuses_and_holds_up_nobody_for_ever() {
    let never = |_, _| std::future::pending();
    let (app, desk) = notes(options().intercept_async(Duration::from_millis(50), never));
    for seq in 1..=3 {
        assert_eq!(desk.write("notes", seq, add("milk")).unwrap_err()["code"], "timeout");
    }
    assert!(app.lockstep().get(NOTES).unwrap().is_empty());
}

#[test]
fn i10_a_write_that_waited_for_the_hook_of_a_topic_that_is_gone_does_not_reach_the_next_one() {
    let (answer, answers) = mpsc::channel();
    let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(answers)));
    let count = Arc::clone(&asked);
    let (app, desk) = notes(options().intercept_async(PATIENCE, move |change, _| {
        count.fetch_add(1, Ordering::SeqCst);
        let answers = Arc::clone(&answers);
        async move {
            spawn_blocking(move || answers.lock().unwrap().recv()).await.unwrap().unwrap();
            Ok(change)
        }
    }));
    let shelf = admin(&app, "shelf");
    let handle = app.handle().clone();
    let calls = [(desk, "first"), (shelf, "second")].map(|(window, text)| {
        let call = thread::spawn(move || window.write("notes", 1, json!({ "set": [text] })));
        eventually("the first is asked about", || asked.load(Ordering::SeqCst) == 1);
        call
    });
    let by_rust = thread::spawn(move || {
        block_on(handle.lockstep().update_async(NOTES, |notes| notes.push("third".into()))).unwrap_err()
    });
    // Whether the later two wait in the queue by now, or come when the topic is another: none is let through unasked.
    app.lockstep().remove(NOTES.name()).unwrap();
    app.lockstep().create_with(NOTES, vec![], options().validate(|_, _, _| Err(Reject::new("no", "never")))).unwrap();
    answer.send(()).unwrap();
    let told = calls.map(|call| bare(call.join().unwrap()));
    assert_eq!(told[0], json!({ "kind": "unknownTopic", "topic": "notes" }));
    assert!(told[1] == told[0] || told[1]["code"] == "no", "{}", told[1]);
    assert!(!by_rust.join().unwrap().to_string().is_empty());
    assert!(app.lockstep().get(NOTES).unwrap().is_empty());
}

#[test]
fn i14_a_window_whose_hook_hangs_fills_no_more_than_its_own_places() {
    let (begun, hangs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (begun, released) = (Mutex::new(begun), Mutex::new(released));
    let (app, desk) = notes(options().validate(move |_, _, _| {
        begun.lock().unwrap().send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        Ok(())
    }));
    let (answers, answered) = mpsc::channel();
    let calls = 20;
    for _ in 0..calls {
        let (desk, answers) = (desk.clone(), answers.clone());
        thread::spawn(move || answers.send(desk.write("notes", 1, json!({ "set": ["x"] }))).unwrap());
    }
    hangs.recv_timeout(PATIENCE).unwrap();
    for _ in 0..calls - 16 {
        let refusal = bare(answered.recv_timeout(PATIENCE).unwrap());
        assert_eq!(refusal, json!({ "kind": "busy", "topic": "notes" }));
    }
    desk.write("counter", 1, json!({ "set": 1 })).unwrap();
    admin(&app, "shelf").get_snapshot("notes").unwrap();
    release.send(()).unwrap();
    for _ in 0..16 {
        assert_eq!(
            answered.recv_timeout(PATIENCE).unwrap().unwrap()["data"],
            json!(["x"]),
            "one is made, and repeated"
        );
    }
    assert_eq!(desk.write("notes", 1, json!({ "set": ["x"] })).unwrap()["data"], json!(["x"]), "there is room again");
}

#[test]
fn i10_rust_waits_for_an_asynchronous_hook_by_name() {
    let (app, _desk) = notes(options().intercept_async(PATIENCE, |change, cx| async move {
        assert_eq!((&change, cx.window()), (&Change::Rust, None));
        Ok(change)
    }));
    let lockstep = app.lockstep();
    let error = lockstep.update(NOTES, |notes| notes.push("sync".into())).unwrap_err();
    assert_eq!(error, UpdateError::NotAsked(NOTES.name().clone()));
    assert!(error.to_string().contains("`update_async`"));
    block_on(lockstep.update_async(NOTES, |notes| notes.push("async".into()))).unwrap();
    assert_eq!(*lockstep.get(NOTES).unwrap(), ["async"]);
}

#[test]
fn i13_a_window_that_may_only_write_learns_nothing_of_the_state_from_its_mistakes() {
    let (app, _) = notes(options());
    app.lockstep().set(NOTES, vec!["secret".into()]).unwrap();
    let writer =
        window_with(&app, "blind", &json!([{ "identifier": "lockstep:write", "allow": [{ "topic": "notes" }] }]));
    let told = |seq, operation| writer.write("notes", seq, operation).unwrap_err();
    let wrong = told(1, json!({ "merge": { "0": 1 } }));
    assert_eq!((&wrong["kind"], &wrong["path"]), (&json!("invalidData"), &json!("")));
    let probe = json!([{ "op": "test", "path": "/0", "value": "secret" }]);
    assert_eq!(told(2, json!({ "patch": probe }))["kind"], "denied");
    let batch = json!({ "writes": [{ "set": 7 }, { "patch": [] }, { "set": ["mine"] }] });
    let results = writer.write("notes", 3, batch).unwrap()["results"].clone();
    assert_eq!((&results[0]["error"]["path"], &results[1]["error"]["kind"]), (&json!(""), &json!("denied")));
    assert_eq!(*app.lockstep().get(NOTES).unwrap(), ["mine"], "each is refused for itself");
}

#[test]
fn i4_a_hook_that_writes_its_own_topic_gets_an_error_instead_of_waiting_for_itself() {
    let app = app();
    let handle = app.handle().clone();
    let hook = move |change, _| {
        let handle = handle.clone();
        async move {
            let inner = handle.lockstep().update_async(NOTES, |notes| notes.push("inner".into())).await;
            assert!(inner.unwrap_err().to_string().contains("from inside a write"));
            Ok(change)
        }
    };
    app.lockstep().create_with(NOTES, vec![], options().intercept_async(PATIENCE, hook)).unwrap();
    block_on(app.lockstep().update_async(NOTES, |notes| notes.push("outer".into()))).unwrap();
    assert_eq!(*app.lockstep().get(NOTES).unwrap(), ["outer"]);
}
