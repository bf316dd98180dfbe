//! The official store plugin, in two layouts. Its files are never written.

use crate::{
    contender::Contender,
    state::{Document, PROBE},
};
use anyhow::{Context, Result};
use serde_json::{Value, to_value};
use std::sync::Arc;
use tauri::{AppHandle, Manager, Wry};
use tauri_plugin_store::{Store, StoreExt};

/// Kept, since the plugin closes what nobody holds.
pub struct Stores {
    whole: Arc<Store<Wry>>,
    keyed: Arc<Store<Wry>>,
}

impl Stores {
    pub fn new(app: &AppHandle) -> Result<Self> {
        let open = |file| app.store_builder(file).disable_auto_save().create_new().build();
        Ok(Self { whole: open("whole.json")?, keyed: open("keyed.json")? })
    }

    /// The plugin saves at the end what is open then.
    pub fn close(&self) {
        self.whole.close_resource();
        self.keyed.close_resource();
    }
}

/// The whole document under one key.
pub struct Whole;

impl Contender for Whole {
    fn id(&self) -> &'static str {
        "store-whole"
    }

    fn name(&self) -> &'static str {
        "store plugin, one key"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        app.state::<Stores>().whole.set("document", to_value(document)?);
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        let store = &app.state::<Stores>().whole;
        let mut document = store.get("document").context("no document")?;
        document[PROBE]["value"] = value.into();
        store.set("document", document);
        Ok(())
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let document = app.state::<Stores>().whole.get("document").context("no document")?;
        Ok(document[PROBE]["value"].as_u64().unwrap_or_default())
    }
}

/// A key for each entity.
pub struct Keyed;

impl Contender for Keyed {
    fn id(&self) -> &'static str {
        "store-keyed"
    }

    fn name(&self) -> &'static str {
        "store plugin, a key per entity"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        let store = &app.state::<Stores>().keyed;
        store.clear();
        for (key, entity) in document {
            store.set(key, to_value(entity)?);
        }
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        let store = &app.state::<Stores>().keyed;
        let mut probe = store.get(PROBE).context("no probe")?;
        probe["value"] = value.into();
        store.set(PROBE, probe);
        Ok(())
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        let probe = app.state::<Stores>().keyed.get(PROBE).context("no probe")?;
        Ok(probe.get("value").and_then(Value::as_u64).unwrap_or_default())
    }
}
