//! Two nodes on virtual time.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part")]

use futures_util::{SinkExt, StreamExt};
use logux::{
    Action, ClientNode, Entry, Fields, Frame, LocalConnection, Log, NodeOptions, Reconnect, ServerNode, State,
    testing::{TestPair, TestTime},
};
use std::{sync::Arc, time::Duration};

pub const CLIENT: &str = "10:client:tab";

pub struct Pair {
    pub time: TestTime,
    pub pair: TestPair,
    pub client: ClientNode,
    pub client_log: Log,
    pub server_log: Log,
}

/// Accepts one connection after the other.
pub fn serve(pair: &TestPair, log: &Log, options: &NodeOptions) {
    let (pair, log, options) = (pair.clone(), log.clone(), options.clone());
    tokio::spawn(async move {
        loop {
            let node = ServerNode::new(&log, pair.accept().await, options.clone());
            tokio::spawn(node.run());
        }
    });
}

pub fn pair_with(client: NodeOptions, server: NodeOptions) -> Pair {
    let time = TestTime::new();
    let (client_log, server_log) = (time.log(CLIENT), time.log("server:a"));
    let pair = TestPair::new();
    serve(&pair, &server_log, &server);
    let client = ClientNode::new(&client_log, pair.connector(), Reconnect::default(), client);
    Pair { time, pair, client, client_log, server_log }
}

pub fn pair() -> Pair {
    pair_with(NodeOptions::default(), NodeOptions::default())
}

impl Pair {
    pub async fn connected(self) -> Self {
        self.client.connect();
        self.client.wait_for(State::Synchronized).await;
        self.pair.clear();
        self
    }
}

pub async fn add(log: &Log, kind: &str) -> Arc<Entry> {
    let added = log.add(Action::new(kind), Fields::reason("test")).await.unwrap();
    Arc::clone(added.entry().unwrap())
}

/// Runs until everybody waits for something.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// A client whose frames are written by hand.
pub async fn raw_client(options: NodeOptions) -> (LocalConnection, Log) {
    let log = TestTime::new().log("server:a");
    let pair = logux::LocalPair::new();
    tokio::spawn(ServerNode::new(&log, pair.right, options).run());
    (pair.left, log)
}

pub async fn say(connection: &mut LocalConnection, text: &str) {
    connection.send(Frame::Text(text.to_owned())).await.unwrap();
}

pub async fn hear(connection: &mut LocalConnection) -> Option<String> {
    match connection.next().await?.unwrap() {
        Frame::Text(text) => Some(text),
        Frame::Binary(_) => panic!("bytes"),
    }
}
