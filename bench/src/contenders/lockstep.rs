//! Lockstep, with the document as one topic.

use crate::{
    contender::Contender,
    state::{Document, PROBE, probe_of, set_probe},
};
use anyhow::Result;
use serde::Deserialize;
use tauri::{AppHandle, Wry, plugin::TauriPlugin};
use tauri_plugin_lockstep::{Builder, Config, LockstepExt, Reject, Topic, TopicOptions, WriteContext};
use ts_rs::TS;

const DOCUMENT: Topic<Document> = Topic::new("document");

#[derive(Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
enum Action {
    AddOne,
}

fn reduce(document: &mut Document, action: Action, _: &WriteContext<'_>) -> Result<(), Reject> {
    let Action::AddOne = action;
    document.get_mut(PROBE).map(|probe| probe.value += 1).ok_or_else(|| Reject::new("no-probe", "there is no probe"))
}

/// With the plugin's default options.
pub fn plugin() -> TauriPlugin<Wry, Option<Config>> {
    Builder::new().topic_with(DOCUMENT, Document::new(), TopicOptions::new().action(reduce)).build()
}

pub struct Lockstep;

impl Contender for Lockstep {
    fn id(&self) -> &'static str {
        "lockstep"
    }

    fn name(&self) -> &'static str {
        "**Lockstep**"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        app.lockstep().set(DOCUMENT, document)?;
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        app.lockstep().update(DOCUMENT, |document| set_probe(document, value))?;
        Ok(())
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        Ok(probe_of(&*app.lockstep().get(DOCUMENT)?).unwrap_or_default())
    }
}
