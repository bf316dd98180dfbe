//! Actions, and what is known about each.

mod object;

use crate::id::ActionId;
use object::Object;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt::Write as _,
    ops::{Deref, DerefMut},
};
use thiserror::Error;

/// A JSON object with a `type`: what happened. Clones share it, and cost nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Action(Object);

/// A value that is no action.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ActionError {
    /// Not an object, or an object without a `type` that is a string.
    #[error("an action is an object with a `type` that is a string")]
    NoType,
    /// The value could not be turned into JSON, or JSON into the value.
    #[error("an action of another shape: {0}")]
    Shape(String),
}

impl Action {
    /// An action with nothing but a type.
    ///
    /// ```
    /// use logux::Action;
    /// let action = Action::new("user/rename").with("name", "Ada");
    /// assert_eq!(action.to_string(), r#"{"name":"Ada","type":"user/rename"}"#);
    /// ```
    pub fn new(kind: &str) -> Self {
        Self(Object::of(Map::from_iter([("type".to_owned(), Value::from(kind))])))
    }

    /// `logux/processed` about an action.
    pub(crate) fn processed(id: &ActionId) -> Self {
        // Most ids need no escapes.
        if id.node.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
            let mut json = String::with_capacity(64 + id.node.len());
            // Writing to memory does not fail.
            let _ = write!(json, r#"{{"type":"logux/processed","id":"{id}"}}"#);
            return Self(Object::written(json, 9..24));
        }
        Self::new("logux/processed").with("id", id.to_string())
    }

    /// `None` where the text is no object with a `type` that is a string.
    pub(crate) fn read(json: &str) -> Option<Self> {
        Object::read(json).map(Self)
    }

    /// About how long it is as JSON, in bytes.
    pub(crate) fn size_hint(&self) -> usize {
        self.0.size_hint()
    }

    /// The object as JSON.
    pub(crate) fn json(&self) -> Cow<'_, str> {
        self.0.text()
    }

    /// Sets a field. The type stays a string: anything else in `type` is not taken.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if field != "type" || value.is_string() {
            let mut fields = self.0.into_fields();
            fields.insert(field.to_owned(), value);
            self.0 = Object::of(fields);
        }
        self
    }

    /// An object with a `type`, from any value that serialises to one (an enum with `#[serde(tag = "type")]`).
    ///
    /// # Errors
    /// [`ActionError::Shape`] where it does not serialise, [`ActionError::NoType`] where it is no such object.
    pub fn from_value<T: Serialize>(value: &T) -> Result<Self, ActionError> {
        serde_json::to_value(value).map_err(|error| ActionError::Shape(error.to_string()))?.try_into()
    }

    /// What happened, as a type of the app's.
    ///
    /// # Errors
    /// [`ActionError::Shape`] where the fields are not those of `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, ActionError> {
        T::deserialize(self.fields()).map_err(|error| ActionError::Shape(error.to_string()))
    }

    /// The `type`.
    pub fn kind(&self) -> &str {
        self.0.kind()
    }

    /// A field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields().get(field)
    }

    /// A field that is a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.get(field)?.as_str()
    }

    /// The `id` field of `logux/processed` and `logux/undo`: which action it is about.
    pub fn about(&self) -> Option<ActionId> {
        self.text("id")?.parse().ok()
    }

    /// All fields.
    pub fn fields(&self) -> &Map<String, Value> {
        self.0.fields()
    }

    /// The object.
    pub fn into_value(self) -> Value {
        Value::Object(self.0.into_fields())
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json())
    }
}

impl TryFrom<Value> for Action {
    type Error = ActionError;

    fn try_from(value: Value) -> Result<Self, ActionError> {
        match value {
            Value::Object(fields) if fields.get("type").is_some_and(Value::is_string) => Ok(Self(Object::of(fields))),
            _ => Err(ActionError::NoType),
        }
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.fields().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}

/// What became of an action on the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Not processed yet.
    Waiting,
    /// Done.
    Processed,
    /// Processing failed.
    Error,
}

/// The part of the meta that whoever adds an action may choose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Fields {
    /// Why the action stays in the log. None: it is emitted, and not stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// A reason that only the newest action with it keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_last: Option<String>,
    /// By what it is found in the log, without reading all of it: see [`Log::each_in`](crate::Log::each_in). Like the reasons,
    /// they are for this log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
    /// The version of the app's own protocol that the action was made by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subprotocol: Option<u32>,
    /// A client's action that goes to the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sync: bool,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// To whoever is subscribed to one of these channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// To all clients of these users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// To these clients (`user:client`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<String>,
    /// To these nodes (`user:client:tab`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Not to these clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_clients: Vec<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Fields {
    /// Kept in the log for this reason.
    pub fn reason(reason: &str) -> Self {
        Self { reasons: vec![reason.to_owned()], ..Self::default() }
    }

    /// To the subscribers of a channel.
    pub fn to_channel(channel: impl Into<String>) -> Self {
        Self { channels: vec![channel.into()], ..Self::default() }
    }

    /// To all clients of a user.
    pub fn to_user(user: impl Into<String>) -> Self {
        Self { users: vec![user.into()], ..Self::default() }
    }

    /// To one client (`user:client`).
    pub fn to_client(client: impl Into<String>) -> Self {
        Self { clients: vec![client.into()], ..Self::default() }
    }

    /// To one node (`user:client:tab`).
    pub fn to_node(node: impl Into<String>) -> Self {
        Self { nodes: vec![node.into()], ..Self::default() }
    }

    /// Found in the log by this index.
    #[must_use]
    pub fn and_index(mut self, index: &str) -> Self {
        self.indexes.push(index.to_owned());
        self
    }

    /// Also kept in the log for this reason.
    #[must_use]
    pub fn and_reason(mut self, reason: &str) -> Self {
        self.reasons.push(reason.to_owned());
        self
    }
}

/// What is known about an action in a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Unique among all nodes.
    pub id: ActionId,
    /// When it was made, in milliseconds since 1970, by this node's clock.
    pub time: i64,
    /// Its number in this log, from 1; 0 where it is not stored.
    #[serde(default)]
    pub added: u64,
    /// What whoever added it chose.
    #[serde(flatten)]
    pub fields: Fields,
}

impl Meta {
    /// What orders actions by their creation, in every log alike.
    pub fn created(&self) -> Created {
        Created { time: self.time, id: self.id.clone() }
    }
}

impl Deref for Meta {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl DerefMut for Meta {
    fn deref_mut(&mut self) -> &mut Fields {
        &mut self.fields
    }
}

/// The order of creation: time, then node, then counter, then the id's time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Created {
    /// [`Meta::time`].
    pub time: i64,
    /// [`Meta::id`].
    pub id: ActionId,
}

impl Ord for Created {
    fn cmp(&self, other: &Self) -> Ordering {
        self.time.cmp(&other.time).then_with(|| self.id.cmp(&other.id))
    }
}

impl PartialOrd for Created {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An action and its meta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What happened.
    pub action: Action,
    /// What is known about it.
    pub meta: Meta,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_objects_with_a_type_are_actions() {
        for value in [json!(null), json!([]), json!("a"), json!({}), json!({ "type": null }), json!({ "type": 1 })] {
            assert_eq!(Action::try_from(value), Err(ActionError::NoType));
        }
        assert_eq!(Action::try_from(json!({ "type": "a", "b": null })).unwrap().kind(), "a");
        assert_eq!(Action::new("a").with("type", 1).kind(), "a");
    }

    #[test]
    fn an_answer_written_as_text_is_what_it_says() {
        for id in ["1 10:a:b 0", "1 é:\"\\ 3"] {
            let answer = Action::processed(&id.parse().unwrap());
            assert_eq!(answer, Action::new("logux/processed").with("id", id));
            assert_eq!((answer.kind(), answer.about().unwrap().to_string()), ("logux/processed", id.to_owned()));
            assert_eq!(Action::read(&answer.json()), Some(answer));
        }
    }

    #[test]
    fn meta_is_written_without_what_is_not_set() {
        let id = "1 a 0".parse().unwrap();
        let mut meta = Meta { id, time: 1, added: 2, fields: Fields::to_channel("x") };
        meta.extra.insert("own".into(), json!([1]));
        let value = serde_json::to_value(&meta).unwrap();
        assert_eq!(value, json!({ "id": "1 a 0", "time": 1, "added": 2, "channels": ["x"], "own": [1] }));
        assert_eq!(serde_json::from_value::<Meta>(value).unwrap(), meta);
    }
}
