//! By hand: a `Channel` for each window, with the whole state after each change.

use crate::{
    contender::Contender,
    state::{Document, probe_of, set_probe},
};
use anyhow::Result;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tauri::{
    AppHandle, Manager, State, Webview,
    ipc::{Channel, InvokeResponseBody},
};

#[derive(Default)]
struct Open {
    document: Document,
    windows: HashMap<String, Channel<InvokeResponseBody>>,
}

#[derive(Default)]
pub struct Channels(Mutex<Open>);

impl Channels {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Document)) -> Result<()> {
        let mut open = self.lock();
        let Open { document, windows } = &mut *open;
        change(document);
        let text = serde_json::to_string(document)?;
        for channel in windows.values() {
            channel.send(InvokeResponseBody::Json(text.clone()))?;
        }
        Ok(())
    }
}

pub struct ByChannel;

impl Contender for ByChannel {
    fn id(&self) -> &'static str {
        "channel"
    }

    fn name(&self) -> &'static str {
        "`Channel` by hand"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        *app.state::<Channels>().lock() = Open { document, windows: HashMap::new() };
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        app.state::<Channels>().change(|document| set_probe(document, value))
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        Ok(probe_of(&app.state::<Channels>().lock().document).unwrap_or_default())
    }
}

#[tauri::command]
pub fn channel_open(
    webview: Webview,
    channels: State<'_, Channels>,
    messages: Channel<InvokeResponseBody>,
) -> Result<(), String> {
    let mut open = channels.lock();
    let text = serde_json::to_string(&open.document).map_err(|error| error.to_string())?;
    messages.send(InvokeResponseBody::Json(text)).map_err(|error| error.to_string())?;
    // A window that is opened or reloaded again takes the place of what it was before.
    open.windows.insert(webview.label().to_owned(), messages);
    Ok(())
}

#[tauri::command]
pub fn channel_set(channels: State<'_, Channels>, document: Document) -> Result<(), String> {
    channels.change(|current| *current = document).map_err(|error| error.to_string())
}
