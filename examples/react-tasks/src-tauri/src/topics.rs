//! What the windows share. `src/lockstep.ts` is generated from it.

use crate::rules;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tauri_plugin_lockstep::{Builder, Topic, TopicFamily, TopicOptions};
use ts_rs::TS;

pub const TASKS: Topic<Vec<Task>> = Topic::new("tasks");
pub const TIMER: Topic<Timer> = Topic::new("timer");

/// What people are typing into a task's notes: `drafts/<the task's id>`. It is there while a window shows the task.
pub const DRAFTS: TopicFamily<Draft> = TopicFamily::new("drafts");

/// How long a draft waits for its first window.
const UNSEEN_DRAFT: Duration = Duration::from_secs(5);

/// The plugin, with the app's topics as they are at the start.
pub fn lockstep() -> Builder {
    Builder::new()
        .topic_with(
            TASKS,
            rules::first_tasks(),
            TopicOptions::new().action(rules::reduce).intercept_async(rules::PATIENCE, rules::ask_the_office),
        )
        .topic_with(TIMER, Timer::default(), TopicOptions::new().action(rules::tick))
        .family_with(
            DRAFTS,
            |_| Draft::default(),
            TopicOptions::new().self_destruct(|windows_left, created_at| {
                windows_left == 0 && created_at.elapsed().is_ok_and(|age| age > UNSEEN_DRAFT)
            }),
        )
        .on_error(|error| eprintln!("lockstep: {error}"))
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub id: String,
    pub title: String,
    pub notes: String,
    pub done: bool,
    /// To be done first.
    pub urgent: bool,
}

/// What can be done to the tasks. The window makes the id, so that it can show a new task at once.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum TaskAction {
    Add { id: String, title: String },
    SetDone { id: String, done: bool },
    SetUrgent { id: String, urgent: bool },
    SetNotes { id: String, notes: String },
    Remove { id: String },
}

/// Notes that nobody has saved yet.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    pub notes: String,
    /// The label of the window in which somebody typed last.
    pub typed_in: Option<String>,
}

/// A timer to work against. The one window that is the primary counts it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    pub running: bool,
    pub seconds_left: u32,
    /// The term of the primary that counted last, as a decimal string; a lower one counts no more.
    pub term: String,
}

impl Default for Timer {
    fn default() -> Self {
        Self { running: false, seconds_left: rules::SESSION_SECONDS, term: "0".to_owned() }
    }
}

/// What can be done to the timer.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum TimerAction {
    Start,
    Pause,
    Reset,
    /// A second has passed, says the primary of this term.
    Tick {
        term: String,
    },
}

#[cfg(test)]
mod tests {
    use super::lockstep;
    use tauri_plugin_lockstep::BindingsError;

    #[test]
    fn bindings() -> Result<(), BindingsError> {
        lockstep().bindings().check("../src/lockstep.ts")
    }
}
