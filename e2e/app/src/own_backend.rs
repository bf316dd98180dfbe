//! A backend of the app's own for `createTauriRevisionSync`, with the faults that such a backend may have.

use crate::commands::Answer;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tauri::{AppHandle, Emitter, State};

/// The state, and what becomes of the next pulls.
#[derive(Default)]
pub struct OwnTopic(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    revision: u32,
    next_pulls: VecDeque<Fault>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fault {
    Hangs,
    Panics,
    Fails,
}

#[derive(Serialize)]
pub struct Snapshot {
    revision: String,
    data: u32,
}

impl OwnTopic {
    fn with<R>(&self, job: impl FnOnce(&mut Inner) -> R) -> R {
        job(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[tauri::command]
pub async fn own_snapshot(topic: State<'_, OwnTopic>) -> Answer<Snapshot> {
    match topic.with(|inner| inner.next_pulls.pop_front()) {
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Panics) => panic!("on purpose, for a test"),
        Some(Fault::Fails) => Err("on purpose, for a test".to_owned()),
        None => Ok(topic.with(|inner| Snapshot { revision: inner.revision.to_string(), data: inner.revision })),
    }
}

/// Makes the state newer by one, and says so.
#[tauri::command]
pub async fn own_write(app: AppHandle, topic: State<'_, OwnTopic>) -> Answer<()> {
    let revision = topic.with(|inner| {
        inner.revision += 1;
        inner.revision.to_string()
    });
    let event = serde_json::json!({ "topic": "own", "revision": revision });
    app.emit("own-changed", event).map_err(|error| error.to_string())
}

/// What becomes of the next pulls, one after another. Returns how many faults are still to come.
#[tauri::command]
pub async fn next_pulls(topic: State<'_, OwnTopic>, faults: Vec<Fault>) -> Answer<usize> {
    Ok(topic.with(|inner| {
        inner.next_pulls.extend(faults);
        inner.next_pulls.len()
    }))
}
