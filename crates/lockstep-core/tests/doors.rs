//! Doors: topics that have a say in who may read and write them.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Answer, Change, Client, ClientWrite, Departure, PRIMARY, Proposal, SessionKey, Store, StoreOptions,
    Topic, TopicFamily, TopicName, TopicOptions, WriteError,
    testing::{ManualClock, Recorder},
};
use std::{sync::Arc, time::Duration};

const OPEN: Topic<u32> = Topic::new("open");
const CLOSED: Topic<u32> = Topic::new("closed");

fn store() -> (Store, Recorder) {
    let recorder = Recorder::default();
    let clock = Arc::new(ManualClock::default());
    let options = StoreOptions { announce_interval: Duration::ZERO, clock, ..StoreOptions::default() };
    let store = Store::with_options(recorder.clone(), options);
    store.create(OPEN, 1).unwrap();
    let admins = TopicOptions::new().allow(|client| match client.label() {
        "panic" => panic!("boom"),
        _ => client.info::<&str>() == Some(&"admin"),
    });
    store.create_with(CLOSED, 1, admins).unwrap();
    store.announce_due();
    recorder.take();
    (store, recorder)
}

fn session(label: &str) -> SessionKey {
    SessionKey::new(label, "p".parse().unwrap())
}

#[test]
fn i13_a_door_admits_whom_the_app_admits_and_nobody_where_it_panics() {
    let (store, _) = store();
    let (open, door) = (store.door(OPEN.name()).unwrap(), store.door(CLOSED.name()).unwrap());
    assert!(!open.has_rule() && door.has_rule());
    let client = |label: &str| Client::new(label, "tauri://localhost/");
    assert_eq!(door.admits(&client("main").with_info("admin")), Ok(true));
    assert_eq!(door.admits(&client("main").with_info("guest")), Ok(false));
    assert_eq!(door.admits(&client("main")), Ok(false));
    assert_eq!(open.admits(&client("main")), Ok(true));
    assert_eq!(door.admits(&client("panic").with_info("admin")), Err("boom".to_owned()));
}

#[test]
fn i13_the_door_of_a_topic_that_is_not_there_has_the_rule_of_its_family() {
    const AUDIT: TopicFamily<u32> = TopicFamily::new("audit");
    let (store, _) = store();
    let options = TopicOptions::new().allow(|client| client.info::<&str>() == Some(&"admin"));
    store.declare(AUDIT, |_| 0, options).unwrap();
    let client = |info: &'static str| Client::new("main", "tauri://localhost/").with_info(info);
    for _ in 0..2 {
        let door = store.door(AUDIT.topic(1).unwrap().name()).unwrap();
        assert_eq!((door.admits(&client("admin")), door.admits(&client("guest"))), (Ok(true), Ok(false)));
        store.get_or_create(AUDIT.topic(1).unwrap(), || 0).unwrap();
    }
    let other = store.door(&TopicName::new("other/1").unwrap()).unwrap();
    assert!(!other.has_rule() && other.born().is_none());
}

#[test]
fn the_door_of_a_topic_that_came_again_is_another() {
    let (store, _) = store();
    let before = store.door(CLOSED.name()).unwrap();
    store.remove(CLOSED.name()).unwrap();
    assert_eq!(store.door(CLOSED.name()).unwrap().born(), None);
    store.create_with(CLOSED, 1, TopicOptions::new().allow(|_| true)).unwrap();
    assert!(store.door(CLOSED.name()).unwrap().born() > before.born());
}

#[test]
fn i13_who_was_let_in_to_a_topic_is_not_in_the_next_one_of_its_name() {
    let (store, recorder) = store();
    let (closed, open) = (store.door(CLOSED.name()).unwrap(), store.door(OPEN.name()).unwrap());
    let absent = store.door(&TopicName::new("absent").unwrap()).unwrap();
    store.remove(CLOSED.name()).unwrap();
    store.create_with(CLOSED, 7, TopicOptions::new().asynchronous(|| Arc::new(()))).unwrap();
    store.create(Topic::<u32>::new("absent"), 7).unwrap();
    store.announce_due();
    recorder.take();

    for door in [closed, absent] {
        let unknown = AccessError::UnknownTopic(door.name().clone());
        assert_eq!(door.pull(None), Err(unknown.clone().into()));
        let answers = store.pull_many(&[(door.clone(), None), (open.clone(), None)]);
        assert!(answers[0] == Err(unknown.clone().into()) && answers[1].is_ok());
        assert_eq!(door.subscribe(&session("a"), &|| true), Err(unknown.clone().into()));
        let writes = vec![Proposal { expected: None, change: Ok(Change::Set(9.into())) }];
        let write = ClientWrite { session: session("a"), client: None, seq: 1, asked: true, writes };
        assert_eq!(door.write(write), Err(WriteError::Access(unknown.clone())));
        assert_eq!(door.revision(), Err(unknown.clone()));
        assert_eq!(door.was_taken(&session("a"), 1), Err(unknown.clone()));
        assert!(door.asker().is_err(), "nor is it asked by the hook of the one before");
        assert_eq!(door.remove(None), Ok(false));
        assert!(store.contains(door.name()));
        assert_eq!(store.readers(door.name()), 0);
        assert_eq!(store.value_of(door.name()).unwrap(), 7);
    }
    store.announce_due();
    assert_eq!(recorder.take(), []);
}

#[test]
fn i5_touching_the_doors_gives_new_revisions_to_topics_that_have_one_and_to_no_other() {
    let (store, recorder) = store();
    let (open, closed) = (store.snapshot(OPEN).unwrap(), store.snapshot(CLOSED).unwrap());
    store.touch_doors(false).unwrap();
    assert_eq!(store.revision(OPEN.name()), Ok(open.revision));
    let touched = store.snapshot(CLOSED).unwrap();
    assert!(touched.revision > closed.revision);
    assert!(Arc::ptr_eq(&touched.value, &closed.value), "the state is the same");
    store.announce_due();
    let heard = recorder.take();
    assert_eq!(
        heard.iter().map(|it| (&it.topic, it.revision)).collect::<Vec<_>>(),
        [(CLOSED.name(), touched.revision)]
    );
    let again = store.pull(CLOSED.name(), Some(closed.revision)).unwrap();
    assert!(matches!(again, Answer::Snapshot { .. }), "who comes with the old revision is asked in anew");
    let stale = store.compare_and_set(CLOSED, closed.revision, 2);
    assert!(stale.is_err());

    store.touch_doors(true).unwrap();
    assert!(store.revision(OPEN.name()).unwrap() > touched.revision);
}

#[test]
fn a_page_that_is_sent_away_reads_that_topic_no_more_and_its_others_still() {
    let (store, _) = store();
    for label in ["a", "b"] {
        store.subscribe(OPEN.name(), &session(label)).unwrap();
        store.subscribe(CLOSED.name(), &session(label)).unwrap();
    }
    store.dismiss("a", CLOSED.name(), &|| true);
    store.dismiss("nobody", CLOSED.name(), &|| true);
    store.dismiss("b", CLOSED.name(), &|| false);
    assert_eq!((store.readers(OPEN.name()), store.readers(CLOSED.name())), (2, 1));
    store.subscribe(CLOSED.name(), &session("a")).unwrap();
    assert_eq!(store.readers(CLOSED.name()), 2, "it may come again when it is let in again");
}

#[test]
fn i5_a_page_that_is_sent_away_altogether_reads_nothing_and_keeps_the_role_until_it_has_stopped() {
    let (store, _) = store();
    let lives = || true;
    for label in ["a", "b", "c"] {
        store.subscribe(OPEN.name(), &session(label)).unwrap();
        store.join_role(&session(label), &lives).unwrap();
    }
    let holder = || store.primary().map(|holder| holder.window);
    store.dismiss_from_all("b", &|| false);
    assert_eq!((store.readers(OPEN.name()), store.readers(PRIMARY.name())), (3, 3), "it is another page's refusal");
    store.dismiss_from_all("b", &lives);
    assert_eq!(
        (store.readers(OPEN.name()), store.readers(PRIMARY.name())),
        (2, 2),
        "who only waits for it waits no more"
    );
    store.dismiss_from_all("a", &lives);
    assert_eq!((store.readers(OPEN.name()), store.readers(PRIMARY.name())), (1, 2));
    assert_eq!(holder().as_deref(), Some("a"), "it may not have heard yet");
    store.leave_role(&session("a"));
    assert_eq!(holder().as_deref(), Some("c"), "who was sent away is passed by");
    store.dismiss_from_all("a", &lives);
    assert_eq!(store.readers(PRIMARY.name()), 1);

    store.dismiss_from_all("c", &lives);
    assert_eq!(holder().as_deref(), Some("c"));
    store.drop_label("c", Departure::Silent);
    assert_eq!(holder(), None, "nor does it keep it when it is gone");
}
