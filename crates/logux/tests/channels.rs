//! Who gets what, and who may.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use logux::{Action, ActionId, Entry, Fields, MemoryStore, Order, State, UndoReason, testing::TestPair};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use world::*;

#[tokio::test(start_paused = true)]
async fn each_reason_of_an_undo_reaches_the_client() {
    let w = world();
    let client = w.client();
    client.start();
    assert_eq!(reason(client.dispatch(Action::new("forbidden")).await), UndoReason::Denied);
    assert_eq!(reason(client.dispatch(Action::new("fail")).await), UndoReason::Error);
    assert_eq!(reason(client.dispatch(Action::new("what")).await), UndoReason::UnknownType);
    assert_eq!(reason(client.subscribe("hall").ready().await), UndoReason::WrongChannel);
    assert_eq!(reason(client.subscribe("room/none").ready().await), UndoReason::NotFound);
    assert_eq!(reason(client.subscribe("room/secret").ready().await), UndoReason::Denied);
    settle().await;
    assert!(client.log().entries(Order::Added).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn subscriptions_are_counted_renewed_with_since_and_end_with_their_connection() {
    let w = world();
    let client = w.client();
    client.start();
    let (first, second) = (client.subscribe("room/1"), client.subscribe("room/1"));
    first.ready().await.unwrap();
    second.ready().await.unwrap();
    let asked = |pair: &TestPair, kind: &str| pair.left_said().iter().filter(|text| text.contains(kind)).count();
    assert_eq!(asked(&w.pair, "logux/subscribe"), 1, "subscribed twice");
    let heard: Arc<Mutex<Vec<i64>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let _listening = client.on_action("room", move |entry| {
        hears.lock().push(entry.action.get("since").and_then(serde_json::Value::as_i64).unwrap());
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    w.pair.cut();
    client.node().wait_for(State::Disconnected).await;
    client.node().wait_for(State::Synchronized).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(asked(&w.pair, "logux/subscribe"), 2);
    assert!(matches!(heard.lock()[..], [since] if (1..1_000).contains(&since)), "{heard:?}");
    drop(first);
    settle().await;
    assert_eq!(asked(&w.pair, "logux/unsubscribe"), 0);
    drop(second);
    settle().await;
    assert_eq!(asked(&w.pair, "logux/unsubscribe"), 1);
}

#[tokio::test(start_paused = true)]
async fn actions_reach_channels_users_clients_and_nodes_and_nobody_else() {
    let w = world();
    let others = TestPair::new();
    w.serve(&others);
    let (one, two) = (w.client(), w.client_on("11", &others, Arc::new(MemoryStore::new())));
    one.start();
    two.start();
    let subscribed = one.subscribe("room/1");
    subscribed.ready().await.unwrap();
    let filter = serde_json::Map::from_iter([("only".to_owned(), "cats".into())]);
    let part = two.subscribe_to("room/1", filter);
    part.ready().await.unwrap();
    let (to_one, to_two): (Done, Done) = Default::default();
    let note = |done: &Done| {
        let done = Arc::clone(done);
        move |entry: &Arc<Entry>| done.lock().push(entry.action.text("n").unwrap_or_default().to_owned())
    };
    let _listening = (one.on_action("say", note(&to_one)), two.on_action("say", note(&to_two)));
    let server = w.server.lock().clone();
    let node = one.node_id();
    for (n, to) in [
        ("channel", Fields::to_channel("room/1")),
        ("user", Fields::to_user("11")),
        ("client", Fields::to_client("10:client")),
        ("node", Fields::to_node(node.as_ref())),
        ("nobody", Fields::to_user("12")),
    ] {
        server.add(Action::new("say").with("n", n), to).await.unwrap();
    }
    server.add(Action::new("say").with("n", "cats").with("about", "cats"), Fields::to_channel("room/1")).await.unwrap();
    settle().await;
    assert_eq!(*to_one.lock(), ["channel", "client", "node", "cats"]);
    assert_eq!(*to_two.lock(), ["user", "cats"]);
    // Resent by the server to the channel; whoever has made it has it.
    one.dispatch(Action::new("say").with("n", "hi").with("about", "cats")).await.unwrap();
    settle().await;
    assert_eq!(to_one.lock().iter().filter(|n| *n == "hi").count(), 1);
    assert_eq!(to_two.lock().last().unwrap(), "hi");
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_for_a_user_waits_for_them_and_a_channel_is_not_replayed() {
    let w = world();
    let server = w.server.lock().clone();
    for (n, to) in
        [("for 10", Fields::to_user("10")), ("for 11", Fields::to_user("11")), ("room", Fields::to_channel("room/1"))]
    {
        server.add(Action::new("say").with("n", n), to.and_reason("kept")).await.unwrap();
    }
    let client = w.client();
    let heard = Done::default();
    let hears = Arc::clone(&heard);
    let _listening =
        client.on_action("say", move |entry| hears.lock().push(entry.action.text("n").unwrap().to_owned()));
    client.start();
    client.node().wait_for(State::Synchronized).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*heard.lock(), ["for 10"]);
}

#[tokio::test(start_paused = true)]
async fn another_s_id_and_foreign_meta_are_denied() {
    let w = world();
    let pair = TestPair::new();
    w.serve(&pair);
    let log = w.time.log("10:client:tab");
    let options = logux::NodeOptions::default().token("right");
    let node = logux::ClientNode::new(&log, pair.connector(), logux::Reconnect::default(), options);
    node.connect();
    let id: ActionId = "1 11:client:tab 0".parse().unwrap();
    let foreign = logux::NewMeta { id: Some(id), ..Fields::default().into() };
    node.wait_for(State::Synchronized).await;
    log.add(n("do", "1"), foreign).await.unwrap();
    log.add(n("do", "2"), Fields::to_user("11")).await.unwrap();
    settle().await;
    let denied = pair.right_said().concat().matches(r#""reason":"denied""#).count();
    assert_eq!(denied, 2, "{:#?}", pair.said());
    assert!(w.done().is_empty());
}
