//! The holes of the reference, by their numbers. The sixth is in `app.rs`, more of the seventh in `fuzz.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use logux::{
    ActionId, ClientNode, Cursors, Entry, NodeError, NodeOptions, Reconnect, State, Store, StoreError,
    testing::{Side, TestPair, TestTime},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use support::*;
use tokio::sync::Semaphore;

/// A store that waits before it adds, and can fail.
struct SlowStore {
    inner: logux::MemoryStore,
    fails: Mutex<bool>,
    steps: Arc<Mutex<Vec<String>>>,
}

impl SlowStore {
    fn new() -> Arc<Self> {
        Arc::new(Self { inner: logux::MemoryStore::new(), fails: Mutex::default(), steps: Arc::default() })
    }
}

impl Store for SlowStore {
    fn add(&self, entries: Vec<Entry>) -> Result<Vec<Option<Arc<Entry>>>, StoreError> {
        if *self.fails.lock() {
            return Err(StoreError::failed("add", std::io::Error::other("the disk is full")));
        }
        self.steps.lock().push("stored".into());
        self.inner.add(entries)
    }
    fn by_id(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        self.inner.by_id(id)
    }
    fn page(&self, query: &logux::Query) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.inner.page(query)
    }
    fn change_meta(&self, id: &ActionId, change: &logux::MetaChange) -> Result<bool, StoreError> {
        self.inner.change_meta(id, change)
    }
    fn remove(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        self.inner.remove(id)
    }
    fn remove_reason(&self, reason: &str, criteria: &logux::Criteria) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.inner.remove_reason(reason, criteria)
    }
    fn last_added(&self) -> Result<u64, StoreError> {
        self.inner.last_added()
    }
    fn cursors(&self) -> Result<Cursors, StoreError> {
        self.inner.cursors()
    }
    fn raise_cursors(&self, sent: u64, received: u64) -> Result<(), StoreError> {
        self.steps.lock().push(format!("cursors {sent} {received}"));
        self.inner.raise_cursors(sent, received)
    }
    fn reset_cursors(&self, peer: &str) -> Result<(), StoreError> {
        self.inner.reset_cursors(peer)
    }
    fn reserve_ids(&self, until: i64) -> Result<(), StoreError> {
        self.inner.reserve_ids(until)
    }
    fn reserved_ids(&self) -> Result<i64, StoreError> {
        self.inner.reserved_ids()
    }
    fn clean(&self) -> Result<(), StoreError> {
        self.inner.clean()
    }
}

#[tokio::test(start_paused = true)]
async fn hole_1_nothing_is_acknowledged_before_the_store_has_it() {
    let (time, store, pair) = (TestTime::new(), SlowStore::new(), TestPair::new());
    let client_log = time.log_on(CLIENT, Arc::clone(&store) as Arc<dyn Store>);
    let server_log = time.log("server:a");
    serve(&pair, &server_log, &NodeOptions::default());
    let client = ClientNode::new(&client_log, pair.connector(), Reconnect::default(), NodeOptions::default());
    client.connect();
    client.wait_for(State::Synchronized).await;
    *store.fails.lock() = true;
    pair.clear();
    add(&server_log, "a").await;
    let mut errors = client.errors();
    let error = tokio::time::timeout(Duration::from_secs(600), errors.recv()).await.expect("an error").unwrap();
    assert!(matches!(error, NodeError::Store(_)), "{error}");
    assert!(pair.left_said().iter().all(|text| !text.starts_with(r#"["synced""#)), "acknowledged, and not stored");
    assert_eq!(store.cursors().unwrap().received, 0);
    *store.fails.lock() = false;
    pair.wait_for(Side::Left, r#"["synced",1]"#).await;
    assert_eq!(store.steps.lock()[..2], ["stored", "cursors 0 1"], "stored, then remembered");
    assert_eq!(time.actions(&client_log).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn hole_2_a_slow_hook_neither_reorders_nor_loses() {
    let on_send = |entry: Arc<Entry>| async move {
        tokio::time::sleep(Duration::from_secs(if entry.action.kind() == "slow" { 5 } else { 0 })).await;
        let Entry { action, meta } = Arc::unwrap_or_clone(entry);
        Ok(Some((action, meta)))
    };
    let p = pair_with(NodeOptions::default().on_send(on_send), NodeOptions::default()).connected().await;
    add(&p.client_log, "slow").await;
    settle().await;
    add(&p.client_log, "quick").await;
    settle().await;
    assert!(p.pair.left_said().is_empty(), "something has overtaken");
    // While the hook is still at it, the connection is lost: the cursor has passed nothing.
    p.pair.cut();
    p.client.wait_for(State::Disconnected).await;
    assert_eq!(p.client_log.store().cursors().unwrap().sent, 0);
    p.client.wait_for(State::Synchronized).await;
    assert_eq!(p.time.actions(&p.server_log).await, ["slow", "quick"]);
    assert_eq!(p.client_log.store().cursors().unwrap().sent, 2);
}

#[tokio::test(start_paused = true)]
async fn hole_3_a_ping_says_only_what_was_sent() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let on_send = move |entry: Arc<Entry>| {
        let gate = Arc::clone(&opened);
        async move {
            gate.acquire().await.unwrap().forget();
            let Entry { action, meta } = Arc::unwrap_or_clone(entry);
            Ok(Some((action, meta)))
        }
    };
    let p = pair_with(NodeOptions::default().on_send(on_send), NodeOptions::default()).connected().await;
    add(&p.client_log, "a").await;
    p.pair.wait_for(Side::Left, r#"["ping","#).await;
    assert_eq!(p.pair.left_said(), [r#"["ping",0]"#]);
    gate.add_permits(1);
    settle().await;
    p.pair.clear();
    p.pair.wait_for(Side::Left, r#"["ping","#).await;
    assert_eq!(p.pair.left_said(), [r#"["ping",1]"#]);
}

#[tokio::test(start_paused = true)]
async fn hole_4_a_late_hook_does_not_leave_the_state_at_sending() {
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let on_send = move |entry: Arc<Entry>| {
        let gate = Arc::clone(&opened);
        async move {
            gate.acquire().await.unwrap().forget();
            let Entry { action, meta } = Arc::unwrap_or_clone(entry);
            Ok(Some((action, meta)))
        }
    };
    let p = pair_with(NodeOptions::default().on_send(on_send), NodeOptions::default()).connected().await;
    add(&p.client_log, "a").await;
    settle().await;
    p.client.disconnect();
    p.client.wait_for(State::Disconnected).await;
    gate.add_permits(2);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(*p.client.state().borrow(), State::Disconnected);
    p.client.connect();
    p.client.wait_for(State::Synchronized).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(*p.client.state().borrow(), State::Synchronized);
    assert_eq!(p.time.actions(&p.server_log).await, ["a"]);
}

#[tokio::test(start_paused = true)]
async fn hole_5_a_cursor_never_goes_back() {
    let (time, pair) = (TestTime::new(), TestPair::new());
    let log = time.log(CLIENT);
    let client = ClientNode::new(&log, pair.connector(), Reconnect::default(), NodeOptions::default());
    client.connect();
    let mut server = pair.accept().await;
    hear(&mut server).await.unwrap();
    say(&mut server, r#"["connected",5,"server:a",[1,1]]"#).await;
    say(&mut server, r#"["ping",7]"#).await;
    assert_eq!(hear(&mut server).await.unwrap(), r#"["pong",0]"#);
    say(&mut server, r#"["sync",3,{"type":"a"},{"id":0,"time":0,"reasons":["x"]}]"#).await;
    assert_eq!(hear(&mut server).await.unwrap(), r#"["synced",3]"#);
    say(&mut server, r#"["ping",2]"#).await;
    hear(&mut server).await.unwrap();
    settle().await;
    assert_eq!(log.store().cursors().unwrap().received, 7);
    // An acknowledgement of what was never sent moves nothing.
    say(&mut server, r#"["synced",99]"#).await;
    settle().await;
    assert_eq!(log.store().cursors().unwrap().sent, 1, "1 came from the server, and need not be sent");
}

#[tokio::test(start_paused = true)]
async fn hole_7_a_bad_frame_is_answered_with_its_text_and_closes() {
    for (frame, answer) in [
        ("nonsense", r#"["error","wrong-format","nonsense"]"#),
        (r#"["headers",null]"#, r#"["error","wrong-format","[\"headers\",null]"]"#),
        (r#"["connect",5,"10:a:b",0,null]"#, r#"["error","wrong-format","[\"connect\",5,\"10:a:b\",0,null]"]"#),
        (r#"["toString"]"#, r#"["error","unknown-message","toString"]"#),
    ] {
        for greets_first in [false, true] {
            let (mut raw, _) = raw_client(NodeOptions::default()).await;
            if greets_first {
                say(&mut raw, r#"["connect",5,"10:a:b",0]"#).await;
                hear(&mut raw).await.unwrap();
            }
            say(&mut raw, frame).await;
            assert_eq!(hear(&mut raw).await.unwrap(), answer);
            assert_eq!(hear(&mut raw).await, None, "not closed after {frame}");
        }
    }
    // A client validates as well.
    let (time, pair) = (TestTime::new(), TestPair::new());
    let client = ClientNode::new(&time.log(CLIENT), pair.connector(), Reconnect::default(), NodeOptions::default());
    client.connect();
    let mut server = pair.accept().await;
    hear(&mut server).await.unwrap();
    say(&mut server, r#"["connected",5,null,[1,1]]"#).await;
    assert!(hear(&mut server).await.unwrap().starts_with(r#"["error","wrong-format""#));
    assert_eq!(hear(&mut server).await, None);
}
