//! Topics whose hooks refuse, panic or wait for the test: the value that is written says which.

use serde::Deserialize;
use serde_json::Value;
use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tauri::async_runtime::block_on;
use tauri_plugin_lockstep::{Builder, Change, Reject, Topic, TopicOptions};
use tokio::sync::watch;
use ts_rs::TS;

const INTERCEPTED: Topic<u32> = Topic::new("hook-intercept");
const VALIDATED: Topic<u32> = Topic::new("hook-validate");
const REDUCED: Topic<u32> = Topic::new("hook-reducer");
const ASKED: Topic<u32> = Topic::new("hook-async");
const ASKED_BRIEFLY: Topic<u32> = Topic::new("hook-async-brief");

/// Longer than any test takes.
const ENOUGH: Duration = Duration::from_secs(600);
const TOO_SHORT: Duration = Duration::from_secs(1);

/// How many hooks have begun that wait for the test.
pub static LONG_HOOKS: AtomicUsize = AtomicUsize::new(0);

/// Lets those go on that wait.
static MAY_GO_ON: LazyLock<watch::Sender<()>> = LazyLock::new(|| watch::Sender::new(()));

#[derive(Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
enum ReducerAction {
    Become { value: u32 },
}

/// What a hook makes of this value: it refuses, panics, waits until [`let_hooks_go_on`], or does nothing.
async fn judge(value: u32) -> Result<(), Reject> {
    match value {
        1001 => Err(Reject::new("refused", "on purpose, for a test")),
        1002 => panic!("on purpose, for a test"),
        1003 => {
            let mut may_go_on = MAY_GO_ON.subscribe();
            LONG_HOOKS.fetch_add(1, Ordering::SeqCst);
            may_go_on.changed().await.map_err(|error| Reject::new("left alone", error.to_string()))
        }
        _ => Ok(()),
    }
}

#[tauri::command]
pub async fn let_hooks_go_on() {
    MAY_GO_ON.send_replace(());
}

/// The number that a write asks for.
fn wanted(change: &Change) -> u32 {
    match change {
        Change::Set(value) => value.as_u64().and_then(|value| value.try_into().ok()).unwrap_or_default(),
        _ => 0,
    }
}

pub fn topics(builder: Builder) -> Builder {
    let intercept = TopicOptions::new().intercept(|change, _| {
        block_on(judge(wanted(&change)))?;
        // What a hook changes is what the sender gets to see.
        if wanted(&change) == 1004 { Ok(Change::Set(Value::from(4))) } else { Ok(change) }
    });
    let validate = TopicOptions::new().validate(|_, next, _| block_on(judge(*next)));
    let reducer = TopicOptions::new().action(|state: &mut u32, ReducerAction::Become { value }, _| {
        // Half of the work is done when it fails.
        *state = value;
        block_on(judge(value))
    });
    let asked = |limit| {
        TopicOptions::new().intercept_async(limit, |change, _| async move {
            judge(wanted(&change)).await?;
            Ok(change)
        })
    };
    builder
        .topic_with(INTERCEPTED, 0, intercept)
        .topic_with(VALIDATED, 0, validate)
        .topic_with(REDUCED, 0, reducer)
        .topic_with(ASKED, 0, asked(ENOUGH))
        .topic_with(ASKED_BRIEFLY, 0, asked(TOO_SHORT))
}
