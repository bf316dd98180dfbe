//! `write`: all or nothing, at most once, in order, and answered with what it made.

use crate::{
    bare,
    mock::{app, configured, window},
    revision_of,
};
use serde_json::{Value, json};
use tauri_plugin_lockstep::LockstepExt;
use two_windows_lib::topics::COUNTER;

#[test]
fn i12_a_write_is_answered_with_the_state_that_it_made() {
    let app = app();
    let main = window(&app, "main");
    let answer = main.write("counter", 1, json!({ "set": 5 })).unwrap();
    let snapshot = app.lockstep().snapshot(COUNTER).unwrap();
    assert_eq!((*snapshot.value, &answer), (5, &json!({ "revision": snapshot.revision, "data": 5 })));
    assert_eq!(main.get_snapshot("counter").unwrap(), answer);
}

#[test]
fn i12_a_merge_keeps_what_another_window_wrote_and_brings_it_along() {
    let app = app();
    let (main, second) = (window(&app, "main"), window(&app, "second"));
    let since = revision_of(&main.get_snapshot("settings").unwrap());
    second.write("settings", 1, json!({ "merge": { "displayName": "Ada" } })).unwrap();
    let answer = main.write("settings", 1, json!({ "merge": { "theme": "dark" }, "since": since })).unwrap();
    let both = json!({ "theme": "dark", "accent": "indigo", "textSize": "medium", "displayName": "Ada" });
    assert_eq!(answer["data"], both);
    assert_eq!(second.get_snapshot("settings").unwrap(), answer);
}

#[test]
fn i10_a_value_of_the_wrong_type_names_the_field_and_changes_nothing() {
    let app = app();
    let main = window(&app, "main");
    main.write("list", 1, json!({ "set": [{ "id": "a", "text": "Bread", "done": false }] })).unwrap();
    let topics = ["settings", "counter", "list"];
    let before = topics.map(|topic| main.get_snapshot(topic).unwrap());

    let refused = [
        ("settings", json!({ "merge": { "theme": "blue" } }), "theme"),
        ("settings", json!({ "merge": { "displayName": 7 } }), "displayName"),
        ("counter", json!({ "set": 2147483648u64 }), "."),
        ("counter", json!({ "set": "one" }), "."),
        ("list", json!({ "set": [{ "id": "a", "text": "Bread", "done": "yes" }] }), "[0].done"),
        ("list", json!({ "set": [{ "id": "a", "text": "Bread", "done": true }, { "id": 2 }] }), "[1].id"),
    ];
    for (seq, (topic, operation, path)) in (2..).zip(refused) {
        let error = bare(main.write(topic, seq, operation));
        assert_eq!(error, json!({ "kind": "invalidData", "topic": topic, "path": path }));
    }
    let missing = main.write("settings", 10, json!({ "merge": { "displayName": null } })).unwrap_err();
    assert!(missing["message"].as_str().unwrap().contains("missing field `displayName`"), "{missing}");
    assert_eq!(topics.map(|topic| main.get_snapshot(topic).unwrap()), before);
}

#[test]
fn i10_a_conflict_carries_the_current_state_and_changes_nothing() {
    let app = app();
    let main = window(&app, "main");
    let expected = revision_of(&main.get_snapshot("counter").unwrap());
    let revision = app.lockstep().set(COUNTER, 10).unwrap();
    let write = json!({ "set": 1, "expectedRevision": expected });
    assert_eq!(
        bare(main.write("counter", 1, write)),
        json!({ "kind": "conflict", "topic": "counter", "expectedRevision": expected, "revision": revision, "data": 10 })
    );
    assert_eq!(main.get_snapshot("counter").unwrap(), json!({ "revision": revision, "data": 10 }));

    let answer = main.write("counter", 2, json!({ "set": 11, "expectedRevision": revision })).unwrap();
    assert_eq!(answer["data"], 11);
}

#[test]
fn i11_a_repeated_write_is_answered_again_and_not_applied_again() {
    let app = app();
    let main = window(&app, "main");
    let first = main.write("counter", 1, json!({ "set": 5 })).unwrap();
    assert_eq!(main.write("counter", 1, json!({ "set": 5 })).unwrap(), first);

    let revision = app.lockstep().update(COUNTER, |count| *count += 1).unwrap();
    let current = json!({ "revision": revision, "data": 6 });
    assert_eq!(main.write("counter", 1, json!({ "set": 5 })).unwrap(), current);
    assert_eq!(main.get_snapshot("counter").unwrap(), current);
}

#[test]
fn i11_a_rejected_write_stays_rejected_when_it_is_repeated() {
    let app = app();
    let main = window(&app, "main");
    let first = main.write("counter", 1, json!({ "set": "one" })).unwrap_err();
    assert_eq!(main.write("counter", 1, json!({ "set": 1 })).unwrap_err(), first);
    assert_eq!(*app.lockstep().get(COUNTER).unwrap(), 0);
}

#[test]
fn i11_an_older_write_is_out_of_order_and_a_gap_is_not() {
    let app = app();
    let main = window(&app, "main");
    main.write("counter", 1, json!({ "set": 1 })).unwrap();
    main.write("counter", 9, json!({ "set": 9 })).unwrap();
    assert_eq!(
        bare(main.write("counter", 8, json!({ "set": 8 }))),
        json!({ "kind": "outOfOrder", "topic": "counter", "seq": 8, "lastSeq": 9 })
    );
    assert_eq!(*app.lockstep().get(COUNTER).unwrap(), 9);
}

#[test]
fn i11_each_window_session_and_topic_counts_its_own_writes() {
    let app = app();
    let (main, second) = (window(&app, "main"), window(&app, "second"));
    main.write("counter", 5, json!({ "set": 1 })).unwrap();
    second.write("counter", 1, json!({ "set": 2 })).unwrap();
    main.write("settings", 1, json!({ "merge": { "theme": "dark" } })).unwrap();
    let reloaded = json!({ "topic": "counter", "session": "s2", "seq": 1, "set": 3 });
    assert_eq!(main.lockstep("write", reloaded).unwrap()["data"], 3);
}

#[test]
fn i10_a_malformed_write_names_the_field_and_changes_nothing() {
    let app = app();
    let main = window(&app, "main");
    let before = main.get_snapshot("counter").unwrap();
    let changed = |name: &str, value: Value| {
        let mut arguments = json!({ "topic": "counter", "session": "s1", "seq": 1, "set": 1 });
        arguments[name] = value;
        arguments
    };
    let refused = [
        (changed("session", Value::Null), "session"),
        (changed("session", json!("s".repeat(65))), "session"),
        (changed("seq", json!(0)), "seq"),
        (changed("seq", json!("1")), "seq"),
        (changed("seq", json!(1.5)), "seq"),
        (changed("seq", json!(1u64 << 53)), "seq"),
        (changed("since", json!("-1")), "since"),
        (changed("expectedRevision", json!(1)), "expectedRevision"),
        (changed("merge", json!({})), "set"),
        (json!({ "topic": "counter", "session": "s1", "seq": 1 }), "set"),
        (changed("patch", json!([])), "set"),
        (changed("action", json!("increment")), "set"),
        (changed("writes", json!([{ "set": 1 }])), "set"),
    ];
    for (arguments, field) in refused {
        let error = bare(main.lockstep("write", arguments.clone()));
        assert_eq!(error, json!({ "kind": "invalidRequest", "field": field }), "{arguments}");
    }
    assert_eq!(main.get_snapshot("counter").unwrap(), before);
    main.write("counter", 1, json!({ "set": 1 })).expect("what was malformed used up no number");
}

#[test]
fn i10_a_payload_over_the_configured_limit_is_refused() {
    let app = configured(json!({ "maxPayloadBytes": 24 })).unwrap();
    let main = window(&app, "main");
    main.write("settings", 1, json!({ "merge": { "displayName": "Ada L." } })).unwrap();
    let before = main.get_snapshot("settings").unwrap();
    assert_eq!(
        bare(main.write("settings", 2, json!({ "merge": { "displayName": "Ada Lo." } }))),
        json!({ "kind": "tooLarge", "topic": "settings", "size": 25, "limit": 24 })
    );
    assert_eq!(main.get_snapshot("settings").unwrap(), before);
}
