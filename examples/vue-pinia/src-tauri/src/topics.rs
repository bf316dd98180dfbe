//! What the windows share. `src/lockstep.ts` is generated from it.

use crate::rules;
use serde::{Deserialize, Serialize};
use tauri_plugin_lockstep::{Builder, Topic, TopicOptions};
use ts_rs::TS;

pub const SETTINGS: Topic<Settings> = Topic::new("settings");
pub const AMBIENCE: Topic<Ambience> = Topic::new("ambience");

/// The plugin, with the app's topics as they are at the start.
pub fn lockstep() -> Builder {
    Builder::new()
        .topic_with(
            SETTINGS,
            Settings::default(),
            TopicOptions::new().action(rules::reduce).validate(|_, settings, _| rules::check_settings(settings)),
        )
        .topic_with(
            AMBIENCE,
            Ambience::default(),
            TopicOptions::new().validate(|_, ambience, _| rules::check_ambience(ambience)),
        )
}

/// How the book looks, and which keys do what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    pub theme: Theme,
    pub accent: Accent,
    pub font: Font,
    /// In pixels.
    pub text_size: f64,
    pub line_spacing: LineSpacing,
    /// In characters of medium width.
    pub page_width: u32,
    pub justify: bool,
    /// Whether all paragraphs but one are dimmed.
    pub focus_mode: bool,
    pub show_progress: bool,
    pub shortcuts: Shortcuts,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::default(),
            accent: Accent::default(),
            font: Font::default(),
            text_size: 18.0,
            line_spacing: LineSpacing::default(),
            page_width: 60,
            justify: false,
            focus_mode: false,
            show_progress: true,
            shortcuts: Shortcuts::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    #[default]
    Light,
    Sepia,
    Dark,
    /// Light or dark, whichever the desktop is.
    System,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Accent {
    #[default]
    Pine,
    Sea,
    Plum,
    Brick,
    Slate,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Font {
    #[default]
    Serif,
    Sans,
    Mono,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum LineSpacing {
    Tight,
    #[default]
    Normal,
    Loose,
}

/// For each command its keys, such as `Mod+Shift+F`: `Mod` is Ctrl, or Cmd on a Mac.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Shortcuts {
    pub larger_text: String,
    pub smaller_text: String,
    pub focus_mode: String,
    pub preferences: String,
    pub panel: String,
}

impl Default for Shortcuts {
    fn default() -> Self {
        Self {
            larger_text: "Mod+=".to_owned(),
            smaller_text: "Mod+-".to_owned(),
            focus_mode: "Mod+Shift+F".to_owned(),
            preferences: "Mod+,".to_owned(),
            panel: "Mod+.".to_owned(),
        }
    }
}

/// What can be done to the settings beside changing them one by one. Only Rust knows the defaults.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum SettingsAction {
    Reset,
}

/// What is heard while reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Ambience {
    pub sound: Sound,
    pub playing: bool,
    /// Of 100.
    pub volume: u32,
}

impl Default for Ambience {
    fn default() -> Self {
        Self { sound: Sound::default(), playing: true, volume: 60 }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum Sound {
    #[default]
    Rain,
    Waves,
    Forest,
    Fire,
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
