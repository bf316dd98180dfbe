//! With the real `@logux/server` and `@logux/client`, over real sockets. `cargo xtask test logux` installs them and runs
//! this; by hand: `npm ci` in `interop`, then `cargo test -p logux --test interop -- --ignored`.
//!
//! With `LOGUX_TRACES` set, what our client and their server say is written to `tests/traces`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use logux::{
    Action, ActionType, Channel, Client, ClientStatus, DispatchError, Fields, Ledger, ListenOptions, Listener,
    LoguxError, MemoryStore, NodeError, NotFound, Reconnect, RedbStore, Server, State, Store, UndoReason, WsConnector,
    testing::{Recorder, Side},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// The reference, in a process of its own.
struct Node {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    input: ChildStdin,
}

/// Long enough for a busy machine; only a bug waits for so long.
const LONG: Duration = Duration::from_secs(60);

impl Node {
    fn run(script: &str, args: &[&str]) -> Self {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
        assert!(dir.join("node_modules/@logux/server").exists(), "first run `npm ci` in crates/logux/interop");
        let mut child = Command::new("node")
            .arg(script)
            .args(args)
            .current_dir(dir)
            .env("NODE_ENV", "production")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let input = child.stdin.take().unwrap();
        Self { child, lines, input }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(LONG, self.lines.next_line());
        line.await.expect("it says something").unwrap().expect("it lives")
    }

    /// The next thing that it says with this name.
    async fn says(&mut self, name: &str) -> Vec<Value> {
        loop {
            let said: Vec<Value> = serde_json::from_str(&self.line().await).unwrap();
            if said[0] == name {
                return said[1..].to_vec();
            }
        }
    }

    /// All of this, in any order.
    async fn says_all<const N: usize>(&mut self, expected: [Value; N]) {
        let mut open = expected.to_vec();
        while !open.is_empty() {
            let said: Value = serde_json::from_str(&self.line().await).unwrap();
            open.retain(|words| *words != said);
        }
    }

    async fn tell(&mut self, command: Value) {
        self.input.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }
}

/// Told port 0, the reference takes one of its own, always the same.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn reference_server(port: u16) -> (Node, u16) {
    reference_server_on(port, None).await
}

/// With a file, its log outlives it.
async fn reference_server_on(port: u16, file: Option<&Path>) -> (Node, u16) {
    let port = port.to_string();
    let file = file.map(|file| file.to_str().unwrap());
    let mut node = Node::run("server.mjs", &[&*port].into_iter().chain(file).collect::<Vec<_>>());
    let line = node.line().await;
    (node, line.strip_prefix("listening ").expect(&line).parse().unwrap())
}

/// Hears what the client gets of a type.
fn hear(client: &Client, kind: &str) -> (logux::Listening, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let (say, heard) = tokio::sync::mpsc::unbounded_channel();
    let hears = move |entry: &Arc<logux::Entry>| {
        let _ = say.send(entry.action.text("n").unwrap_or_default().to_owned());
    };
    (client.on_action(kind, hears), heard)
}

fn our_client(port: u16, user: &str, token: &str, recorder: &Recorder) -> Client {
    let connector = WsConnector::insecure(&format!("ws://127.0.0.1:{port}")).unwrap();
    let reconnect = Reconnect::between(Duration::from_millis(50), Duration::from_millis(200));
    let builder = Client::builder(user).client_id("client01").token(token).subprotocol(1).reconnect(reconnect);
    builder.connector(recorder.connector(connector)).unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future).await.expect("it happens")
}

fn reason(result: Result<(), DispatchError>) -> UndoReason {
    match result {
        Err(DispatchError::Undone { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// Facts about the reference, for tests that run without it.
fn keep_trace(name: &str, recorder: &Recorder) {
    if std::env::var_os("LOGUX_TRACES").is_none() {
        return;
    }
    let lines: Vec<String> = recorder
        .said()
        .into_iter()
        .map(|(side, text)| format!("{} {text}", if side == Side::Left { ">" } else { "<" }))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces").join(format!("{name}.txt"));
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[tokio::test]
#[ignore = "needs the npm packages: cargo xtask test logux"]
async fn our_client_and_their_server() {
    let (mut server, port) = reference_server(free_port()).await;
    let recorder = Recorder::new();
    let client = our_client(port, "10", "token of 10", &recorder);
    client.start();

    soon(client.dispatch(Action::new("do").with("n", "1"))).await.unwrap();
    assert_eq!(server.line().await, "processed 1");
    assert_eq!(reason(soon(client.dispatch(Action::new("forbidden"))).await), UndoReason::Denied);
    assert_eq!(reason(soon(client.dispatch(Action::new("what"))).await), UndoReason::UnknownType);
    assert_eq!(reason(soon(client.dispatch(Action::new("fail"))).await), UndoReason::Error);
    assert_eq!(reason(soon(client.subscribe("hall").ready()).await), UndoReason::WrongChannel);
    assert_eq!(reason(soon(client.subscribe("room/none").ready()).await), UndoReason::NotFound);
    assert_eq!(reason(soon(client.subscribe("room/secret").ready()).await), UndoReason::Denied);

    // Two users, one channel.
    let other = our_client(port, "11", "token of 11", &Recorder::new());
    other.start();
    let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
    let hears = Arc::clone(&heard);
    let _room = client.on_action("room", move |entry| hears.lock().push(entry.action.get("since").cloned().unwrap()));
    let (said, mut saying) = tokio::sync::mpsc::unbounded_channel();
    let _say = client.on_action("say", move |entry| said.send(entry.action.text("n").unwrap().to_owned()).unwrap());
    let room = client.subscribe("room/1");
    soon(room.ready()).await.unwrap();
    assert_eq!(*heard.lock(), ["nothing"]);
    soon(other.dispatch(Action::new("say").with("n", "hi"))).await.unwrap();
    assert_eq!(soon(saying.recv()).await.unwrap(), "hi");

    // The server is another after this, and knows nothing. What is made meanwhile arrives, and the channel is renewed.
    server.child.kill().await.unwrap();
    soon(client.status().wait_for(|status| *status == ClientStatus::Disconnected)).await.unwrap();
    let dispatching = client.dispatch(Action::new("do").with("n", "offline"));
    let restarting = reference_server(port);
    let (dispatched, (mut server, _)) = soon(async { tokio::join!(dispatching, restarting) }).await;
    dispatched.unwrap();
    assert_eq!(server.line().await, "processed offline");
    soon(async {
        while heard.lock().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(*heard.lock(), ["nothing", "something"], "renewed without what it has");
    soon(other.dispatch(Action::new("say").with("n", "again"))).await.unwrap();
    assert_eq!(soon(saying.recv()).await.unwrap(), "again");
    soon(client.destroy()).await;
    keep_trace("our-client", &recorder);

    let recorder = Recorder::new();
    let refused = our_client(port, "10", "wrong", &recorder);
    let mut errors = refused.errors();
    refused.start();
    let error = soon(errors.recv()).await.unwrap();
    assert!(matches!(error, NodeError::Received(LoguxError::WrongCredentials)), "{error}");
    keep_trace("refused", &recorder);
}

#[tokio::test]
#[ignore = "needs the npm packages: cargo xtask test logux"]
async fn our_client_and_their_server_restarted_with_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log.json");
    let (mut server, port) = reference_server_on(free_port(), Some(&file)).await;
    let client = our_client(port, "10", "token of 10", &Recorder::new());
    let (_listening, mut told) = hear(&client, "tell");
    client.start();
    let other = our_client(port, "11", "token of 11", &Recorder::new());
    other.start();
    let tell = |n: &str| other.dispatch(Action::new("tell").with("to", "10").with("n", n));
    soon(client.state().wait_for(|state| *state == State::Synchronized)).await.unwrap();
    soon(tell("1")).await.unwrap();
    assert_eq!(soon(told.recv()).await.unwrap(), "1");
    client.stop();
    soon(client.state().wait_for(|state| *state == State::Disconnected)).await.unwrap();
    soon(tell("2")).await.unwrap();
    server.child.kill().await.unwrap();
    soon(other.state().wait_for(|state| *state == State::Disconnected)).await.unwrap();
    // Both have something to say meanwhile.
    let (own, others) = (client.dispatch(Action::new("do").with("n", "own")), tell("3"));
    let back = async {
        let (mut server, _) = reference_server_on(port, Some(&file)).await;
        client.start();
        assert_eq!(server.line().await, "processed own");
        server
    };
    let (own, others, _server) = soon(async { tokio::join!(own, others, back) }).await;
    own.unwrap();
    others.unwrap();
    // What was missed, in order, and nothing that was there before.
    assert_eq!([soon(told.recv()).await.unwrap(), soon(told.recv()).await.unwrap()], ["2", "3"]);
    soon(tell("4")).await.unwrap();
    assert_eq!(soon(told.recv()).await.unwrap(), "4");
}

fn our_server() -> (Server, Arc<Mutex<Vec<String>>>) {
    our_server_on(MemoryStore::new())
}

fn our_server_on(store: impl Store + Ledger) -> (Server, Arc<Mutex<Vec<String>>>) {
    let done: Arc<Mutex<Vec<String>>> = Arc::default();
    let does = Arc::clone(&done);
    let free = || ActionType::new(|_| async { Ok(true) });
    let server = Server::builder(store)
        .id("ours")
        .subprotocol(1, 1)
        .auth(|attempt| async move {
            let user = attempt.user_id.unwrap_or_default();
            attempt.token == Some(format!("token of {user}").into())
        })
        .action(
            "do",
            free().process(move |context| {
                does.lock().push(context.action().text("n").unwrap_or_default().to_owned());
                async { Ok(()) }
            }),
        )
        .action("forbidden", ActionType::new(|_| async { Ok(false) }))
        .action("fail", free().process(|_| async { Err("it failed".into()) }))
        .action("say", free().resend(|_| async { Ok(Fields::to_channel("room/1")) }))
        .action(
            "tell",
            free().resend(|context| async move {
                Ok(Fields::to_user(context.action().text("to").unwrap_or_default()).and_reason("told"))
            }),
        )
        .channel(
            "room/:id",
            Channel::new(|context| async move { Ok(context.param("id") != Some("secret")) }).load(
                |context| async move {
                    match context.param("id") {
                        Some("none") => Err(NotFound.into()),
                        _ => Ok(vec![Action::new("room").with("since", context.since().is_some())]),
                    }
                },
            ),
        )
        .build()
        .unwrap();
    (server, done)
}

#[tokio::test]
#[ignore = "needs the npm packages: cargo xtask test logux"]
async fn their_client_and_our_server() {
    let (server, done) = our_server();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    let url = format!("ws://{}", listener.address());
    let mut client = Node::run("client.mjs", &[&url, "10", "token of 10"]);
    client.says("ready").await;
    // Made offline.
    client.tell(json!(["dispatch", 1, { "type": "do", "n": "1" }])).await;
    client.tell(json!(["start"])).await;
    assert_eq!(client.says("processed").await, [1]);
    assert_eq!(*done.lock(), ["1"]);
    for (action, reason) in [
        (json!({ "type": "forbidden" }), "denied"),
        (json!({ "type": "what" }), "unknownType"),
        (json!({ "type": "fail" }), "error"),
        (json!({ "type": "logux/subscribe", "channel": "hall" }), "wrongChannel"),
        (json!({ "type": "logux/subscribe", "channel": "room/none" }), "notFound"),
        (json!({ "type": "logux/subscribe", "channel": "room/secret" }), "denied"),
    ] {
        client.tell(json!(["dispatch", reason, action])).await;
        assert_eq!(client.says("undone").await, [reason, reason]);
    }
    client.tell(json!(["dispatch", 2, { "type": "logux/subscribe", "channel": "room/1" }])).await;
    assert_eq!(client.says("added").await, [json!({ "type": "room", "since": false })]);
    assert_eq!(client.says("processed").await, [2]);

    let mut other = Node::run("client.mjs", &[&url, "11", "token of 11"]);
    other.tell(json!(["start"])).await;
    other.tell(json!(["dispatch", 1, { "type": "say", "n": "hi" }])).await;
    assert_eq!(other.says("processed").await, [1]);
    assert_eq!(client.says("added").await, [json!({ "type": "say", "n": "hi" })]);

    // The server is another after this, at the same address.
    let address = listener.address();
    drop(listener);
    soon(server.stop()).await;
    let (server, done) = our_server();
    let _listener = server.listen(address, ListenOptions::default()).await.unwrap();
    assert_eq!(client.says("added").await, [json!({ "type": "room", "since": true })], "renewed, with what it has");
    client.tell(json!(["dispatch", 3, { "type": "do", "n": "3" }])).await;
    assert_eq!(client.says("processed").await, [3]);
    assert_eq!(*done.lock(), ["3"]);

    let mut refused = Node::run("client.mjs", &[&url, "10", "wrong"]);
    refused.tell(json!(["start"])).await;
    assert_eq!(refused.says("error").await, ["wrong-credentials"]);
    let mut status = TcpText::get(address, "/health").await;
    assert!(status.starts_with("HTTP/1.1 200 OK"), "{status}");
    status = TcpText::get(address, "/other").await;
    assert!(status.starts_with("HTTP/1.1 404"), "{status}");
}

/// Once its last user has closed it.
async fn freed(path: &Path) -> RedbStore {
    loop {
        match RedbStore::open(path) {
            Ok(store) => return store,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// The server is another after this, at the same address, and knows nothing.
async fn restart(listener: Listener, server: Server) -> (Listener, Server, Arc<Mutex<Vec<String>>>) {
    let address = listener.address();
    drop(listener);
    soon(server.stop()).await;
    let (server, done) = our_server();
    (server.listen(address, ListenOptions::default()).await.unwrap(), server, done)
}

#[tokio::test]
#[ignore = "needs the npm packages: cargo xtask test logux"]
async fn their_client_and_our_server_restarted_with_its_log_and_then_without() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let (server, done) = our_server_on(RedbStore::open(&path).unwrap());
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    let url = format!("ws://{}", listener.address());
    let mut client = Node::run("client.mjs", &[&url, "10", "token of 10"]);
    client.says("ready").await;
    client.tell(json!(["start"])).await;
    client.tell(json!(["dispatch", 1, { "type": "do", "n": "1" }])).await;
    assert_eq!(client.says("processed").await, [1]);
    let tell = |n: &str| Action::new("tell").with("to", "10").with("n", n);
    let to_10 = || Fields::to_user("10").and_reason("told");
    server.add(tell("1"), to_10()).await.unwrap();
    assert_eq!(client.says("added").await[0]["n"], "1");
    assert_eq!(*done.lock(), ["1"]);

    // Told while the client was away: the log has it, and nobody has got it.
    let address = listener.address();
    drop(listener);
    soon(server.stop()).await;
    server.add(tell("2"), to_10()).await.unwrap();
    drop(server);
    client.tell(json!(["dispatch", 2, { "type": "do", "n": "2" }])).await;
    let (server, done) = our_server_on(soon(freed(&path)).await);
    let listener = server.listen(address, ListenOptions::default()).await.unwrap();
    assert_eq!(client.says("added").await[0]["n"], "2", "what was missed, and not what was there");
    assert_eq!(client.says("processed").await, [2]);
    assert_eq!(*done.lock(), ["2"], "processed once");

    // The same server without its log knows nothing of the numbers that the client has.
    let (_listener, server, done) = restart(listener, server).await;
    client.tell(json!(["dispatch", 3, { "type": "do", "n": "3" }])).await;
    assert_eq!(client.says("processed").await, [3]);
    server.add(tell("3"), to_10()).await.unwrap();
    assert_eq!(client.says("added").await[0]["n"], "3");
    assert_eq!(*done.lock(), ["3"]);
}

#[tokio::test]
#[ignore = "needs the npm packages and Chromium: cargo xtask test logux"]
async fn their_client_in_chromium_and_our_server() {
    let (server, done) = our_server();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    let url = format!("ws://{}", listener.address());
    let mut page = Node::run("browser.mjs", &[&url]);
    assert_eq!(page.says("processed").await, ["offline"]);
    assert_eq!(*done.lock(), ["browser"]);
    for (name, reason) in [
        ("forbidden", "denied"),
        ("what", "unknownType"),
        ("fail", "error"),
        ("hall", "wrongChannel"),
        ("room/none", "notFound"),
        ("room/secret", "denied"),
    ] {
        assert_eq!(page.says("undone").await, [name, reason]);
    }
    assert_eq!(page.says("added").await, [json!({ "type": "room", "since": false })]);
    assert_eq!(page.says("processed").await, ["room"]);

    // Another user, on the channel.
    let other = our_client(listener.address().port(), "11", "token of 11", &Recorder::new());
    other.start();
    soon(other.dispatch(Action::new("say").with("n", "hi"))).await.unwrap();
    assert_eq!(page.says("added").await, [json!({ "type": "say", "n": "hi" })]);

    let (_listener, _server, done) = restart(listener, server).await;
    assert_eq!(page.says("state").await, ["disconnected"]);
    let renewed = json!(["added", { "type": "room", "since": true }]);
    page.says_all([renewed, json!(["processed", "later"])]).await;
    assert_eq!(*done.lock(), ["later"]);
    soon(other.dispatch(Action::new("say").with("n", "again"))).await.unwrap();
    let again = json!(["added", { "type": "say", "n": "again" }]);
    page.says_all([again, json!(["refused", "wrong-credentials"])]).await;
    // It ends its browser when its input ends.
    let Node { mut child, input, .. } = page;
    drop(input);
    soon(child.wait()).await.unwrap();
}

struct TcpText;

impl TcpText {
    async fn get(address: std::net::SocketAddr, path: &str) -> String {
        let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut tcp, &mut text).await.unwrap();
        text
    }
}
