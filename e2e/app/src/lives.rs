//! Topics that come and go.

use crate::commands::{Answer, text};
use std::time::Duration;
use tauri::AppHandle;
use tauri_plugin_lockstep::{Builder, LockstepExt, TopicFamily, TopicOptions};

/// Goes with its last reader.
const ROOMS: TopicFamily<Vec<String>> = TopicFamily::new("rooms");

/// Goes when fewer than two read it.
const MEETINGS: TopicFamily<Vec<String>> = TopicFamily::new("meetings");

/// Lasts, until somebody removes it.
const DOCUMENTS: TopicFamily<Vec<String>> = TopicFamily::new("documents");

/// Goes after a while.
const FLASHES: TopicFamily<u32> = TopicFamily::new("flashes");

/// Goes when nobody has written it for a while.
const DRAFTS: TopicFamily<u32> = TopicFamily::new("drafts");

/// Much longer than a write takes, also where others use the machine.
const TTL: Duration = Duration::from_secs(4);

pub fn topics(builder: Builder) -> Builder {
    builder
        .family_with(ROOMS, |_| vec![], TopicOptions::new().self_destruct(|clients_left, _| clients_left == 0))
        .family_with(MEETINGS, |_| vec![], TopicOptions::new().self_destruct(|clients_left, _| clients_left < 2))
        .family(DOCUMENTS, |_| vec![])
        .family_with(FLASHES, |_| 0, TopicOptions::new().ttl(TTL))
        .family_with(DRAFTS, |_| 0, TopicOptions::new().ttl(TTL).renewed_by_writes())
}

/// Removes a topic; says whether it was there.
#[tauri::command]
pub async fn remove_by_rust(app: AppHandle, topic: String) -> Answer<bool> {
    let topic = topic.parse().map_err(text)?;
    app.lockstep().remove(&topic).map_err(text)
}
