//! A change to a topic's state, which becomes typed before it is applied.

use crate::{
    context::WriteContext,
    error::ChangeError,
    options::{ActionError, Reducer},
};
use json_patch::{Patch, PatchOperation};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// How many bytes the `copy` and `move` operations of one JSON Patch may carry: a patch that copies the whole into a
/// part of it, again and again, would double the state with each of its few bytes.
const MAX_CARRIED_BYTES: usize = 16 * 1024 * 1024;

/// How many items of arrays one JSON Patch may push aside: each operation at an array's front moves all that follow.
const MAX_SHIFTED_ITEMS: usize = 10_000_000;

/// How deep a JSON Patch may build. `serde_json` reads at most 128 levels, but a patch can put one such value under
/// another, until the stack of whoever drops the result is too short.
const MAX_DEPTH: usize = 256;

/// A change to a topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The whole new value.
    Set(Value),
    /// A JSON Merge Patch (RFC 7396).
    Merge(Value),
    /// A JSON Patch (RFC 6902): all of its operations, or none.
    Patch(Value),
    /// An action, for the topic's reducer.
    Action(Value),
    /// A write by the app's own Rust code, as an [`intercept`](crate::TopicOptions::intercept) sees it: what it does is
    /// known to that code alone.
    Rust,
}

impl Change {
    /// The state after this change. It is made beside the present one, which stays as it is (**I10**).
    pub(crate) fn apply<T>(
        self,
        current: &T,
        reducer: Option<&Reducer<T>>,
        cx: &WriteContext<'_>,
    ) -> Result<T, ChangeError>
    where
        T: Clone + Serialize + DeserializeOwned,
    {
        if let Self::Action(action) = self {
            let mut next = current.clone();
            let reducer = reducer.ok_or(ChangeError::NoActions)?;
            return match (reducer.json)(&mut next, action, cx) {
                Ok(()) => Ok(next),
                Err(ActionError::Invalid { path, reason }) => Err(ChangeError::invalid(path, reason)),
                Err(ActionError::Rejected(reject)) => Err(reject.into()),
            };
        }
        let present = || serde_json::to_value(current).map_err(|error| ChangeError::invalid(".", error));
        serde_path_to_error::deserialize(self.document(present)?)
            .map_err(|error| ChangeError::invalid(error.path().to_string(), error.inner()))
    }

    /// What a change that is no action makes of the state, or of a part of it, as JSON.
    pub(crate) fn document(self, present: impl FnOnce() -> Result<Value, ChangeError>) -> Result<Value, ChangeError> {
        match self {
            Self::Set(value) => Ok(value),
            Self::Merge(patch) => {
                let mut document = present()?;
                json_patch::merge(&mut document, &patch);
                Ok(document)
            }
            Self::Patch(patch) => patched(present()?, patch),
            Self::Action(_) => Err(ChangeError::NoActions),
            Self::Rust => Err(ChangeError::invalid(".", "only the app's own code writes so")),
        }
    }
}

fn patched(mut document: Value, patch: Value) -> Result<Value, ChangeError> {
    let Patch(operations) = serde_path_to_error::deserialize(patch)
        .map_err(|error| ChangeError::invalid(format!("patch{}", error.path()), error.inner()))?;
    let (mut carried, mut shifted) = (0, 0);
    for operation in operations {
        let stop = |reason| Err(ChangeError::invalid(operation.path().to_string(), reason));
        let value = match &operation {
            PatchOperation::Add(add) => Some(&add.value),
            PatchOperation::Replace(replace) => Some(&replace.value),
            PatchOperation::Copy(copy) => copy.from.resolve(&document).ok(),
            PatchOperation::Move(from) => from.from.resolve(&document).ok(),
            PatchOperation::Remove(_) | PatchOperation::Test(_) => None,
        };
        if let Some(value) = value {
            let mut bytes = 0;
            if operation.path().count() + measure(value, &mut bytes) > MAX_DEPTH {
                return stop("the patch builds too deep");
            }
            if matches!(operation, PatchOperation::Copy(_) | PatchOperation::Move(_)) {
                carried += bytes;
            }
            if carried > MAX_CARRIED_BYTES {
                return stop("the patch copies and moves too much");
            }
        }
        let array = operation.path().parent().and_then(|parent| parent.resolve(&document).ok()?.as_array());
        shifted += array.map_or(0, Vec::len);
        if shifted > MAX_SHIFTED_ITEMS {
            return stop("the patch pushes too many items aside");
        }
        json_patch::patch(&mut document, &[operation])
            .map_err(|error| ChangeError::invalid(error.path.to_string(), error.kind))?;
    }
    Ok(document)
}

/// How many levels the value has; adds what it takes in memory, about, to `bytes`.
fn measure(value: &Value, bytes: &mut usize) -> usize {
    *bytes += size_of::<Value>();
    1 + match value {
        Value::Array(items) => items.iter().map(|item| measure(item, bytes)).max().unwrap_or(0),
        Value::Object(members) => {
            *bytes += members.keys().map(String::len).sum::<usize>();
            members.values().map(|member| measure(member, bytes)).max().unwrap_or(0)
        }
        Value::String(text) => {
            *bytes += text.len();
            0
        }
        _ => 0,
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, revision::Revision};
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
        changed(Change::Merge(patch))
    }

    #[track_caller]
    fn changed(change: Change) -> Result<Settings, (String, String)> {
        let clock = SystemClock::default();
        let cx = WriteContext { writer: None, revision: Revision::ZERO, clock: &clock };
        match change.apply(&settings(), None, &cx) {
            Err(ChangeError::InvalidData { path, reason }) => Err((path, reason)),
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
    fn a_patch_is_applied_whole_or_not_at_all() {
        let got = changed(Change::Patch(json!([
            { "op": "test", "path": "/theme", "value": "light" },
            { "op": "replace", "path": "/theme", "value": "dark" },
            { "op": "remove", "path": "/font" },
        ])));
        let mut want = settings();
        (want.theme, want.font) = ("dark".into(), None);
        assert_eq!(got.unwrap(), want);

        let failed = changed(Change::Patch(json!([
            { "op": "replace", "path": "/theme", "value": "dark" },
            { "op": "test", "path": "/window/width", "value": 9 },
        ])));
        assert_eq!(failed.unwrap_err().0, "/window/width");
    }

    #[test]
    fn a_malformed_patch_and_one_that_breaks_the_type_say_where() {
        let at = |patch| changed(Change::Patch(patch)).unwrap_err().0;
        assert_eq!(at(json!([{ "op": "replace", "path": "/window/width", "value": "wide" }])), "window.width");
        assert_eq!(at(json!([{ "op": "remove", "path": "/nothing" }])), "/nothing");
        assert_eq!(at(json!([{ "op": "explode", "path": "" }])), "patch[0].op");
        assert_eq!(at(json!({})), "patch.");
    }

    #[test]
    fn i14_a_patch_cannot_grow_or_nest_without_end() {
        let reason = |patch: Vec<Value>| changed(Change::Patch(patch.into())).unwrap_err().1;
        let copy = |to: &str| json!({ "op": "copy", "from": "", "path": to });
        let doubling = (0..100).flat_map(|_| [copy("/a"), copy("/b")]).collect();
        assert_eq!(reason(doubling), "the patch copies and moves too much");
        let nesting = vec![copy("/a"); 1000];
        assert_eq!(reason(nesting), "the patch builds too deep");
        let stacking = (0..1000).flat_map(|_| {
            let chain = (0..100).fold(json!({}), |inner, _| json!({ "n": inner }));
            let end = format!("/next{}/m", "/n".repeat(100));
            [
                json!({ "op": "add", "path": "/next", "value": chain }),
                json!({ "op": "move", "from": "/all", "path": end }),
                json!({ "op": "move", "from": "/next", "path": "/all" }),
            ]
        });
        let long = json!({ "op": "add", "path": "/a", "value": "x".repeat(1 << 20) });
        let copies = vec![json!({ "op": "copy", "from": "/a", "path": "/b" }); 20];
        assert_eq!(reason([vec![long], copies].concat()), "the patch copies and moves too much");
        let list = json!({ "op": "add", "path": "/a", "value": vec![0; 10_000] });
        let pushes = vec![json!({ "op": "add", "path": "/a/0", "value": 0 }); 1001];
        assert_eq!(reason([vec![list], pushes].concat()), "the patch pushes too many items aside");
        let first = json!({ "op": "add", "path": "/all", "value": {} });
        assert_eq!(reason(std::iter::once(first).chain(stacking).collect()), "the patch builds too deep");
    }
}
