//! Deliveries, case by case.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lockstep_core::{
    Answer, Change, ClientWrite, DELIVERY_TIMEOUT, Delivery, Departure, PageId, Proposal, Revision, SessionKey,
    SubscribeError, Topic, TopicName, TopicOptions, testing::TestStore,
};
use std::time::Duration;

const A: Topic<u32> = Topic::new("a");
const B: Topic<u32> = Topic::new("b");

fn session(label: &str, page: &str) -> SessionKey {
    SessionKey::new(label, page.parse::<PageId>().unwrap())
}

fn page() -> SessionKey {
    session("main", "p")
}

/// A store with two topics, and a page that is delivered both.
fn store() -> TestStore {
    let store = TestStore::new();
    store.create(A, 0).unwrap();
    store.create(B, 0).unwrap();
    store.deliveries_due();
    reads(&store, &page());
    store
}

fn reads(store: &TestStore, page: &SessionKey) {
    for topic in [A, B] {
        assert!(subscribes(store, topic.name(), page).unwrap());
        let answer = store.pull(topic.name(), None).unwrap();
        store.gave(page, topic.name(), answer.revision());
    }
}

fn subscribes(store: &TestStore, topic: &TopicName, page: &SessionKey) -> Result<bool, SubscribeError> {
    store.door(topic).unwrap().subscribe_to_deliveries(page, &|| true, false)
}

fn take(store: &TestStore, label: &str) -> Option<Delivery> {
    let due = store.deliveries_due();
    let delivery = store.take_delivery(label, |_, _| true);
    assert_eq!(due.ready.iter().any(|ready| **ready == *label), delivery.is_some(), "who is ready is taken from");
    delivery
}

/// What a delivery says, as `topic revision json`.
fn told(delivery: &Delivery) -> Vec<String> {
    let entry = |entry: &lockstep_core::DeliveryEntry| match &entry.answer {
        Some(Answer::Snapshot { revision, data }) => {
            assert_eq!(*revision, entry.revision);
            format!("{} {revision} {data}", entry.topic)
        }
        Some(other) => format!("{} {other:?}", entry.topic),
        None => format!("{} {} ask", entry.topic, entry.revision),
    };
    delivery.entries.iter().map(entry).collect()
}

fn write(store: &TestStore, topic: &TopicName, by: &SessionKey, seq: u64, value: u32) -> Revision {
    let change = Proposal { expected: None, change: Ok(Change::Set(value.into())) };
    let write = ClientWrite { session: by.clone(), client: None, seq, asked: false, writes: vec![change] };
    *store.door(topic).unwrap().write(write).unwrap()[0].as_ref().unwrap()
}

#[test]
fn nobody_else_is_woken_for_a_write_before_its_writer_is_answered() {
    let store = store();
    store.announce_due();
    store.recorder.take_wakes();
    store.recorder.take_delivery_wakes();
    let change = Proposal { expected: None, change: Ok(Change::Set(1.into())) };
    let write =
        ClientWrite { session: session("writer", "w"), client: None, seq: 1, asked: false, writes: vec![change] };
    let (outcomes, held) = store.door(A.name()).unwrap().write_first(write);
    let written = *outcomes.unwrap()[0].as_ref().unwrap();
    assert_eq!((store.recorder.take_wakes(), store.recorder.take_delivery_wakes()), (0, 0));
    drop(held);
    assert_eq!((store.recorder.take_wakes(), store.recorder.take_delivery_wakes()), (1, 1));
    assert_eq!(take(&store, "main").unwrap().entries[0].revision, written);
}

#[test]
fn i14_one_message_is_under_way_and_the_next_has_all_topics_at_their_newest() {
    let store = store();
    assert_eq!(take(&store, "main"), None, "nothing is new to the page");
    let first = store.set(A, 1).unwrap();
    let delivery = take(&store, "main").unwrap();
    assert_eq!(told(&delivery), [format!("a {first} 1")]);
    let mut last = first;
    for n in 2..1000 {
        store.set(B, n).unwrap();
        last = store.set(A, n).unwrap();
        assert_eq!(take(&store, "main"), None, "one at a time");
    }
    assert_eq!(store.stats().delivered_topics, 2 + 2 + 1, "given, dirty, under way");
    store.acknowledged("main", delivery.id);
    let next = take(&store, "main").unwrap();
    assert_eq!(told(&next), [format!("a {last} 999"), format!("b {} 999", last.as_u64() - 1)]);
    store.acknowledged("main", next.id);
    assert_eq!(take(&store, "main"), None);
}

#[test]
fn i14_who_is_changed_all_the_time_is_told_less_and_less_often_and_at_once_after_a_rest() {
    let store = store();
    let mut waited = Vec::new();
    for n in 1..9 {
        store.set(A, n).unwrap();
        let due = store.deliveries_due();
        let wait = due.next.map_or(Duration::ZERO, |next| next - store.now());
        waited.push(wait.as_millis());
        store.clock.advance(wait);
        let delivery = take(&store, "main").unwrap();
        store.set(A, 100 + n).unwrap();
        store.deliveries_due();
        store.acknowledged("main", delivery.id);
    }
    assert_eq!(waited, [0, 0, 1, 2, 4, 8, 16, 16]);
    store.clock.advance(Duration::from_millis(16));
    let last = take(&store, "main").unwrap();
    store.acknowledged("main", last.id);
    store.set(A, 0).unwrap();
    assert!(take(&store, "main").is_some(), "the first after a rest goes at once");
}

#[test]
fn i14_a_page_that_rests_costs_nothing_and_is_told_once_when_it_does_not_any_more() {
    let store = store();
    let rest = |topic: &TopicName| store.door(topic).unwrap().subscribe_to_deliveries(&page(), &|| true, true).unwrap();
    assert!(rest(A.name()) && rest(B.name()));
    store.recorder.take_delivery_wakes();
    let before = store.stats().delivered_topics;
    for n in 1..1000 {
        store.set(A, n).unwrap();
        store.set(B, n).unwrap();
        assert_eq!(take(&store, "main"), None);
        assert_eq!(store.stats().delivered_topics, before);
    }
    assert!(store.recorder.take_delivery_wakes() <= 2, "once for each topic: nobody is marked, so nobody unmarks it");
    assert!(subscribes(&store, A.name(), &page()).unwrap() && subscribes(&store, B.name(), &page()).unwrap());
    let delivery = take(&store, "main").unwrap();
    assert_eq!(delivery.entries.len(), 2, "both in one");
    store.acknowledged("main", delivery.id);
    assert_eq!(take(&store, "main"), None);

    // One topic rests, the other does not.
    rest(A.name());
    store.set(A, 5000).unwrap();
    let last = store.set(B, 5000).unwrap();
    assert_eq!(told(&take(&store, "main").unwrap()), [format!("b {last} 5000")]);
}

#[test]
fn who_rested_and_has_missed_nothing_is_told_nothing() {
    let store = store();
    assert!(store.door(A.name()).unwrap().subscribe_to_deliveries(&page(), &|| true, true).unwrap());
    assert!(subscribes(&store, A.name(), &page()).unwrap());
    assert_eq!(store.take_delivery("main", |_, _| true), None);
    store.set(A, 1).unwrap();
    // What waits when the rest begins is not told in it.
    store.deliveries_due();
    assert!(store.door(A.name()).unwrap().subscribe_to_deliveries(&page(), &|| true, true).unwrap());
    assert_eq!(take(&store, "main"), None);
}

#[test]
fn the_outside_is_woken_once_until_a_page_takes() {
    let store = store();
    store.recorder.take_delivery_wakes();
    store.set(A, 1).unwrap();
    store.set(A, 2).unwrap();
    assert_eq!(store.recorder.take_delivery_wakes(), 1);
    let delivery = take(&store, "main").unwrap();
    store.set(A, 3).unwrap();
    store.set(A, 4).unwrap();
    assert_eq!(store.recorder.take_delivery_wakes(), 1);
    store.deliveries_due();
    store.acknowledged("main", delivery.id);
    assert_eq!(store.recorder.take_delivery_wakes(), 1, "there is more for the page");
}

#[test]
fn what_a_page_was_answered_is_not_delivered_to_it() {
    let store = store();
    let other = session("other", "p");
    reads(&store, &other);
    let revision = write(&store, A.name(), &page(), 1, 7);
    store.gave(&page(), A.name(), revision);
    assert_eq!(take(&store, "other").unwrap().entries[0].source_id.as_deref(), Some("main"));
    // It is ready, since it is marked; but there is nothing to tell.
    store.deliveries_due();
    assert_eq!(store.take_delivery("main", |_, _| true), None);
    store.set(A, 8).unwrap();
    assert_eq!(take(&store, "main").unwrap().entries[0].source_id, None);
}

#[test]
fn a_delivery_names_the_window_that_made_all_that_is_new() {
    let store = store();
    let (one, two) = (session("one", "p"), session("two", "p"));
    let source = |delivery: Delivery| {
        store.acknowledged("main", delivery.id);
        delivery.entries[0].source_id.as_deref().map(str::to_owned)
    };
    write(&store, A.name(), &one, 1, 1);
    write(&store, A.name(), &one, 2, 2);
    assert_eq!(source(take(&store, "main").unwrap()).as_deref(), Some("one"));
    write(&store, A.name(), &one, 3, 3);
    write(&store, A.name(), &two, 1, 4);
    assert_eq!(source(take(&store, "main").unwrap()), None);
    write(&store, A.name(), &two, 2, 5);
    assert_eq!(source(take(&store, "main").unwrap()).as_deref(), Some("two"));
}

#[test]
fn i14_a_late_page_is_told_once_to_ask_and_then_costs_nothing_until_it_answers() {
    let store = store();
    store.set(A, 1).unwrap();
    let lost = take(&store, "main").unwrap();
    assert_eq!(store.deliveries_due().next, Some(DELIVERY_TIMEOUT));
    store.clock.advance(DELIVERY_TIMEOUT);
    let due = store.deliveries_due();
    assert_eq!((due.late.as_slice(), due.next), ([page()].as_slice(), None));
    for n in 0..100 {
        store.set(B, n).unwrap();
        let due = store.deliveries_due();
        assert!(due.ready.is_empty() && due.late.is_empty() && due.next.is_none());
    }
    assert!(store.deliveries_of("main").unwrap().stopped);

    store.acknowledged("main", lost.id);
    assert!(!store.deliveries_of("main").unwrap().stopped);
    assert_eq!(told(&take(&store, "main").unwrap()).len(), 1, "only the other topic is news");
}

#[test]
fn i8_what_was_lost_is_told_again_once_the_page_subscribes_to_anything() {
    for failed in [false, true] {
        let store = store();
        store.set(A, 1).unwrap();
        let lost = take(&store, "main").unwrap();
        if failed {
            store.not_delivered("main", lost.id);
        } else {
            store.clock.advance(DELIVERY_TIMEOUT);
            store.deliveries_due();
        }
        assert_eq!(take_without_checks(&store), None);
        store.recorder.take_delivery_wakes();
        assert!(subscribes(&store, B.name(), &page()).unwrap());
        assert_eq!(store.recorder.take_delivery_wakes(), 1);
        let again = take(&store, "main").unwrap();
        assert_eq!((told(&again), again.id > lost.id), (told(&lost), true));
        store.acknowledged("main", lost.id);
        store.set(A, 2).unwrap();
        assert_eq!(take(&store, "main"), None, "an acknowledgement of the lost one does not count for this");
    }
}

fn take_without_checks(store: &TestStore) -> Option<Delivery> {
    store.deliveries_due();
    store.take_delivery("main", |_, _| true)
}

#[test]
fn i13_a_page_is_told_only_what_it_reads_and_may() {
    let store = store();
    let revision = store.set(A, 1).unwrap();
    store.set(B, 1).unwrap();
    store.unsubscribe(B.name(), &page());
    store.deliveries_due();
    let delivery = store.take_delivery("main", |session, door| {
        assert_eq!((session, door.name(), door.has_rule()), (&page(), A.name(), false));
        false
    });
    assert_eq!(told(delivery.as_ref().unwrap()), [format!("a {revision} ask")]);
    store.acknowledged("main", delivery.unwrap().id);
    store.set(A, 2).unwrap();
    store.deliveries_due();
    store.dismiss("main", A.name(), &|| true);
    assert_eq!(store.take_delivery("main", |_, _| true), None);
    store.set(A, 3).unwrap();
    assert_eq!(take(&store, "main"), None);
    assert_eq!(store.stats().delivered_topics, 0);
}

#[test]
fn i13_what_a_page_stops_reading_while_its_delivery_is_made_is_not_told() {
    let store = store();
    let revision = store.set(A, 1).unwrap();
    store.set(B, 1).unwrap();
    store.deliveries_due();
    let delivery = store.take_delivery("main", |_, _| {
        store.unsubscribe(B.name(), &page());
        true
    });
    assert_eq!(told(&delivery.unwrap()), [format!("a {revision} 1")]);
}

#[test]
fn i13_who_is_asked_about_a_topic_with_a_door_hears_of_which_life_of_it() {
    let store = TestStore::new();
    let born = store.create_with(A, 0, TopicOptions::new().allow(|_| true)).unwrap();
    assert!(subscribes(&store, A.name(), &page()).unwrap());
    store.set(A, 1).unwrap();
    store.deliveries_due();
    // It is removed, and comes again without a door, while somebody is asked about the first.
    let delivery = store.take_delivery("main", |_, door| {
        assert_eq!((door.born(), door.has_rule()), (Some(born), true));
        store.remove(A.name()).unwrap();
        store.create_with(A, 2, TopicOptions::new()).unwrap();
        true
    });
    assert_eq!(delivery.unwrap().entries[0].answer, None);
}

#[test]
fn i13_a_page_that_has_gone_is_told_nothing_nor_is_the_next_one_of_its_label() {
    let gone: [&dyn Fn(&TestStore); 3] = [
        &|store| store.drop_label("main", Departure::Ended),
        &|store| store.drop_label("main", Departure::Silent),
        &|store| {
            let door = store.door(A.name()).unwrap();
            door.subscribe(&session("main", "next"), &|| true).unwrap();
        },
    ];
    for go in gone {
        let store = store();
        store.set(A, 1).unwrap();
        store.deliveries_due();
        go(&store);
        assert_eq!(store.take_delivery("main", |_, _| true), None);
        store.set(A, 2).unwrap();
        assert_eq!(take(&store, "main"), None);
        assert_eq!((store.stats().delivered_pages, store.stats().delivered_topics), (0, 0));
    }
    let store = store();
    store.drop_label("main", Departure::Ended);
    assert!(subscribes(&store, A.name(), &page()).is_err(), "a dead page's repeated subscribe");
    reads(&store, &session("main", "next"));
    store.set(A, 1).unwrap();
    assert!(subscribes(&store, A.name(), &page()).is_err());
    assert_eq!(take(&store, "main").unwrap().session, session("main", "next"));
}

#[test]
fn a_page_that_goes_while_its_delivery_is_made_does_not_get_it() {
    let store = store();
    store.set(A, 1).unwrap();
    store.deliveries_due();
    let delivery = store.take_delivery("main", |_, _| {
        store.drop_label("main", Departure::Ended);
        reads(&store, &session("main", "next"));
        true
    });
    assert_eq!(delivery, None);
}

#[test]
fn a_page_hears_that_a_topic_is_removed_and_gets_the_next_one() {
    let store = store();
    store.set(A, 1).unwrap();
    store.remove(A.name()).unwrap();
    let removed = take(&store, "main").unwrap();
    assert!(told(&removed)[0].ends_with("ask"));
    store.acknowledged("main", removed.id);
    let revision = store.create(A, 9).unwrap();
    let created = take(&store, "main").unwrap();
    assert_eq!(told(&created), [format!("a {revision} 9")]);
    assert!(removed.entries[0].revision < revision);
}
