//! Windows beside the one of `tauri.conf.json`.

use std::sync::atomic::{AtomicU32, Ordering};
use tauri::{AppHandle, Manager, Runtime, State, WebviewUrl, WebviewWindowBuilder};

/// How many lists were opened by [`open_list`].
#[derive(Default)]
pub struct Lists(AtomicU32);

/// Opens one more list of all tasks: `list-2`, `list-3` and so on.
///
/// It must be `async`: on Windows, a synchronous command that creates a window waits for ever.
#[tauri::command]
pub async fn open_list<R: Runtime>(app: AppHandle<R>, lists: State<'_, Lists>) -> Result<(), String> {
    let nth = lists.0.fetch_add(1, Ordering::Relaxed);
    let offset = 40.0 * f64::from(nth % 8);
    WebviewWindowBuilder::new(&app, format!("list-{}", nth + 2), WebviewUrl::default())
        .title("Tasks")
        .position(640.0 + offset, 60.0 + offset)
        .inner_size(560.0, 720.0)
        .min_inner_size(420.0, 480.0)
        .build()
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Opens a task in a window of its own, or shows the one that it has.
#[tauri::command]
pub async fn open_task<R: Runtime>(app: AppHandle<R>, id: String) -> Result<(), String> {
    let label = format!("task-{id}");
    if let Some(window) = app.get_webview_window(&label) {
        return window.set_focus().map_err(|error| error.to_string());
    }
    let offset = 30.0 * (app.webview_windows().len() % 8) as f64;
    WebviewWindowBuilder::new(&app, &label, WebviewUrl::App(format!("index.html#/task/{id}").into()))
        .title("Task")
        .position(660.0 + offset, 120.0 + offset)
        .inner_size(460.0, 460.0)
        .min_inner_size(360.0, 360.0)
        .build()
        .map(drop)
        .map_err(|error| error.to_string())
}
