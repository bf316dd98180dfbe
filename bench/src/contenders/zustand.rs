//! tauri-plugin-zustand. Its files are never written.

use crate::{
    contender::{Ability, Contender},
    state::{Document, PROBE},
};
use anyhow::{Context, Result};
use serde_json::{Value, to_value};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use tauri::{AppHandle, Manager, Wry, plugin::TauriPlugin};
use tauri_plugin_zustand::ManagerExt;

/// Which of its stores the pages are to use: one for each load, since a store cannot be emptied.
#[derive(Default)]
pub struct ZustandId(Mutex<usize>);

impl ZustandId {
    pub fn current(&self) -> String {
        format!("document-{}", self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// With the default options: it saves when a store is told to, which here is never.
pub fn plugin() -> TauriPlugin<Wry> {
    tauri_plugin_zustand::init()
}

pub struct Zustand;

fn id(app: &AppHandle) -> String {
    app.state::<ZustandId>().current()
}

impl Contender for Zustand {
    fn id(&self) -> &'static str {
        "zustand"
    }

    fn name(&self) -> &'static str {
        "tauri-plugin-zustand"
    }

    fn can(&self, ability: Ability) -> bool {
        ability != Ability::Promise
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        *app.state::<ZustandId>().0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let state: HashMap<String, Value> =
            document.into_iter().map(|(key, entity)| Ok((key, to_value(entity)?))).collect::<Result<_>>()?;
        Ok(app.with_store(id(app), |store| store.patch(state))??)
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        let written = app.with_store(id(app), |store| {
            let mut probe = store.get_raw(PROBE).cloned()?;
            probe["value"] = value.into();
            Some(store.set(PROBE, probe))
        });
        Ok(written?.context("no probe")??)
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let probe = app.with_store(id(app), |store| store.get_raw(PROBE).cloned())?.context("no probe")?;
        Ok(probe.get("value").and_then(Value::as_u64).unwrap_or_default())
    }
}
