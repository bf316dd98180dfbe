//! Keeps [`PRESENCE`] true: it is Rust that knows which windows are open.

use crate::topics::{PRESENCE, Presence};
use tauri::{
    AppHandle, Manager, RunEvent, Runtime, WindowEvent,
    plugin::{self, TauriPlugin},
};
use tauri_plugin_lockstep::LockstepExt;

/// A plugin, because that is who hears of every window, whoever opens it.
pub fn plugin<R: Runtime>() -> TauriPlugin<R> {
    plugin::Builder::new("presence")
        .on_window_ready(|window| {
            let label = window.label().to_owned();
            update(window.app_handle(), |presence| presence.windows.push(label));
        })
        .on_event(|app, event| {
            if let RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } = event {
                update(app, |presence| presence.windows.retain(|open| open != label));
            }
        })
        .build()
}

fn update<R: Runtime>(app: &AppHandle<R>, change: impl FnOnce(&mut Presence)) {
    if let Err(error) = app.lockstep().update(PRESENCE, change) {
        eprintln!("the windows are not told who is open: {error}");
    }
}
