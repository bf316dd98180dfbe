//! The windows of `tauri.conf.json`, closed and opened again.

use tauri::{AppHandle, Manager, Runtime, WebviewWindow, WebviewWindowBuilder, Window, WindowEvent};

/// Brings a window to the front, or opens it where it was at the start.
///
/// It must be `async`: on Windows, a synchronous command that creates a window waits for ever.
#[tauri::command]
pub async fn show_window<R: Runtime>(app: AppHandle<R>, label: String) -> Result<(), String> {
    let shown = match app.get_webview_window(&label) {
        Some(window) => window.unminimize().and_then(|()| window.set_focus()),
        None => {
            let windows = &app.config().app.windows;
            let window = windows.iter().find(|window| window.label == label);
            let window = window.ok_or_else(|| format!("There is no window {label:?}."))?;
            WebviewWindowBuilder::from_config(&app, window).and_then(|builder| builder.build()).map(drop)
        }
    };
    shown.map_err(|error| error.to_string())
}

/// Closes the window that asks for it.
#[tauri::command]
pub async fn close_window<R: Runtime>(window: WebviewWindow<R>) -> Result<(), String> {
    window.close().map_err(|error| error.to_string())
}

/// Without the book, there is nothing to set.
pub fn end_with_main<R: Runtime>(window: &Window<R>, event: &WindowEvent) {
    if window.label() == "main" && matches!(event, WindowEvent::Destroyed) {
        window.app_handle().exit(0);
    }
}
