//! What a write and a read cost when nobody listens, beside `tokio::sync::watch`: a value behind a version, in memory,
//! without names, panic safety, sessions or announcements.
#![allow(clippy::unwrap_used)]

use divan::{Bencher, black_box};
use lockstep_core::{Change, ClientWrite, NoAnnounce, Proposal, SessionKey, Store, Topic};
use serde::{Deserialize, Serialize};
use serde_json::json;

const SETTINGS: Topic<Settings> = Topic::new("settings");

#[derive(Clone, Default, Serialize, Deserialize)]
struct Settings {
    dark: bool,
    font_size: u32,
    name: String,
}

fn main() {
    divan::main();
}

fn store() -> Store {
    let store = Store::new(NoAnnounce);
    store.create(SETTINGS, Settings::default()).unwrap();
    store
}

#[divan::bench]
fn watch_send_modify(bencher: Bencher<'_, '_>) {
    let (sender, _receiver) = tokio::sync::watch::channel(Settings::default());
    bencher.bench_local(|| sender.send_modify(|settings| settings.font_size += 1));
}

#[divan::bench]
fn lockstep_update(bencher: Bencher<'_, '_>) {
    let store = store();
    bencher.bench_local(|| store.update(SETTINGS, |settings| settings.font_size += 1).unwrap());
}

#[divan::bench]
fn watch_borrow_clone(bencher: Bencher<'_, '_>) {
    let (_sender, receiver) = tokio::sync::watch::channel(Settings::default());
    bencher.bench_local(|| black_box(receiver.borrow().clone()));
}

#[divan::bench]
fn lockstep_get(bencher: Bencher<'_, '_>) {
    let store = store();
    bencher.bench_local(|| store.get(SETTINGS).unwrap());
}

#[divan::bench]
fn lockstep_pull_of_a_known_revision(bencher: Bencher<'_, '_>) {
    let store = store();
    bencher.bench_local(|| store.pull(SETTINGS.name(), None).unwrap());
}

#[divan::bench]
fn lockstep_merge_from_a_window(bencher: Bencher<'_, '_>) {
    let store = store();
    let session = SessionKey::new("main", "page".parse().unwrap());
    let mut seq = 0;
    bencher.bench_local(|| {
        seq += 1;
        let change = Change::Merge(json!({ "font_size": seq }));
        store
            .write(
                SETTINGS.name(),
                ClientWrite {
                    client: None,
                    asked: false,
                    session: session.clone(),
                    seq,
                    writes: vec![Proposal { expected: None, change: Ok(change) }],
                },
            )
            .unwrap()
    });
}
