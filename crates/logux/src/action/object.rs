//! A JSON object with a `type`: its fields, or the text that it came as.
//!
//! Most actions only pass through: they are checked, kept and sent on as text. Fields are read where somebody asks.

use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

/// Clones share it.
#[derive(Clone)]
pub struct Object(Arc<Inner>);

struct Inner {
    /// Checked: it becomes fields without an error. With the place of the `type`.
    text: Option<(String, Range<usize>)>,
    fields: OnceLock<Map<String, Value>>,
}

impl Object {
    /// Fields with a `type` that is a string.
    pub fn of(fields: Map<String, Value>) -> Self {
        Self(Arc::new(Inner { text: None, fields: OnceLock::from(fields) }))
    }

    /// `None` where the text is no object with a `type` that is a string.
    pub fn read(text: &str) -> Option<Self> {
        match serde_json::from_str(text).ok()? {
            Scanned::Plain(kind) => {
                let start = kind.as_ptr().addr() - text.as_ptr().addr();
                let text = Some((text.to_owned(), start..start + kind.len()));
                Some(Self(Arc::new(Inner { text, fields: OnceLock::new() })))
            }
            Scanned::Strange => serde_json::from_str(text).ok().map(Self::of),
        }
    }

    /// What was written as JSON here, with the place of the `type` in it, which has no escapes.
    pub fn written(text: String, kind: Range<usize>) -> Self {
        Self(Arc::new(Inner { text: Some((text, kind)), fields: OnceLock::new() }))
    }

    pub fn kind(&self) -> &str {
        match &self.0.text {
            Some((text, kind)) => &text[kind.clone()],
            None => self.fields().get("type").and_then(Value::as_str).unwrap_or_default(),
        }
    }

    pub fn fields(&self) -> &Map<String, Value> {
        self.0.fields.get_or_init(|| {
            let read = self.0.text.as_ref().map(|(text, _)| serde_json::from_str(text));
            debug_assert!(matches!(read, Some(Ok(_))), "a text that was checked: {read:?}");
            read.and_then(Result::ok).unwrap_or_default()
        })
    }

    pub fn into_fields(self) -> Map<String, Value> {
        self.fields();
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.fields.into_inner().unwrap_or_default(),
            Err(shared) => shared.fields.get().cloned().unwrap_or_default(),
        }
    }

    pub fn size_hint(&self) -> usize {
        self.0.text.as_ref().map_or(128, |(text, _)| text.len())
    }

    /// The object as JSON.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0.text {
            Some((text, _)) => Cow::Borrowed(text),
            // Nothing in it can fail: there are no maps with keys that are not text.
            None => Cow::Owned(serde_json::to_string(self.fields()).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields().fmt(f)
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.fields() == other.fields()
    }
}

/// A text that is an object with a `type`.
enum Scanned<'a> {
    /// The `type` stands in it as it is.
    Plain(&'a str),
    /// It has to be read: there is more than one `type`, or one with escapes. A peer could see another `type` in the text.
    Strange,
}

impl<'de> Deserialize<'de> for Scanned<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scan;
        impl<'de> Visitor<'de> for Scan {
            type Value = Scanned<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an action")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scanned<'de>, A::Error> {
                let mut found = None;
                while let Some(Key(key)) = map.next_key()? {
                    if key != "type" {
                        let Checked = map.next_value()?;
                        continue;
                    }
                    found = Some(match (found, map.next_value()?) {
                        (None, Key(Cow::Borrowed(kind))) => Scanned::Plain(kind),
                        _ => Scanned::Strange,
                    });
                }
                found.ok_or_else(|| A::Error::missing_field("type"))
            }
        }
        deserializer.deserialize_map(Scan)
    }
}

/// Text, borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What can be read as a [`Value`], without reading it: numbers in range, text of Unicode, not too deep.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Check;
        impl<'de> Visitor<'de> for Check {
            type Value = Checked;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_unit<E>(self) -> Result<Checked, E> {
                Ok(Checked)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Checked, A::Error> {
                while let Some(Checked) = items.next_element()? {}
                Ok(Checked)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
                while let Some(Key(key)) = map.next_key()? {
                    if key.starts_with("$serde_json::private") {
                        // The library would read something else than what stands there.
                        let IgnoredAny = map.next_value()?;
                        return Err(A::Error::custom("a key that is reserved"));
                    }
                    let Checked = map.next_value()?;
                }
                Ok(Checked)
            }
        }
        deserializer.deserialize_any(Check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What [`Object::read`] must do, by reading all of it.
    fn slowly(text: &str) -> Option<Map<String, Value>> {
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return None };
        fields.get("type").is_some_and(Value::is_string).then_some(fields)
    }

    #[track_caller]
    fn check(text: &str) {
        let (read, expected) = (Object::read(text), slowly(text));
        assert_eq!(read.as_ref().map(Object::fields), expected.as_ref(), "{text}");
        if let (Some(read), Some(fields)) = (read, expected) {
            assert_eq!(Some(read.kind()), fields["type"].as_str(), "{text}");
            assert_eq!(serde_json::from_str::<Value>(&read.text()).unwrap(), Value::Object(fields), "{text}");
        }
    }

    #[test]
    fn a_text_is_what_its_fields_are() {
        for text in [
            r#"{"type":"a"}"#,
            r#"{ "b" : [1, -2.5e3, null, true, {"c":"\u00e9\n"}], "type" : "a/b" }"#,
            r#"{"type":"\u0061"}"#,
            r#"{"ty\u0070e":"a"}"#,
            r#"{"type":"a","type":"b"}"#,
            r#"{"type":"a","type":1}"#,
            r#"{"type":""}"#,
            r#"{"type":null}"#,
            r#"{}"#,
            "null",
            "[]",
            "",
            r#"{"type":"a"} x"#,
            r#"{"type":"a","b":1e999}"#,
            r#"{"type":"a","b":"\ud800"}"#,
            r#"{"type":"a","b":{"$serde_json::private::RawValue":"x"}}"#,
        ] {
            check(text);
        }
        for depth in [100, 126, 127, 128, 200] {
            check(&format!(r#"{{"type":"a","b":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)));
        }
    }

    #[test]
    fn what_a_peer_could_read_otherwise_is_written_anew() {
        let twice = Object::read(r#"{"type":"a","type":"b"}"#).unwrap();
        assert_eq!((twice.kind(), &*twice.text()), ("b", r#"{"type":"b"}"#));
        assert!(Object::read(r#"{"type":1,"type":"a"}"#).is_none(), "a type that is no text is never there");
    }

    proptest! {
        #[test]
        fn any_text_is_what_its_fields_are(
            text in r#"(\{"type":"[a\\"]{0,3}",)?["{}\[\],:0-9eE.a\\u+-]{0,24}(\})?"#
        ) {
            check(&text);
        }
    }
}
