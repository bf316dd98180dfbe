//! What is saved, as text that people can read.

use crate::{
    door::Door,
    error::{AccessError, PullError},
    revision::Revision,
    saving::Saving,
    snapshot::Answer,
    store::Store,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of the format.
pub(crate) const FORMAT: u32 = 1;

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
        let doors = self.list().into_iter().map(|name| Ok((self.door(&name)?, None)));
        let mut doors = doors.collect::<Result<Vec<_>, AccessError>>()?;
        doors.retain(|(door, _)| saving_of(door).is_some_and(|saving| !saving.options.is_sealed()));
        let mut topics = BTreeMap::new();
        for ((door, _), answer) in doors.iter().zip(self.pull_many(&doors)) {
            let answer = match answer {
                // It has been removed meanwhile.
                Err(PullError::Access(AccessError::UnknownTopic(_))) => continue,
                answer => answer?,
            };
            let (Answer::Snapshot { revision, data }, Some(saving)) = (answer, saving_of(door)) else { continue };
            let unserializable = |reason| PullError::Encode {
                topic: door.name().clone(),
                source: crate::EncodeError::Unserializable(reason),
            };
            let picked = saving.options.picked(&data).map_err(unserializable)?;
            let data = serde_json::from_str(&picked).map_err(|error| unserializable(error.to_string()))?;
            topics.insert(door.name().to_string(), ExportedTopic { version: saving.options.version, revision, data });
        }
        let export = Export { lockstep: FORMAT, topics };
        Ok(serde_json::to_string_pretty(&export).unwrap_or_default())
    }
}

fn saving_of(door: &Door) -> Option<&Saving> {
    door.found.as_ref().and_then(|topic| topic.saving())
}
