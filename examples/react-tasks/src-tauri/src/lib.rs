//! A task manager with as many windows as one likes. What they share is in [`topics`], what may be written in [`rules`].

pub mod rules;
pub mod topics;
mod windows;

use tauri::{Context, Runtime};

/// Runs the app.
///
/// # Errors
/// As [`tauri::Builder::run`].
pub fn run() -> tauri::Result<()> {
    app(tauri::Builder::default()).run(context())
}

/// What makes this app, on any runtime.
pub fn app<R: Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
    builder
        .plugin(topics::lockstep().build())
        .manage(windows::Lists::default())
        .invoke_handler(tauri::generate_handler![windows::open_list, windows::open_task])
}

/// The configuration, the capabilities and the front end.
pub fn context<R: Runtime>() -> Context<R> {
    tauri::generate_context!()
}
