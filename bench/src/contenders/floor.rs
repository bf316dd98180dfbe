//! The platform by itself: what nobody who uses it can do without.

use crate::{
    contender::{Ability, Contender},
    state::{Document, probe_of, set_probe},
};
use anyhow::Result;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tauri::{AppHandle, Emitter, Manager, State, ipc::Response};

#[derive(Default)]
pub struct Bare {
    state: Mutex<(Document, Arc<str>)>,
    texts: Mutex<HashMap<usize, Arc<str>>>,
}

/// A bare event that carries a number; a bare command.
pub struct Floor;

impl Contender for Floor {
    fn id(&self) -> &'static str {
        "floor"
    }

    fn name(&self) -> &'static str {
        "*floor*"
    }

    fn can(&self, ability: Ability) -> bool {
        ability != Ability::WindowWrites
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        let text = serde_json::to_string(&document)?.into();
        *app.state::<Bare>().state.lock().unwrap_or_else(PoisonError::into_inner) = (document, text);
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        set_probe(&mut app.state::<Bare>().state.lock().unwrap_or_else(PoisonError::into_inner).0, value);
        Ok(app.emit("floor", value)?)
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let bare = app.state::<Bare>();
        let state = bare.state.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(probe_of(&state.0).unwrap_or_default())
    }
}

/// The state as text that is ready to go.
#[tauri::command]
pub async fn floor_pull(bare: State<'_, Bare>) -> Result<Response, ()> {
    let text = Arc::clone(&bare.state.lock().unwrap_or_else(PoisonError::into_inner).1);
    Ok(Response::new(text.to_string()))
}

#[tauri::command]
pub async fn floor_nothing() {}

#[tauri::command]
pub fn floor_nothing_sync() {}

/// JSON of so many bytes that is ready to go.
#[tauri::command]
pub async fn pull_bytes(bare: State<'_, Bare>, bytes: usize) -> Result<Response, ()> {
    let mut texts = bare.texts.lock().unwrap_or_else(PoisonError::into_inner);
    let text = texts.entry(bytes).or_insert_with(|| {
        let items = format!("{},", r#"{"title":"All work is better in step.","done":false}"#).repeat(bytes / 53);
        format!("[{items}0]").into()
    });
    Ok(Response::new(text.to_string()))
}
