//! What is saved, as text that people can read.

use crate::{error::PullError, revision::Revision, saving::Saving, snapshot::Answer, store::Store, topic::TopicName};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the format.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Export {
    lockstep: u32,
    topics: BTreeMap<String, ExportedTopic>,
}

#[derive(Serialize)]
struct ExportedTopic {
    version: u32,
    revision: Revision,
    data: Value,
}

impl Store {
    /// The persisted topics as JSON, in their present state, as of one moment: `{ "lockstep": 1, "topics": { "settings": {
    /// "version": 1, "revision": "7", "data": … } } }`. Encrypted topics are left out; so are keys that are not saved.
    ///
    /// # Errors
    /// [`PullError`] if a topic's value cannot be turned into JSON.
    pub fn export_json(&self) -> Result<String, PullError> {
        let entries: Vec<_> = self.shared.topics.read().values().map(|entry| entry.topic.clone()).collect();
        let is_exported = |saving: &Saving| !saving.options.is_sealed();
        let exported: Vec<_> = entries.iter().filter(|topic| topic.saving().is_some_and(is_exported)).collect();
        let pulls: Vec<(TopicName, Option<Revision>)> =
            exported.iter().map(|topic| (topic.name().clone(), None)).collect();
        let mut topics = BTreeMap::new();
        for (topic, answer) in exported.iter().zip(self.pull_many(&pulls)) {
            let Answer::Snapshot { revision, data } = answer? else { continue };
            let Some(saving) = topic.saving() else { continue };
            let unserializable = |reason| PullError::Encode {
                topic: topic.name().clone(),
                source: crate::EncodeError::Unserializable(reason),
            };
            let picked = saving.options.picked(&data).map_err(unserializable)?;
            let data = serde_json::from_str(&picked).map_err(|error| unserializable(error.to_string()))?;
            topics.insert(topic.name().to_string(), ExportedTopic { version: saving.options.version, revision, data });
        }
        let export = Export { lockstep: FORMAT, topics };
        Ok(serde_json::to_string_pretty(&export).unwrap_or_default())
    }
}
