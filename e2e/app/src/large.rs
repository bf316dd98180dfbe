//! State that is large, of which little changes: a collection, and one value of about a megabyte.

use crate::commands::{Answer, text};
use serde::{Deserialize, Serialize};
use tauri::AppHandle;
use tauri_plugin_lockstep::{Builder, Collection, Entities, LockstepExt, Revision, Topic};
use ts_rs::TS;

const TASKS: Collection<Task> = Collection::new("tasks");
const SHEET: Topic<Sheet> = Topic::new("sheet");

#[derive(Clone, Serialize, Deserialize, TS)]
pub struct Task {
    title: String,
    done: bool,
    count: u32,
}

impl Task {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), done: false, count: 0 }
    }
}

#[derive(Clone, Default, Serialize, Deserialize, TS)]
pub struct Sheet {
    rows: Vec<Row>,
    view: View,
}

#[derive(Clone, Serialize, Deserialize, TS)]
struct Row {
    id: u32,
    text: String,
    done: bool,
}

impl Row {
    fn new(id: u32) -> Self {
        Self { id, text: format!("row {id} ").repeat(20), done: false }
    }
}

#[derive(Clone, Default, Serialize, Deserialize, TS)]
struct View {
    zoom: u32,
    columns: Vec<String>,
}

pub fn topics(builder: Builder) -> Builder {
    builder.collection(TASKS, Entities::new()).topic(SHEET, Sheet::default())
}

/// Puts tasks `t0` to `t<count - 1>` in, in one write.
#[tauri::command]
pub async fn fill_tasks(app: AppHandle, count: u32) -> Answer<Revision> {
    let fill = |tasks: &mut Entities<Task>| {
        for n in 0..count {
            tasks.upsert(format!("t{n}"), Task::new(format!("Task {n} of many, none of which is empty")));
        }
    };
    app.lockstep().collection(TASKS).batch(fill).map_err(text)
}

#[tauri::command]
pub async fn upsert_task(app: AppHandle, key: String, title: String) -> Answer<Revision> {
    app.lockstep().collection(TASKS).upsert(key, Task::new(title)).map_err(text)
}

/// Null where there is no such task.
#[tauri::command]
pub async fn rename_task(app: AppHandle, key: String, title: String) -> Answer<Option<Revision>> {
    app.lockstep().collection(TASKS).update(&key, |task| task.title = title).map_err(text)
}

/// Null where there is no such task.
#[tauri::command]
pub async fn remove_task(app: AppHandle, key: String) -> Answer<Option<Revision>> {
    app.lockstep().collection(TASKS).remove(&key).map_err(text)
}

/// Adds some and removes others, in one write.
#[tauri::command]
pub async fn change_tasks(app: AppHandle, upsert: Vec<String>, remove: Vec<String>) -> Answer<Revision> {
    let change = |tasks: &mut Entities<Task>| {
        for key in upsert {
            tasks.upsert(key, Task::new("in one write"));
        }
        for key in remove {
            tasks.remove(&key);
        }
    };
    app.lockstep().collection(TASKS).batch(change).map_err(text)
}

/// Puts another collection in its place, of the same tasks but for the title of one.
#[tauri::command]
pub async fn replace_tasks(app: AppHandle, key: String, title: String) -> Answer<Revision> {
    let mut next = Entities::new();
    for (key, task) in app.lockstep().collection(TASKS).entities().map_err(text)?.iter() {
        next.upsert(key, task.clone());
    }
    next.update(&key, |task| task.title = title);
    app.lockstep().set(TASKS.topic(), next).map_err(text)
}

/// All tasks and their revision. Pairs, since a key may be any text.
#[tauri::command]
pub async fn all_tasks(app: AppHandle) -> Answer<(Revision, Vec<(String, Task)>)> {
    let snapshot = app.lockstep().collection(TASKS).snapshot().map_err(text)?;
    let pairs = snapshot.value.iter().map(|(key, task)| (key.to_owned(), task.clone()));
    Ok((snapshot.revision, pairs.collect()))
}

/// Makes the sheet of rows 0 to `rows - 1`.
#[tauri::command]
pub async fn fill_sheet(app: AppHandle, rows: u32) -> Answer<Revision> {
    let columns = ["id", "text", "done"].map(str::to_owned).into();
    let sheet = Sheet { rows: (0..rows).map(Row::new).collect(), view: View { zoom: 100, columns } };
    app.lockstep().set(SHEET, sheet).map_err(text)
}

/// What the sheet is at.
#[tauri::command]
pub async fn sheet_revision(app: AppHandle) -> Answer<Revision> {
    app.lockstep().snapshot(SHEET).map(|snapshot| snapshot.revision).map_err(text)
}

/// Changes the text of the row at this place.
#[tauri::command]
pub async fn rewrite_row(app: AppHandle, at: usize, to: String) -> Answer<Revision> {
    let rewrite = |sheet: &mut Sheet| {
        if let Some(row) = sheet.rows.get_mut(at) {
            row.text = to;
        }
    };
    app.lockstep().update(SHEET, rewrite).map_err(text)
}

/// Adds a row in front of all others.
#[tauri::command]
pub async fn add_row(app: AppHandle, id: u32) -> Answer<Revision> {
    app.lockstep().update(SHEET, |sheet| sheet.rows.insert(0, Row::new(id))).map_err(text)
}
