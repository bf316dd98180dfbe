//! A reading app: the book, its preferences, and a small panel that floats above both. What they share is in
//! [`topics`], what may be written in [`rules`].

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
        .on_window_event(windows::end_with_main)
        .invoke_handler(tauri::generate_handler![windows::show_window, windows::close_window])
}

/// The configuration, the capabilities and the front end.
pub fn context<R: Runtime>() -> Context<R> {
    tauri::generate_context!()
}
