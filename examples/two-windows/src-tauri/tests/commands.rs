//! `PROTOCOL.md` as this app's windows meet it: the plugin's commands, behind the app's real capabilities.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod background;
mod clients;
mod hooks;
mod kept;
mod lives;
mod mock;
mod roles;
mod writes;

use mock::{app, configured, window, window_with};
use serde_json::{Value, json};
use tauri_plugin_lockstep::{LockstepExt, Revision, Topic};
use two_windows_lib::topics::{COUNTER, LIST, PRESENCE, SETTINGS, Theme};

/// The error without its message.
#[track_caller]
fn bare(error: Result<Value, Value>) -> Value {
    let mut error = error.unwrap_err();
    let message = error.as_object_mut().and_then(|error| error.remove("message"));
    assert!(message.is_some_and(|message| message.as_str().is_some_and(|text| !text.is_empty())), "no message");
    error
}

fn revision_of(answer: &Value) -> Revision {
    answer["revision"].as_str().unwrap().parse().unwrap()
}

// get_snapshot

#[test]
fn i1_a_snapshot_is_the_pair_and_nothing_more() {
    let app = app();
    let main = window(&app, "main");
    let snapshot = app.lockstep().snapshot(SETTINGS).unwrap();
    let settings = json!({ "theme": "light", "accent": "indigo", "textSize": "medium", "displayName": "" });
    assert_eq!(main.get_snapshot("settings").unwrap(), json!({ "revision": snapshot.revision, "data": settings }));
}

#[test]
fn i2_a_window_reads_what_rust_wrote() {
    let app = app();
    let main = window(&app, "main");
    let revision = app.lockstep().update(SETTINGS, |settings| settings.theme = Theme::Dark).unwrap();
    let answer = main.get_snapshot("settings").unwrap();
    assert_eq!((revision_of(&answer), &answer["data"]["theme"]), (revision, &json!("dark")));
}

#[test]
fn a_window_that_is_up_to_date_is_told_so_and_any_other_gets_the_whole() {
    let app = app();
    let main = window(&app, "main");
    let pull = |since: &str| main.lockstep("get_snapshot", json!({ "topic": "counter", "since": since })).unwrap();
    let before = app.lockstep().snapshot(COUNTER).unwrap().revision.to_string();
    assert_eq!(pull(&before), json!({ "revision": before, "unchanged": true }));

    let now = app.lockstep().set(COUNTER, 7).unwrap().to_string();
    for since in [&before, "0", "18446744073709551615"] {
        assert_eq!(pull(since), json!({ "revision": now, "data": 7 }), "since {since}");
    }
}

#[test]
fn i13_a_topic_that_is_granted_and_does_not_exist_is_unknown() {
    let app = app();
    let everything = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "*" }] }]);
    let admin = window_with(&app, "admin", &everything);
    assert!(admin.get_snapshot("settings").is_ok());
    let unknown = json!({ "kind": "unknownTopic", "topic": "weather" });
    assert_eq!(bare(admin.get_snapshot("weather")), unknown);
    assert_eq!(bare(admin.write("weather", 1, json!({ "set": 1 }))), unknown);
}

#[test]
fn what_is_malformed_is_named() {
    let app = app();
    let main = window(&app, "main");
    let field = |command: &str, arguments: Value| {
        let error = bare(main.lockstep(command, arguments));
        assert_eq!(error["kind"], "invalidRequest", "{error}");
        error["field"].as_str().unwrap().to_owned()
    };
    for command in ["get_snapshot", "write", "subscribe", "unsubscribe"] {
        assert_eq!(field(command, json!({})), "topic");
        assert_eq!(field(command, json!({ "topic": 7 })), "topic");
        assert_eq!(
            bare(main.lockstep(command, json!({ "topic": "my settings" }))),
            json!({ "kind": "invalidTopic", "topic": "my settings" })
        );
    }
    for since in [json!("01"), json!(1), json!("18446744073709551616")] {
        assert_eq!(field("get_snapshot", json!({ "topic": "counter", "since": since })), "since");
    }
    for command in ["subscribe", "unsubscribe"] {
        assert_eq!(field(command, json!({ "topic": "counter" })), "session");
        assert_eq!(field(command, json!({ "topic": "counter", "session": "a b" })), "session");
    }
    assert_eq!(field("get_snapshots", json!({})), "topics");
    assert_eq!(field("get_snapshots", json!({ "topics": vec![json!({}); 1001] })), "topics");
}

// get_snapshots

#[test]
fn each_of_several_pulls_has_its_own_result() {
    let app = app();
    let counts = json!([{ "identifier": "lockstep:default", "allow": [{ "topic": "count*" }] }]);
    let reader = window_with(&app, "reader", &counts);
    let revision = app.lockstep().set(COUNTER, 3).unwrap();
    app.lockstep().create(Topic::<u8>::new("counted"), 1).unwrap();
    let counted = revision_of(&reader.get_snapshot("counted").unwrap());
    let pulls = json!([
        { "topic": "counter" },
        { "topic": "settings" },
        { "topic": "counted", "since": counted },
        { "topic": "my settings" },
        { "topic": "counting", "since": "07" },
        "counter",
        { "topic": "countries" },
        { "topic": "counter" },
    ]);
    let mut results = reader.lockstep("get_snapshots", json!({ "topics": pulls })).unwrap();
    for result in results.as_array_mut().unwrap() {
        if let Some(error) = result.get("error") {
            *result = bare(Err(error.clone()));
        }
    }
    assert_eq!(
        results,
        json!([
            { "revision": revision, "data": 3 },
            { "kind": "denied", "topic": "settings", "window": "reader", "permission": "lockstep:default" },
            { "revision": counted, "unchanged": true },
            { "kind": "invalidTopic", "topic": "my settings" },
            { "kind": "invalidRequest", "field": "topics[4].since" },
            { "kind": "invalidRequest", "field": "topics[5]" },
            { "kind": "unknownTopic", "topic": "countries" },
            { "kind": "invalidRequest", "field": "topics[7].topic" },
        ])
    );
}

// Who may do what

fn denied(window: &str, topic: &str, permission: &str) -> Value {
    json!({ "kind": "denied", "topic": topic, "window": window, "permission": permission })
}

#[test]
fn i13_only_rust_writes_presence_and_a_window_that_tries_is_told_what_is_missing() {
    let app = app();
    let main = window(&app, "main");
    let error = main.write("presence", 1, json!({ "set": { "windows": [] } })).unwrap_err();
    assert_eq!(
        error["message"],
        r#"window "main" may not write topic "presence". To allow it, add { "identifier": "lockstep:write", "allow": [{ "topic": "presence" }] } to the "permissions" of a capability (src-tauri/capabilities/*.json) whose "windows" name "main", and see that no "deny" covers the topic"#
    );
    assert_eq!(bare(Err(error)), denied("main", "presence", "lockstep:write"));
    assert_eq!(app.lockstep().get(PRESENCE).unwrap().windows, ["main"]);
}

/// Tauri's own refusals say less in a release build; the plugin's must not. The test above has the words.
#[test]
fn i13_what_a_refusal_says_is_the_same_in_a_release_build() {
    for source in [include_str!("../../../../src/error.rs"), include_str!("../../../../src/scopes.rs")] {
        assert!(!source.contains("debug_assertions"));
    }
}

#[test]
fn i13_denied_is_the_same_answer_whether_or_not_the_topic_exists() {
    let app = app();
    let counter_only = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "counter" }] }]);
    let guest = window_with(&app, "guest", &counter_only);
    let commands = [
        ("get_snapshot", "lockstep:default"),
        ("subscribe", "lockstep:default"),
        ("unsubscribe", "lockstep:default"),
        ("write", "lockstep:write"),
    ];
    for (command, permission) in commands {
        let ask = |topic: &str| {
            let arguments = json!({ "topic": topic, "session": "s1", "seq": 1, "set": 1 });
            guest.lockstep(command, arguments).unwrap_err()
        };
        assert_eq!(bare(Err(ask("settings"))), denied("guest", "settings", permission));
        assert_eq!(ask("settings").to_string(), ask("weather").to_string().replace("weather", "settings"));
    }
    let both = json!({ "topics": [{ "topic": "settings" }, { "topic": "weather" }] });
    let results = guest.lockstep("get_snapshots", both).unwrap();
    assert_eq!(results[0].to_string(), results[1].to_string().replace("weather", "settings"));
    assert!(guest.get_snapshot("counter").is_ok());
}

#[test]
fn i13_a_window_without_a_capability_reaches_nothing() {
    let app = app();
    let stranger = window(&app, "stranger");
    for command in ["get_snapshot", "get_snapshots", "write", "subscribe", "unsubscribe"] {
        let arguments = json!({ "topic": "counter", "topics": [], "session": "s1", "seq": 1, "set": 1 });
        let refusal = stranger.lockstep(command, arguments).unwrap_err();
        // Tauri refuses it by itself, with a bare string.
        assert!(refusal.as_str().is_some_and(|text| text.contains("not allowed")), "{refusal}");
    }
    assert_eq!(*app.lockstep().get(COUNTER).unwrap(), 0);
}

#[test]
fn i13_a_page_from_elsewhere_reaches_nothing_even_in_a_window_of_this_app() {
    let app = app();
    let main = window(&app, "main");
    let arguments = json!({ "topic": "counter" });
    let refusal = main.invoke_from("https://example.com", "plugin:lockstep|get_snapshot", arguments).unwrap_err();
    assert!(refusal.as_str().is_some_and(|text| text.contains("not allowed")), "{refusal}");
}

#[test]
fn i13_a_permission_without_topics_grants_none() {
    let app = app();
    let bare_permissions = json!(["lockstep:default", "lockstep:write", "lockstep:admin"]);
    let unscoped = window_with(&app, "unscoped", &bare_permissions);
    assert_eq!(bare(unscoped.get_snapshot("counter")), denied("unscoped", "counter", "lockstep:default"));
    let written = unscoped.write("counter", 1, json!({ "set": 1 }));
    assert_eq!(bare(written), denied("unscoped", "counter", "lockstep:write"));
}

#[test]
fn i13_a_denial_wins_over_every_grant() {
    let app = app();
    let permissions = json!([
        { "identifier": "lockstep:admin", "allow": [{ "topic": "*" }], "deny": [{ "topic": "count*" }] },
        { "identifier": "lockstep:default", "allow": [{ "topic": "counter" }] },
    ]);
    let window = window_with(&app, "limited", &permissions);
    assert!(window.get_snapshot("list").is_ok());
    assert_eq!(bare(window.get_snapshot("counter")), denied("limited", "counter", "lockstep:default"));
}

#[test]
fn i13_a_scope_that_is_no_topic_grants_nothing_and_as_a_denial_denies_everything() {
    let app = app();
    let nonsense = json!([{ "topic": "all topics" }]);
    let allowed = json!([{ "identifier": "lockstep:default", "allow": nonsense }]);
    let allowed = window_with(&app, "allowed", &allowed);
    assert_eq!(bare(allowed.get_snapshot("counter")), denied("allowed", "counter", "lockstep:default"));

    let limited = json!([{ "identifier": "lockstep:default", "allow": [{ "topic": "*" }], "deny": nonsense }]);
    let limited = window_with(&app, "limited", &limited);
    assert_eq!(bare(limited.get_snapshot("counter")), denied("limited", "counter", "lockstep:default"));
}

#[test]
fn i13_who_may_write_but_not_read_is_told_the_revision_only() {
    let app = app();
    let write_only = json!([{ "identifier": "lockstep:write", "allow": [{ "topic": "list" }] }]);
    let sensor = window_with(&app, "sensor", &write_only);
    let answer = sensor.write("list", 1, json!({ "set": [] })).unwrap();
    let revision = app.lockstep().snapshot(LIST).unwrap().revision;
    assert_eq!(answer, json!({ "revision": revision, "withheld": true }));

    let conflict = bare(sensor.write("list", 2, json!({ "set": [], "expectedRevision": "1" })));
    assert_eq!(conflict, json!({ "kind": "conflict", "topic": "list", "expectedRevision": "1", "revision": revision }));
    assert!(sensor.get_snapshot("list").is_err());
}

#[test]
fn i13_the_shipped_capability_grants_every_window_of_the_app_the_same() {
    let app = app();
    for label in ["main", "second", "window-2", "window-31"] {
        let window = window(&app, label);
        for topic in app.lockstep().list() {
            window.get_snapshot(topic.as_str()).unwrap();
        }
        window.write("counter", 1, json!({ "set": 1 })).unwrap();
        window.write("settings", 1, json!({ "merge": { "displayName": label } })).unwrap();
        window.write("list", 1, json!({ "set": [] })).unwrap();
        window.write("presence", 1, json!({ "set": { "windows": [] } })).unwrap_err();
    }
}

// subscribe, unsubscribe

#[test]
fn a_session_is_a_reader_until_it_says_otherwise_or_a_newer_one_of_its_window_comes() {
    let app = app();
    let (main, second) = (window(&app, "main"), window(&app, "second"));
    let readers = || app.lockstep().readers(COUNTER.name());
    let counter = |session: &str| json!({ "topic": "counter", "session": session });

    for _ in 0..2 {
        assert_eq!(main.lockstep("subscribe", counter("s1")).unwrap(), Value::Null);
    }
    assert_eq!(readers(), 1);
    second.lockstep("subscribe", counter("s1")).unwrap();
    assert_eq!(readers(), 2);
    main.lockstep("subscribe", counter("s2")).unwrap();
    assert_eq!(readers(), 2);
    for _ in 0..2 {
        assert_eq!(main.lockstep("unsubscribe", counter("s2")).unwrap(), Value::Null);
    }
    assert_eq!(readers(), 1);
    let ended = bare(main.lockstep("subscribe", counter("s1")));
    assert_eq!(ended, json!({ "kind": "sessionEnded", "window": "main", "session": "s1" }));
    assert_eq!(readers(), 1);
}

// The app itself

#[test]
fn a_setting_that_does_not_exist_stops_the_app_at_its_start() {
    let error = configured(json!({ "maxPayload": 24 })).map(drop).unwrap_err();
    assert!(error.to_string().contains("maxPayload"), "{error}");
}

#[test]
fn rust_tells_the_windows_which_windows_are_open() {
    let app = app();
    let main = window(&app, "main");
    window(&app, "second");
    main.invoke("open_window", json!({})).unwrap();
    main.invoke("open_window", json!({})).unwrap();
    let answer = main.get_snapshot("presence").unwrap();
    assert_eq!(answer["data"]["windows"], json!(["main", "second", "window-2", "window-3"]));
}
