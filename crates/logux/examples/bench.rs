//! Our server beside `@logux/server`, in one run, on loopback: `cargo run --release -p logux --example bench`. First run
//! `npm ci` in `interop`. Prints a table in Markdown; only the ratios say something about another machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss, missing_docs)]

use futures_util::{SinkExt, StreamExt};
use logux::{ActionType, BoxConnection, Connector, Frame, ListenOptions, MemoryStore, Server, WsConnector};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const CLIENTS: usize = 1_000;
/// How many actions a client has under way at a time.
const WINDOW: u64 = 100;
const MEASURE: Duration = Duration::from_secs(4);

struct Measured {
    one: f64,
    one_cpu: f64,
    many: f64,
    many_cpu: f64,
    median_us: f64,
    p99_us: f64,
    idle_kb: f64,
    loaded_mb: f64,
}

fn main() {
    let mut args = std::env::args().skip(1);
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if args.next().as_deref() == Some("serve") {
        // One thread, as Node has.
        let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return one.block_on(serve());
    }
    let here = Command::new(std::env::current_exe().unwrap()).arg("serve").stdout(Stdio::piped()).spawn().unwrap();
    let ours = threads.block_on(measure(here));
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let mut node = Command::new("node");
    node.arg("bench.mjs").current_dir(interop).env("NODE_ENV", "production").stdout(Stdio::piped());
    let theirs = threads.block_on(measure(node.spawn().unwrap()));
    println!("| | logux | @logux/server | ratio |\n|---|---:|---:|---:|");
    let row = |what: &str, ours: f64, theirs: f64, more_is_better: bool| {
        let ratio = if more_is_better { ours / theirs } else { theirs / ours };
        println!("| {what} | {ours:.1} | {theirs:.1} | {ratio:.1} |");
    };
    row("actions per second, 1 client", ours.one, theirs.one, true);
    row("actions per second of the server's CPU, 1 client", ours.one_cpu, theirs.one_cpu, true);
    row("actions per second, 1,000 clients", ours.many, theirs.many, true);
    row("actions per second of the server's CPU, 1,000 clients", ours.many_cpu, theirs.many_cpu, true);
    row("latency of one action, median, µs", ours.median_us, theirs.median_us, false);
    row("latency of one action, 99 %, µs", ours.p99_us, theirs.p99_us, false);
    row("memory of an idle connection, KB", ours.idle_kb, theirs.idle_kb, false);
    row("memory after the load, MB", ours.loaded_mb, theirs.loaded_mb, false);
}

async fn serve() {
    let free = ActionType::new(|_| async { Ok(true) }).process(|_| async { Ok(()) });
    let server = Server::builder(MemoryStore::new()).subprotocol(1, 1).auth(|_| async { true }).action("do", free);
    let server = server.build().unwrap();
    let listener = server.listen("127.0.0.1:0", ListenOptions::default()).await.unwrap();
    println!("listening {}", listener.address().port());
    std::future::pending().await
}

fn memory_kb(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// What the process has computed, in seconds, whatever else the machine does.
fn cpu(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Linux counts hundredths of a second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn measure(mut child: Child) -> Measured {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim().strip_prefix("listening ").unwrap().parse().unwrap();

    // While the process is fresh: later, what is free but not given back would hide it.
    let mut first = Load::connect(port, 0).await;
    first.send(100).await;
    let before = memory_kb(&child);
    let mut loads = Vec::new();
    for number in 0..CLIENTS {
        loads.push(Load::connect(port, number + 1).await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle_kb = (memory_kb(&child) - before) / CLIENTS as f64;

    first.run(Duration::from_secs(1), WINDOW).await;
    let used = cpu(&child);
    let (count, took) = first.run(MEASURE, WINDOW).await;
    let one_rate = count as f64 / took.as_secs_f64();
    let one_cpu = count as f64 / (cpu(&child) - used);
    let mut latencies = Vec::new();
    for _ in 0..3_000 {
        latencies.push(first.send(1).await.as_secs_f64() * 1e6);
    }
    latencies.sort_by(f64::total_cmp);

    let (start, used) = (Instant::now(), cpu(&child));
    let running = loads.into_iter().map(|mut load| tokio::spawn(async move { load.run(MEASURE, 10).await.0 }));
    let mut total = 0;
    for load in running.collect::<Vec<_>>() {
        total += load.await.unwrap();
    }
    let many = total as f64 / start.elapsed().as_secs_f64();
    let many_cpu = total as f64 / (cpu(&child) - used);
    let loaded_mb = memory_kb(&child) / 1024.0;
    child.kill().unwrap();
    child.wait().unwrap();
    let percentile = |of: usize| latencies[latencies.len() * of / 100];
    Measured {
        one: one_rate,
        one_cpu,
        many,
        many_cpu,
        median_us: percentile(50),
        p99_us: percentile(99),
        idle_kb,
        loaded_mb,
    }
}

/// A client that does as little as it can.
struct Load {
    connection: BoxConnection,
    next: u64,
}

impl Load {
    async fn connect(port: u16, number: usize) -> Self {
        let connector = WsConnector::insecure(&format!("ws://127.0.0.1:{port}")).unwrap();
        let mut connection = connector.connect().await.unwrap();
        let greeting = format!(r#"["connect",5,"{number}:client:tab",0,{{"subprotocol":1}}]"#);
        connection.send(Frame::Text(greeting)).await.unwrap();
        let Some(Ok(Frame::Text(answer))) = connection.next().await else { panic!("no answer") };
        assert!(answer.starts_with(r#"["connected""#), "{answer}");
        Self { connection, next: 0 }
    }

    /// Sends so many actions, and waits until they are processed.
    async fn send(&mut self, count: u64) -> Duration {
        let start = Instant::now();
        for _ in 0..count {
            self.next += 1;
            let n = self.next;
            let frame = format!(r#"["sync",{n},{{"type":"do","value":"some text"}},{{"id":{n},"time":{n}}}]"#);
            self.connection.feed(Frame::Text(frame)).await.unwrap();
        }
        self.connection.flush().await.unwrap();
        let mut open = count;
        while open > 0 {
            let Some(Ok(Frame::Text(text))) = self.connection.next().await else { panic!("closed") };
            let Some(rest) = text.strip_prefix(r#"["sync","#) else { continue };
            let added = rest.split(',').next().unwrap();
            open -= rest.matches("logux/processed").count() as u64;
            assert!(!rest.contains("logux/undo"), "{rest}");
            self.connection.feed(Frame::Text(format!(r#"["synced",{added}]"#))).await.unwrap();
        }
        self.connection.flush().await.unwrap();
        start.elapsed()
    }

    async fn run(&mut self, until: Duration, window: u64) -> (u64, Duration) {
        let (start, mut count) = (Instant::now(), 0);
        while start.elapsed() < until {
            self.send(window).await;
            count += window;
        }
        (count, start.elapsed())
    }
}
