//! Topics that are saved.

use std::time::Duration;
use tauri_plugin_lockstep::{Builder, Durability, EncryptionKey, Persisted, Topic, TopicOptions};

/// Saved by nothing but a flush, and the end of the app.
const LATE: Topic<u32> = Topic::new("kept-late");
/// Saved before its writes are answered.
const SAFE: Topic<u32> = Topic::new("kept-safe");
const SEALED: Topic<String> = Topic::new("kept-sealed");

const HOUR: Duration = Duration::from_secs(3600);

pub fn topics(lockstep: Builder) -> Builder {
    let late = || Persisted::new().debounce(HOUR).max_wait(HOUR);
    let key = EncryptionKey::new([7; 32]);
    lockstep
        .topic_with(LATE, 0, TopicOptions::new().persisted(late()))
        .topic_with(SAFE, 0, TopicOptions::new().persisted(late().durability(Durability::Immediate)))
        .topic_with(SEALED, String::new(), TopicOptions::new().persisted(late().encrypted(key)))
}
