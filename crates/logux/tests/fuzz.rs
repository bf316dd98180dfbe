//! Arbitrary frames against a live server: no panic, no growth; each bad frame is answered, and closes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures_util::{SinkExt, StreamExt};
use logux::{Action, ActionType, Channel, Fields, Frame, LocalPair, MemoryStore, Server};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

/// What clients say when all is well, to be changed in one place or two.
fn good() -> Vec<Value> {
    vec![
        json!(["connect", 5, "10:a:b", 0]),
        json!(["connect", 5, "10:a:b", 3, { "token": "x", "subprotocol": 1 }]),
        json!(["headers", { "a": 1 }]),
        json!(["sync", 1, { "type": "do" }, { "id": 0, "time": 0 }]),
        json!(["sync", 2, { "type": "do" }, { "id": [0, 1], "time": 0 }, { "type": "x" }, { "id": [0, "11:c:d", 0], "time": 9 }]),
        json!(["sync", 3, { "type": "logux/subscribe", "channel": "room/1" }, { "id": [5, 5], "time": 0 }]),
        json!(["sync", 3, { "type": "logux/unsubscribe", "channel": "room/1" }, { "id": [5, 6], "time": 0 }]),
        json!(["synced", 1]),
        json!(["ping", 1]),
        json!(["pong", 1]),
        json!(["debug", "error", "x"]),
    ]
}

fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => Just(Value::Null),
        1 => prop::sample::select(vec![
            json!([]), json!({}), json!(-1), json!(1.5), json!(9_007_199_254_740_991_i64), json!(-9_007_199_254_740_991_i64),
            json!(1e300), json!(""), json!("10:a:b"), json!("server:x"), json!(true), json!([null]), json!({ "type": null }),
        ]),
    ]
}

/// A frame, which may be changed in a place.
fn frame() -> impl Strategy<Value = String> {
    let changed = (prop::sample::select(good()), any::<prop::sample::Index>(), wrong(), 0..4_u8);
    let changed = changed.prop_map(|(mut message, place, wrong, how)| {
        if how > 0 {
            let mut places = Vec::new();
            collect(&message, String::new(), &mut places);
            let place = place.get(&places).clone();
            if let Some(value) = message.pointer_mut(&place) {
                *value = wrong;
            }
        }
        message.to_string()
    });
    prop_oneof![20 => changed, 1 => "\\PC{0,30}", 1 => Just("[".repeat(500))]
}

fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    places.push(at.clone());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| collect(item, format!("{at}/{n}"), places))
        }
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            collect(field, format!("{at}/{}", key.replace('/', "~1")), places);
        }),
        _ => {}
    }
}

fn server() -> Server {
    let free = || ActionType::new(|_| async { Ok(true) });
    Server::builder(MemoryStore::new())
        .auth(|_| async { true })
        .action("do", free().process(|_| async { Ok(()) }).resend(|_| async { Ok(Fields::to_channel("room/1")) }))
        .channel("room/:id", Channel::new(|_| async { Ok(true) }).load(|_| async { Ok(vec![Action::new("room")]) }))
        .keep_finished(10)
        .build()
        .unwrap()
}

/// What the server says to the frames, until it closes.
async fn talk(server: &Server, frames: Vec<String>) -> (Vec<String>, bool) {
    let pair = LocalPair::new();
    let serving = tokio::spawn({
        let server = server.clone();
        async move { server.serve(pair.right, None).await }
    });
    let (mut sender, mut receiver) = pair.left.split();
    for frame in frames {
        if sender.send(Frame::Text(frame)).await.is_err() {
            break;
        }
    }
    let mut said = Vec::new();
    let closed = loop {
        match tokio::time::timeout(Duration::from_millis(50), receiver.next()).await {
            Ok(Some(Ok(Frame::Text(text)))) => said.push(text),
            Ok(_) => break true,
            Err(_) => break false,
        }
    };
    drop((sender, receiver));
    assert!(serving.await.is_ok(), "a panic");
    (said, closed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn hole_7_no_frames_make_a_server_panic_or_deaf(
        greets in any::<bool>(), frames in prop::collection::vec(frame(), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let server = server();
            let greeting = greets.then(|| good()[0].to_string());
            let (said, closed) = talk(&server, greeting.into_iter().chain(frames.clone()).collect()).await;
            let refused = said.last().is_some_and(|last| {
                last.starts_with(r#"["error","wrong-format""#) || last.starts_with(r#"["error","unknown-message""#)
            });
            assert!(!refused || closed, "refused and not closed: {said:?}");
            // Whatever was said, others are served, and nobody is left behind.
            // An action that was not among them: both connections may begin in one millisecond.
            let action = json!(["sync", 1, { "type": "do" }, { "id": [1000, 7], "time": 1000 }]).to_string();
            let (said, _) = talk(&server, vec![good()[0].to_string(), action]).await;
            assert!(said.iter().any(|text| text.contains("logux/processed")), "deaf after {frames:?}: {said:?}");
            assert!(server.connected().is_empty());
            tokio::time::timeout(Duration::from_secs(5), server.stop()).await.expect("it stops");
        });
    }
}
