//! Two windows count together; the app ends when both show the sum.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Mutex};
use tauri::{AppHandle, State, Webview};
use tauri_plugin_lockstep::{Builder, Topic};
use ts_rs::TS;

#[derive(Clone, Default, Serialize, Deserialize, TS)]
struct Counter {
    count: u32,
}

const COUNTER: Topic<Counter> = Topic::new("counter");

#[derive(Default)]
struct Shown(Mutex<BTreeSet<String>>);

#[tauri::command]
fn shown(app: AppHandle, webview: Webview, shown: State<'_, Shown>, count: u32) {
    let Ok(mut labels) = shown.0.lock() else { return };
    println!("window {} shows {count}", webview.label());
    labels.insert(webview.label().to_owned());
    if labels.len() == 2 {
        app.exit(0);
    }
}

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .plugin(Builder::new().topic(COUNTER, Counter::default()).build())
        .manage(Shown::default())
        .invoke_handler(tauri::generate_handler![shown])
        .run(tauri::generate_context!())
}
