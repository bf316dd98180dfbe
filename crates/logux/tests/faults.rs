//! Thousands of schedules of faults, on virtual time: connections that are cut at any message, are slow, repeat or swallow
//! messages; processes that die between any two steps of their stores; servers that have lost their log; clocks that jump.
//! After each, when the world is quiet again, nothing acknowledged is lost, and nothing was done twice.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use logux::{
    Action, ActionId, ActionType, Client, ClientNode, Cursors, Entry, Fields, Filter, Ledger, Log, MemoryStore,
    NodeOptions, Order, Outcome, Progress, Reconnect, Server, ServerNode, State, Store, StoreError,
    testing::{Disorder, TestPair, TestTime},
};
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// A small generator of our own, so that a seed says all.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn disorder(&mut self) -> Disorder {
        let disorder = Disorder::default().delay(Duration::from_millis(self.roll(3) * self.roll(700)));
        let frame = usize::try_from(self.roll(12)).unwrap();
        match self.roll(5) {
            0 | 1 => Disorder::cut_at(frame).delay(disorder.delay),
            2 => disorder.repeat(frame),
            3 => disorder.silent_from(frame),
            _ => disorder,
        }
    }
}

/// A disk, and a process that dies after so many of its steps.
#[derive(Clone)]
struct Mortal {
    disk: Arc<MemoryStore>,
    steps: Arc<AtomicI64>,
}

impl Mortal {
    fn new(disk: &Arc<MemoryStore>, steps: u64) -> Self {
        Self { disk: Arc::clone(disk), steps: Arc::new(AtomicI64::new(i64::try_from(steps).unwrap())) }
    }

    fn step(&self) -> Result<(), StoreError> {
        if self.steps.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        Err(StoreError::failed("live", std::io::Error::other("the process is dead")))
    }

    fn die(&self) {
        self.steps.store(0, Ordering::Relaxed);
    }
}

macro_rules! mortal {
    ($trait:ident { $($name:ident($($arg:ident: $type:ty),*) -> $result:ty;)* }) => {
        impl $trait for Mortal {
            $(fn $name(&self, $($arg: $type),*) -> Result<$result, StoreError> {
                self.step()?;
                self.disk.$name($($arg),*)
            })*
        }
    };
}

mortal!(Store {
    add(entries: Vec<Entry>) -> Vec<Option<Arc<Entry>>>;
    by_id(id: &ActionId) -> Option<Arc<Entry>>;
    page(query: &logux::Query) -> Vec<Arc<Entry>>;
    change_meta(id: &ActionId, change: &logux::MetaChange) -> bool;
    remove(id: &ActionId) -> Option<Arc<Entry>>;
    remove_reason(reason: &str, criteria: &logux::Criteria) -> Vec<Arc<Entry>>;
    last_added() -> u64;
    cursors() -> Cursors;
    raise_cursors(sent: u64, received: u64) -> ();
    reset_cursors(peer: &str) -> ();
    reserve_ids(until: i64) -> ();
    reserved_ids() -> i64;
    clean() -> ();
});

mortal!(Ledger {
    receive(entries: &[Arc<Entry>]) -> Vec<Option<Progress>>;
    begin(id: &ActionId) -> bool;
    finish(ended: &[(ActionId, Outcome)], keep: usize) -> ();
    unfinished() -> Vec<Progress>;
});

fn schedules(count: u64, run: impl AsyncFn(Dice)) {
    // One schedule again: LOGUX_SEED=7.
    let only: Option<u64> = std::env::var("LOGUX_SEED").ok().and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..count, |seed| seed..seed + 1) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(Dice(seed)))));
        if result.is_err() {
            panic!("the schedule of LOGUX_SEED={seed}");
        }
    }
}

/// Who serves now: the harness replaces it.
type Current<T> = Arc<Mutex<T>>;

fn ids(log_of: &MemoryStore) -> BTreeSet<String> {
    let query = logux::Query { order: Order::Added, index: None, newest_first: false, after: None, limit: usize::MAX };
    log_of.page(&query).unwrap().iter().map(|entry| entry.meta.id.to_string()).collect()
}

/// Nobody hears of an action twice from one log.
fn hears_once(log: &Log) -> logux::Listening {
    let heard: Mutex<HashSet<ActionId>> = Mutex::default();
    log.on_add(Filter::all(), move |entry| assert!(heard.lock().insert(entry.meta.id.clone()), "heard twice"))
}

/// Two logs that keep everything, and their nodes.
async fn two_logs(mut dice: Dice) {
    let time = TestTime::new();
    let server_time = time.shifted(i64::try_from(dice.roll(20_000)).unwrap() - 10_000);
    let pair = TestPair::new();
    let (client_disk, mut server_disk) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let mut server_name = 0;
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let server_log: Current<Log> = Arc::new(Mutex::new(time.log("server:none")));
    {
        let (pair, log) = (pair.clone(), Arc::clone(&server_log));
        tokio::spawn(async move {
            loop {
                let connection = pair.accept().await;
                let log = log.lock().clone();
                tokio::spawn(ServerNode::new(&log, connection, NodeOptions::default()).run());
            }
        });
    }
    let rounds = 2 + dice.roll(4);
    for round in 0..=rounds {
        let is_last = round == rounds;
        let steps = |dice: &mut Dice| if is_last || dice.roll(3) == 0 { 1_000_000 } else { dice.roll(25) };
        if !is_last && dice.roll(6) == 0 {
            // The server has lost its log, with what only it knew.
            server_disk = Arc::new(MemoryStore::new());
            server_name += 1;
            let client_knows = ids(&client_disk);
            kept.retain(|id| client_knows.contains(id));
        }
        let (on_client, on_server) =
            (Mortal::new(&client_disk, steps(&mut dice)), Mortal::new(&server_disk, steps(&mut dice)));
        let client_log = time.log_on("10:client:tab", Arc::new(on_client.clone()));
        let new_server = server_time.log_on(&format!("server:{server_name}"), Arc::new(on_server.clone()));
        *server_log.lock() = new_server.clone();
        let _heard = (hears_once(&client_log), hears_once(&new_server));
        if is_last {
            pair.cut();
        } else {
            for _ in 0..dice.roll(4) {
                pair.then(dice.disorder());
            }
        }
        let client = ClientNode::new(&client_log, pair.connector(), Reconnect::default(), NodeOptions::default());
        client.connect();
        for _ in 0..dice.roll(5) {
            match dice.roll(4) {
                0 => time.jump(i64::try_from(dice.roll(40_000)).unwrap() - 20_000),
                1 => tokio::time::sleep(Duration::from_millis(dice.roll(3_000))).await,
                side => {
                    let log = if side == 2 { &client_log } else { &new_server };
                    let added = log.add(Action::new("a").with("n", round), Fields::reason("kept")).await;
                    if let Ok(added) = added {
                        kept.insert(added.entry().unwrap().meta.id.to_string());
                    }
                }
            }
        }
        if is_last {
            // A disorder may still be left for a connection, and a silent one takes its time.
            tokio::time::sleep(Duration::from_secs(600)).await;
            client.wait_for(State::Synchronized).await;
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert_eq!(ids(&client_disk), ids(&server_disk), "the logs differ");
            assert!(ids(&client_disk).is_superset(&kept), "something acknowledged is lost");
        } else {
            tokio::time::sleep(Duration::from_millis(dice.roll(20_000))).await;
            on_client.die();
            on_server.die();
            client.destroy().await;
            pair.cut();
        }
    }
}

#[test]
fn two_logs_agree_and_nothing_acknowledged_is_lost() {
    schedules(1_500, two_logs);
}

/// A client that dispatches, and a server that processes.
async fn an_app(mut dice: Dice) {
    let time = TestTime::new();
    let pair = TestPair::new();
    let (client_disk, server_disk) = (Arc::new(MemoryStore::new()), Arc::new(MemoryStore::new()));
    let done: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let undone: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    let server_on = |store: Mortal| {
        let done = Arc::clone(&done);
        let alive = store.clone();
        let process = move |context: logux::Context| {
            let (done, alive) = (Arc::clone(&done), alive.clone());
            async move {
                // What is dead does nothing.
                alive.step()?;
                *done.lock().entry(context.entry().meta.id.to_string()).or_default() += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(())
            }
        };
        Server::builder(store)
            .id("x")
            .clock(Arc::new(time.clone()))
            .auth(|_| async { true })
            .action("do", ActionType::new(|_| async { Ok(true) }).process(process))
            .build()
            .unwrap()
    };
    let server: Current<Server> = Arc::new(Mutex::new(server_on(Mortal::new(&server_disk, 1_000_000))));
    {
        let (pair, server) = (pair.clone(), Arc::clone(&server));
        tokio::spawn(async move {
            loop {
                let connection = pair.accept().await;
                let server = server.lock().clone();
                tokio::spawn(async move { server.serve(connection, None).await });
            }
        });
    }
    let rounds = 2 + dice.roll(4);
    for round in 0..=rounds {
        let is_last = round == rounds;
        let steps = |dice: &mut Dice| if is_last || dice.roll(3) == 0 { 1_000_000 } else { dice.roll(40) };
        let (on_client, on_server) =
            (Mortal::new(&client_disk, steps(&mut dice)), Mortal::new(&server_disk, steps(&mut dice)));
        *server.lock() = server_on(on_server.clone());
        if is_last {
            pair.cut();
        } else {
            for _ in 0..dice.roll(4) {
                pair.then(dice.disorder());
            }
        }
        let builder = Client::builder("10").client_id("client").store(Arc::new(on_client.clone()));
        let client = Arc::new(builder.clock(Arc::new(time.clone())).connector(pair.connector()).unwrap());
        let (undoes, keeps) = (Arc::clone(&undone), client.log().clone());
        let _undoing = client.on_action("logux/undo", move |entry| {
            undoes.lock().insert(entry.action.text("id").unwrap().to_owned());
        });
        client.start();
        for _ in 0..dice.roll(5) {
            match dice.roll(4) {
                0 => time.jump(i64::try_from(dice.roll(40_000)).unwrap() - 20_000),
                1 => tokio::time::sleep(Duration::from_millis(dice.roll(3_000))).await,
                _ => {
                    let client = Arc::clone(&client);
                    tokio::spawn(async move { client.dispatch(Action::new("do")).await });
                    tokio::task::yield_now().await;
                }
            }
            kept.extend(ids(&client_disk));
        }
        if is_last {
            let mut left = Vec::new();
            for _ in 0..100 {
                tokio::time::sleep(Duration::from_secs(10)).await;
                left = keeps.entries(Order::Added).await.unwrap();
                if left.is_empty() {
                    break;
                }
            }
            assert!(left.is_empty(), "for ever without an answer: {left:?}");
            assert!(server_disk.unfinished().unwrap().is_empty());
        } else {
            tokio::time::sleep(Duration::from_millis(dice.roll(20_000))).await;
            on_client.die();
            on_server.die();
            client.stop();
            pair.cut();
            // It is dead already; this ends its tasks.
            let dead = server.lock().clone();
            tokio::spawn(async move { dead.stop().await });
            kept.extend(ids(&client_disk));
        }
    }
    let (done, undone) = (done.lock(), undone.lock());
    for (id, times) in done.iter() {
        assert_eq!(*times, 1, "{id} was processed again");
    }
    for id in &kept {
        assert!(done.contains_key(id) || undone.contains(id), "{id} is lost");
    }
}

#[test]
fn what_is_dispatched_is_processed_once_or_undone() {
    schedules(1_500, an_app);
}
