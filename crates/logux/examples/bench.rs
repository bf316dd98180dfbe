//! Our server beside `@logux/server`, in one run, on loopback: `cargo run --release -p logux --example bench`. First run
//! `npm ci` in `interop`. Prints tables in Markdown; only the ratios say something about another machine. Both servers have
//! one thread and the same load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss, missing_docs)]

use logux::{ActionType, Ledger, ListenOptions, MemoryStore, RedbStore, Server, Store};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CLIENTS: usize = 1_000;
/// How many actions a client has under way at a time.
const WINDOW: u64 = 100;
const MEASURE: Duration = Duration::from_secs(4);

const LATENCIES: usize = 1_000;

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
    // One thread, as Node has.
    let one = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if args.next().as_deref() == Some("serve") {
        return one.block_on(async {
            match args.next() {
                Some(path) => serve(RedbStore::open(path).unwrap()).await,
                None => serve(MemoryStore::new()).await,
            }
        });
    }
    let here = |args: &[&Path]| {
        let mut here = Command::new(std::env::current_exe().unwrap());
        here.arg("serve").args(args).stdout(Stdio::piped()).spawn().unwrap()
    };
    let ours = one.block_on(measure(here(&[])));
    let dir = tempfile::tempdir().unwrap();
    let durable = one.block_on(measure(here(&[&dir.path().join("store")])));
    let interop = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let mut node = Command::new("node");
    node.arg("bench.mjs").current_dir(interop).env("NODE_ENV", "production").stdout(Stdio::piped());
    let theirs = one.block_on(measure(node.spawn().unwrap()));
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
    println!("\n| with a store on the disk | 1 client | 1,000 clients | ratio |\n|---|---:|---:|---:|");
    let (one, many) = (durable.one, durable.many);
    println!("| actions per second | {one:.1} | {many:.1} | {:.1} |", many / one);
}

async fn serve(store: impl Store + Ledger) {
    let free = ActionType::new(|_| async { Ok(true) }).process(|_| async { Ok(()) });
    let server = Server::builder(store).subprotocol(1, 1).auth(|_| async { true }).action("do", free);
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
    for _ in 0..LATENCIES {
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

/// A client that does as little as it can: frames are prepared, and answers are counted and not read. It has one thread,
/// so that the server has the other core of a machine with two.
struct Load {
    tcp: TcpStream,
    /// Frames of `sync`, and where their numbers stand.
    frames: Vec<u8>,
    frame: usize,
    digits: [usize; 3],
    next: u64,
    /// How many actions are not answered.
    open: u64,
    out: Vec<u8>,
    input: Vec<u8>,
}

/// Numbers of one length.
const FIRST: u64 = 1_000_000;
const DIGITS: usize = 7;

fn frame(text: &str, into: &mut Vec<u8>) {
    into.extend([0x81, 0x80 | u8::try_from(text.len()).ok().filter(|len| *len < 126).unwrap()]);
    // A mask that changes nothing: it is the server that is measured.
    into.extend([0; 4]);
    into.extend(text.as_bytes());
}

impl Load {
    async fn connect(port: u16, number: usize) -> Self {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let request = "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut first = Vec::new();
        tcp.write_all(request.as_bytes()).await.unwrap();
        while !first.ends_with(b"\r\n\r\n") {
            assert_ne!(tcp.read_buf(&mut first).await.unwrap(), 0, "{}", String::from_utf8_lossy(&first));
        }
        let mut out = Vec::new();
        frame(&format!(r#"["connect",5,"{number}:client:tab",0,{{"subprotocol":1}}]"#), &mut out);
        tcp.write_all(&out).await.unwrap();
        out.clear();
        let text = format!(r#"["sync",{FIRST},{{"type":"do","value":"some text"}},{{"id":{FIRST},"time":{FIRST}}}]"#);
        let mut frames = Vec::new();
        frame(&text, &mut frames);
        let frame = frames.len();
        let places = text.match_indices(&FIRST.to_string()).map(|(at, _)| at + frame - text.len()).collect::<Vec<_>>();
        let mut load = Self {
            tcp,
            frames,
            frame,
            digits: places.try_into().unwrap(),
            next: FIRST,
            open: 0,
            out,
            input: Vec::new(),
        };
        while load.receive().await == 0 {}
        load
    }

    fn push(&mut self, count: u64) {
        for _ in 0..count {
            self.next += 1;
            let number = self.next.to_string();
            assert_eq!(number.len(), DIGITS);
            for at in self.digits {
                self.frames[at..at + DIGITS].copy_from_slice(number.as_bytes());
            }
            self.out.extend(&self.frames[..self.frame]);
        }
        self.open += count;
    }

    /// Waits for something, and answers it. How many frames it was.
    async fn receive(&mut self) -> usize {
        self.tcp.write_all(&self.out).await.unwrap();
        self.out.clear();
        self.input.reserve(64 << 10);
        assert_ne!(self.tcp.read_buf(&mut self.input).await.unwrap(), 0, "closed");
        let (mut rest, mut count) = (&*self.input, 0);
        while let Some((payload, after)) = next_frame(rest) {
            rest = after;
            count += 1;
            if let Some(sync) = payload.strip_prefix(br#"["sync","#) {
                let added = sync.split(|&byte| byte == b',').next().unwrap();
                let mut sync = &sync[added.len()..];
                while let Some(at) = sync.iter().position(|&byte| byte == b'/') {
                    sync = &sync[at + 1..];
                    assert!(sync.starts_with(b"processed"), "{}", String::from_utf8_lossy(payload));
                    self.open -= 1;
                }
                frame(&format!(r#"["synced",{}]"#, std::str::from_utf8(added).unwrap()), &mut self.out);
            }
        }
        let used = self.input.len() - rest.len();
        self.input.drain(..used);
        count
    }

    /// Sends so many actions, and waits until they are processed.
    async fn send(&mut self, count: u64) -> Duration {
        let start = Instant::now();
        self.push(count);
        while self.open > 0 {
            self.receive().await;
        }
        self.tcp.write_all(&self.out).await.unwrap();
        self.out.clear();
        start.elapsed()
    }

    /// Keeps so many actions under way.
    async fn run(&mut self, until: Duration, window: u64) -> (u64, Duration) {
        let (start, first) = (Instant::now(), self.next);
        while start.elapsed() < until {
            self.push(window - self.open);
            self.receive().await;
        }
        self.send(0).await;
        (self.next - first, start.elapsed())
    }
}

/// A whole frame of a server's, and what follows it.
fn next_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, len) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    Some((bytes.get(head..head + len)?, &bytes[head + len..]))
}
