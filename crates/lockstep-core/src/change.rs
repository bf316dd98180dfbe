//! What a window asks for: a change that becomes typed before it is applied.

use crate::{
    error::{WriteError, cut, panic_text},
    topic::TopicName,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A change to a topic as it comes from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The whole new value.
    Set(Value),
    /// A JSON Merge Patch (RFC 7396).
    Merge(Value),
}

impl Change {
    /// The value after this change.
    ///
    /// **I10**: it is made beside the old one, and the app's code that panics here has changed nothing.
    pub(crate) fn apply<T>(self, topic: &TopicName, current: &T) -> Result<T, WriteError>
    where
        T: Serialize + DeserializeOwned,
    {
        catch_unwind(AssertUnwindSafe(|| self.typed(topic, current)))
            .unwrap_or_else(|panic| Err(WriteError::Panicked { topic: topic.clone(), reason: panic_text(&*panic) }))
    }

    fn typed<T>(self, topic: &TopicName, current: &T) -> Result<T, WriteError>
    where
        T: Serialize + DeserializeOwned,
    {
        let invalid = |path: String, reason: String| WriteError::InvalidData {
            topic: topic.clone(),
            path: cut(path),
            reason: cut(reason),
        };
        let document = match self {
            Self::Set(value) => value,
            Self::Merge(patch) => {
                let mut document = serde_json::to_value(current)
                    .map_err(|error| invalid(".".to_owned(), format!("the present value: {error}")))?;
                json_patch::merge(&mut document, &patch);
                document
            }
        };
        serde_path_to_error::deserialize(document)
            .map_err(|error| invalid(error.path().to_string(), error.inner().to_string()))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Settings {
        theme: String,
        font: Option<String>,
        window: Size,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Size {
        width: u32,
        height: u32,
    }

    fn settings() -> Settings {
        Settings { theme: "light".into(), font: Some("Inter".into()), window: Size { width: 8, height: 6 } }
    }

    #[track_caller]
    fn merged(patch: Value) -> Result<Settings, (String, String)> {
        let topic = TopicName::new("settings").unwrap();
        match Change::Merge(patch).apply(&topic, &settings()) {
            Err(WriteError::InvalidData { path, reason, .. }) => Err((path, reason)),
            other => Ok(other.unwrap()),
        }
    }

    #[test]
    fn a_merge_replaces_members_and_keeps_the_rest() {
        let got = merged(json!({ "theme": "dark", "window": { "width": 9 } })).unwrap();
        let mut want = settings();
        want.theme = "dark".into();
        want.window.width = 9;
        assert_eq!(got, want);
    }

    #[test]
    fn null_clears_an_option_and_nothing_else() {
        assert_eq!(merged(json!({ "font": null })).unwrap().font, None);
        assert!(merged(json!({ "theme": null })).unwrap_err().1.contains("missing field `theme`"));
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        assert_eq!(merged(json!({ "window": { "width": "wide" } })).unwrap_err().0, "window.width");
        assert_eq!(merged(json!({ "window": [1] })).unwrap_err().0, "window");
        assert_eq!(merged(json!("x")).unwrap_err().0, ".");
    }

    #[test]
    fn i14_a_huge_mistake_gives_a_short_error() {
        let (_, reason) = merged(json!({ "window": { "width": "w".repeat(1 << 20) } })).unwrap_err();
        assert!(reason.len() < 1100, "{}", reason.len());
    }

    #[test]
    fn i10_a_panicking_type_is_an_error() {
        #[derive(Clone, Serialize)]
        struct Bomb;
        impl<'de> Deserialize<'de> for Bomb {
            fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
                panic!("boom")
            }
        }
        let topic = TopicName::new("bomb").unwrap();
        let error = Change::Set(json!(1)).apply(&topic, &Bomb).err().unwrap();
        assert_eq!(error, WriteError::Panicked { topic, reason: "boom".into() });
    }
}
