//! Families: topics of one type, which windows may create.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    Change, ChangeError, Client, ClientCreate, CreateError, Reject, Revision, SessionKey, Store, StoreOptions, Topic,
    TopicFamily, TopicName, TopicOptions, UpdateError, testing::Recorder,
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

const DOWNLOADS: TopicFamily<u32> = TopicFamily::new("downloads");

fn store(options: TopicOptions<u32>) -> (Store, Recorder) {
    let recorder = Recorder::default();
    let every = StoreOptions { announce_interval: Duration::ZERO, ..StoreOptions::default() };
    let store = Store::with_options(recorder.clone(), every);
    store.declare(DOWNLOADS, |id| id.parse().unwrap(), options).unwrap();
    (store, recorder)
}

fn limited() -> TopicOptions<u32> {
    TopicOptions::new().validate(|_, next, _| match next {
        0..=100 => Ok(()),
        _ => Err(Reject::new("limit", "at most 100")),
    })
}

fn name(name: &str) -> TopicName {
    name.parse().unwrap()
}

fn creation(topic: &str, initial: Option<Value>) -> ClientCreate {
    let session = SessionKey::new("main", "p".parse().unwrap());
    ClientCreate { topic: name(topic), session, initial: initial.map(Change::Set) }
}

fn source(result: Result<Revision, CreateError>) -> ChangeError {
    match result {
        Err(CreateError::Change { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn nothing_happened(store: &Store, recorder: &Recorder) {
    store.announce_due();
    assert_eq!((store.list(), recorder.take().len()), (vec![], 0));
    let next = store.create(Topic::<u8>::new("next"), 1).unwrap();
    assert_eq!(next.as_u64(), 1, "no revision was lost");
}

#[test]
fn windows_create_the_topics_of_a_family_with_its_first_value_or_their_own() {
    let (store, recorder) = store(TopicOptions::new());
    let first = store.create_from_client(creation("downloads/42", None), None).unwrap();
    assert_eq!(*store.get(DOWNLOADS.topic(42).unwrap()).unwrap(), 42, "made from the id");
    store.create_from_client(creation("downloads/x", Some(json!(7))), None).unwrap_err();
    store.create_from_client(creation("downloads/43", Some(json!(7))), None).unwrap();
    assert_eq!(*store.get(DOWNLOADS.topic(43).unwrap()).unwrap(), 7);
    store.announce_due();
    let heard = recorder.take();
    assert_eq!((heard[0].revision, heard[0].source_id.as_deref()), (first, Some("main")));
    let taken = store.create_from_client(creation("downloads/42", Some(json!(1))), None);
    assert_eq!(taken, Err(CreateError::AlreadyExists(name("downloads/42"))));
}

#[test]
fn a_family_s_options_are_those_of_all_its_topics_whoever_creates_them() {
    let (store, _) = store(limited().ttl(Duration::from_secs(60)));
    let (theirs, ours, own) = (name("downloads/1"), DOWNLOADS.topic(2).unwrap(), DOWNLOADS.topic(3).unwrap());
    store.create_from_client(creation("downloads/1", None), None).unwrap();
    store.create(ours.clone(), 0).unwrap();
    store.get_or_create(DOWNLOADS.topic(4).unwrap(), || 0).unwrap();
    store.create_with(own.clone(), 0, TopicOptions::new()).unwrap();
    for topic in [Topic::named(theirs), ours, DOWNLOADS.topic(4).unwrap()] {
        assert!(matches!(store.set(topic, 101), Err(UpdateError::Change { .. })));
    }
    store.set(own, 101).unwrap();
    assert_eq!(store.stats().mortal_topics, 3);
}

#[test]
fn i10_what_a_window_gives_passes_the_hooks_as_a_set_with_the_client_that_gives_it() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let (store, recorder) = store(limited().intercept(move |change, cx| {
        let user = cx.client().and_then(Client::info::<&str>).copied();
        let who = (cx.window().map(str::to_owned), user, cx.seq(), cx.revision());
        hear.lock().unwrap().push((change.clone(), who));
        Ok(change)
    }));
    let client = Client::new("main", "tauri://localhost/").with_info("ada");
    let refused = source(store.create_from_client(creation("downloads/1", Some(json!(101))), Some(&client)));
    assert_eq!(refused, ChangeError::Rejected(Reject::new("limit", "at most 100")));
    let who = (Some("main".to_owned()), Some("ada"), None, Revision::ZERO);
    assert_eq!(*told.lock().unwrap(), [(Change::Set(json!(101)), who)]);
    let wrong = source(store.create_from_client(creation("downloads/1", Some(json!("x"))), None));
    assert!(matches!(wrong, ChangeError::InvalidData { .. }));
    nothing_happened(&store, &recorder);
}

#[test]
fn i10_a_family_that_panics_creates_nothing_and_wedges_nothing() {
    let (store, recorder) = store(TopicOptions::new());
    let panicked = source(store.create_from_client(creation("downloads/not-a-number", None), None));
    assert!(matches!(panicked, ChangeError::Panicked(_)));
    nothing_happened(&store, &recorder);
    store.create_from_client(creation("downloads/1", None), None).unwrap();
}

#[test]
fn only_names_of_a_declared_family_can_be_created_by_windows() {
    let (store, recorder) = store(TopicOptions::new());
    for topic in ["downloads", "downloads/", "download/1", "downloads/1/2", "other/downloads/1", "x"] {
        let told = store.create_from_client(creation(topic, Some(json!(1))), None);
        assert_eq!(told, Err(CreateError::NoFamily(name(topic))));
    }
    nothing_happened(&store, &recorder);
}

#[test]
fn a_topic_of_another_type_is_none_of_the_family() {
    let (store, recorder) = store(TopicOptions::new());
    let wrong = Topic::<String>::new("downloads/1");
    let told = CreateError::WrongType(wrong.name().clone());
    assert_eq!(store.create(wrong.clone(), String::new()), Err(told.clone()));
    assert_eq!(store.get_or_create(wrong, String::new).unwrap_err(), told);
    let again = store.declare(TopicFamily::<String>::new("downloads"), |_| String::new(), TopicOptions::new());
    assert_eq!(again, Err(CreateError::AlreadyExists(DOWNLOADS.name().clone())));
    nothing_happened(&store, &recorder);
}

#[test]
fn i4_windows_create_nothing_from_inside_a_write_nor_does_a_family_s_first_value() {
    let slot: Arc<OnceLock<Store>> = Arc::default();
    let inner = Arc::clone(&slot);
    let (store, _) = store(TopicOptions::new());
    let nosy =
        move |_: &str| inner.get().unwrap().list().len() as u32 + inner.get().unwrap().get(COUNTER).map_or(50, |_| 0);
    const COUNTER: Topic<u32> = Topic::new("counter");
    store.create(COUNTER, 0).unwrap();
    store.declare(TopicFamily::<u32>::new("nosy"), nosy, TopicOptions::new()).unwrap();
    assert!(slot.set(store.clone()).is_ok());
    store
        .update(COUNTER, |_| {
            let inside = store.create_from_client(creation("downloads/1", None), None);
            assert_eq!(inside, Err(CreateError::InsideWrite));
            assert!(store.get(COUNTER).is_err(), "the write goes on");
        })
        .unwrap();
    store.create_from_client(creation("nosy/1", None), None).unwrap();
    assert_eq!(*store.get(Topic::<u32>::new("nosy/1")).unwrap(), 51, "it is part of a write");
}

#[test]
fn each_topic_of_an_asynchronous_family_has_an_asker_of_its_own() {
    let made = Arc::new(Mutex::new(0));
    let count = Arc::clone(&made);
    let (store, _) = store(TopicOptions::new().asynchronous(move || {
        *count.lock().unwrap() += 1;
        Arc::new(*count.lock().unwrap())
    }));
    for id in [1, 2] {
        store.create_from_client(creation(&format!("downloads/{id}"), None), None).unwrap();
    }
    let asker = |topic: &str| store.door(&name(topic)).unwrap().asker().unwrap().unwrap();
    assert!(Arc::ptr_eq(&asker("downloads/1"), &asker("downloads/1")), "made once");
    assert!(!Arc::ptr_eq(&asker("downloads/1"), &asker("downloads/2")));
    assert!(store.asker_of_family(&name("downloads/3")).is_some());
    assert!(store.asker_of_family(&name("other/3")).is_none());
}

#[test]
fn names_are_made_up_only_in_declared_families() {
    let (store, _) = store(TopicOptions::new());
    let made_up = store.unique_name(DOWNLOADS.name()).unwrap();
    assert!(DOWNLOADS.id_of(&made_up).is_some_and(|id| id.len() == 16));
    assert_eq!(store.unique_name(&name("other")), None);
}
