//! What may be written, and what becomes of it.

use crate::topics::{Task, TaskAction, Timer, TimerAction};
use std::time::Duration;
use tauri_plugin_lockstep::{AsyncContext, Change, Reject, Revision, WriteContext};

/// How many tasks can be urgent at once.
pub const MOST_URGENT: usize = 3;

/// How long somebody works at a stretch.
pub const SESSION_SECONDS: u32 = 25 * 60;

/// How long the office may take to answer, for all that a window asks at once.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long it does take.
const OFFICE: Duration = Duration::from_millis(600);

const LONGEST_TITLE: usize = 80;

/// Asks the office's server about every change of the tasks: here, one that is slow and agrees to everything. It is why
/// the windows show what they ask for before it is confirmed.
pub async fn ask_the_office(change: Change, _: AsyncContext) -> Result<Change, Reject> {
    tokio::time::sleep(OFFICE).await;
    Ok(change)
}

/// Changes the tasks.
///
/// # Errors
/// What cannot be done, as the window shows it.
pub fn reduce(tasks: &mut Vec<Task>, action: TaskAction, _: &WriteContext<'_>) -> Result<(), Reject> {
    match action {
        TaskAction::Add { title, .. } if title.trim().is_empty() => {
            Err(Reject::new("noTitle", "A task needs a title."))
        }
        TaskAction::Add { title, .. } if title.chars().count() > LONGEST_TITLE => {
            Err(Reject::new("longTitle", format!("A title has at most {LONGEST_TITLE} characters.")))
        }
        TaskAction::Add { id, .. } if tasks.iter().any(|task| task.id == id) => {
            Err(Reject::new("sameId", "There is such a task already."))
        }
        TaskAction::Add { id, title } => {
            tasks.push(Task { id, title, notes: String::new(), done: false, urgent: false });
            Ok(())
        }
        TaskAction::SetDone { id, done } => {
            let task = find(tasks, &id)?;
            task.done = done;
            Ok(())
        }
        TaskAction::SetUrgent { id, urgent } => {
            let others = tasks.iter().filter(|task| task.urgent && task.id != id).count();
            let task = find(tasks, &id)?;
            if urgent && others >= MOST_URGENT {
                let reason = format!("If more than {MOST_URGENT} things are urgent, nothing is.");
                return Err(Reject::new("tooManyUrgent", reason));
            }
            task.urgent = urgent;
            Ok(())
        }
        TaskAction::SetNotes { id, notes } => {
            find(tasks, &id)?.notes = notes;
            Ok(())
        }
        TaskAction::Remove { id } => {
            find(tasks, &id)?;
            tasks.retain(|task| task.id != id);
            Ok(())
        }
    }
}

fn find<'a>(tasks: &'a mut [Task], id: &str) -> Result<&'a mut Task, Reject> {
    let gone = || Reject::new("gone", "Somebody has removed this task.");
    tasks.iter_mut().find(|task| task.id == id).ok_or_else(gone)
}

/// Changes the timer.
///
/// # Errors
/// A tick by a window that is the primary no longer.
pub fn tick(timer: &mut Timer, action: TimerAction, _: &WriteContext<'_>) -> Result<(), Reject> {
    match action {
        TimerAction::Start => timer.running = timer.seconds_left > 0,
        TimerAction::Pause => timer.running = false,
        TimerAction::Reset => (timer.running, timer.seconds_left) = (false, SESSION_SECONDS),
        TimerAction::Tick { term } => {
            let parse = |term: &str| term.parse::<Revision>().unwrap_or(Revision::ZERO);
            if parse(&term) < parse(&timer.term) {
                return Err(Reject::new("deposed", "Another window counts by now."));
            }
            timer.term = term;
            if timer.running {
                timer.seconds_left = timer.seconds_left.saturating_sub(1);
                timer.running = timer.seconds_left > 0;
            }
        }
    }
    Ok(())
}

/// Something to begin with.
pub fn first_tasks() -> Vec<Task> {
    let task = |id: &str, title: &str, notes: &str, done, urgent| Task {
        id: id.to_owned(),
        title: title.to_owned(),
        notes: notes.to_owned(),
        done,
        urgent,
    };
    vec![
        task("1", "Water the office plants", "The fern by the window gets less.", false, true),
        task("2", "Send the invoices for November", "", false, true),
        task("3", "Book the train to Leipzig", "Window seat, quiet carriage.", false, true),
        task("4", "Review Mira's pull request", "", false, false),
        task("5", "Order coffee", "Two kilos of the dark roast.", true, false),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tauri_plugin_lockstep::{Topic, TopicOptions};

    fn tasks_after(actions: &[TaskAction]) -> Result<Vec<Task>, String> {
        const TASKS: Topic<Vec<Task>> = Topic::new("tasks");
        let app = tauri::test::mock_builder()
            .plugin(tauri_plugin_lockstep::init())
            .build(tauri::test::mock_context(tauri::test::noop_assets()))
            .unwrap();
        let lockstep = tauri_plugin_lockstep::LockstepExt::lockstep(&app);
        lockstep.create_with(TASKS, first_tasks(), TopicOptions::new().action(reduce)).unwrap();
        for action in actions {
            lockstep.dispatch(TASKS, action.clone()).map_err(|error| error.to_string())?;
        }
        Ok(lockstep.get(TASKS).unwrap().to_vec())
    }

    #[test]
    fn only_three_tasks_can_be_urgent() {
        let urgent = |id: &str, urgent| TaskAction::SetUrgent { id: id.to_owned(), urgent };
        assert!(tasks_after(&[urgent("4", true)]).unwrap_err().contains("tooManyUrgent"));
        let tasks = tasks_after(&[urgent("1", false), urgent("4", true), urgent("4", true)]).unwrap();
        assert_eq!(tasks.iter().filter(|task| task.urgent).count(), 3);
    }

    #[test]
    fn what_is_gone_is_not_changed() {
        let id = || "1".to_owned();
        let actions = [TaskAction::Remove { id: id() }, TaskAction::SetDone { id: id(), done: true }];
        assert!(tasks_after(&actions).unwrap_err().contains("gone"));
    }
}
