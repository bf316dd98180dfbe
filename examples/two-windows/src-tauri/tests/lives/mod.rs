//! Topics that come and go, as windows meet them. The families are declared here.

use crate::{
    bare, denied,
    mock::{admin, eventually, window_with, with_topics},
    revision_of,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tauri::{App, async_runtime::block_on, test::MockRuntime};
use tauri_plugin_lockstep::{Builder, Change, LockstepExt, Reject, Topic, TopicFamily, TopicName, TopicOptions};

const ROOMS: TopicFamily<Vec<String>> = TopicFamily::new("rooms");
const COUNTER: Topic<u32> = Topic::new("counter");

fn rooms(options: TopicOptions<Vec<String>>) -> App<MockRuntime> {
    let topics = Builder::new().topic(COUNTER, 0).family_with(ROOMS, |id| vec![format!("welcome to {id}")], options);
    with_topics(topics)
}

fn name(text: &str) -> TopicName {
    text.parse().unwrap()
}

fn rejected(topic: &str, code: &str, reason: &str) -> Value {
    json!({ "kind": "rejected", "topic": topic, "code": code, "reason": reason })
}

// Creation

#[test]
fn i12_a_window_creates_a_topic_and_is_answered_with_what_it_is_now() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    let created = desk.create(json!({ "topic": "rooms/lobby" })).unwrap();
    let revision = app.lockstep().snapshot(ROOMS.topic("lobby").unwrap()).unwrap().revision;
    assert_eq!(created, json!({ "topic": "rooms/lobby", "revision": revision, "data": ["welcome to lobby"] }));
    let given = desk.create(json!({ "topic": "rooms/den", "initial": ["mine"] })).unwrap();
    assert_eq!(given["data"], json!(["mine"]));
    assert!(revision_of(&given) > revision);
    assert_eq!(desk.get_snapshot("rooms/den").unwrap()["data"], json!(["mine"]));
    desk.write("rooms/den", 1, json!({ "set": ["changed"] })).unwrap();
}

#[test]
fn a_topic_that_is_given_no_name_gets_one_of_its_own() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    let mut names: Vec<String> = (0..20)
        .map(|_| {
            let created = desk.create(json!({ "family": "rooms" })).unwrap();
            let name = created["topic"].as_str().unwrap().to_owned();
            let id = name.strip_prefix("rooms/").unwrap();
            assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
            assert_eq!(created["data"], json!([format!("welcome to {id}")]));
            name
        })
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);
}

#[test]
fn i10_a_name_that_is_taken_or_belongs_to_no_family_creates_nothing() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    let first = desk.create(json!({ "topic": "rooms/lobby", "initial": ["first"] })).unwrap();
    let taken = bare(desk.create(json!({ "topic": "rooms/lobby", "initial": ["second"] })));
    assert_eq!(taken, json!({ "kind": "alreadyExists", "topic": "rooms/lobby" }));
    assert_eq!(desk.get_snapshot("rooms/lobby").unwrap()["revision"], first["revision"], "nothing was changed");

    let before = app.lockstep().list();
    let field = |arguments: Value| {
        let error = bare(desk.create(arguments));
        assert_eq!(error["kind"], "invalidRequest", "{error}");
        error["field"].as_str().unwrap().to_owned()
    };
    assert_eq!(field(json!({ "topic": "chairs/1" })), "topic");
    assert_eq!(field(json!({ "topic": "rooms" })), "topic");
    assert_eq!(field(json!({ "topic": "rooms/a/b" })), "topic");
    assert_eq!(field(json!({ "family": "chairs" })), "family");
    assert_eq!(field(json!({ "family": "x".repeat(128) })), "family");
    assert_eq!(field(json!({ "family": "rooms", "topic": "rooms/1" })), "family");
    assert_eq!(field(json!({})), "topic");
    let no_name = bare(desk.create(json!({ "topic": "rooms/a b" })));
    assert_eq!(no_name, json!({ "kind": "invalidTopic", "topic": "rooms/a b" }));
    let sessionless = bare(desk.lockstep("create_topic", json!({ "topic": "rooms/new" })));
    assert_eq!(sessionless["field"], "session");
    assert_eq!(app.lockstep().list(), before);
}

#[test]
fn i10_the_hooks_see_the_first_value_as_a_set_by_the_window_and_may_refuse_it() {
    let options = TopicOptions::new()
        .intercept(|change, cx| {
            assert_eq!((cx.window(), cx.client().unwrap().label()), (Some("desk"), "desk"));
            assert_eq!(cx.revision().to_string(), "0");
            match change {
                Change::Set(value) if value == json!(["draw"]) => Ok(Change::Set(json!(["drawn by a hook"]))),
                Change::Set(value) if value == json!(["gun"]) => Err(Reject::new("arms", "leave it outside")),
                Change::Set(value) if value == json!(["boom"]) => panic!("boom"),
                other => Ok(other),
            }
        })
        .validate(|old: &Vec<String>, new, _| match (&*old[0], new.len()) {
            (_, 0) => Err(Reject::new("empty", "a room has something in it")),
            ("welcome to hall", 2..) => Err(Reject::new("narrow", "the hall holds one thing")),
            _ => Ok(()),
        });
    let app = rooms(options);
    let desk = admin(&app, "desk");
    let create = |id: &str, initial: Value| desk.create(json!({ "topic": format!("rooms/{id}"), "initial": initial }));

    assert_eq!(create("gallery", json!(["draw"])).unwrap()["data"], json!(["drawn by a hook"]));
    assert_eq!(bare(create("bar", json!(["gun"]))), rejected("rooms/bar", "arms", "leave it outside"));
    assert_eq!(bare(create("bar", json!([]))), rejected("rooms/bar", "empty", "a room has something in it"));
    let narrow = bare(create("hall", json!(["a", "b"])));
    assert_eq!(
        narrow,
        rejected("rooms/hall", "narrow", "the hall holds one thing"),
        "`validate` sees the family's own"
    );
    assert_eq!(bare(create("bar", json!(["boom"]))), json!({ "kind": "panicked", "topic": "rooms/bar" }));
    let wrong = bare(create("bar", json!(["fine", 7])));
    assert_eq!(wrong, json!({ "kind": "invalidData", "topic": "rooms/bar", "path": "[1]" }));
    assert_eq!(app.lockstep().list(), [name("counter"), name("rooms/gallery")]);
    create("bar", json!(["fine"])).unwrap();
}

#[test]
fn i10_a_family_whose_own_first_value_panics_creates_nothing_and_says_so() {
    let topics = Builder::new().family(ROOMS, |id| match id {
        "haunted" => panic!("boo"),
        _ => vec![],
    });
    let app = with_topics(topics);
    let desk = admin(&app, "desk");
    let error = bare(desk.create(json!({ "topic": "rooms/haunted" })));
    assert_eq!(error, json!({ "kind": "panicked", "topic": "rooms/haunted" }));
    assert!(app.lockstep().list().is_empty());
    desk.create(json!({ "topic": "rooms/cosy" })).unwrap();
}

#[test]
fn i10_an_asynchronous_hook_is_asked_about_the_first_value_that_a_window_gives() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = rooms(TopicOptions::new().intercept_async(Duration::from_millis(100), move |change, cx| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            assert_eq!((cx.window(), cx.client.as_ref().unwrap().label()), (Some("desk"), "desk"));
            match &change {
                Change::Set(value) if *value == json!(["never"]) => std::future::pending().await,
                Change::Set(value) if *value == json!(["boom"]) => panic!("boom"),
                Change::Set(value) if *value == json!(["no"]) => Err(Reject::new("no", "not this")),
                Change::Set(value) if *value == json!(["other"]) => Ok(Change::Set(json!(["another"]))),
                _ => Ok(change),
            }
        }
    }));
    let desk = admin(&app, "desk");
    let create = |initial: &str| desk.create(json!({ "topic": "rooms/1", "initial": [initial] }));
    assert_eq!(bare(create("no")), rejected("rooms/1", "no", "not this"));
    assert_eq!(create("boom").unwrap_err()["code"], "panicked");
    assert_eq!(create("never").unwrap_err()["code"], "timeout");
    assert!(!app.lockstep().contains(&name("rooms/1")));
    assert_eq!(create("other").unwrap()["data"], json!(["another"]));
    assert_eq!(asked.load(Ordering::Relaxed), 4);

    desk.create(json!({ "topic": "rooms/2" })).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 4, "the family's own value is the app's");
    desk.write("rooms/2", 1, json!({ "set": ["fine"] })).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 5, "but a write is asked about");
}

#[test]
fn i10_a_first_value_over_the_limit_is_refused() {
    let app = with_topics(Builder::new().family(ROOMS, |_| vec![]).max_payload_bytes(20));
    let desk = admin(&app, "desk");
    let error = bare(desk.create(json!({ "topic": "rooms/1", "initial": ["x".repeat(20)] })));
    assert_eq!(error, json!({ "kind": "tooLarge", "topic": "rooms/1", "size": 24, "limit": 20 }));
    assert!(app.lockstep().list().is_empty());
}

// Who may

/// What a window is told, with every name in the place of the topic's.
fn told_of(window: &crate::mock::Window, command: &str, topic: &str) -> String {
    let refusal = window.session(command, topic).unwrap_err();
    refusal.to_string().replace(topic, "T")
}

#[test]
fn i13_who_may_read_and_write_may_neither_create_remove_nor_join() {
    let app = rooms(TopicOptions::new());
    app.lockstep().create(ROOMS.topic("lobby").unwrap(), vec![]).unwrap();
    let everything = json!([
        { "identifier": "lockstep:default", "allow": [{ "topic": "*" }] },
        { "identifier": "lockstep:write", "allow": [{ "topic": "*" }] },
    ]);
    let guest = window_with(&app, "guest", &everything);
    for command in ["create_topic", "remove_topic", "join_role", "leave_role"] {
        for topic in ["rooms/lobby", "rooms/none", "chairs/1"] {
            // Tauri refuses it by itself, with a bare string.
            let refusal = guest.session(command, topic).unwrap_err();
            assert!(refusal.as_str().is_some_and(|text| text.contains("not allowed")), "{refusal}");
        }
    }
    assert!(app.lockstep().contains(&name("rooms/lobby")));
    assert_eq!(app.lockstep().primary(), None);
}

#[test]
fn i13_admin_is_what_its_pattern_says_with_one_answer_for_what_is_there_and_what_is_not() {
    let app = rooms(TopicOptions::new());
    for id in ["a1", "z1"] {
        app.lockstep().create(ROOMS.topic(id).unwrap(), vec![]).unwrap();
    }
    let some = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "rooms/a*" }] }]);
    let steward = window_with(&app, "steward", &some);
    for command in ["create_topic", "remove_topic"] {
        let refusal = bare(steward.session(command, "rooms/z1"));
        assert_eq!(refusal, denied("steward", "rooms/z1", "lockstep:admin"));
        for other in ["rooms/z2", "chairs/1", "counter", "weather", "lockstep/primary"] {
            assert_eq!(told_of(&steward, command, "rooms/z1"), told_of(&steward, command, other), "{command} {other}");
        }
    }
    steward.session("create_topic", "rooms/a2").unwrap();
    assert_eq!(steward.session("remove_topic", "rooms/a1").unwrap(), json!({ "removed": true }));
    assert_eq!(app.lockstep().list(), [name("counter"), name("rooms/a2"), name("rooms/z1")]);
}

#[test]
fn i13_a_denied_family_is_answered_alike_whether_it_was_declared_or_not() {
    let app = rooms(TopicOptions::new());
    let other = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "counter" }] }]);
    let guest = window_with(&app, "guest", &other);
    let told = |family: &str| {
        let error = guest.create(json!({ "family": family })).unwrap_err();
        let topic = error["topic"].as_str().unwrap().to_owned();
        let id = topic.strip_prefix(family).unwrap().to_owned();
        (error.to_string().replace(&topic, "T"), id)
    };
    let ((first, id), (second, other), (_, another)) = (told("rooms"), told("chairs"), told("chairs"));
    assert_eq!((first, id.len()), (second, other.len()));
    assert_ne!(other, another, "nor by an id that is always the same");
}

#[test]
fn i13_a_permission_without_topics_creates_removes_and_lists_none() {
    let app = rooms(TopicOptions::new());
    let unscoped = window_with(&app, "unscoped", &json!(["lockstep:admin"]));
    assert_eq!(bare(unscoped.session("create_topic", "rooms/1")), denied("unscoped", "rooms/1", "lockstep:admin"));
    assert_eq!(bare(unscoped.session("remove_topic", "counter")), denied("unscoped", "counter", "lockstep:admin"));
    assert_eq!(unscoped.lockstep("list_topics", json!({})).unwrap(), json!([]));
    assert_eq!(app.lockstep().list(), [name("counter")]);
}

#[test]
fn i13_a_list_shows_what_the_window_may_read_and_the_prefix_covers() {
    let app = rooms(TopicOptions::new());
    for id in ["b", "a", "staff:1"] {
        app.lockstep().create(ROOMS.topic(id).unwrap(), vec![]).unwrap();
    }
    let public = json!([{
        "identifier": "lockstep:default", "allow": [{ "topic": "rooms/*" }], "deny": [{ "topic": "rooms/staff*" }]
    }]);
    let guest = window_with(&app, "guest", &public);
    let list = |arguments: Value| guest.lockstep("list_topics", arguments);
    assert_eq!(list(json!({})).unwrap(), json!(["rooms/a", "rooms/b"]));
    assert_eq!(list(json!({ "prefix": "rooms/b" })).unwrap(), json!(["rooms/b"]));
    assert_eq!(list(json!({ "prefix": null })).unwrap(), json!(["rooms/a", "rooms/b"]));
    assert_eq!(list(json!({ "prefix": "counter" })).unwrap(), json!([]));
    assert_eq!(bare(list(json!({ "prefix": 7 })))["field"], "prefix");
    let all = admin(&app, "desk").lockstep("list_topics", json!({})).unwrap();
    assert_eq!(all, json!(["counter", "rooms/a", "rooms/b", "rooms/staff:1"]));
}

#[test]
fn i13_who_may_create_but_not_read_is_told_the_revision_only() {
    let app = rooms(TopicOptions::new());
    let maker = json!([{ "identifier": "lockstep:allow-create-topic", "allow": [{ "topic": "rooms/*" }] }]);
    let maker = window_with(&app, "maker", &maker);
    let created = maker.create(json!({ "topic": "rooms/1" })).unwrap();
    let revision = app.lockstep().snapshot(ROOMS.topic(1).unwrap()).unwrap().revision;
    assert_eq!(created, json!({ "topic": "rooms/1", "revision": revision, "withheld": true }));
}

// Removal

#[test]
fn i5_a_removed_topic_is_unknown_and_its_successor_has_higher_revisions() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    let first = revision_of(&desk.create(json!({ "topic": "rooms/1" })).unwrap());
    let shelf = admin(&app, "shelf");
    for window in [&desk, &shelf] {
        window.session("subscribe", "rooms/1").unwrap();
    }
    let written = revision_of(&desk.write("rooms/1", 1, json!({ "set": ["x"] })).unwrap());

    let remove = || desk.lockstep("remove_topic", json!({ "topic": "rooms/1" })).unwrap();
    assert_eq!(remove(), json!({ "removed": true }));
    assert_eq!(remove(), json!({ "removed": false }));
    let unknown = json!({ "kind": "unknownTopic", "topic": "rooms/1" });
    assert_eq!(bare(desk.get_snapshot("rooms/1")), unknown);
    assert_eq!(bare(desk.write("rooms/1", 2, json!({ "set": ["y"] }))), unknown);
    assert_eq!(bare(desk.session("subscribe", "rooms/1")), unknown);
    desk.session("unsubscribe", "rooms/1").unwrap();
    assert_eq!(app.lockstep().readers(&name("rooms/1")), 0);

    // Whatever has happened to other topics in between.
    app.lockstep().set(COUNTER, 7).unwrap();
    let second = desk.create(json!({ "topic": "rooms/1" })).unwrap();
    assert!(first < written && written < revision_of(&second), "{first} {written} {second}");
    assert_eq!(second["data"], json!(["welcome to 1"]));
    assert_eq!(app.lockstep().readers(&name("rooms/1")), 1, "the shelf goes on, the desk has stopped");
    desk.session("subscribe", "rooms/1").unwrap();
    assert_eq!(app.lockstep().readers(&name("rooms/1")), 2);
}

#[test]
fn i11_a_write_that_is_repeated_after_its_topic_was_made_anew_does_not_touch_the_new_one() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    desk.create(json!({ "topic": "rooms/1", "initial": ["a"] })).unwrap();
    desk.write("rooms/1", 5, json!({ "set": ["mine"] })).unwrap();
    desk.session("remove_topic", "rooms/1").unwrap();
    let anew = desk.create(json!({ "topic": "rooms/1", "initial": ["b"] })).unwrap();
    let again = desk.write("rooms/1", 5, json!({ "set": ["mine"] })).unwrap();
    assert_eq!((&again["revision"], &again["data"]), (&anew["revision"], &json!(["b"])), "it was applied once");
    assert_eq!(desk.write("rooms/1", 4, json!({ "set": ["older"] })).unwrap_err()["kind"], "outOfOrder");
    assert_eq!(*app.lockstep().get(ROOMS.topic(1).unwrap()).unwrap(), ["b"]);
    desk.write("rooms/1", 6, json!({ "set": ["c"] })).unwrap();
}

#[test]
fn what_rust_removes_is_gone_for_windows_too() {
    let app = rooms(TopicOptions::new());
    let desk = admin(&app, "desk");
    for id in ["1", "2", "3"] {
        desk.create(json!({ "topic": format!("rooms/{id}") })).unwrap();
    }
    let lockstep = app.lockstep();
    assert!(lockstep.remove(&name("rooms/2")).unwrap());
    assert_eq!(lockstep.value_of(&name("rooms/1")).unwrap(), json!(["welcome to 1"]));
    assert_eq!(lockstep.remove_all(&"rooms/*".parse().unwrap()).unwrap(), [name("rooms/1"), name("rooms/3")]);
    assert_eq!(desk.lockstep("list_topics", json!({})).unwrap(), json!(["counter"]));
}

// Ends by themselves

#[test]
fn a_topic_ends_when_its_time_is_over_and_a_write_lets_that_begin_anew() {
    const TTL: Duration = Duration::from_millis(400);
    let topics = Builder::new()
        .family_with(ROOMS, |_| vec![], TopicOptions::new().ttl(TTL).renewed_by_writes())
        .family_with(TopicFamily::<u8>::new("notes"), |_| 0, TopicOptions::new().ttl(TTL));
    let app = with_topics(topics);
    let desk = admin(&app, "desk");
    let begun = Instant::now();
    for topic in ["rooms/1", "notes/1"] {
        desk.create(json!({ "topic": topic })).unwrap();
    }
    let mut seq = 0;
    let mut written = Instant::now();
    eventually("the note is gone", || {
        seq += 1;
        desk.write("rooms/1", seq, json!({ "set": [] })).unwrap();
        written = Instant::now();
        !app.lockstep().contains(&name("notes/1"))
    });
    assert!(begun.elapsed() >= TTL, "it lives that long");
    assert!(app.lockstep().contains(&name("rooms/1")), "the room was written to");
    eventually("the room is gone", || !app.lockstep().contains(&name("rooms/1")));
    assert!(written.elapsed() >= TTL - Duration::from_millis(50), "its last write let its time begin anew");
    assert_eq!(desk.write("rooms/1", seq + 1, json!({ "set": [] })).unwrap_err()["kind"], "unknownTopic");
}

#[test]
fn a_value_that_panics_when_it_is_dropped_keeps_no_other_topic_from_ending() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("boom");
        }
    }
    const BOMB: Topic<Bomb> = Topic::new("bomb");
    let ttl = |ms| TopicOptions::new().ttl(Duration::from_millis(ms));
    let app = with_topics(Builder::new());
    app.lockstep().create_with(COUNTER, 0, TopicOptions::new().ttl(Duration::from_millis(600))).unwrap();
    app.lockstep().create_with(BOMB, Bomb, ttl(100)).unwrap();
    eventually("both are gone", || app.lockstep().list().is_empty());
}

#[test]
fn a_topic_destructs_itself_when_its_last_reader_leaves_and_not_before() {
    /// How often it is asked when nobody leaves, as documented.
    const TIMER: Duration = Duration::from_secs(10);
    let (begun, asked) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    let app = rooms(TopicOptions::new().self_destruct(move |clients_left, created_at| {
        assert!(created_at <= SystemTime::now());
        count.fetch_add(1, Ordering::SeqCst);
        clients_left == 0
    }));
    let (desk, shelf) = (admin(&app, "desk"), admin(&app, "shelf"));
    desk.create(json!({ "topic": "rooms/1" })).unwrap();
    for window in [&desk, &shelf] {
        window.session("subscribe", "rooms/1").unwrap();
    }
    desk.session("unsubscribe", "rooms/1").unwrap();
    eventually("it is asked", || asked.load(Ordering::SeqCst) == 1);
    assert!(app.lockstep().contains(&name("rooms/1")), "the shelf still shows it");
    // A page that leaves what it does not read is nobody who leaves.
    desk.session("unsubscribe", "rooms/1").unwrap();
    shelf.session("unsubscribe", "rooms/1").unwrap();
    eventually("it is gone", || !app.lockstep().contains(&name("rooms/1")));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert!(begun.elapsed() < TIMER, "it was asked because somebody left");
    assert_eq!(shelf.get_snapshot("rooms/1").unwrap_err()["kind"], "unknownTopic");
}

#[test]
fn rust_waits_for_no_hook_when_it_creates_and_its_topic_has_the_family_s_options() {
    let app = rooms(
        TopicOptions::new()
            .validate(|_, _, _| Err(Reject::new("no", "never")))
            .intercept_async(Duration::from_secs(20), |change, _| async { Ok(change) }),
    );
    let lockstep = app.lockstep();
    let room = ROOMS.unique();
    lockstep.create(room.clone(), vec!["Rust's".into()]).unwrap();
    let refused = block_on(lockstep.update_async(room.clone(), |room| room.clear())).unwrap_err();
    assert!(refused.to_string().contains("never"), "{refused}");
    assert_eq!(*lockstep.get(room).unwrap(), ["Rust's"]);
}
