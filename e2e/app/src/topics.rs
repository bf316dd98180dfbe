//! The topics. What a window may do with each stands in `capabilities/topics.json`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};
use tauri_plugin_lockstep::{Reject, Topic, WriteContext};
use ts_rs::TS;

pub const COUNTER: Topic<u32> = Topic::new("counter");
pub const NOTE: Topic<Note> = Topic::new("note");
pub const SECRET: Topic<String> = Topic::new("secret");
pub const READ_ONLY: Topic<u32> = Topic::new("read-only");
pub const WRITE_ONLY: Topic<u32> = Topic::new("write-only");
pub const ODD: Topic<BTreeMap<String, BTreeMap<String, u32>>> = Topic::new("odd");
pub const SLOW_TO_WRITE: Topic<Slow> = Topic::new("slow-to-write");
pub const SLOW_TO_READ: Topic<SlowToRead> = Topic::new("slow-to-read");

#[derive(Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum CounterAction {
    Add { by: u32 },
}

/// The counter's reducer: it takes no big steps.
pub fn count(counter: &mut u32, action: CounterAction, _: &WriteContext<'_>) -> Result<(), Reject> {
    match action {
        CounterAction::Add { by } if by > 100 => Err(Reject::new("step", "at most 100 at once")),
        CounterAction::Add { by } => {
            *counter += by;
            Ok(())
        }
    }
}

#[derive(Clone, Default, Serialize, Deserialize, TS)]
pub struct Note {
    text: String,
    done: bool,
    tags: Vec<String>,
    author: Option<String>,
}

/// How long a slow topic takes: long enough for a page to be reloaded or closed meanwhile.
pub const SLOW: Duration = Duration::from_millis(400);

pub static SLOW_WRITES: AtomicUsize = AtomicUsize::new(0);
pub static SLOW_READS: AtomicUsize = AtomicUsize::new(0);

/// A window's write of it takes long.
#[derive(Clone, Default, Serialize, TS)]
pub struct Slow(u32);

impl<'de> Deserialize<'de> for Slow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = u32::deserialize(deserializer)?;
        SLOW_WRITES.fetch_add(1, Ordering::SeqCst);
        thread::sleep(SLOW);
        Ok(Self(value))
    }
}

/// The first pull after each change takes long.
#[derive(Clone, Default, Deserialize, TS)]
pub struct SlowToRead(pub u32);

impl Serialize for SlowToRead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SLOW_READS.fetch_add(1, Ordering::SeqCst);
        thread::sleep(SLOW);
        self.0.serialize(serializer)
    }
}
