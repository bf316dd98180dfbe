//! Real sockets with TLS, from a certificate and its key.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(feature = "ws")]

use logux::{
    Action, ActionType, Client, ClientError, ConnectionError, ListenOptions, MemoryStore, NodeError, Server, ServerTls,
    TlsError, Trust, WsConnector,
};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn server() -> Server {
    let free = ActionType::new(|_| async { Ok(true) });
    let builder = Server::builder(MemoryStore::new()).auth(|_| async { true }).action("do", free);
    builder.build().unwrap()
}

#[tokio::test]
async fn a_client_talks_to_a_server_whose_certificate_it_trusts_and_to_no_other() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let server = server();
    let tls = ServerTls::from_pem(&certificate, &key).unwrap();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default().tls(tls)).await.unwrap();
    let url = format!("wss://localhost:{}", listener.address().port());

    let trusting = WsConnector::with_trust(&url, Trust::only(&certificate).unwrap()).unwrap();
    let client = Client::builder("10").connector(trusting).unwrap();
    client.start();
    client.dispatch(Action::new("do")).await.unwrap();

    let client = Client::builder("10").url(&url).unwrap();
    let mut errors = client.errors();
    client.start();
    let error = errors.recv().await.unwrap();
    assert!(matches!(error, NodeError::Connection(ConnectionError::Io(_))), "{error}");
}

#[tokio::test]
async fn a_frame_over_the_limit_closes_and_is_not_read() {
    let server = server();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default().max_frame(1_000)).await.unwrap();
    let url = format!("ws://{}", listener.address());
    let client = Client::builder("10").connector(WsConnector::insecure(&url).unwrap()).unwrap();
    client.start();
    client.dispatch(Action::new("do").with("text", "x".repeat(500))).await.unwrap();
    let mut state = client.state();
    let large = client.dispatch(Action::new("do").with("text", "x".repeat(1_000)));
    tokio::select! {
        _ = large => panic!("it was read"),
        closed = state.wait_for(|state| *state == logux::State::Disconnected) => drop(closed.unwrap()),
    }
}

#[tokio::test]
async fn a_server_says_whether_it_is_well() {
    let server = server();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    let get = async |path: &str| {
        let mut tcp = tokio::net::TcpStream::connect(listener.address()).await.unwrap();
        tcp.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!((get("/health").await, get("/").await), ("200".to_owned(), "404".to_owned()));
    server.stop().await;
    assert_eq!(get("/health").await, "503");
}

#[tokio::test]
async fn without_tls_nothing_is_sent_unless_asked_for() {
    let refused = Client::builder("10").token("secret").url("ws://localhost:1");
    assert!(matches!(refused, Err(ClientError::Connection(ConnectionError::Address { .. }))));
    let certificates = [("", ""), ("nonsense", "nonsense")];
    for (certificate, key) in certificates {
        assert!(matches!(ServerTls::from_pem(certificate, key), Err(TlsError::Pem { wanted: "certificate", .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_actions_at_once_are_all_answered() {
    let server = server();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    let url = format!("ws://{}", listener.address());
    let clients = (0..4).map(|user| {
        let connector = WsConnector::insecure(&url).unwrap();
        let client = Arc::new(Client::builder(&user.to_string()).connector(connector).unwrap());
        client.start();
        client
    });
    let mut waiting = Vec::new();
    for client in clients {
        waiting.extend((0..500).map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.dispatch(Action::new("do")).await })
        }));
    }
    for dispatch in waiting {
        // Only what is stuck takes so long.
        tokio::time::timeout(Duration::from_secs(60), dispatch).await.expect("stuck").unwrap().unwrap();
    }
}
