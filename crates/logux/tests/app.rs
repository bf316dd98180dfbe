//! An app's client and server, on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/world.rs"]
mod world;

use logux::{
    Action, Client, ClientStatus, Ledger, LoguxError, MemoryStore, NodeError, Order, State, Store, Token, UndoReason,
    testing::{Disorder, Side},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use world::*;

#[tokio::test(start_paused = true)]
async fn what_is_dispatched_settles_when_it_is_processed() {
    let w = world();
    let client = w.client();
    client.start();
    client.dispatch(n("do", "1")).await.unwrap();
    assert_eq!(w.done(), ["1"]);
    settle().await;
    assert!(client.log().entries(Order::Added).await.unwrap().is_empty(), "processed, and still kept");
}

#[tokio::test(start_paused = true)]
async fn one_at_a_time_in_a_queue_and_a_failure_undoes_what_waits() {
    let w = world();
    let client = Arc::new(w.client());
    client.start();
    client.node().wait_for(State::Synchronized).await;
    let dispatch = |action: Action| {
        let client = Arc::clone(&client);
        tokio::spawn(async move { client.dispatch(action).await })
    };
    let slow = dispatch(n("slow", "1"));
    settle().await;
    let (second, aside) = (dispatch(n("do", "2")), dispatch(n("aside", "aside")));
    aside.await.unwrap().unwrap();
    assert_eq!(w.done(), ["aside"], "another queue waits, or the same does not");
    w.app.gate.add_permits(1);
    slow.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(w.done(), ["aside", "1", "2"]);
    let slow = dispatch(n("slow", "3"));
    settle().await;
    let (fail, behind) = (dispatch(n("fail", "4")), dispatch(n("do", "5")));
    settle().await;
    w.app.gate.add_permits(1);
    slow.await.unwrap().unwrap();
    assert_eq!(reason(fail.await.unwrap()), UndoReason::Error);
    assert_eq!(reason(behind.await.unwrap()), UndoReason::Error);
    assert_eq!(w.done(), ["aside", "1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn hole_6_an_action_that_comes_again_is_answered_again_and_not_processed_again() {
    let w = world();
    // The greeting is frames 0 and 1; 2 is the action, 3 its acknowledgement, 4 the answer, which is lost.
    w.pair.then(Disorder::cut_at(4));
    let client = w.client();
    client.start();
    // A lost answer must come within some virtual minutes.
    let answered = tokio::time::timeout(Duration::from_secs(600), client.dispatch(n("do", "1")));
    answered.await.expect("an answer").unwrap();
    assert_eq!(w.done(), ["1"]);
    let sent = w.pair.left_said().iter().filter(|text| text.contains(r#""type":"do""#)).count();
    assert_eq!(sent, 2, "it did not come again: {:#?}", w.pair.said());
    // Also by a server that has restarted in between.
    let by_the_next = async {
        w.pair.then(Disorder::cut_at(4));
        w.pair.cut();
        client.node().wait_for(State::Disconnected).await;
        let dispatching = client.dispatch(n("do", "2"));
        let restarting = async {
            w.pair.wait_for(Side::Right, r#"["sync","#).await;
            w.restart(Arc::clone(&w.store));
        };
        tokio::join!(dispatching, restarting).0
    };
    let answered = tokio::time::timeout(Duration::from_secs(600), by_the_next);
    answered.await.expect("an answer by the next server").unwrap();
    assert_eq!(w.done(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_acknowledged_is_processed_by_the_next_server() {
    let w = world();
    let client = w.client();
    client.start();
    client.node().wait_for(State::Synchronized).await;
    // The first is interrupted in the middle, the second has not begun.
    let both = async { tokio::join!(client.dispatch(n("slow", "1")), client.dispatch(n("do", "2"))) };
    let restarting = async {
        w.pair.wait_for(Side::Right, r#"["synced",2"#).await;
        assert_eq!(w.store.unfinished().unwrap().len(), 2);
        w.app.gate.close();
        let mut app = w.app.clone();
        app.gate = Arc::new(Semaphore::new(0));
        *w.server.lock() = server_on(&w.time, Arc::clone(&w.store), &app);
        w.pair.cut();
    };
    let ((slow, quick), ()) = tokio::join!(both, restarting);
    assert_eq!(reason(slow), UndoReason::Error, "nobody knows how far it came");
    let _ = quick;
    assert!(w.store.unfinished().unwrap().is_empty());
    assert!(w.done().iter().filter(|n| *n == "2").count() <= 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_made_offline_survives_the_client_and_arrives_once() {
    let w = world();
    let store = Arc::new(MemoryStore::new());
    {
        let client = w.client_on("10", &w.pair, Arc::clone(&store) as Arc<dyn Store>);
        let dispatch = client.dispatch(n("do", "1"));
        assert!(tokio::time::timeout(Duration::from_secs(1), dispatch).await.is_err());
        assert_eq!(*client.status().borrow(), ClientStatus::Wait);
    }
    let client = w.client_on("10", &w.pair, Arc::clone(&store) as Arc<dyn Store>);
    client.start();
    let mut status = client.status();
    status.wait_for(|status| *status == ClientStatus::SynchronizedAfterWait).await.unwrap();
    assert_eq!(w.done(), ["1"]);
    status.wait_for(|status| *status == ClientStatus::Synchronized).await.unwrap();
    assert!(client.log().entries(Order::Added).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_user_may_become_another() {
    let w = world();
    let builder = Client::builder("10").token("wrong").clock(Arc::new(w.time.clone()));
    let client = builder.connector(w.pair.connector()).unwrap();
    let mut status = client.status();
    client.start();
    status.wait_for(|status| *status == ClientStatus::WrongCredentials).await.unwrap();
    let dispatch = client.dispatch(n("do", "of 10"));
    assert!(tokio::time::timeout(Duration::from_secs(1), dispatch).await.is_err());
    client.change_user("11", Some(Token::value("right"))).await.unwrap();
    client.start();
    client.dispatch(n("do", "of 11")).await.unwrap();
    assert_eq!(w.done(), ["of 11"], "an action of another user's has left");
    client.change_user("10", Some(Token::value("right"))).await.unwrap();
    client.node().wait_for(State::Synchronized).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(w.done(), ["of 11", "of 10"]);
    assert!(client.change_user("a:b", None).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn who_fails_too_often_has_to_wait() {
    let w = world();
    for attempt in 0..4 {
        let builder = Client::builder("10").token("wrong").connector(w.pair.connector());
        let client = builder.unwrap();
        let mut errors = client.errors();
        client.start();
        let error = errors.recv().await.unwrap();
        match attempt {
            3 => assert!(matches!(error, NodeError::Received(LoguxError::Bruteforce)), "{error}"),
            _ => assert!(matches!(error, NodeError::Received(LoguxError::WrongCredentials)), "{error}"),
        }
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    let client = w.client();
    client.start();
    client.dispatch(n("do", "1")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_was_acknowledged() {
    let w = world();
    let client = w.client();
    client.start();
    client.node().wait_for(State::Synchronized).await;
    let server = w.server.lock().clone();
    let stopping = async {
        w.pair.wait_for(Side::Right, r#"["synced",1"#).await;
        let gate = Arc::clone(&w.app.gate);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            gate.add_permits(1);
        });
        server.stop().await;
        assert_eq!(w.done(), ["1"]);
    };
    let dispatching = tokio::time::timeout(Duration::from_secs(5), client.dispatch(n("slow", "1")));
    let _ = tokio::join!(stopping, dispatching);
}

#[tokio::test(start_paused = true)]
async fn the_status_is_for_people() {
    let w = world();
    let client = w.client();
    let seen: Arc<Mutex<Vec<ClientStatus>>> = Arc::default();
    let (mut status, sees) = (client.status(), Arc::clone(&seen));
    tokio::spawn(async move {
        while status.changed().await.is_ok() {
            sees.lock().push(*status.borrow_and_update());
        }
    });
    w.pair.then(Disorder::default().delay(Duration::from_millis(200)));
    client.start();
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.dispatch(n("do", "1")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    w.pair.refuse(true);
    w.pair.cut();
    client.node().wait_for(State::Disconnected).await;
    settle().await;
    let dispatching = client.dispatch(n("do", "2"));
    let back = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        w.pair.refuse(false);
    };
    let (dispatched, ()) = tokio::join!(dispatching, back);
    dispatched.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(reason(client.dispatch(Action::new("forbidden")).await) == UndoReason::Denied);
    settle().await;
    use ClientStatus::*;
    let expected = [
        Connecting,
        Synchronized,
        Sending,
        Synchronized,
        Disconnected,
        Wait,
        SendingAfterWait,
        SynchronizedAfterWait,
        Synchronized,
        Sending,
        Denied,
    ];
    let mut shown = seen.lock().clone();
    shown.dedup();
    assert_eq!(shown, expected);
}
