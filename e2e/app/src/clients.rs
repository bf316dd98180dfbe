//! Who may join: nobody in a window whose label begins with `stranger`, and `staff` only those that are staff. The first
//! page in `candidate-slow` waits until it is told to go on.

use std::{
    collections::BTreeMap,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tauri::{AppHandle, Webview};
use tauri_plugin_lockstep::{Builder, LockstepExt, Reject, Topic, TopicOptions};
use tokio::sync::Notify;

const STAFF: Topic<u32> = Topic::new("staff");

static STAFF_IS_IN: AtomicBool = AtomicBool::new(true);

/// How often the app was asked about each label's pages.
static ASKED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Lets the page that waits go on.
static MAY_GO_ON: LazyLock<Notify> = LazyLock::new(Notify::new);

struct Account {
    is_staff: bool,
}

fn authorize(label: &str) -> Result<Account, Reject> {
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner).entry(label.to_owned()).or_default() += 1;
    match label {
        label if label.starts_with("stranger") => Err(Reject::new("anonymous", "say who you are")),
        _ => Ok(Account { is_staff: STAFF_IS_IN.load(Ordering::SeqCst) }),
    }
}

pub fn doors(builder: Builder) -> Builder {
    let staff = TopicOptions::new().allow(|client| client.info::<Account>().is_some_and(|account| account.is_staff));
    builder.topic_with(STAFF, 0, staff).authorize(|webview: Webview| async move {
        let account = authorize(webview.label());
        if webview.label() == "candidate-slow" && asked().await.get("candidate-slow") == Some(&1) {
            MAY_GO_ON.notified().await;
        }
        account
    })
}

#[tauri::command]
pub async fn go_on() {
    MAY_GO_ON.notify_one();
}

#[tauri::command]
pub async fn asked() -> BTreeMap<String, usize> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Lets the staff in or out, from now on.
#[tauri::command]
pub async fn staff_is_in(app: AppHandle, is_in: bool) -> Result<(), String> {
    STAFF_IS_IN.store(is_in, Ordering::SeqCst);
    app.lockstep().reauthorize().map_err(|error| error.to_string())
}
