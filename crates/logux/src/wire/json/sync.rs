//! Reading `sync`, the message that there are most of, without a detour over values.

use super::integer;
use crate::{
    action::Action,
    id::check_node_id,
    wire::{WireId, WireMeta},
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use std::fmt;

type Entries = Vec<(Action, WireMeta)>;

/// The rest of a `sync`: its number and its actions.
pub(super) fn read<'de, A: SeqAccess<'de>>(items: &mut A) -> Result<(u64, Entries), A::Error> {
    let wrong = || A::Error::custom("a wrong sync");
    let Some(Integer(added)) = items.next_element()? else { return Err(wrong()) };
    let added = u64::try_from(added).map_err(|_| wrong())?;
    let mut entries = Vec::new();
    while let Some(action) = items.next_element::<&RawValue>()? {
        let action = Action::read(action.get()).ok_or_else(wrong)?;
        let Some(Meta(meta)) = items.next_element()? else { return Err(wrong()) };
        entries.push((action, meta));
    }
    Ok((added, entries))
}

struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        integer(&number).map(Self).ok_or_else(|| D::Error::custom("no integer that every peer can hold"))
    }
}

struct Meta(WireMeta);

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Meta;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("meta")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Meta, A::Error> {
                let (mut id, mut time, mut rest) = (None, None, Map::new());
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::Id => id = Some(map.next_value::<Id>()?.0),
                        Key::Time => time = Some(map.next_value::<Integer>()?.0),
                        // Numbers in a log are its own affair.
                        Key::Added => drop(map.next_value::<IgnoredAny>()?),
                        Key::Other(key) => drop(rest.insert(key, map.next_value::<Value>()?)),
                    }
                }
                let missing = A::Error::missing_field;
                let (id, time) = (id.ok_or_else(|| missing("id"))?, time.ok_or_else(|| missing("time"))?);
                Ok(Meta(WireMeta { id, time, rest }))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

enum Key {
    Id,
    Time,
    Added,
    Other(String),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "id" => Key::Id,
                    "time" => Key::Time,
                    "added" => Key::Added,
                    other => Key::Other(other.to_owned()),
                })
            }
        }
        deserializer.deserialize_str(Read)
    }
}

struct Id(WireId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = || D::Error::custom("a wrong id");
        let integer = |value: &Value| value.as_number().and_then(integer);
        // A number needs no memory.
        let id = match Value::deserialize(deserializer)? {
            Value::Array(parts) => match parts.as_slice() {
                [shift, counter] => (integer(shift), None, integer(counter)),
                [shift, Value::String(node), counter] if check_node_id(node).is_ok() => {
                    (integer(shift), Some(node.clone()), integer(counter))
                }
                _ => return Err(wrong()),
            },
            shift => return integer(&shift).map(|shift| Self(WireId::Own(shift))).ok_or_else(wrong),
        };
        let (Some(shift), node, Some(counter)) = id else { return Err(wrong()) };
        let counter = u64::try_from(counter).map_err(|_| wrong())?;
        Ok(Self(match node {
            Some(node) => WireId::Full(shift, node, counter),
            None => WireId::Counted(shift, counter),
        }))
    }
}
