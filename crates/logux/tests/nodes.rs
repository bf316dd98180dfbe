//! Two nodes and what is between them, on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use logux::{
    Action, ActionId, ClientNode, Entry, Fields, Log, LoguxError, NewMeta, NodeError, NodeOptions, Order, Reconnect,
    ServerNode, State,
    testing::{Disorder, Side, TestPair, TestTime},
};
use std::{sync::Arc, time::Duration};
use support::*;
use tokio::sync::Semaphore;

#[tokio::test(start_paused = true)]
async fn they_greet_and_synchronise_both_logs() {
    let options = NodeOptions::default().subprotocol(2).token("secret");
    let p = pair_with(options, NodeOptions::default().subprotocol(3));
    add(&p.client_log, "a").await;
    add(&p.server_log, "b").await;
    p.client.connect();
    p.client.wait_for(State::Synchronized).await;
    settle().await;
    assert_eq!(
        p.pair.left_said(),
        [
            r#"["connect",5,"10:client:tab",0,{"subprotocol":2,"token":"secret"}]"#,
            r#"["sync",1,{"type":"a"},{"id":0,"time":0,"reasons":["test"]}]"#,
            r#"["synced",1]"#
        ]
    );
    assert_eq!(
        p.pair.right_said(),
        [
            r#"["connected",5,"server:a",[1,1],{"subprotocol":3}]"#,
            r#"["sync",1,{"type":"b"},{"id":0,"time":0,"reasons":["test"]}]"#,
            r#"["synced",1]"#
        ]
    );
    assert_eq!(p.time.actions(&p.client_log).await, ["a", "b"]);
    assert_eq!(p.time.actions(&p.server_log).await, ["a", "b"]);
    let remote = p.client.remote().borrow().clone().unwrap();
    assert_eq!((&*remote.node_id, remote.subprotocol), ("server:a", 3));
}

#[tokio::test(start_paused = true)]
async fn what_was_received_is_not_sent_back_not_even_on_the_next_connection() {
    let p = pair().connected().await;
    add(&p.client_log, "a").await;
    add(&p.server_log, "b").await;
    // Of a third node, by way of the server.
    let id: ActionId = "1 other 0".parse().unwrap();
    let relayed = NewMeta { id: Some(id), ..Fields::reason("test").into() };
    p.server_log.add(Action::new("c"), relayed).await.unwrap();
    settle().await;
    p.pair.cut();
    p.client.wait_for(State::Disconnected).await;
    p.client.wait_for(State::Synchronized).await;
    settle().await;
    let syncs = p.pair.said().iter().filter(|(_, text)| text.starts_with(r#"["sync","#)).count();
    assert_eq!(syncs, 3, "{:#?}", p.pair.said());
}

#[tokio::test(start_paused = true)]
async fn actions_made_offline_follow_in_order_and_in_few_messages() {
    let p = pair().connected().await;
    p.pair.refuse(true);
    p.pair.cut();
    p.client.wait_for(State::Disconnected).await;
    for number in 0..600 {
        add(&p.client_log, &number.to_string()).await;
    }
    p.pair.refuse(false);
    p.client.wait_for(State::Synchronized).await;
    let kinds: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    assert_eq!(p.time.actions(&p.server_log).await, kinds);
    let syncs = p.pair.left_said().iter().filter(|text| text.starts_with(r#"["sync","#)).count();
    assert_eq!(syncs, 3);
}

#[tokio::test(start_paused = true)]
async fn hooks_filter_and_map_in_order() {
    let on_send = |entry: Arc<Entry>| async move {
        // The first one takes the longest.
        tokio::time::sleep(Duration::from_millis(100 / entry.meta.added)).await;
        let Entry { action, meta } = Arc::unwrap_or_clone(entry);
        Ok((action.kind() != "secret").then(|| (action.with("sent", true), meta)))
    };
    let on_receive = |action: Action, mut meta: NewMeta| async move {
        meta.fields.reasons.push("received".into());
        Ok((action.kind() != "spam").then_some((action, meta)))
    };
    let p = pair_with(NodeOptions::default().on_send(on_send), NodeOptions::default().on_receive(on_receive));
    let p = p.connected().await;
    for kind in ["a", "secret", "b", "spam", "c"] {
        add(&p.client_log, kind).await;
    }
    settle().await;
    p.client.wait_for(State::Synchronized).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let entries = p.server_log.entries(Order::Added).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.action.kind()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(entries.iter().all(|entry| entry.action.get("sent").is_some()));
    assert_eq!(entries[0].meta.reasons, ["test", "received"]);
    assert_eq!(p.client_log.store().cursors().unwrap().sent, 5, "what was filtered is acknowledged");
}

#[tokio::test(start_paused = true)]
async fn clocks_are_compared_anew_on_each_connect() {
    let time = TestTime::new();
    let ahead = time.shifted(50_000);
    let (client_log, server_log) = (ahead.log(CLIENT), time.log("server:a"));
    let pair = TestPair::new();
    serve(&pair, &server_log, &NodeOptions::default());
    let slow = Disorder::default().delay(Duration::from_millis(300));
    pair.then(slow.clone()).then(slow);
    let client = ClientNode::new(&client_log, pair.connector(), Reconnect::default(), NodeOptions::default());
    client.connect();
    client.wait_for(State::Synchronized).await;
    let check = async |kind: &str, ahead_by: i64| {
        let sent = add(&client_log, kind).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let received = server_log.by_id(&sent.meta.id).await.unwrap().unwrap();
        assert_eq!(sent.meta.time - received.meta.time, ahead_by, "{kind}");
        let back = add(&server_log, "back").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let received = client_log.by_id(&back.meta.id).await.unwrap().unwrap();
        assert_eq!(received.meta.time - back.meta.time, ahead_by, "{kind}, back");
    };
    check("before", 50_000).await;
    ahead.jump(9_000);
    pair.cut();
    client.wait_for(State::Disconnected).await;
    client.wait_for(State::Synchronized).await;
    check("after", 59_000).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_peer_is_pinged_and_a_silent_one_is_left() {
    let p = pair();
    // The greeting is frames 0 and 1, the ping 2, its answer 3, the next ping 4.
    p.pair.then(Disorder::default().silent_from(4));
    let p = p.connected().await;
    let mut errors = p.client.errors();
    tokio::time::sleep(Duration::from_millis(10_100)).await;
    assert_eq!((p.pair.left_said(), p.pair.right_said()), (vec![r#"["ping",0]"#.into()], vec![r#"["pong",0]"#.into()]));
    let error = errors.recv().await.unwrap();
    assert!(matches!(error, NodeError::Timeout(70_000)), "{error}");
    p.client.wait_for(State::Synchronized).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_leaves_who_does_not_greet_and_a_client_whom_nobody_answers() {
    let time = TestTime::new();
    let pair = TestPair::new();
    let _silent = pair.connect().unwrap();
    let node = ServerNode::new(&time.log("server:a"), pair.accept().await, NodeOptions::default());
    assert!(matches!(node.run().await, Err(NodeError::Timeout(70_000))));

    let p = pair_of_silence();
    p.client.connect();
    let error = p.client.errors().recv().await.unwrap();
    assert!(matches!(error, NodeError::Timeout(70_000)));
}

fn pair_of_silence() -> Pair {
    let p = pair();
    p.pair.then(Disorder::default().silent_from(0));
    p
}

#[tokio::test(start_paused = true)]
async fn who_is_not_let_in_is_told_and_does_not_come_back() {
    let auth = |request: logux::AuthRequest| async move { Ok(request.token == Some("right".into())) };
    let p = pair_with(NodeOptions::default().token("wrong"), NodeOptions::default().auth(auth));
    let mut errors = p.client.errors();
    add(&p.client_log, "a").await;
    p.client.connect();
    let error = errors.recv().await.unwrap();
    assert!(matches!(error, NodeError::Received(LoguxError::WrongCredentials)), "{error}");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(p.pair.right_said(), [r#"["error","wrong-credentials"]"#]);
    assert_eq!(*p.client.state().borrow(), State::Disconnected);
    assert!(p.time.actions(&p.server_log).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_and_an_old_protocol_refuse() {
    let refuse = |remote: &logux::Remote| match remote.subprotocol {
        2.. => Ok(()),
        used => Err(LoguxError::WrongSubprotocol { supported: 2, used }),
    };
    let server = NodeOptions::default().on_connect(refuse);
    let p = pair_with(NodeOptions::default().subprotocol(1), server);
    p.client.connect();
    p.pair.wait_for(Side::Right, r#"["error","wrong-subprotocol",{"supported":2,"used":1}]"#).await;

    let (mut raw, _) = raw_client(NodeOptions::default()).await;
    say(&mut raw, r#"["connect",4,"10:a:b",0]"#).await;
    assert_eq!(hear(&mut raw).await.unwrap(), r#"["error","wrong-protocol",{"supported":5,"used":4}]"#);
    assert_eq!(hear(&mut raw).await, None);
}

#[tokio::test(start_paused = true)]
async fn before_authentication_little_is_kept_and_nothing_done() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let auth = move |_| {
        let gate = Arc::clone(&opened);
        async move { Ok(gate.acquire().await.is_ok()) }
    };
    let (mut raw, log) = raw_client(NodeOptions::default().auth(auth.clone())).await;
    say(&mut raw, r#"["connect",5,"10:a:b",0]"#).await;
    say(&mut raw, r#"["sync",1,{"type":"a"},{"id":0,"time":0,"reasons":["x"]}]"#).await;
    settle().await;
    assert!(log.entries(Order::Added).await.unwrap().is_empty());
    gate.add_permits(1);
    assert!(hear(&mut raw).await.unwrap().starts_with(r#"["connected",5,"server:a""#));
    assert_eq!(hear(&mut raw).await.unwrap(), r#"["synced",1]"#);
    assert_eq!(log.entries(Order::Added).await.unwrap().len(), 1);

    gate.forget_permits(1);
    let (mut raw, _) = raw_client(NodeOptions::default().auth(auth)).await;
    say(&mut raw, r#"["connect",5,"10:a:b",0]"#).await;
    for _ in 0..33 {
        say(&mut raw, r#"["ping",0]"#).await;
    }
    assert_eq!(hear(&mut raw).await, None, "closed");
}

#[tokio::test(start_paused = true)]
async fn a_second_greeting_cannot_change_who_somebody_is() {
    let (mut raw, _) = raw_client(NodeOptions::default()).await;
    say(&mut raw, r#"["connect",5,"10:a:b",0]"#).await;
    hear(&mut raw).await.unwrap();
    say(&mut raw, r#"["connect",5,"11:a:b",0]"#).await;
    assert_eq!(hear(&mut raw).await.unwrap(), r#"["error","wrong-format","[\"connect\",5,\"11:a:b\",0]"]"#);
    assert_eq!(hear(&mut raw).await, None);
}

#[tokio::test(start_paused = true)]
async fn headers_are_told_and_replaced() {
    let mut headers = serde_json::Map::new();
    headers.insert("language".into(), "de".into());
    let p = pair_with(NodeOptions::default().headers(headers.clone()), NodeOptions::default());
    p.client.connect();
    p.client.wait_for(State::Synchronized).await;
    headers.insert("language".into(), "fr".into());
    p.client.set_headers(headers);
    settle().await;
    let said = p.pair.left_said();
    assert_eq!((&*said[0], &*said[2]), (r#"["headers",{"language":"de"}]"#, r#"["headers",{"language":"fr"}]"#));
}

#[tokio::test(start_paused = true)]
async fn another_server_is_told_everything_and_believed_nothing() {
    let p = pair().connected().await;
    add(&p.client_log, "a").await;
    add(&p.server_log, "b").await;
    settle().await;
    assert_eq!(p.client_log.store().cursors().unwrap().received, 1);
    p.client.disconnect();
    p.client.wait_for(State::Disconnected).await;
    // Another server, with a log of its own that is longer than the client's cursor.
    let other_log = p.time.log("server:b");
    for kind in ["c", "d"] {
        add(&other_log, kind).await;
    }
    let pair = TestPair::new();
    serve(&pair, &other_log, &NodeOptions::default());
    let client = ClientNode::new(&p.client_log, pair.connector(), Reconnect::default(), NodeOptions::default());
    client.connect();
    client.wait_for(State::Synchronized).await;
    settle().await;
    let sorted = async |log: &Log| {
        let mut kinds = p.time.actions(log).await;
        kinds.sort();
        kinds
    };
    assert_eq!(sorted(&other_log).await, ["a", "b", "c", "d"]);
    assert_eq!(sorted(&p.client_log).await, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn who_reads_too_slowly_is_left() {
    let (mut raw, log) = raw_client(NodeOptions::default().max_waiting(5)).await;
    say(&mut raw, r#"["connect",5,"10:a:b",0]"#).await;
    hear(&mut raw).await.unwrap();
    settle().await;
    let actions = (0..7).map(|_| (Action::new("a"), Fields::default().into())).collect();
    log.add_all(actions).await.unwrap();
    while hear(&mut raw).await.is_some() {}
}
