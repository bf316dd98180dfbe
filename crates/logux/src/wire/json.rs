//! The encoding of Logux: JSON arrays.

mod sync;

use super::{Encoding, Frame, LoguxError, Message, WireId, WireMeta};
use crate::{
    action::Action,
    id::{MAX_INTEGER, check_node_id},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use std::fmt;

/// JSON arrays in text frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Encoding for Json {
    fn encode(&self, message: &Message) -> Frame {
        let mut out = Writer { bytes: Vec::with_capacity(size(message)) };
        out.message(message);
        // What was written is UTF-8: there is nothing to lose.
        Frame::Text(String::from_utf8(out.bytes).unwrap_or_default())
    }

    fn decode(&self, frame: &Frame) -> Result<Message, LoguxError> {
        let wrong = || LoguxError::WrongFormat(frame.excerpt());
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Binary(bytes) => std::str::from_utf8(bytes).map_err(|_| wrong())?,
        };
        match serde_json::from_str(text).map_err(|_| wrong())? {
            Read::Sync(added, entries) => Ok(Message::Sync { added, entries }),
            Read::Other(name, rest) => match Items(rest).message(&name) {
                Ok(message) => message.ok_or_else(wrong),
                Err(Unknown) => Err(LoguxError::UnknownMessage(name.chars().take(80).collect())),
            },
        }
    }
}

/// An array that begins with a name.
enum Read {
    Sync(u64, Vec<(Action, WireMeta)>),
    /// What follows the name.
    Other(String, Vec<Value>),
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Array;
        impl<'de> Visitor<'de> for Array {
            type Value = Read;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Read, A::Error> {
                let name: String = items.next_element()?.ok_or_else(|| A::Error::missing_field("name"))?;
                if name == "sync" {
                    return sync::read(&mut items).map(|(added, entries)| Read::Sync(added, entries));
                }
                let mut rest = Vec::with_capacity(4);
                while let Some(item) = items.next_element()? {
                    rest.push(item);
                }
                Ok(Read::Other(name, rest))
            }
        }
        deserializer.deserialize_seq(Array)
    }
}

/// About how long its frame will be, in bytes.
fn size(message: &Message) -> usize {
    match message {
        Message::Sync { entries, .. } => entries.iter().map(|(action, _)| action.size_hint() + 48).sum::<usize>() + 32,
        // Exactly: what is as long as its room needs no more of it on its way.
        Message::Synced(added) => 12 + added.checked_ilog10().unwrap_or(0) as usize,
        _ => 64,
    }
}

struct Unknown;

/// What follows a message's name.
struct Items(Vec<Value>);

impl Items {
    fn text(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.as_str()
    }

    fn number(&self, index: usize) -> Option<i64> {
        integer(self.0.get(index)?.as_number()?)
    }

    fn count(&self, index: usize) -> Option<u64> {
        self.number(index)?.try_into().ok()
    }

    /// `None` where it is malformed.
    fn message(&mut self, name: &str) -> Result<Option<Message>, Unknown> {
        let len = self.0.len();
        Ok(match name {
            "connect" => self.connect(),
            "connected" => self.connected(),
            "headers" if len == 1 => match self.0.pop() {
                Some(Value::Object(headers)) => Some(Message::Headers(headers)),
                _ => None,
            },
            "synced" if len == 1 => self.count(0).map(Message::Synced),
            "ping" if len == 1 => self.count(0).map(Message::Ping),
            "pong" if len == 1 => self.count(0).map(Message::Pong),
            "debug" if len == 2 && self.text(0) == Some("error") => {
                self.text(1).map(|text| Message::Debug(text.to_owned()))
            }
            "error" if len == 1 || len == 2 => {
                self.text(0).and_then(|kind| LoguxError::read(kind, self.0.get(1))).map(Message::Error)
            }
            "headers" | "synced" | "ping" | "pong" | "debug" | "error" => None,
            _ => return Err(Unknown),
        })
    }

    fn node_id(&self) -> Option<String> {
        self.text(1).filter(|id| check_node_id(id).is_ok()).map(str::to_owned)
    }

    /// The options at the end, which may be missing, but not be anything else: a token and a subprotocol.
    fn options(&mut self) -> Option<(Option<Value>, u32)> {
        let mut options = match (self.0.len(), self.0.get_mut(3)) {
            (3, _) => return Some((None, 0)),
            (4, Some(Value::Object(options))) => std::mem::take(options),
            _ => return None,
        };
        let subprotocol = match options.get("subprotocol") {
            None => 0,
            Some(number) => integer(number.as_number()?)?.try_into().ok()?,
        };
        Some((options.remove("token"), subprotocol))
    }

    fn connect(&mut self) -> Option<Message> {
        let (token, subprotocol) = self.options()?;
        let (protocol, synced) = (self.count(0)?.try_into().ok()?, self.count(2)?);
        Some(Message::Connect { protocol, node_id: self.node_id()?, synced, token, subprotocol })
    }

    fn connected(&mut self) -> Option<Message> {
        let (token, subprotocol) = self.options()?;
        let protocol = self.count(0)?.try_into().ok()?;
        let [start, end] = self.0.get(2)?.as_array()?.as_slice() else { return None };
        let (start, end) = (integer(start.as_number()?)?, integer(end.as_number()?)?);
        Some(Message::Connected { protocol, node_id: self.node_id()?, start, end, token, subprotocol })
    }
}

/// A number without a fraction that every peer can hold. JavaScript may write it as `1e3`.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn integer(value: &Number) -> Option<i64> {
    let range = -MAX_INTEGER..=MAX_INTEGER;
    value.as_i64().filter(|number| range.contains(number)).or_else(|| {
        let number = value.as_f64().filter(|number| !value.is_u64() && number.fract() == 0.0)?;
        (number.abs() <= MAX_INTEGER as f64).then_some(number as i64)
    })
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Nothing that is written here can fail: there are no maps with keys that are not text.
    fn json(&mut self, value: &(impl Serialize + ?Sized)) {
        let written = serde_json::to_writer(&mut self.bytes, value);
        debug_assert!(written.is_ok(), "{written:?}");
    }

    fn raw(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) {
        self.raw(",");
        self.json(value);
    }

    fn named(&mut self, name: &str, items: impl FnOnce(&mut Self)) {
        self.raw("[");
        self.json(name);
        items(self);
        self.raw("]");
    }

    fn options(&mut self, token: Option<&Value>, subprotocol: u32) {
        let mut options = Map::new();
        if let Some(token) = token {
            options.insert("token".to_owned(), token.clone());
        }
        if subprotocol != 0 {
            options.insert("subprotocol".to_owned(), subprotocol.into());
        }
        if !options.is_empty() {
            self.item(&options);
        }
    }

    fn message(&mut self, message: &Message) {
        match message {
            Message::Connect { protocol, node_id, synced, token, subprotocol } => self.named("connect", |out| {
                out.item(protocol);
                out.item(node_id);
                out.item(synced);
                out.options(token.as_ref(), *subprotocol);
            }),
            Message::Connected { protocol, node_id, start, end, token, subprotocol } => {
                self.named("connected", |out| {
                    out.item(protocol);
                    out.item(node_id);
                    out.item(&[start, end]);
                    out.options(token.as_ref(), *subprotocol);
                });
            }
            Message::Headers(headers) => self.named("headers", |out| out.item(headers)),
            Message::Sync { added, entries } => self.named("sync", |out| {
                out.item(added);
                for (action, meta) in entries {
                    out.raw(",");
                    out.raw(&action.json());
                    out.meta(meta);
                }
            }),
            Message::Synced(added) => self.named("synced", |out| out.item(added)),
            Message::Ping(added) => self.named("ping", |out| out.item(added)),
            Message::Pong(added) => self.named("pong", |out| out.item(added)),
            Message::Debug(text) => self.named("debug", |out| {
                out.item("error");
                out.item(text);
            }),
            Message::Error(error) => self.named("error", |out| {
                out.item(error.kind());
                if let Some(options) = error.options() {
                    out.item(&options);
                }
            }),
        }
    }

    fn meta(&mut self, meta: &WireMeta) {
        self.raw(",{\"id\":");
        match &meta.id {
            WireId::Own(shift) => self.json(shift),
            WireId::Counted(shift, counter) => self.json(&(shift, counter)),
            WireId::Full(shift, node, counter) => self.json(&(shift, node, counter)),
        }
        self.raw(",\"time\":");
        self.json(&meta.time);
        for (key, value) in &meta.rest {
            self.raw(",");
            self.json(key);
            self.raw(":");
            self.json(value);
        }
        self.raw("}");
    }
}

#[cfg(test)]
mod tests;
