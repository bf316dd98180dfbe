//! What tests ask of the backend.

use crate::{
    hooks::LONG_HOOKS,
    topics::{COUNTER, ODD, SLOW, SLOW_READS, SLOW_TO_READ, SLOW_WRITES, SlowToRead},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use tauri::{AppHandle, Listener, Manager, State, WebviewUrl, WebviewWindow, WebviewWindowBuilder};
use tauri_plugin_lockstep::{LockstepExt, Revision};
use tokio::sync::mpsc;

/// What a test is told when something fails.
pub type Answer<T> = Result<T, String>;

pub fn text(error: impl ToString) -> String {
    error.to_string()
}

fn window(app: &AppHandle, label: &str) -> Answer<WebviewWindow> {
    app.get_webview_window(label).ok_or_else(|| format!("there is no window {label:?}"))
}

#[tauri::command]
pub async fn open_window(app: AppHandle, label: String, page: String) -> Answer<()> {
    let builder = WebviewWindowBuilder::new(&app, &label, WebviewUrl::App(page.into()));
    // Beside one another, for the picture of a test that failed.
    let place = app.webview_windows().len() as f64;
    let (x, y) = (place % 4. * 400., (place / 4.).floor() * 230.);
    builder.title(&label).inner_size(360., 200.).position(x, y).build().map(drop).map_err(text)
}

#[tauri::command]
pub async fn close_window(app: AppHandle, label: String) -> Answer<()> {
    window(&app, &label)?.close().map_err(text)
}

#[tauri::command]
pub async fn reload_window(app: AppHandle, label: String) -> Answer<()> {
    window(&app, &label)?.reload().map_err(text)
}

#[tauri::command]
pub async fn show_window(app: AppHandle, label: String, shown: bool) -> Answer<()> {
    let window = window(&app, &label)?;
    if shown { window.show() } else { window.hide() }.map_err(text)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pid: u32,
    windows: Vec<String>,
    sessions: usize,
    remembered_writes: usize,
    /// For each topic, how many pages read it.
    readers: BTreeMap<String, usize>,
    counter: u32,
    primary: Option<Primary>,
}

/// Who has the role, as the backend sees it.
#[derive(Serialize)]
pub struct Primary {
    window: String,
    term: Revision,
}

#[tauri::command]
pub async fn stats(app: AppHandle) -> Answer<Stats> {
    let lockstep = app.lockstep();
    let stats = lockstep.stats();
    Ok(Stats {
        pid: std::process::id(),
        windows: app.webview_windows().into_keys().collect(),
        sessions: stats.sessions,
        remembered_writes: stats.remembered_writes,
        readers: lockstep.list().iter().map(|topic| (topic.to_string(), lockstep.readers(topic))).collect(),
        counter: *lockstep.get(COUNTER).map_err(text)?,
        primary: lockstep.primary().map(|holder| Primary { window: holder.window, term: holder.term }),
    })
}

/// How many slow writes, reads, hooks and commands have begun.
#[derive(Serialize)]
pub struct SlowCalls {
    writes: usize,
    reads: usize,
    hooks: usize,
    commands: usize,
}

static SLOW_COMMANDS: AtomicUsize = AtomicUsize::new(0);

/// A command that has nothing to do with the plugin, to see what becomes of one that is under way.
#[tauri::command]
pub async fn slow_command() {
    SLOW_COMMANDS.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(SLOW).await;
}

#[tauri::command]
pub async fn slow_calls() -> SlowCalls {
    let count = |calls: &AtomicUsize| calls.load(Ordering::SeqCst);
    SlowCalls {
        writes: count(&SLOW_WRITES),
        reads: count(&SLOW_READS),
        hooks: count(&LONG_HOOKS),
        commands: count(&SLOW_COMMANDS),
    }
}

#[tauri::command]
pub async fn set_counter(app: AppHandle, value: u32) -> Answer<String> {
    app.lockstep().set(COUNTER, value).map(|revision| revision.to_string()).map_err(text)
}

/// Writes, waits until the windows have it, and asks each at once for the value of an expression, as JSON.
#[tauri::command]
pub async fn deliver_counter(app: AppHandle, value: u32, expression: String) -> Answer<BTreeMap<String, String>> {
    let revision = app.lockstep().set(COUNTER, value).map_err(text)?;
    app.lockstep().delivered(COUNTER.name(), revision).await.map_err(text)?;
    let mut shown = BTreeMap::new();
    for (label, window) in app.webview_windows() {
        let (send, mut sent) = mpsc::unbounded_channel();
        window.eval_with_callback(&expression, move |json| drop(send.send(json))).map_err(text)?;
        shown.insert(label, sent.recv().await.unwrap_or_default());
    }
    Ok(shown)
}

/// Keys that mean something to JavaScript.
#[tauri::command]
pub async fn set_odd(app: AppHandle) -> Answer<String> {
    let keys = [("__proto__", BTreeMap::from([("polluted".to_owned(), 1)])), ("constructor", BTreeMap::new())];
    let odd = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    app.lockstep().set(ODD, odd).map(|revision| revision.to_string()).map_err(text)
}

#[tauri::command]
pub async fn set_slow_to_read(app: AppHandle, value: u32) -> Answer<String> {
    app.lockstep().set(SLOW_TO_READ, SlowToRead(value)).map(|revision| revision.to_string()).map_err(text)
}

#[derive(Default)]
pub struct Storm {
    /// How many are under way.
    count: AtomicUsize,
    /// The endless ones are to end.
    ends: AtomicBool,
}

/// Adds one to the counter `writes` times, or until [`end_storm`], from a thread of its own, with a pause after each.
#[tauri::command]
pub async fn start_storm(app: AppHandle, writes: Option<u32>, pause_us: u64) {
    app.state::<Storm>().count.fetch_add(1, Ordering::SeqCst);
    thread::spawn(move || {
        let storm = app.state::<Storm>();
        let goes_on = |made| writes.map_or_else(|| !storm.ends.load(Ordering::SeqCst), |writes| made < writes);
        for _ in (0..).take_while(|made| goes_on(*made)) {
            if app.lockstep().update(COUNTER, |count| *count += 1).is_err() {
                break;
            }
            if pause_us > 0 {
                thread::sleep(Duration::from_micros(pause_us));
            }
        }
        storm.count.fetch_sub(1, Ordering::SeqCst);
    });
}

#[tauri::command]
pub async fn end_storm(storm: State<'_, Storm>) -> Answer<()> {
    storm.ends.store(true, Ordering::SeqCst);
    Ok(())
}

#[tauri::command]
pub async fn storm_is_over(storm: State<'_, Storm>) -> Answer<bool> {
    Ok(storm.count.load(Ordering::SeqCst) == 0)
}

/// From now on, a Rust listener of the counter's event panics.
#[tauri::command]
pub async fn add_bad_listener(app: AppHandle) {
    app.listen_any("counter:invalidated", |_| panic!("on purpose, for a test"));
}

/// The guest, for a page that wants another copy of it.
#[tauri::command]
pub async fn guest_script() -> &'static str {
    include_str!("../../../api-iife.js")
}
