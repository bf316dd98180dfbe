//! Lockstep, with the document as one topic, and as a collection.

use crate::{
    contender::{Ability, Contender},
    state::{Document, Entity, PROBE, probe_of, set_probe},
};
use anyhow::Result;
use serde::Deserialize;
use tauri::{AppHandle, Wry, async_runtime, plugin::TauriPlugin};
use tauri_plugin_lockstep::{
    Builder, Collection, Config, Entities, LockstepExt, Reject, Topic, TopicOptions, WriteContext,
};
use ts_rs::TS;

const DOCUMENT: Topic<Document> = Topic::new("document");
const ENTITIES: Collection<Entity> = Collection::new("entities");

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
    Builder::new()
        .topic_with(DOCUMENT, Document::new(), TopicOptions::new().action(reduce))
        .collection(ENTITIES, Entities::new())
        .build()
}

/// The document as one topic.
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

/// The same, asked by Rust whether all windows have what was written.
pub struct LockstepDelivered;

impl Contender for LockstepDelivered {
    fn id(&self) -> &'static str {
        "lockstep-delivered"
    }

    fn name(&self) -> &'static str {
        "**Lockstep**, by `delivered`"
    }

    fn can(&self, ability: Ability) -> bool {
        ability == Ability::Know
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        Lockstep.load(app, document)
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        Lockstep.write(app, value)
    }

    fn wait(&self) -> Option<fn(&AppHandle) -> Result<()>> {
        Some(|app| {
            let lockstep = app.lockstep();
            let last = lockstep.snapshot(DOCUMENT)?.revision;
            Ok(async_runtime::block_on(lockstep.delivered(DOCUMENT.name(), last))?)
        })
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        Lockstep.value(app)
    }
}

/// The same, with `firstPaint` in its pages: they differ in how they start, and in nothing else.
pub struct LockstepFirstPaint;

impl Contender for LockstepFirstPaint {
    fn id(&self) -> &'static str {
        "lockstep-first-paint"
    }

    fn name(&self) -> &'static str {
        "**Lockstep**, `firstPaint`"
    }

    fn can(&self, ability: Ability) -> bool {
        ability == Ability::Start
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        Lockstep.load(app, document)
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        Lockstep.write(app, value)
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        Lockstep.value(app)
    }
}

/// A collection, of which one entity is written.
pub struct LockstepCollection;

impl Contender for LockstepCollection {
    fn id(&self) -> &'static str {
        "lockstep-collection"
    }

    fn name(&self) -> &'static str {
        "**Lockstep, a collection**"
    }

    fn load(&self, app: &AppHandle, document: Document) -> Result<()> {
        app.lockstep().collection(ENTITIES).batch(|all| {
            all.clear();
            for (key, entity) in document {
                all.upsert(key, entity);
            }
        })?;
        Ok(())
    }

    fn write(&self, app: &AppHandle, value: u64) -> Result<()> {
        app.lockstep().collection(ENTITIES).update(PROBE, |probe| probe.value = value)?;
        Ok(())
    }

    fn value(&self, app: &AppHandle) -> Result<u64> {
        Ok(app.lockstep().collection(ENTITIES).get(PROBE)?.map(|probe| probe.value).unwrap_or_default())
    }
}
