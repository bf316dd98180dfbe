//! What the windows share. `src/lockstep.ts` is generated from it.

use serde::{Deserialize, Serialize};
use tauri_plugin_lockstep::{Builder, Persisted, State, Topic, TopicOptions};
use ts_rs::TS;

pub const SETTINGS: Topic<Settings> = Topic::new("settings");
pub const COUNTER: Topic<i32> = Topic::new("counter");
pub const LIST: Topic<Vec<Item>> = Topic::new("list");
pub const PRESENCE: Topic<Presence> = Topic::new("presence");

/// The plugin, with the app's topics as they are at the start.
pub fn lockstep() -> Builder {
    Builder::new()
        .topic_with(SETTINGS, Settings::default(), kept())
        .topic_with(COUNTER, 0, kept())
        .topic_with(LIST, Vec::new(), kept())
        .topic(PRESENCE, Presence::default())
}

/// What is still there when the app is started again.
fn kept<T: State>() -> TopicOptions<T> {
    TopicOptions::new().persisted(Persisted::new())
}

/// How the app looks, and for whom.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    pub theme: Theme,
    pub accent: Accent,
    pub text_size: TextSize,
    pub display_name: String,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    #[default]
    Light,
    Dark,
    /// Whichever the desktop has.
    System,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Accent {
    #[default]
    Indigo,
    Teal,
    Amber,
    Rose,
    Graphite,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum TextSize {
    Small,
    #[default]
    Medium,
    Large,
}

/// One line of the list.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    pub id: String,
    pub text: String,
    pub done: bool,
}

/// The labels of the open windows, oldest first. Only Rust writes it: no capability lets a window do so.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub windows: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::lockstep;
    use tauri_plugin_lockstep::BindingsError;

    #[test]
    fn bindings() -> Result<(), BindingsError> {
        lockstep().bindings().check("../src/lockstep.ts")
    }
}
