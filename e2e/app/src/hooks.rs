//! Topics whose hooks refuse, panic or take long: the value that is written says which.

use serde::Deserialize;
use serde_json::Value;
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use tauri_plugin_lockstep::{Builder, Change, Reject, Topic, TopicOptions};
use ts_rs::TS;

const INTERCEPTED: Topic<u32> = Topic::new("hook-intercept");
const VALIDATED: Topic<u32> = Topic::new("hook-validate");
const REDUCED: Topic<u32> = Topic::new("hook-reducer");
const ASKED: Topic<u32> = Topic::new("hook-async");
const ASKED_BRIEFLY: Topic<u32> = Topic::new("hook-async-brief");

/// How long a hook takes that takes long.
const LONG: Duration = Duration::from_secs(5);
const ENOUGH: Duration = Duration::from_secs(20);
const TOO_SHORT: Duration = Duration::from_millis(300);

/// How many hooks that take long have begun.
pub static LONG_HOOKS: AtomicUsize = AtomicUsize::new(0);

#[derive(Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
enum ReducerAction {
    Become { value: u32 },
}

/// How long the hook takes about this value; or it refuses, or panics.
fn time_for(value: u32) -> Result<Duration, Reject> {
    match value {
        1001 => Err(Reject::new("refused", "on purpose, for a test")),
        1002 => panic!("on purpose, for a test"),
        1003 => {
            LONG_HOOKS.fetch_add(1, Ordering::SeqCst);
            Ok(LONG)
        }
        _ => Ok(Duration::ZERO),
    }
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
        thread::sleep(time_for(wanted(&change))?);
        // What a hook changes is what the sender gets to see.
        if wanted(&change) == 1004 { Ok(Change::Set(Value::from(4))) } else { Ok(change) }
    });
    let validate = TopicOptions::new().validate(|_, next, _| {
        thread::sleep(time_for(*next)?);
        Ok(())
    });
    let reducer = TopicOptions::new().action(|state: &mut u32, ReducerAction::Become { value }, _| {
        // Half of the work is done when it fails.
        *state = value;
        thread::sleep(time_for(value)?);
        Ok(())
    });
    let asked = |limit| {
        TopicOptions::new().intercept_async(limit, |change, _| async move {
            tokio::time::sleep(time_for(wanted(&change))?).await;
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
