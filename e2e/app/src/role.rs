//! What the primaries did, in the order in which it reached the backend.

use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};
use tauri_plugin_lockstep::Revision;

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Deed {
    Began,
    /// Did what only the primary does.
    Worked,
    /// Has stopped, and is about to say so to the plugin.
    Ended,
}

#[derive(Clone, Serialize)]
pub struct Entry {
    window: String,
    /// The page's own number: a label has several pages, one after another.
    page: f64,
    term: Revision,
    deed: Deed,
}

static LOG: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

#[tauri::command]
pub async fn note_role(webview: tauri::Webview, page: f64, term: Revision, deed: Deed) {
    let entry = Entry { window: webview.label().to_owned(), page, term, deed };
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    // Work is many and all alike.
    let is_more_of_the_same =
        |last: &Entry| deed == Deed::Worked && (last.page, last.term, last.deed) == (page, term, deed);
    if !log.last().is_some_and(is_more_of_the_same) {
        log.push(entry);
    }
}

#[tauri::command]
pub async fn role_log() -> Vec<Entry> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
