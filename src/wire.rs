//! The wire of `PROTOCOL.md`: requests become typed here, once, and answers become JSON here.

use crate::error::CommandError;
use lockstep_core::{
    Answer, Change, DeliveryEntry, Invalidation, PageId, Revision, SessionKey, TopicName, unique_topic,
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::HashSet, io, str::FromStr};
use tauri::ipc::{InvokeBody, Request};

/// The most topics in one `get_snapshots`.
const MAX_TOPICS: usize = 1000;

/// The most writes in one batch.
const MAX_BATCH: usize = 256;

/// The highest `seq`: 2^53 − 1, the highest integer that JavaScript counts to.
const MAX_SEQ: u64 = (1 << 53) - 1;

/// A JSON object whose members are read by name.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// What stands before the member's name in an error, such as `topics[3].`.
    path: &'a str,
}

impl<'a> Fields<'a> {
    /// The arguments of a command.
    pub(crate) fn of(request: &'a Request<'_>) -> Result<Self, CommandError> {
        match request.body() {
            InvokeBody::Json(Value::Object(object)) => Ok(Self { object, path: "" }),
            _ => Err(CommandError::invalid_request("", "the arguments must be a JSON object")),
        }
    }

    pub(crate) fn topic(self) -> Result<TopicName, CommandError> {
        let text = self.text("topic")?;
        text.parse().map_err(|_| CommandError::invalid_topic(text))
    }

    pub(crate) fn session(self) -> Result<PageId, CommandError> {
        self.parse("session")
    }

    pub(crate) fn since(self) -> Result<Option<Revision>, CommandError> {
        match self.object.get("since") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.parse("since").map(Some),
        }
    }

    /// The session of a page that says so.
    pub(crate) fn session_if_any(self) -> Result<Option<PageId>, CommandError> {
        match self.object.get("session") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.session().map(Some),
        }
    }

    /// Whether a page wants that, such as to `deliver`.
    pub(crate) fn flag(self, name: &'static str) -> Result<bool, CommandError> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(flag) => flag.as_bool().ok_or_else(|| self.invalid(name, "expected true or false")),
        }
    }

    /// An optional text.
    pub(crate) fn prefix(self) -> Result<Option<&'a str>, CommandError> {
        match self.object.get("prefix") {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.text("prefix").map(Some),
        }
    }

    /// The family in which a topic is to be created, where that and not a topic is named.
    pub(crate) fn family(self) -> Result<Option<TopicName>, CommandError> {
        match (self.object.get("family"), self.object.get("topic")) {
            (None, _) => Ok(None),
            (Some(_), None) => self.parse("family").map(Some),
            (Some(_), Some(_)) => Err(self.invalid("family", "expected a topic or a family, not both")),
        }
    }

    /// Some topic of a family, which looks as if it had been declared.
    pub(crate) fn member_of(self, family: &TopicName) -> Result<TopicName, CommandError> {
        unique_topic(family).map_err(|_| self.invalid("family", "the name is too long for a family"))
    }

    /// The value of a topic that is to be created; null is a value like any other.
    pub(crate) fn initial(self, topic: &TopicName, max_bytes: usize) -> Result<Option<Value>, CommandError> {
        let Some(value) = self.object.get("initial") else { return Ok(None) };
        match json_size(value) {
            size if size > max_bytes => Err(CommandError::too_large(topic, size, max_bytes)),
            _ => Ok(Some(value.clone())),
        }
    }

    fn seq(self) -> Result<u64, CommandError> {
        let seq = self.object.get("seq").and_then(Value::as_u64).filter(|seq| (1..=MAX_SEQ).contains(seq));
        seq.ok_or_else(|| self.invalid("seq", "expected an integer from 1 to 2^53 - 1"))
    }

    fn text(self, name: &str) -> Result<&'a str, CommandError> {
        self.object.get(name).and_then(Value::as_str).ok_or_else(|| self.invalid(name, "expected a string"))
    }

    fn parse<T: FromStr<Err: ToString>>(self, name: &str) -> Result<T, CommandError> {
        self.text(name)?.parse().map_err(|error: T::Err| self.invalid(name, &error.to_string()))
    }

    fn invalid(self, name: &str, reason: &str) -> CommandError {
        CommandError::invalid_request(&format!("{}{name}", self.path), reason)
    }
}

/// The arguments of `get_snapshots`: one result for each pull, so that one bad name does not spoil the others.
pub(crate) type Pulls = Vec<Result<(TopicName, Option<Revision>), CommandError>>;

pub(crate) fn pulls(fields: Fields<'_>) -> Result<Pulls, CommandError> {
    let list = fields.object.get("topics").and_then(Value::as_array);
    let list = list.ok_or_else(|| fields.invalid("topics", "expected an array"))?;
    if list.len() > MAX_TOPICS {
        return Err(fields.invalid("topics", "expected at most 1,000 topics"));
    }
    let mut asked = HashSet::new();
    let mut pull = |(at, item): (usize, &Value)| {
        let path = format!("topics[{at}].");
        let Value::Object(object) = item else {
            return Err(CommandError::invalid_request(&path[..path.len() - 1], "expected an object"));
        };
        let fields = Fields { object, path: &path };
        let topic = fields.topic()?;
        if !asked.insert(topic.clone()) {
            // A thousand copies of a big state would be a small request with a huge answer.
            return Err(fields.invalid("topic", "asked for twice"));
        }
        Ok((topic, fields.since()?))
    };
    Ok(list.iter().enumerate().map(&mut pull).collect())
}

/// The arguments of `write`, but for the topic.
#[derive(Debug)]
pub(crate) struct WriteRequest {
    pub(crate) page: PageId,
    pub(crate) seq: u64,
    pub(crate) since: Option<Revision>,
    pub(crate) writes: Writes,
}

/// One write, or a batch: they differ in how they are answered.
#[derive(Debug)]
pub(crate) enum Writes {
    One(Operation),
    Batch(Vec<Operation>),
}

/// What a write asks for.
#[derive(Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) expected: Option<Revision>,
    pub(crate) change: Change,
    /// Refused before anybody is asked about it: the window may not do this.
    pub(crate) forbidden: bool,
}

impl WriteRequest {
    pub(crate) fn read(fields: Fields<'_>, topic: &TopicName, max_bytes: usize) -> Result<Self, CommandError> {
        let mut size = 0;
        let writes = match fields.object.get("writes") {
            None => Writes::One(Operation::read(fields, &mut size, max_bytes)?),
            Some(Value::Array(list)) if (1..=MAX_BATCH).contains(&list.len()) => {
                let item = |(at, item): (usize, &Value)| {
                    let path = format!("writes[{at}].");
                    let Value::Object(object) = item else {
                        return Err(CommandError::invalid_request(&path[..path.len() - 1], "expected an object"));
                    };
                    Operation::read(Fields { object, path: &path }, &mut size, max_bytes)
                };
                for name in ["set", "merge", "patch", "action", "expectedRevision"] {
                    if fields.object.contains_key(name) {
                        return Err(fields.invalid(name, "belongs into each of the writes"));
                    }
                }
                Writes::Batch(list.iter().enumerate().map(item).collect::<Result<_, _>>()?)
            }
            Some(_) => return Err(fields.invalid("writes", "expected an array of 1 to 256 writes")),
        };
        if size > max_bytes {
            return Err(CommandError::too_large(topic, size, max_bytes));
        }
        Ok(Self { page: fields.session()?, seq: fields.seq()?, since: fields.since()?, writes })
    }
}

impl Operation {
    /// `size` is what the operations before it have in bytes; what goes over `max_bytes` is not even copied.
    fn read(fields: Fields<'_>, size: &mut usize, max_bytes: usize) -> Result<Self, CommandError> {
        let kinds = ["set", "merge", "patch", "action"];
        let mut asked = kinds.into_iter().filter_map(|kind| Some((kind, fields.object.get(kind)?)));
        let (Some((kind, value)), None) = (asked.next(), asked.next()) else {
            return Err(fields.invalid("set", "expected exactly one of set, merge, patch and action"));
        };
        let change = match kind {
            "set" => Change::Set,
            "merge" => Change::Merge,
            "patch" => Change::Patch,
            _ => Change::Action,
        };
        let expected = match fields.object.get("expectedRevision") {
            None => None,
            Some(_) => Some(fields.parse("expectedRevision")?),
        };
        *size += json_size(value);
        let value = if *size > max_bytes { Value::Null } else { value.clone() };
        Ok(Self { expected, change: change(value), forbidden: false })
    }
}

/// How many bytes the value has as JSON.
fn json_size(value: &Value) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither the writer nor a `Value` can fail; if one ever did, the payload would count as too large.
    serde_json::to_writer(&mut count, value).map_or(usize::MAX, |()| count.0)
}

/// The answer as JSON, around the text that all windows share.
pub(crate) fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Snapshot { revision, data } => format!(r#"{{"revision":"{revision}","data":{data}}}"#),
        Answer::Unchanged { revision } => format!(r#"{{"revision":"{revision}","unchanged":true}}"#),
        Answer::Patch { revision, base, patch } => {
            format!(r#"{{"revision":"{revision}","base":"{base}","patch":{patch}}}"#)
        }
    }
}

/// The script that delivers.
pub(crate) fn delivery(session: &SessionKey, entries: &[DeliveryEntry]) -> String {
    let list = entries.iter().map(|entry| {
        let (topic, revision) = (&entry.topic, entry.revision);
        let told = entry.answer.as_ref().map_or_else(|| format!(r#"{{"revision":"{revision}"}}"#), answer);
        // Labels are anything that Tauri takes.
        let source = entry.source_id.as_deref().map(|label| format!(r#""sourceId":{},"#, Value::from(label)));
        // An answer is an object: its first character is its beginning.
        format!(r#"{{"topic":"{topic}",{}{}"#, source.unwrap_or_default(), &told[1..])
    });
    let list = format!("[{}]", list.collect::<Vec<_>>().join(","));
    format!("{}({})", receiver(session), Value::from(list))
}

/// The global function of a page that takes deliveries.
fn receiver(session: &SessionKey) -> String {
    // Not in a session's alphabet, and in that of names.
    format!("__LOCKSTEP_{}", String::from(session.page().clone()).replace('-', "$"))
}

/// The answer to a write by a window that may not read what it wrote.
pub(crate) fn withheld(revision: Revision) -> String {
    format!(r#"{{"revision":"{revision}","withheld":true}}"#)
}

/// One result of `get_snapshots` that is not an answer.
pub(crate) fn failed(error: &CommandError) -> String {
    #[derive(Serialize)]
    struct Failed<'a> {
        error: &'a CommandError,
    }
    // The error is made of strings and numbers, which always have a JSON form.
    serde_json::to_string(&Failed { error }).unwrap_or_else(|_| r#"{"error":null}"#.to_owned())
}

/// An answer with what became of each write of a batch.
pub(crate) fn with_results(mut answer: String, outcomes: &[Result<Revision, CommandError>]) -> String {
    let results = outcomes.iter().map(|outcome| match outcome {
        Ok(revision) => format!(r#"{{"revision":"{revision}"}}"#),
        Err(error) => failed(error),
    });
    let results = results.collect::<Vec<_>>().join(",");
    // An answer is an object: its last character is its end.
    answer.pop();
    answer + &format!(r#","results":[{results}]}}"#)
}

/// The answer to the creation of a topic.
pub(crate) fn created(topic: &TopicName, answer: &str) -> String {
    // An answer is an object: its first character is its beginning.
    format!(r#"{{"topic":"{topic}",{}"#, &answer[1..])
}

/// What is saved of a topic.
#[derive(Debug, Serialize)]
pub(crate) struct Flushed {
    pub(crate) revision: Revision,
}

/// The answer to the removal of a topic.
#[derive(Serialize)]
pub(crate) struct Removed {
    pub(crate) removed: bool,
}

/// The answer to `subscribe` by a page that wants deliveries.
#[derive(Serialize)]
pub(crate) struct Subscribed {
    pub(crate) delivers: bool,
}

/// The payload of `<topic>:invalidated`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvalidatedEvent<'a> {
    topic: &'a str,
    revision: Revision,
    source_id: Option<&'a str>,
    timestamp_ms: u64,
}

impl<'a> From<&'a Invalidation> for InvalidatedEvent<'a> {
    fn from(invalidation: &'a Invalidation) -> Self {
        Self {
            topic: invalidation.topic.as_str(),
            revision: invalidation.revision,
            source_id: invalidation.source_id.as_deref(),
            timestamp_ms: invalidation.timestamp_ms,
        }
    }
}

/// The event that announces a topic.
pub(crate) fn event_name(topic: &TopicName) -> String {
    format!("{topic}:invalidated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(arguments: Value) -> Result<WriteRequest, (String, String)> {
        let Value::Object(object) = &arguments else { panic!("not an object") };
        let topic = TopicName::new("t").unwrap();
        WriteRequest::read(Fields { object, path: "" }, &topic, 100).map_err(|error| {
            let error = serde_json::to_value(error).unwrap();
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            (text("kind"), text("field"))
        })
    }

    fn write() -> Map<String, Value> {
        let Value::Object(object) = json!({ "session": "s", "seq": 1, "set": null }) else { unreachable!() };
        object
    }

    #[track_caller]
    fn refused(name: &str, value: Value, field: &str) {
        let mut arguments = write();
        arguments.insert(name.to_owned(), value);
        assert_eq!(read(arguments.into()).unwrap_err(), ("invalidRequest".to_owned(), field.to_owned()));
    }

    #[test]
    fn a_write_is_read_and_null_is_a_value_like_any_other() {
        let request = read(write().into()).unwrap();
        assert_eq!((request.seq, request.since), (1, None));
        let Writes::One(operation) = request.writes else { panic!("a batch") };
        assert_eq!(operation, Operation { expected: None, change: Change::Set(Value::Null), forbidden: false });
    }

    #[test]
    fn what_is_malformed_is_named() {
        for seq in [json!(0), json!(-1), json!(1.5), json!("1"), json!(1u64 << 53), Value::Null] {
            refused("seq", seq, "seq");
        }
        for revision in [json!("01"), json!(1), json!(""), json!("18446744073709551616"), json!({})] {
            refused("since", revision.clone(), "since");
            refused("expectedRevision", revision, "expectedRevision");
        }
        refused("expectedRevision", Value::Null, "expectedRevision");
        for session in [json!(""), json!("a b"), json!(7), Value::Null] {
            refused("session", session, "session");
        }
        refused("merge", json!({}), "set");
        refused("patch", json!([]), "set");
        refused("writes", json!([{ "set": 1 }]), "set");
        let batch = |writes: Value| read(json!({ "session": "s", "seq": 1, "writes": writes })).unwrap_err().1;
        for writes in [json!([]), json!({}), json!(vec![json!({ "set": 1 }); 257])] {
            assert_eq!(batch(writes), "writes");
        }
        assert_eq!(batch(json!([{ "set": 1 }, {}])), "writes[1].set");
        assert_eq!(batch(json!([{ "set": 1 }, 7])), "writes[1]");
        assert_eq!(batch(json!([{ "set": 1, "expectedRevision": 7 }])), "writes[0].expectedRevision");
    }

    #[test]
    fn a_payload_over_the_limit_says_both_sizes() {
        let mut arguments = write();
        arguments.insert("set".into(), json!("x".repeat(99)));
        assert_eq!(read(arguments.into()).unwrap_err().0, "tooLarge");
        let batch = json!({ "session": "s", "seq": 1, "writes": vec![json!({ "set": "x".repeat(40) }); 3] });
        assert_eq!(read(batch).unwrap_err().0, "tooLarge", "the writes of a batch count together");
    }

    #[test]
    fn an_answer_has_only_the_members_of_its_form() {
        let revision = Revision::from_u64(7);
        let texts = [
            (
                answer(&Answer::Snapshot { revision, data: "{}".to_owned().into() }),
                json!({ "revision": "7", "data": {} }),
            ),
            (answer(&Answer::Unchanged { revision }), json!({ "revision": "7", "unchanged": true })),
            (
                answer(&Answer::Patch { revision, base: Revision::from_u64(5), patch: "[]".into() }),
                json!({ "revision": "7", "base": "5", "patch": [] }),
            ),
            (withheld(revision), json!({ "revision": "7", "withheld": true })),
            (
                with_results(withheld(revision), &[Ok(revision), Err(CommandError::invalid_request("x", "y"))]),
                json!({ "revision": "7", "withheld": true, "results": [
                    { "revision": "7" },
                    { "error": { "kind": "invalidRequest", "field": "x", "message": "the request is malformed at `x`: y" } },
                ] }),
            ),
        ];
        for (text, value) in texts {
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
