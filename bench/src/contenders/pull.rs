//! By hand: an event with a revision, and a command to pull the state.

use crate::{
    contender::Contender,
    state::{Document, probe_of, set_probe},
};
use anyhow::Result;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};
use tauri::{AppHandle, Emitter, Manager, State};

#[derive(Clone, Default, Serialize)]
pub struct Snapshot {
    revision: u64,
    document: Document,
}

#[derive(Default)]
pub struct Pulled(Mutex<Snapshot>);

impl Pulled {
    fn change(&self, app: &AppHandle, change: impl FnOnce(&mut Document)) -> tauri::Result<u64> {
        let revision = {
            let mut snapshot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut snapshot.document);
            snapshot.revision += 1;
            snapshot.revision
        };
        app.emit("pull-changed", revision)?;
        Ok(revision)
    }
}

pub struct ByPull;

impl Contender for ByPull {
    fn id(&self) -> &'static str {
        "pull"
    }

    fn name(&self) -> &'static str {
        "invalidate and pull by hand"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        app.state::<Pulled>().0.lock().unwrap_or_else(PoisonError::into_inner).document = document;
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        app.state::<Pulled>().change(app, |document| set_probe(document, value))?;
        Ok(())
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let snapshot = &app.state::<Pulled>().0;
        Ok(probe_of(&snapshot.lock().unwrap_or_else(PoisonError::into_inner).document).unwrap_or_default())
    }
}

#[tauri::command]
pub async fn pull_get(pulled: State<'_, Pulled>) -> Result<Snapshot, ()> {
    Ok(pulled.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[tauri::command]
pub async fn pull_set(app: AppHandle, pulled: State<'_, Pulled>, document: Document) -> Result<u64, String> {
    pulled.change(&app, |current| *current = document).map_err(|error| error.to_string())
}
