//! The durable store, also when its process is killed.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(feature = "redb")]

use logux::{
    Action, Fields, Ledger, Log, Order, Outcome, Progress, RedbStore, Store, StoreError, SystemClock, testing,
};
use std::{
    collections::{BTreeSet, HashSet},
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

const FILE: &str = "LOGUX_TEST_STORE";
const LIVES: u64 = 12;

#[test]
fn keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let number = std::cell::Cell::new(0);
    let make = || {
        number.set(number.get() + 1);
        RedbStore::open(dir.path().join(number.get().to_string())).unwrap()
    };
    testing::check_store(make);
    testing::check_ledger(make);
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "what I must not forget").unwrap();
    assert!(matches!(RedbStore::open(&path), Err(StoreError::Failed { doing: "open", .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "what I must not forget");
}

async fn open(path: &Path) -> (Arc<RedbStore>, Log) {
    let store = Arc::new(RedbStore::open(path).unwrap());
    let log = Log::with_clock("a", Arc::clone(&store) as Arc<dyn Store>, Arc::new(SystemClock)).unwrap();
    (store, log)
}

/// Not a test of its own: what the next one starts and kills. It says a line after each thing that the store has
/// acknowledged.
#[tokio::test]
async fn life() {
    let Some(path) = std::env::var_os(FILE) else { return };
    let (store, log) = open(Path::new(&path)).await;
    let mut out = std::io::stdout();
    for n in 0.. {
        let id = log.generate_id().await.unwrap();
        writeln!(out, "@id {id}").unwrap();
        // Some at once, which wait for the disk together.
        let add = || log.add(Action::new("a").with("n", n), Fields::reason("x"));
        let (first, second, third) = tokio::join!(add(), add(), add());
        let mut entries = [first, second, third].map(|added| Arc::clone(added.unwrap().entry().unwrap()));
        entries.sort_by_key(|entry| entry.meta.added);
        for entry in &entries {
            writeln!(out, "@added {} {}", entry.meta.added, entry.meta.id).unwrap();
        }
        let entry = &entries[2];
        store.receive(std::slice::from_ref(entry)).unwrap();
        writeln!(out, "@received {}", entry.meta.id).unwrap();
        if n % 3 == 0 {
            assert!(store.begin(&entry.meta.id).unwrap());
            writeln!(out, "@begun {}", entry.meta.id).unwrap();
        }
        if n % 6 == 0 {
            store.finish(&[(entry.meta.id.clone(), Outcome::Processed)], usize::MAX).unwrap();
            writeln!(out, "@finished {}", entry.meta.id).unwrap();
        }
        store.raise_cursors(entry.meta.added, 0).unwrap();
        writeln!(out, "@sent {}", entry.meta.added).unwrap();
        out.flush().unwrap();
    }
}

/// How far a ledger's entry must have come at least.
fn stage(word: &str) -> u8 {
    ["received", "begun", "finished"].iter().position(|&other| other == word).map_or(0, |stage| stage as u8)
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_no_number_repeats() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let (mut ids, mut numbers) = (HashSet::new(), BTreeSet::new());
    let mut progress: std::collections::HashMap<String, u8> = Default::default();
    let (mut sent, mut acknowledged) = (0, 0_usize);
    for life in 0..LIVES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "life", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // Killed after another number of lines each time, so in another step.
        let until = 5 + life * 7 + life * 37 % 23;
        for line in lines.by_ref().take(usize::try_from(until).unwrap()).collect::<Vec<_>>() {
            note(&line, &mut ids, &mut numbers, &mut progress, &mut sent, &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            note(&line, &mut ids, &mut numbers, &mut progress, &mut sent, &mut acknowledged);
        }
        let (store, log) = open(&path).await;
        let entries = log.entries(Order::Added).await.unwrap();
        let kept: BTreeSet<u64> = entries.iter().map(|entry| entry.meta.added).collect();
        assert!(numbers.is_subset(&kept), "life {life} has lost an entry");
        assert!(store.cursors().unwrap().sent >= sent, "life {life} has lost a cursor");
        let probes: Vec<_> = entries.iter().filter(|entry| progress.contains_key(&entry.meta.id.to_string())).collect();
        let probes: Vec<_> = probes.into_iter().cloned().collect();
        for (entry, found) in probes.iter().zip(store.receive(&probes).unwrap()) {
            let found = match found {
                None => panic!("life {life} has lost what it received"),
                Some(Progress::Received(_)) => 0,
                Some(Progress::Begun(_)) => 1,
                Some(Progress::Finished(_)) => 2,
            };
            assert!(found >= progress[&entry.meta.id.to_string()], "life {life} has lost how far it came");
        }
    }
    assert!(acknowledged > 100, "nothing was tested: {acknowledged}");
}

fn note(
    line: &str,
    ids: &mut HashSet<String>,
    numbers: &mut BTreeSet<u64>,
    progress: &mut std::collections::HashMap<String, u8>,
    sent: &mut u64,
    acknowledged: &mut usize,
) {
    let Some((word, rest)) = line.split_once('@').and_then(|(_, said)| said.split_once(' ')) else { return };
    *acknowledged += 1;
    match word {
        "id" => assert!(ids.insert(rest.to_owned()), "the id {rest} repeats"),
        "added" => {
            let Some((number, id)) = rest.split_once(' ') else { return };
            let Ok(number) = number.parse() else { return };
            assert!(numbers.last().is_none_or(|last| number > *last), "the number {number} repeats");
            numbers.insert(number);
            assert!(ids.insert(id.to_owned()), "the id {id} repeats");
        }
        "sent" => *sent = rest.parse().unwrap_or(*sent),
        _ => {
            progress.insert(rest.to_owned(), stage(word));
        }
    }
}
