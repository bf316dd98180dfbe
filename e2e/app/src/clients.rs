//! Who may join: nobody in a window whose label begins with `stranger`, and `staff` only those that are staff.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tauri::{AppHandle, Webview};
use tauri_plugin_lockstep::{Builder, LockstepExt, Reject, Topic, TopicOptions};

const STAFF: Topic<u32> = Topic::new("staff");

static STAFF_IS_IN: AtomicBool = AtomicBool::new(true);

/// How often the app was asked about each label's pages.
static ASKED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

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
    builder.topic_with(STAFF, 0, staff).authorize(|webview: Webview| async move { authorize(webview.label()) })
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
