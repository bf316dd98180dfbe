//! Doors: topics that have a say in who may read and write them.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Answer, Client, SessionKey, Store, StoreOptions, Topic, TopicOptions,
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
    assert!(store.door(OPEN.name()).unwrap().is_none());
    let door = store.door(CLOSED.name()).unwrap().unwrap();
    let client = |label: &str| Client::new(label, "tauri://localhost/");
    assert_eq!(door.admits(&client("main").with_info("admin")), Ok(true));
    assert_eq!(door.admits(&client("main").with_info("guest")), Ok(false));
    assert_eq!(door.admits(&client("main")), Ok(false));
    assert_eq!(door.admits(&client("panic").with_info("admin")), Err("boom".to_owned()));
}

#[test]
fn the_door_of_a_topic_that_came_again_is_another() {
    let (store, _) = store();
    let before = store.door(CLOSED.name()).unwrap().unwrap().born;
    store.remove(CLOSED.name()).unwrap();
    assert!(store.door(CLOSED.name()).is_err());
    store.create_with(CLOSED, 1, TopicOptions::new().allow(|_| true)).unwrap();
    assert!(store.door(CLOSED.name()).unwrap().unwrap().born > before);
}

#[test]
fn i5_touching_the_doors_gives_new_revisions_to_topics_that_have_one_and_to_no_other() {
    let (store, recorder) = store();
    let (open, closed) = (store.snapshot(OPEN).unwrap(), store.snapshot(CLOSED).unwrap());
    store.touch_doors().unwrap();
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
}

#[test]
fn a_page_that_is_sent_away_reads_that_topic_no_more_and_its_others_still() {
    let (store, _) = store();
    for label in ["a", "b"] {
        store.subscribe(OPEN.name(), &session(label)).unwrap();
        store.subscribe(CLOSED.name(), &session(label)).unwrap();
    }
    store.dismiss("a", CLOSED.name());
    store.dismiss("nobody", CLOSED.name());
    assert_eq!((store.readers(OPEN.name()), store.readers(CLOSED.name())), (2, 1));
    store.subscribe(CLOSED.name(), &session("a")).unwrap();
    assert_eq!(store.readers(CLOSED.name()), 2, "it may come again when it is let in again");
}
