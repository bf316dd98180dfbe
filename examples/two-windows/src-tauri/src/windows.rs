//! Windows beside the two of `tauri.conf.json`.

use std::sync::atomic::{AtomicU32, Ordering};
use tauri::{AppHandle, Runtime, State, WebviewUrl, WebviewWindowBuilder};

/// How many windows were opened by [`open_window`].
#[derive(Default)]
pub struct Opened(AtomicU32);

/// Opens `window-2`, `window-3` and so on, each a little to the right of and below the one before.
///
/// It must be `async`: on Windows, a synchronous command that creates a window waits for ever.
#[tauri::command]
pub async fn open_window<R: Runtime>(app: AppHandle<R>, opened: State<'_, Opened>) -> Result<(), String> {
    let nth = opened.0.fetch_add(1, Ordering::Relaxed);
    let label = format!("window-{}", nth + 2);
    // After eight, the cascade begins anew.
    let offset = 40.0 * f64::from(nth % 8 + 1);
    WebviewWindowBuilder::new(&app, &label, WebviewUrl::default())
        .title(format!("Two windows: {label}"))
        .position(160.0 + offset, 80.0 + offset)
        .inner_size(560.0, 760.0)
        .min_inner_size(460.0, 480.0)
        .build()
        .map(drop)
        .map_err(|error| error.to_string())
}
