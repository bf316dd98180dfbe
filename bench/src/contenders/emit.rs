//! By hand: a mutex, and an event with the whole state after each change.

use crate::{
    contender::Contender,
    state::{Document, probe_of, set_probe},
};
use anyhow::Result;
use std::sync::{Mutex, PoisonError};
use tauri::{AppHandle, Emitter, Manager, State};

#[derive(Default)]
pub struct Emitted(Mutex<Document>);

impl Emitted {
    fn change(&self, app: &AppHandle, change: impl FnOnce(&mut Document)) -> tauri::Result<()> {
        let mut document = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut document);
        // Under the lock, so that two writers' events come in the order of their changes.
        app.emit("emit-changed", &*document)
    }
}

pub struct ByEmit;

impl Contender for ByEmit {
    fn id(&self) -> &'static str {
        "emit"
    }

    fn name(&self) -> &'static str {
        "`emit` by hand"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        *app.state::<Emitted>().0.lock().unwrap_or_else(PoisonError::into_inner) = document;
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        Ok(app.state::<Emitted>().change(app, |document| set_probe(document, value))?)
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let document = &app.state::<Emitted>().0;
        Ok(probe_of(&document.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default())
    }
}

#[tauri::command]
pub fn emit_get(emitted: State<'_, Emitted>) -> Document {
    emitted.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[tauri::command]
pub fn emit_set(app: AppHandle, emitted: State<'_, Emitted>, document: Document) -> Result<(), String> {
    emitted.change(&app, |current| *current = document).map_err(|error| error.to_string())
}
