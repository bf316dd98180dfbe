//! The role of the primary over commands. What becomes of it when pages go is shown with real windows.

use crate::{
    bare, denied,
    mock::{Window, admin, app, window_with},
};
use serde_json::{Value, json};
use tauri::{App, test::MockRuntime};
use tauri_plugin_lockstep::{LockstepExt, PRIMARY, Revision};

fn candidate(app: &App<MockRuntime>, label: &str) -> Window {
    window_with(app, label, &json!(["lockstep:role"]))
}

fn join(window: &Window) -> Value {
    window.lockstep("join_role", json!({ "session": "s1" })).unwrap()
}

fn leave(window: &Window) -> Value {
    window.lockstep("leave_role", json!({ "session": "s1" })).unwrap()
}

fn holder(app: &App<MockRuntime>) -> Option<(String, Revision)> {
    app.lockstep().primary().map(|holder| (holder.window, holder.term))
}

#[test]
fn i5_who_waits_longest_is_the_primary_and_each_term_is_higher_than_all_before() {
    let app = app();
    let (a, b, c) = (candidate(&app, "a"), candidate(&app, "b"), candidate(&app, "c"));
    assert_eq!(bare(a.get_snapshot("lockstep/primary"))["kind"], "unknownTopic", "nobody has joined");
    for window in [&a, &b, &c, &a] {
        assert_eq!(join(window), Value::Null);
    }
    let mut last = Revision::ZERO;
    for (window, label) in [(&a, "a"), (&b, "b"), (&c, "c")] {
        let (found, term) = holder(&app).unwrap();
        assert_eq!(found, label);
        assert!(term > last, "{term} after {last}");
        last = term;
        let shown = c.get_snapshot("lockstep/primary").unwrap()["data"].clone();
        assert_eq!(shown, json!({ "holder": { "window": label, "session": "s1", "term": term } }));
        assert_eq!(leave(window), Value::Null);
    }
    assert_eq!(c.get_snapshot("lockstep/primary").unwrap()["data"], json!({ "holder": null }));
    join(&c);
    assert!(holder(&app).unwrap().1 > last, "also for the same page again");
}

#[test]
fn only_who_holds_the_role_gives_it_up_by_leaving() {
    let app = app();
    let (a, b, c) = (candidate(&app, "a"), candidate(&app, "b"), candidate(&app, "c"));
    for window in [&a, &b, &c] {
        join(window);
    }
    let before = holder(&app);
    leave(&b);
    leave(&b);
    // Another page life of the same window.
    a.lockstep("leave_role", json!({ "session": "s0" })).unwrap();
    assert_eq!(holder(&app), before);
    leave(&a);
    assert_eq!(holder(&app).unwrap().0, "c", "b waits no more");
}

#[test]
fn a_page_that_takes_another_s_place_takes_its_role_away() {
    let app = app();
    let (a, b) = (candidate(&app, "a"), candidate(&app, "b"));
    join(&a);
    join(&b);
    let before = holder(&app).unwrap();
    a.lockstep("join_role", json!({ "session": "s2" })).unwrap();
    let after = holder(&app).unwrap();
    assert_eq!((&*before.0, &*after.0, after.1 > before.1), ("a", "b", true));
    // Tauri may run the dead page's commands again.
    let ended = bare(a.lockstep("join_role", json!({ "session": "s1" })));
    assert_eq!(ended, json!({ "kind": "sessionEnded", "window": "a", "session": "s1" }));
    leave(&b);
    let holder = app.lockstep().primary().unwrap();
    assert_eq!((&*holder.window, String::from(holder.session)), ("a", "s2".to_owned()));
}

#[test]
fn a_page_that_ends_its_subscription_gives_the_role_up() {
    let app = app();
    let (a, b) = (candidate(&app, "a"), candidate(&app, "b"));
    join(&a);
    join(&b);
    assert_eq!(app.lockstep().readers(PRIMARY.name()), 2, "who joins reads it");
    a.session("unsubscribe", "lockstep/primary").unwrap();
    assert_eq!(holder(&app).unwrap().0, "b");
}

#[test]
fn i13_the_role_alone_grants_its_topic_and_no_other() {
    let app = app();
    let a = candidate(&app, "a");
    join(&a);
    assert!(a.get_snapshot("lockstep/primary").is_ok());
    a.session("subscribe", "lockstep/primary").unwrap();
    for topic in ["counter", "weather", "lockstep/other"] {
        assert_eq!(bare(a.get_snapshot(topic)), denied("a", topic, "lockstep:default"));
        assert_eq!(bare(a.session("subscribe", topic)), denied("a", topic, "lockstep:default"));
    }
    for command in ["write", "create_topic", "remove_topic", "list_topics"] {
        let refusal = a.session(command, "lockstep/primary").unwrap_err();
        assert!(refusal.as_str().is_some_and(|text| text.contains("not allowed")), "{command}: {refusal}");
    }
}

#[test]
fn i13_no_window_writes_or_removes_who_is_the_primary() {
    let app = app();
    let (a, boss) = (candidate(&app, "a"), admin(&app, "boss"));
    join(&a);
    let before = app.lockstep().snapshot(PRIMARY).unwrap();
    let forged = json!({ "holder": { "window": "boss", "session": "s1", "term": "1" } });
    let operations = [
        json!({ "set": forged }),
        json!({ "merge": { "holder": null } }),
        json!({ "patch": [{ "op": "replace", "path": "/holder", "value": null }] }),
        json!({ "set": before.value.holder.as_ref().map(|holder| json!({ "holder": holder })) }),
    ];
    for (seq, operation) in (1..).zip(operations) {
        let refusal = bare(boss.write("lockstep/primary", seq, operation));
        assert_eq!((&refusal["kind"], &refusal["code"]), (&json!("rejected"), &json!("reserved")), "{refusal}");
    }
    let removal = bare(boss.session("remove_topic", "lockstep/primary"));
    assert_eq!((&removal["kind"], &removal["code"]), (&json!("rejected"), &json!("reserved")), "{removal}");
    let creation = bare(boss.session("create_topic", "lockstep/primary"));
    assert_eq!((&creation["kind"], &creation["code"]), (&json!("rejected"), &json!("reserved")), "{creation}");
    assert_eq!(app.lockstep().snapshot(PRIMARY).unwrap().revision, before.revision);
    assert_eq!(holder(&app).unwrap().0, "a");
}

#[test]
fn what_is_malformed_is_named() {
    let app = app();
    let a = candidate(&app, "a");
    for command in ["join_role", "leave_role"] {
        for arguments in [json!({}), json!({ "session": "a b" }), json!({ "session": 7 })] {
            assert_eq!(bare(a.lockstep(command, arguments)), json!({ "kind": "invalidRequest", "field": "session" }));
        }
    }
    leave(&a);
    assert_eq!(holder(&app), None, "leaving what nobody holds is no error");
}
