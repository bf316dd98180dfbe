//! What comes together is stored together, and what waits for a slow store survives its connection.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use futures_util::{SinkExt, StreamExt};
use logux::{Frame, LocalConnection, LocalPair, MemoryStore, Server, testing::TestTime};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use world::*;

const LONG: Duration = Duration::from_secs(60);

fn app() -> App {
    App { done: Done::default(), gate: Arc::new(Semaphore::new(0)) }
}

/// A connection of a client's that says and hears frames.
async fn connect(server: &Server) -> LocalConnection {
    let LocalPair { mut left, right } = LocalPair::new();
    let server = server.clone();
    tokio::spawn(async move { server.serve(right, None).await });
    left.send(Frame::Text(r#"["connect",5,"10:client:tab",0,{"token":"right"}]"#.into())).await.unwrap();
    assert!(hear(&mut left).await.starts_with(r#"["connected""#));
    left
}

async fn hear(left: &mut LocalConnection) -> String {
    match tokio::time::timeout(LONG, left.next()).await.expect("it says something") {
        Some(Ok(Frame::Text(text))) => text,
        other => panic!("{other:?}"),
    }
}

fn sync(n: u64, kind: &str) -> Frame {
    Frame::Text(format!(r#"["sync",{n},{{"type":"{kind}","n":"{n}"}},{{"id":{n},"time":{n}}}]"#))
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_is_stored_in_one_step_and_each_message_has_its_answer() {
    let steps: Arc<Mutex<Vec<&str>>> = Arc::default();
    let counts = Arc::clone(&steps);
    let before = Arc::new(move |step| counts.lock().push(step));
    let app = app();
    let store = Shared { before, ..Shared::new(Arc::new(MemoryStore::new())) };
    let server = server_over(&TestTime::new(), store, &app);
    let mut left = connect(&server).await;
    steps.lock().clear();
    for n in 1..=20 {
        left.feed(sync(n, "do")).await.unwrap();
    }
    left.flush().await.unwrap();
    // The reference counts answers: one for many would leave it waiting for ever.
    for n in 1..=20 {
        assert_eq!(hear(&mut left).await, format!(r#"["synced",{n}]"#));
    }
    let answers = hear(&mut left).await;
    assert_eq!(answers.matches("logux/processed").count(), 20, "in one message: {answers}");
    assert_eq!(app.done.lock().len(), 20);
    assert!(app.done.lock().iter().map(|n| n.parse::<u64>().unwrap()).eq(1..=20), "in order");
    let count = |name| steps.lock().iter().filter(|step| **step == name).count();
    assert_eq!((count("receive"), count("begin"), count("finish")), (1, 20, 1), "{:?}", steps.lock());
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_panics_undoes_its_action_and_keeps_nobody_waiting() {
    let app = app();
    let server = server_over(&TestTime::new(), Shared::new(Arc::new(MemoryStore::new())), &app);
    let mut left = connect(&server).await;
    left.send(sync(1, "panic")).await.unwrap();
    assert_eq!(hear(&mut left).await, r#"["synced",1]"#);
    let undo = hear(&mut left).await;
    assert!(undo.contains(r#""type":"logux/undo""#) && undo.contains(r#""reason":"error""#), "{undo}");
    left.send(sync(2, "do")).await.unwrap();
    assert_eq!(hear(&mut left).await, r#"["synced",2]"#);
    assert!(hear(&mut left).await.contains("logux/processed"));
    assert_eq!(*app.done.lock(), ["2"]);
}

#[tokio::test]
async fn what_is_being_stored_when_the_connection_ends_is_processed() {
    let (entered, mut enters) = tokio::sync::mpsc::unbounded_channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let before = Arc::new(move |step| {
        if step == "receive" {
            entered.send(()).unwrap();
            released.lock().recv_timeout(LONG).unwrap();
        }
    });
    let app = app();
    let store = Shared { before, is_blocking: true, ..Shared::new(Arc::new(MemoryStore::new())) };
    let server = server_over(&TestTime::new(), store, &app);
    let mut left = connect(&server).await;
    left.send(sync(1, "slow")).await.unwrap();
    tokio::time::timeout(LONG, enters.recv()).await.expect("it is being stored");
    drop(left);
    while !server.connected().is_empty() {
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    app.gate.add_permits(1);
    // It waits for what was noted.
    tokio::time::timeout(LONG, server.stop()).await.expect("it stops");
    assert_eq!(*app.done.lock(), ["1"]);
}
