//! Two windows that always show the same. All of their state is in [`topics`].

mod presence;
pub mod topics;
mod windows;

use tauri::{Context, Runtime};

/// Runs the app.
///
/// # Errors
/// As [`tauri::Builder::run`].
pub fn run() -> tauri::Result<()> {
    app(tauri::Builder::default(), topics::lockstep()).run(context())
}

/// What makes this app, on any runtime: tests use it without windows, and keep its topics elsewhere.
pub fn app<R: Runtime>(builder: tauri::Builder<R>, lockstep: tauri_plugin_lockstep::Builder) -> tauri::Builder<R> {
    builder
        .plugin(lockstep.build())
        .plugin(presence::plugin())
        .manage(windows::Opened::default())
        .invoke_handler(tauri::generate_handler![windows::open_window])
}

/// The configuration, the capabilities and the front end.
pub fn context<R: Runtime>() -> Context<R> {
    tauri::generate_context!()
}
