//! An app's client and server, on virtual time.

use logux::{
    Action, ActionId, ActionType, Channel, ChannelFilter, Client, ClientStatus, DispatchError, Entry, Fields, Ledger,
    LoguxError, MemoryStore, NodeError, NotFound, Order, Progress, Server, State, Store, Token, UndoReason,
    testing::{Disorder, Side, TestPair, TestTime},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

type Done = Arc<Mutex<Vec<String>>>;

/// What the app's server has processed, and what lets its slow action go on.
#[derive(Clone)]
struct App {
    done: Done,
    gate: Arc<Semaphore>,
}

fn server_on(time: &TestTime, store: Arc<MemoryStore>, app: &App) -> Server {
    let (done, gate) = (Arc::clone(&app.done), Arc::clone(&app.gate));
    let process = move |context: logux::Context| {
        let (done, gate) = (Arc::clone(&done), Arc::clone(&gate));
        async move {
            let n = context.action().text("n").unwrap_or("-").to_owned();
            match context.action().kind() {
                "fail" => return Err("it failed".into()),
                "slow" => gate.acquire().await?.forget(),
                _ => {}
            }
            done.lock().push(n);
            Ok(())
        }
    };
    let free = || ActionType::new(|_| async { Ok(true) });
    Server::builder(Shared(store))
        .id("x")
        .clock(Arc::new(time.clone()))
        .auth(|attempt| async move { attempt.token == Some("right".into()) })
        .action("do", free().process(process.clone()))
        .action("fail", free().process(process.clone()))
        .action("slow", free().process(process.clone()))
        .action("aside", free().process(process).queue("aside"))
        .action("forbidden", ActionType::new(|_| async { Ok(false) }))
        .action("say", free().resend(|_| async { Ok(Fields::to_channel("room/1")) }))
        .channel(
            "room/:id",
            Channel::new(|context| async move { Ok(context.param("id") != Some("secret")) })
                .filter(|context| async move {
                    let only = context.action().get("filter").and_then(|filter| filter.get("only")).cloned();
                    let filter: ChannelFilter =
                        Arc::new(move |entry: &Entry| only.is_none() || entry.action.get("about") == only.as_ref());
                    Ok(filter)
                })
                .load(|context| async move {
                    if context.param("id") == Some("none") {
                        return Err(NotFound.into());
                    }
                    let since = context.since().map_or(-1, |(_, time)| time);
                    Ok(vec![Action::new("room").with("since", since)])
                }),
        )
        .build()
        .unwrap()
}

/// A store that outlives its server, as a disk does.
struct Shared(Arc<MemoryStore>);

macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($arg: $type),*) -> Result<$result, logux::StoreError> { self.0.$name($($arg),*) })*
    };
}

impl Store for Shared {
    forward! {
        add(entries: Vec<Entry>) -> Vec<Option<Arc<Entry>>>;
        by_id(id: &ActionId) -> Option<Arc<Entry>>;
        page(query: &logux::Query) -> Vec<Arc<Entry>>;
        change_meta(id: &ActionId, change: &logux::MetaChange) -> bool;
        remove(id: &ActionId) -> Option<Arc<Entry>>;
        remove_reason(reason: &str, criteria: &logux::Criteria) -> Vec<Arc<Entry>>;
        last_added() -> u64;
        cursors() -> logux::Cursors;
        raise_cursors(sent: u64, received: u64) -> ();
        reset_cursors(peer: &str) -> ();
        reserve_ids(until: i64) -> ();
        reserved_ids() -> i64;
        clean() -> ();
    }
}

impl Ledger for Shared {
    forward! {
        receive(entries: &[Arc<Entry>]) -> Vec<Option<Progress>>;
        begin(id: &ActionId) -> bool;
        finish(id: &ActionId, outcome: &logux::Outcome, keep: usize) -> ();
        unfinished() -> Vec<Progress>;
    }
}

struct World {
    time: TestTime,
    app: App,
    store: Arc<MemoryStore>,
    server: Arc<Mutex<Server>>,
    pair: TestPair,
}

fn world() -> World {
    let time = TestTime::new();
    let app = App { done: Done::default(), gate: Arc::new(Semaphore::new(0)) };
    let store = Arc::new(MemoryStore::new());
    let server = Arc::new(Mutex::new(server_on(&time, Arc::clone(&store), &app)));
    let world = World { time, app, store, server, pair: TestPair::new() };
    world.serve(&world.pair);
    world
}

impl World {
    fn serve(&self, pair: &TestPair) {
        let (pair, server) = (pair.clone(), Arc::clone(&self.server));
        tokio::spawn(async move {
            loop {
                let connection = pair.accept().await;
                let server = server.lock().clone();
                tokio::spawn(async move { server.serve(connection, Some([127, 0, 0, 1].into())).await });
            }
        });
    }

    fn client_on(&self, user: &str, pair: &TestPair, store: Arc<dyn Store>) -> Client {
        let builder = Client::builder(user).client_id("client").token("right").store(store);
        builder.clock(Arc::new(self.time.clone())).connector(pair.connector()).unwrap()
    }

    fn client(&self) -> Client {
        self.client_on("10", &self.pair, Arc::new(MemoryStore::new()))
    }

    /// Another process takes over; of the old one nothing is left but its store.
    fn restart(&self, store: Arc<MemoryStore>) {
        *self.server.lock() = server_on(&self.time, store, &self.app);
        self.pair.cut();
    }

    fn done(&self) -> Vec<String> {
        self.app.done.lock().clone()
    }
}

fn n(kind: &str, n: &str) -> Action {
    Action::new(kind).with("n", n)
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn reason(result: Result<(), DispatchError>) -> UndoReason {
    match result {
        Err(DispatchError::Undone { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

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
    client.dispatch(n("do", "1")).await.unwrap();
    assert_eq!(w.done(), ["1"]);
    let sent = w.pair.left_said().iter().filter(|text| text.contains(r#""type":"do""#)).count();
    assert_eq!(sent, 2, "it did not come again: {:#?}", w.pair.said());
    // Also by a server that has restarted in between.
    w.pair.then(Disorder::cut_at(4));
    w.pair.cut();
    client.node().wait_for(State::Disconnected).await;
    let dispatching = client.dispatch(n("do", "2"));
    let restarting = async {
        w.pair.wait_for(Side::Right, r#"["sync","#).await;
        w.restart(Arc::clone(&w.store));
    };
    let (dispatched, ()) = tokio::join!(dispatching, restarting);
    dispatched.unwrap();
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
