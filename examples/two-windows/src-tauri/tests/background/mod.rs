//! `on_error`: what nobody else hears of.

use crate::mock::{admin, eventually, with_topics};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tauri::{App, Listener, test::MockRuntime};
use tauri_plugin_lockstep::{BackgroundError, Builder, LockstepExt, Topic, TopicOptions};
use ts_rs::TS;

const COUNTER: Topic<u32> = Topic::new("counter");

type Told = Arc<Mutex<Vec<BackgroundError>>>;

/// An app that notes what it hears; its handler panics each time, which harms nobody.
fn listening(builder: Builder) -> (App<MockRuntime>, Told) {
    let told = Told::default();
    let hears = Arc::clone(&told);
    let app = with_topics(builder.on_error(move |error| {
        hears.lock().unwrap().push(error.clone());
        panic!("the handler, too");
    }));
    (app, told)
}

fn count(told: &Told, error: &BackgroundError) -> usize {
    told.lock().unwrap().iter().filter(|heard| *heard == error).count()
}

#[test]
fn a_panicking_self_destruct_is_told_and_its_topic_stays() {
    let mortal = TopicOptions::new().self_destruct(|_, _| panic!("boom"));
    let (app, told) = listening(Builder::new().topic_with(COUNTER, 0, mortal));
    let desk = admin(&app, "desk");
    let panicked = BackgroundError::SelfDestructPanicked { topic: COUNTER.name().clone(), panic: "boom".into() };
    for times in 1..=2 {
        desk.session("subscribe", "counter").unwrap();
        desk.session("unsubscribe", "counter").unwrap();
        eventually("it is told", || count(&told, &panicked) == times);
    }
    desk.write("counter", 1, json!({ "set": 1 })).unwrap();
}

#[test]
fn a_panicking_rust_listener_is_told_and_wedges_no_window() {
    let (app, told) = listening(Builder::new().topic(COUNTER, 0));
    let desk = admin(&app, "desk");
    app.listen_any("counter:invalidated", |_| panic!("boom"));
    app.lockstep().set(COUNTER, 1).unwrap();
    let panicked = BackgroundError::ListenerPanicked { event: "counter:invalidated".into() };
    eventually("it is told", || count(&told, &panicked) > 0);
    desk.session("subscribe", "counter").unwrap();
    desk.write("counter", 1, json!({ "set": 2 })).unwrap();
    assert_eq!(desk.get_snapshot("counter").unwrap()["data"], 2);
}

#[derive(Clone, Deserialize, TS)]
struct Odd(u32);

impl Serialize for Odd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(2) { Err(serde::ser::Error::custom("even")) } else { self.0.serialize(serializer) }
    }
}

#[test]
fn a_value_without_a_json_form_is_told_to_the_app_and_the_window_and_the_next_write_heals_it() {
    const ODD: Topic<Odd> = Topic::new("odd");
    let (app, told) = listening(Builder::new().topic(ODD, Odd(2)));
    let desk = admin(&app, "desk");
    assert_eq!(desk.get_snapshot("odd").unwrap_err()["kind"], "unserializable");
    let several = desk.lockstep("get_snapshots", json!({ "topics": [{ "topic": "odd" }] })).unwrap();
    assert_eq!(several[0]["error"]["kind"], "unserializable");
    let even = |error: &BackgroundError| matches!(error, BackgroundError::NotEncoded { topic, reason } if topic == ODD.name() && reason.contains("even"));
    assert_eq!(told.lock().unwrap().iter().filter(|error| even(error)).count(), 2);
    desk.write("odd", 1, json!({ "set": 3 })).unwrap();
    assert_eq!(desk.get_snapshot("odd").unwrap()["data"], 3);
}
