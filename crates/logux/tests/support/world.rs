//! An app's server and its clients, on virtual time.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses its part")]

use logux::{
    Action, ActionId, ActionType, Channel, ChannelFilter, Client, DispatchError, Entry, Fields, Ledger, MemoryStore,
    NotFound, Progress, Server, Store, UndoReason,
    testing::{TestPair, TestTime},
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

pub type Done = Arc<Mutex<Vec<String>>>;

/// What the app's server has processed, and what lets its slow action go on.
#[derive(Clone)]
pub struct App {
    pub done: Done,
    pub gate: Arc<Semaphore>,
}

pub fn server_on(time: &TestTime, store: Arc<MemoryStore>, app: &App) -> Server {
    server_over(time, Shared::new(store), app)
}

pub fn server_over(time: &TestTime, store: Shared, app: &App) -> Server {
    let (done, gate) = (Arc::clone(&app.done), Arc::clone(&app.gate));
    let process = move |context: logux::Context| {
        let (done, gate) = (Arc::clone(&done), Arc::clone(&gate));
        async move {
            let n = context.action().text("n").unwrap_or("-").to_owned();
            match context.action().kind() {
                "fail" => return Err("it failed".into()),
                "panic" => panic!("a bug in the app"),
                "slow" => gate.acquire().await?.forget(),
                _ => {}
            }
            done.lock().push(n);
            Ok(())
        }
    };
    let free = || ActionType::new(|_| async { Ok(true) });
    Server::builder(store)
        .id("x")
        .clock(Arc::new(time.clone()))
        .auth(|attempt| async move { attempt.token == Some("right".into()) })
        .action("do", free().process(process.clone()))
        .action("fail", free().process(process.clone()))
        .action("panic", free().process(process.clone()))
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
#[derive(Clone)]
pub struct Shared {
    pub store: Arc<MemoryStore>,
    /// Called with each step's name before it.
    pub before: Arc<dyn Fn(&'static str) + Send + Sync>,
    pub is_blocking: bool,
}

impl Shared {
    pub fn new(store: Arc<MemoryStore>) -> Self {
        Self { store, before: Arc::new(|_| {}), is_blocking: false }
    }
}

macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(fn $name(&self, $($arg: $type),*) -> Result<$result, logux::StoreError> {
            (self.before)(stringify!($name));
            self.store.$name($($arg),*)
        })*
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

    fn is_blocking(&self) -> bool {
        self.is_blocking
    }
}

impl Ledger for Shared {
    forward! {
        receive(entries: &[Arc<Entry>]) -> Vec<Option<Progress>>;
        begin(id: &ActionId) -> bool;
        finish(ended: &[(ActionId, logux::Outcome)], keep: usize) -> ();
        unfinished() -> Vec<Progress>;
    }
}

pub struct World {
    pub time: TestTime,
    pub app: App,
    pub store: Arc<MemoryStore>,
    pub server: Arc<Mutex<Server>>,
    pub pair: TestPair,
}

pub fn world() -> World {
    let time = TestTime::new();
    let app = App { done: Done::default(), gate: Arc::new(Semaphore::new(0)) };
    let store = Arc::new(MemoryStore::new());
    let server = Arc::new(Mutex::new(server_on(&time, Arc::clone(&store), &app)));
    let world = World { time, app, store, server, pair: TestPair::new() };
    world.serve(&world.pair);
    world
}

impl World {
    pub fn serve(&self, pair: &TestPair) {
        let (pair, server) = (pair.clone(), Arc::clone(&self.server));
        tokio::spawn(async move {
            loop {
                let connection = pair.accept().await;
                let server = server.lock().clone();
                tokio::spawn(async move { server.serve(connection, Some([127, 0, 0, 1].into())).await });
            }
        });
    }

    pub fn client_on(&self, user: &str, pair: &TestPair, store: Arc<dyn Store>) -> Client {
        let builder = Client::builder(user).client_id("client").token("right").store(store);
        builder.clock(Arc::new(self.time.clone())).connector(pair.connector()).unwrap()
    }

    pub fn client(&self) -> Client {
        self.client_on("10", &self.pair, Arc::new(MemoryStore::new()))
    }

    /// Another process takes over; of the old one nothing is left but its store.
    pub fn restart(&self, store: Arc<MemoryStore>) {
        *self.server.lock() = server_on(&self.time, store, &self.app);
        self.pair.cut();
    }

    pub fn done(&self) -> Vec<String> {
        self.app.done.lock().clone()
    }
}

pub fn n(kind: &str, n: &str) -> Action {
    Action::new(kind).with("n", n)
}

pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub fn reason(result: Result<(), DispatchError>) -> UndoReason {
    match result {
        Err(DispatchError::Undone { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}
