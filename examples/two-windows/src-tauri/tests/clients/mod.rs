//! Who may join: what the app says of pages, and topics of clients. Pages that load are shown with real windows.

use crate::{
    bare, denied,
    mock::{PATIENCE, Window, admin, eventually, started, window_with, with_topics},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};
use tauri::{App, AppHandle, Manager, Webview, Wry, async_runtime::spawn_blocking, test::MockRuntime};
use tauri_plugin_lockstep::{BackgroundError, Builder, LockstepExt, PRIMARY, Reject, Topic, TopicFamily, TopicOptions};

type MockWebview = Webview<MockRuntime>;

const COUNTER: Topic<u32> = Topic::new("counter");
const OTHER: Topic<u32> = Topic::new("other");
const SAFE: Topic<u32> = Topic::new("safe");
const ROOMS: TopicFamily<u32> = TopicFamily::new("rooms");

struct Account {
    is_staff: bool,
}

fn refused(window: &str, topic: &str, code: &str, reason: &str) -> Value {
    json!({ "kind": "denied", "topic": topic, "window": window, "code": code, "reason": reason })
}

/// Everything that a page can ask about a topic.
fn asks_everything(window: &Window, topic: &str) -> Vec<Value> {
    let set = json!({ "set": 1 });
    let several = window.lockstep("get_snapshots", json!({ "topics": [{ "topic": topic }] })).unwrap();
    vec![
        bare(window.get_snapshot(topic)),
        bare(Err(several[0]["error"].clone())),
        bare(window.write(topic, 1, set)),
        bare(window.session("subscribe", topic)),
        bare(window.session("create_topic", topic)),
        bare(window.session("remove_topic", topic)),
    ]
}

// authorize

#[test]
fn i13_a_page_that_the_app_refuses_reaches_nothing_whatever_its_capabilities_say() {
    let app = with_topics(Builder::new().topic(COUNTER, 0).family(ROOMS, |_| 0).authorize(|webview: MockWebview| {
        let label = webview.label().to_owned();
        async move {
            match &*label {
                "stranger" => Err(Reject::new("anonymous", "say who you are")),
                _ => Ok(()),
            }
        }
    }));
    let (stranger, friend) = (admin(&app, "stranger"), admin(&app, "friend"));
    for topic in ["counter", "rooms/1", "weather"] {
        for refusal in asks_everything(&stranger, topic) {
            assert_eq!(refusal, refused("stranger", topic, "anonymous", "say who you are"));
        }
    }
    for (arguments, listed) in [(json!({}), "*"), (json!({ "prefix": "rooms/" }), "rooms/*")] {
        let refusal = bare(stranger.lockstep("list_topics", arguments));
        assert_eq!(refusal, refused("stranger", listed, "anonymous", "say who you are"));
    }
    assert_eq!(app.lockstep().readers(COUNTER.name()), 0);
    assert_eq!(*app.lockstep().get(COUNTER).unwrap(), 0);
    assert!(friend.get_snapshot("counter").is_ok());
    assert_eq!(friend.lockstep("list_topics", json!({})).unwrap(), json!(["counter"]));
}

#[test]
fn the_app_is_asked_once_for_each_page_however_many_calls_come_at_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Barrier::new(2));
    let (count, door) = (Arc::clone(&asked), Arc::clone(&gate));
    let app = with_topics(Builder::new().topic(COUNTER, 0).authorize(move |_: MockWebview| {
        count.fetch_add(1, Ordering::SeqCst);
        let door = Arc::clone(&door);
        async move {
            spawn_blocking(move || door.wait()).await.unwrap();
            Ok(())
        }
    }));
    let desk = admin(&app, "desk");
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let desk = desk.clone();
            thread::spawn(move || desk.get_snapshot("counter"))
        })
        .collect();
    eventually("the app is asked", || asked.load(Ordering::SeqCst) > 0);
    assert!(calls.iter().all(|call| !call.is_finished()), "nobody is let in before the app has answered");
    gate.wait();
    for call in calls {
        call.join().unwrap().unwrap();
    }
    desk.write("counter", 1, json!({ "set": 1 })).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let shelf = admin(&app, "shelf");
    let call = thread::spawn(move || shelf.get_snapshot("counter"));
    gate.wait();
    call.join().unwrap().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2, "another page is another question");
}

#[test]
fn the_app_is_not_asked_about_what_the_scopes_deny() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = with_topics(Builder::new().topic(COUNTER, 0).authorize(move |_: MockWebview| {
        count.fetch_add(1, Ordering::SeqCst);
        async { Ok(()) }
    }));
    let reader = json!([{ "identifier": "lockstep:default", "allow": [{ "topic": "other" }] }]);
    let reader = window_with(&app, "reader", &reader);
    assert_eq!(bare(reader.get_snapshot("counter")), denied("reader", "counter", "lockstep:default"));
    let nothing = window_with(&app, "nothing", &json!(["lockstep:default"]));
    assert_eq!(nothing.lockstep("list_topics", json!({})).unwrap(), json!([]));
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn the_app_is_asked_again_when_it_wants_to_be() {
    let (asked, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let (count, is_open) = (Arc::clone(&asked), Arc::clone(&open));
    let topics = Builder::new().topic(COUNTER, 0).topic(OTHER, 0);
    let app = with_topics(topics.authorize(move |_: MockWebview| {
        count.fetch_add(1, Ordering::SeqCst);
        let open = is_open.load(Ordering::SeqCst);
        async move { if open { Ok(()) } else { Err(Reject::new("closed", "come back tomorrow")) } }
    }));
    let permissions = json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "*" }] }, "lockstep:role"]);
    let desk = window_with(&app, "desk", &permissions);
    let shelf = window_with(&app, "shelf", &permissions);
    for window in [&desk, &shelf] {
        window.session("join_role", "lockstep/primary").unwrap();
        window.session("subscribe", "other").unwrap();
    }
    desk.session("subscribe", "counter").unwrap();
    open.store(false, Ordering::SeqCst);
    desk.get_snapshot("counter").unwrap();
    assert_eq!(app.lockstep().readers(COUNTER.name()), 1);
    app.lockstep().reauthorize().unwrap();
    for _ in 0..2 {
        let refusal = bare(desk.get_snapshot("counter"));
        assert_eq!(refusal, refused("desk", "counter", "closed", "come back tomorrow"));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 3, "once about the shelf, twice about the desk: a refusal is kept, too");
    assert_eq!(app.lockstep().readers(COUNTER.name()), 0, "who is refused reads nothing");
    assert_eq!(app.lockstep().readers(OTHER.name()), 1, "not even what it has not asked for; the shelf has not called");
    for command in ["get_snapshot", "join_role"] {
        assert_eq!(desk.session(command, "lockstep/primary").unwrap_err()["code"], "closed");
    }
    assert!(app.lockstep().primary().is_some(), "the page may still do what the primary does");
    shelf.get_snapshot("counter").unwrap_err();
    assert_eq!(app.lockstep().readers(OTHER.name()), 0);
    desk.session("leave_role", "lockstep/primary").unwrap();
    assert_eq!(app.lockstep().primary(), None, "who waited for it was refused, too");
    desk.get_snapshot("counter").unwrap_err();
    assert_eq!(app.lockstep().readers(PRIMARY.name()), 0);
    open.store(true, Ordering::SeqCst);
    app.lockstep().reauthorize().unwrap();
    desk.get_snapshot("counter").unwrap();
}

#[test]
fn a_panic_while_the_app_is_asked_refuses_is_told_and_is_not_kept() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = Arc::clone(&broken);
    let builder = Builder::new()
        .topic(COUNTER, 0)
        .topic(SAFE, 0)
        .on_error(move |error| hears.lock().unwrap().push(error.clone()))
        .authorize(move |_: MockWebview| {
            assert!(!is_broken.load(Ordering::SeqCst), "broken");
            async { Ok(()) }
        });
    let app = with_topics(builder);
    let desk = admin(&app, "desk");
    let refusal = bare(desk.get_snapshot("counter"));
    assert_eq!(refusal, refused("desk", "counter", "panicked", "the app's own code panicked"));
    let window = "desk".to_owned();
    let reason = "the app's own code panicked".to_owned();
    assert_eq!(*told.lock().unwrap(), [BackgroundError::NotAuthorized { window, reason }]);
    told.lock().unwrap().clear();
    let both = json!({ "topics": [{ "topic": "counter" }, { "topic": "safe" }] });
    let refusals = desk.lockstep("get_snapshots", both).unwrap();
    assert_eq!(
        (&refusals[0]["error"]["code"], &refusals[1]["error"]["code"]),
        (&json!("panicked"), &json!("panicked"))
    );
    assert_eq!(told.lock().unwrap().len(), 1, "one call asks once, however many topics there are");
    broken.store(false, Ordering::SeqCst);
    desk.get_snapshot("counter").unwrap();
}

#[test]
fn i4_what_the_app_knows_of_a_page_may_use_the_plugin_when_it_is_dropped() {
    struct Nosy(AppHandle<MockRuntime>, mpsc::Sender<()>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            self.0.lockstep().reauthorize().unwrap();
            self.1.send(()).unwrap();
        }
    }
    let (dropped, drops) = mpsc::channel();
    let dropped = Mutex::new(dropped);
    let app = with_topics(Builder::new().topic(COUNTER, 0).authorize(move |webview: MockWebview| {
        let nosy = Nosy(webview.app_handle().clone(), dropped.lock().unwrap().clone());
        async move { Ok(nosy) }
    }));
    admin(&app, "desk").get_snapshot("counter").unwrap();
    let handle = app.handle().clone();
    thread::spawn(move || handle.lockstep().reauthorize().unwrap());
    drops.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn a_closure_for_another_runtime_stops_the_app_at_its_start() {
    let builder = Builder::new().authorize(|_: Webview<Wry>| async { Ok(()) });
    let error = started(builder).map(drop).unwrap_err();
    assert!(error.to_string().contains("`authorize`"), "{error}");
}

// allow

/// An app whose topic `safe` is for staff; who is staff can change.
fn with_staff(
    staff: &Arc<AtomicBool>,
    asked: &Arc<AtomicUsize>,
    hears: impl Fn(&BackgroundError) + Send + Sync + 'static,
) -> App<MockRuntime> {
    let (staff, asked) = (Arc::clone(staff), Arc::clone(asked));
    let options = || {
        let asked = Arc::clone(&asked);
        TopicOptions::new()
            .allow(move |client| {
                asked.fetch_add(1, Ordering::SeqCst);
                client.info::<Account>().unwrap().is_staff
            })
            .validate(|_, next, cx| match (cx.client(), cx.window()) {
                (Some(client), Some(label))
                    if client.label() == label && client.info::<Account>().unwrap().is_staff =>
                {
                    Ok(())
                }
                (None, None) => Ok(()),
                _ => Err(Reject::new("who", format!("{next} is not for you"))),
            })
    };
    let builder = Builder::new()
        .topic(COUNTER, 0)
        .topic_with(SAFE, 0, options())
        .family_with(ROOMS, |_| 0, options())
        .on_error(hears)
        .authorize(move |_: MockWebview| {
            let is_staff = staff.load(Ordering::SeqCst);
            async move { Ok(Account { is_staff }) }
        });
    with_topics(builder)
}

fn not_allowed(window: &str, topic: &str) -> Value {
    refused(window, topic, "notAllowed", "the topic's own rule does not allow this window")
}

#[test]
fn i13_a_topic_s_own_rule_is_asked_once_for_each_page_and_hooks_see_whom_it_let_in() {
    let (staff, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let app = with_staff(&staff, &asked, |_| {});
    let desk = admin(&app, "desk");
    desk.session("subscribe", "safe").unwrap();
    for seq in 1..=3 {
        desk.write("safe", seq, json!({ "set": seq })).unwrap();
        assert_eq!(desk.get_snapshot("safe").unwrap()["data"], seq);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    app.lockstep().set(SAFE, 9).unwrap();

    staff.store(false, Ordering::SeqCst);
    let guest = admin(&app, "guest");
    for _ in 0..2 {
        for (refusal, command) in asks_everything(&guest, "safe").into_iter().zip(1..) {
            assert_eq!(refusal, not_allowed("guest", "safe"), "ask {command}");
        }
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(guest.lockstep("list_topics", json!({})).unwrap(), json!(["counter"]));
    guest.get_snapshot("counter").unwrap();
    assert_eq!(*app.lockstep().get(SAFE).unwrap(), 9);
}

#[test]
fn i13_who_is_not_allowed_any_more_is_denied_with_its_next_call_and_counts_no_more() {
    let (staff, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let app = with_staff(&staff, &asked, |_| {});
    let (desk, shelf) = (admin(&app, "desk"), admin(&app, "shelf"));
    for window in [&desk, &shelf] {
        window.session("subscribe", "safe").unwrap();
        window.session("subscribe", "counter").unwrap();
    }
    assert_eq!(app.lockstep().readers(SAFE.name()), 2);
    staff.store(false, Ordering::SeqCst);
    let before = app.lockstep().snapshot(SAFE).unwrap().revision;
    let untouched = app.lockstep().snapshot(COUNTER).unwrap().revision;
    desk.get_snapshot("safe").unwrap();

    app.lockstep().reauthorize().unwrap();
    assert!(app.lockstep().snapshot(SAFE).unwrap().revision > before, "its windows are told to ask again");
    assert!(app.lockstep().snapshot(COUNTER).unwrap().revision > untouched, "for the app may refuse them altogether");
    assert_eq!(bare(desk.get_snapshot("safe")), not_allowed("desk", "safe"));
    assert_eq!(app.lockstep().readers(SAFE.name()), 1, "the shelf has not asked yet");
    assert_eq!(bare(shelf.get_snapshot("safe")), not_allowed("shelf", "safe"));
    assert_eq!((app.lockstep().readers(SAFE.name()), app.lockstep().readers(COUNTER.name())), (0, 2));

    staff.store(true, Ordering::SeqCst);
    app.lockstep().reauthorize().unwrap();
    desk.session("subscribe", "safe").unwrap();
    assert_eq!(app.lockstep().readers(SAFE.name()), 1);
}

#[test]
fn i13_a_new_topic_under_an_old_name_is_asked_for_itself() {
    let (staff, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let app = with_staff(&staff, &asked, |_| {});
    let desk = admin(&app, "desk");
    desk.create(json!({ "topic": "rooms/1" })).unwrap();
    desk.get_snapshot("rooms/1").unwrap();
    desk.get_snapshot("rooms/1").unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2, "once before the topic was there, and once for it");
    app.lockstep().remove(&"rooms/1".parse().unwrap()).unwrap();
    app.lockstep().create_with(ROOMS.topic(1).unwrap(), 0, TopicOptions::new().allow(|_| false)).unwrap();
    assert_eq!(bare(desk.get_snapshot("rooms/1")), not_allowed("desk", "rooms/1"));
}

#[test]
fn i13_who_was_let_in_while_another_topic_had_the_name_does_not_get_the_next_one() {
    let (asking, asked) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    let (asking, answers) = (Mutex::new(asking), Mutex::new(answers));
    let slow = TopicOptions::new().allow(move |_| {
        asking.lock().unwrap().send(()).unwrap();
        answers.lock().unwrap().recv().unwrap()
    });
    let app = with_topics(Builder::new().topic_with(SAFE, 1, slow));
    let desk = admin(&app, "desk");
    let call = thread::spawn({
        let desk = desk.clone();
        move || desk.get_snapshot("safe")
    });
    asked.recv_timeout(PATIENCE).unwrap();
    app.lockstep().remove(SAFE.name()).unwrap();
    app.lockstep().create_with(SAFE, 7, TopicOptions::new().allow(|_| false)).unwrap();
    answer.send(true).unwrap();
    assert_eq!(bare(call.join().unwrap()), json!({ "kind": "unknownTopic", "topic": "safe" }));
    assert_eq!(bare(desk.get_snapshot("safe")), not_allowed("desk", "safe"));
}

#[test]
fn i13_whom_a_family_does_not_let_in_creates_none_of_its_topics() {
    let (staff, asked) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let app = with_staff(&staff, &asked, |_| {});
    staff.store(false, Ordering::SeqCst);
    let guest = admin(&app, "guest");
    for arguments in [json!({ "topic": "rooms/1" }), json!({ "topic": "rooms/1", "initial": 1 })] {
        assert_eq!(bare(guest.create(arguments)), not_allowed("guest", "rooms/1"));
    }
    assert_eq!(bare(guest.get_snapshot("rooms/1")), not_allowed("guest", "rooms/1"), "as if it were there");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(!app.lockstep().contains(&"rooms/1".parse().unwrap()));
}

#[test]
fn i13_a_rule_that_panics_lets_nobody_in_and_is_told() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let builder = Builder::new()
        .topic_with(SAFE, 0, TopicOptions::new().allow(|_| panic!("boom")))
        .on_error(move |error| hears.lock().unwrap().push(error.clone()));
    let app = with_topics(builder);
    let desk = admin(&app, "desk");
    for _ in 0..2 {
        assert_eq!(bare(desk.get_snapshot("safe")), not_allowed("desk", "safe"));
    }
    let (topic, window, panic) = (SAFE.name().clone(), "desk".to_owned(), "boom".to_owned());
    assert_eq!(*told.lock().unwrap(), [BackgroundError::AllowPanicked { topic, window, panic }]);
}

#[test]
fn a_client_is_its_label_and_where_it_was() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let app = with_topics(Builder::new().topic_with(
        SAFE,
        0,
        TopicOptions::new().allow(move |client| {
            sees.lock().unwrap().push((
                client.label().to_owned(),
                client.url().to_owned(),
                client.info::<Account>().is_none(),
            ));
            true
        }),
    ));
    admin(&app, "desk").get_snapshot("safe").unwrap();
    eventually("the rule was asked", || seen.lock().unwrap().len() == 1);
    let (label, url, without_info) = seen.lock().unwrap()[0].clone();
    assert_eq!((&*label, without_info), ("desk", true));
    assert!(url.contains("localhost") || url.contains("about:blank"), "{url}");
}
