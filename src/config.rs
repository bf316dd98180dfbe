//! What can be configured.

use serde::Deserialize;
use std::time::Duration;

/// The biggest payload of a write, unless said otherwise: 16 MiB of JSON.
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 16 * 1024 * 1024;

/// `plugins.lockstep` in `tauri.conf.json`. What is given there wins over the [`Builder`](crate::Builder).
///
/// ```json
/// { "plugins": { "lockstep": { "announceIntervalMs": 16, "maxPayloadBytes": 16777216 } } }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// How often one topic is announced at most, in ms. Default: 16.
    pub announce_interval_ms: Option<u64>,
    /// The biggest payload of a write, in bytes of JSON. Default: [`DEFAULT_MAX_PAYLOAD_BYTES`].
    pub max_payload_bytes: Option<usize>,
}

/// What the plugin runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) announce_interval: Duration,
    pub(crate) max_payload_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            announce_interval: lockstep_core::DEFAULT_ANNOUNCE_INTERVAL,
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
        }
    }
}

impl Settings {
    pub(crate) fn overridden_by(self, config: &Config) -> Self {
        Self {
            announce_interval: config.announce_interval_ms.map_or(self.announce_interval, Duration::from_millis),
            max_payload_bytes: config.max_payload_bytes.unwrap_or(self.max_payload_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_wins_over_the_builder_and_an_unknown_key_is_an_error() {
        let built = Settings { announce_interval: Duration::from_millis(5), ..Settings::default() };
        let config = serde_json::from_str(r#"{ "maxPayloadBytes": 10 }"#).unwrap();
        let both = built.overridden_by(&config);
        assert_eq!((both.announce_interval.as_millis(), both.max_payload_bytes), (5, 10));
        assert!(serde_json::from_str::<Config>(r#"{ "maxPayload": 10 }"#).is_err());
    }
}
