//! What changed between two states, as a JSON Patch (RFC 6902) made from their texts.

use crate::{
    json_text::{Difference, Frame, Item, Items, Span, difference, skip_value, unambiguous},
    list_diff::{Alignment, Step, align},
};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

/// How deep it is looked for what changed; what is deeper is replaced.
const MAX_DEPTH: usize = 128;

/// How many items of a list the steps of its change may push aside, all together; else the list is replaced. It bounds
/// what a window has to do, to which each step at the front of a list is a step for every item behind it.
const MAX_SHIFTED_ITEMS: usize = 10_000_000;

/// Members by which the items of a list are told apart, if all have one and no two the same.
const IDENTITIES: [&str; 4] = ["\"id\"", "\"key\"", "\"_id\"", "\"uuid\""];

/// The patch that makes the second state of the first, as JSON; `None` where there is none that is smaller than half
/// of the second state, or where a name stands twice in an object, so that a path does not say which is meant.
///
/// The cost is that of comparing the texts, and of reading what stands before and around the first and the last
/// difference. An item that came, went or moved in a list is one operation.
pub(crate) fn diff(a: &str, b: &str) -> Option<String> {
    let mut diff = Diff { a: a.as_bytes(), b: b.as_bytes(), patch: String::from("["), path: String::new() };
    diff.value(0..a.len(), 0..b.len(), 0)?;
    if diff.patch.ends_with(',') {
        diff.patch.pop();
    }
    diff.patch.push(']');
    (diff.patch.len() <= b.len() / 2).then_some(diff.patch)
}

struct Diff<'a> {
    a: &'a [u8],
    b: &'a [u8],
    patch: String,
    /// The JSON Pointer of what is looked at, as it stands in a JSON string.
    path: String,
}

/// The `None` of its methods: there is no patch.
impl<'a> Diff<'a> {
    fn value(&mut self, a: Span, b: Span, depth: usize) -> Option<()> {
        if self.a[a.clone()] == self.b[b.clone()] {
            return Some(());
        }
        let path = self.path.len();
        match difference(&self.a[a.clone()], &self.b[b.clone()])? {
            Some(found) if depth < MAX_DEPTH => self.container(found, a.start, b.start, depth)?,
            _ => self.replace(&b)?,
        }
        self.path.truncate(path);
        Some(())
    }

    fn container(&mut self, found: Difference, a: usize, b: usize, depth: usize) -> Option<()> {
        let (container, way) = found.frames.split_last()?;
        for frame in way {
            self.step(frame, b)?;
        }
        let shifted = |start: usize| {
            move |item: Item| Item {
                key: start + item.key.start..start + item.key.end,
                value: start + item.value.start..start + item.value.end,
            }
        };
        let of_a: Vec<Item> = found.a.into_iter().map(shifted(a)).collect();
        let of_b: Vec<Item> = found.b.into_iter().map(shifted(b)).collect();
        let depth = depth + found.frames.len();
        let (start, written) = (b + container.start, self.patch.len());
        let in_parts = match container.list {
            true => self.list(container.index, &of_a, &of_b, depth)?,
            false => self.object(start, &of_a, &of_b, depth)?,
        };
        // In parts it may be more than the whole of it: only as much is read as that takes.
        let longest = if in_parts { self.patch.len() - written } else { self.b.len() };
        let overhead = if in_parts { self.path.len() + r#"{"op":"replace","path":"","value":},"#.len() } else { 0 };
        let end = self.b.len().min(start + longest.saturating_sub(overhead));
        if let Some(end) = skip_value(&self.b[..end], start) {
            self.patch.truncate(written);
            self.replace(&(start..end))?;
        }
        Some(())
    }

    /// Goes into what a frame holds.
    fn step(&mut self, frame: &Frame, start: usize) -> Option<()> {
        if frame.list {
            return write!(self.path, "/{}", frame.index).ok();
        }
        let key = &self.b[start + frame.key.start..start + frame.key.end];
        unambiguous(self.b, start + frame.start, &[key], &[])?.then_some(())?;
        self.enter(key)
    }

    /// Goes into a member.
    fn enter(&mut self, key: &[u8]) -> Option<()> {
        let key = std::str::from_utf8(key).ok()?;
        self.path.push('/');
        if key.contains(['\\', '~', '/']) {
            let name: String = serde_json::from_str(key).ok()?;
            let escaped = serde_json::to_string(&name.replace('~', "~0").replace('/', "~1")).ok()?;
            self.path.push_str(&escaped[1..escaped.len() - 1]);
        } else {
            self.path.push_str(&key[1..key.len() - 1]);
        }
        Some(())
    }

    fn object(&mut self, start: usize, of_a: &[Item], of_b: &[Item], depth: usize) -> Option<bool> {
        let (text_a, text_b) = (self.a, self.b);
        let before: HashMap<&[u8], &Item> = of_a.iter().map(|item| (&text_a[item.key.clone()], item)).collect();
        let names: HashSet<&[u8]> = of_b.iter().map(|item| &text_b[item.key.clone()]).collect();
        if before.len() < of_a.len() || names.len() < of_b.len() {
            return None;
        }
        let same = |item: &&Item| {
            let was = before.get(&text_b[item.key.clone()]);
            was.is_some_and(|was| text_a[was.value.clone()] == text_b[item.value.clone()])
        };
        let changed: Vec<&Item> = of_b.iter().filter(|item| !same(item)).collect();
        let gone: Vec<&[u8]> =
            of_a.iter().map(|item| &text_a[item.key.clone()]).filter(|key| !names.contains(key)).collect();
        let keys: Vec<&[u8]> = changed.iter().map(|item| &text_b[item.key.clone()]).collect();
        unambiguous(text_b, start, &keys, &gone)?.then_some(())?;

        let path = self.path.len();
        for key in gone {
            self.enter(key)?;
            self.remove()?;
            self.path.truncate(path);
        }
        for (item, key) in changed.into_iter().zip(keys) {
            self.enter(key)?;
            match before.get(key) {
                Some(was) => self.value(was.value.clone(), item.value.clone(), depth)?,
                None => self.add(&item.value)?,
            }
            self.path.truncate(path);
        }
        Some(true)
    }

    /// Says whether it was done in parts; if not, the list is to be replaced.
    fn list(&mut self, first: usize, of_a: &[Item], of_b: &[Item], depth: usize) -> Option<bool> {
        let path = self.path.len();
        let Alignment { steps, was } = match (of_a, of_b) {
            _ if self.in_place(of_a, of_b) => Alignment { steps: Vec::new(), was: (0..of_b.len()).map(Some).collect() },
            _ => self.aligned(of_a, of_b),
        };
        let longest = of_a.len().max(of_b.len());
        if steps.len().saturating_mul(longest) > MAX_SHIFTED_ITEMS {
            return Some(false);
        }
        let at = |this: &mut Self, index: usize| write!(this.path, "/{}", first + index).ok();
        for step in steps {
            match step {
                Step::Remove(index) => {
                    at(self, index)?;
                    self.remove()?;
                }
                Step::Add { at: index, item } => {
                    at(self, index)?;
                    self.add(&of_b[item].value)?;
                }
                Step::Move { from, to } => {
                    let list = &self.path;
                    write!(
                        self.patch,
                        r#"{{"op":"move","from":"{list}/{}","path":"{list}/{}"}},"#,
                        first + from,
                        first + to
                    )
                    .ok()?;
                }
            }
            self.path.truncate(path);
        }
        for (index, was) in was.into_iter().enumerate() {
            if let Some(was) = was {
                at(self, index)?;
                self.value(of_a[was].value.clone(), of_b[index].value.clone(), depth)?;
                self.path.truncate(path);
            }
        }
        Some(true)
    }

    /// Whether nothing has come, gone or moved, as far as a quick look tells: whatever differs has kept its identity, or
    /// is alone.
    fn in_place(&self, of_a: &[Item], of_b: &[Item]) -> bool {
        let pairs = || of_a.iter().zip(of_b);
        let mut changed =
            pairs().filter(|(a, b)| self.a[a.value.clone()] != self.b[b.value.clone()]).take(of_a.len() / 4 + 2);
        let kept = |(a, b): (&Item, &Item)| {
            IDENTITIES.iter().any(|name| {
                let was = identity(self.a, a, name);
                was.is_some() && was == identity(self.b, b, name)
            })
        };
        of_a.len() == of_b.len() && (of_a.len() == 1 || changed.all(kept))
    }

    fn aligned(&self, of_a: &[Item], of_b: &[Item]) -> Alignment {
        let by_name = IDENTITIES.iter().find_map(|name| {
            let (a, b) = (identities(self.a, of_a, name)?, identities(self.b, of_b, name)?);
            Some(align(&a, &b, false))
        });
        by_name.unwrap_or_else(|| {
            let contents = |text: &'a [u8], items: &[Item]| -> Vec<&'a [u8]> {
                items.iter().map(|item| &text[item.value.clone()]).collect()
            };
            align(&contents(self.a, of_a), &contents(self.b, of_b), true)
        })
    }

    fn replace(&mut self, value: &Span) -> Option<()> {
        self.operation("replace", Some(value))
    }

    fn add(&mut self, value: &Span) -> Option<()> {
        self.operation("add", Some(value))
    }

    fn remove(&mut self) -> Option<()> {
        self.operation("remove", None)
    }

    fn operation(&mut self, op: &str, value: Option<&Span>) -> Option<()> {
        write!(self.patch, r#"{{"op":"{op}","path":"{}""#, self.path).ok()?;
        if let Some(value) = value {
            self.patch.push_str(r#","value":"#);
            self.patch.push_str(std::str::from_utf8(&self.b[value.clone()]).ok()?);
        }
        self.patch.push_str("},");
        Some(())
    }
}

/// What the items have under this name, if all of them have it and no two the same.
fn identities<'a>(text: &'a [u8], items: &[Item], name: &str) -> Option<Vec<&'a [u8]>> {
    let mut seen = HashSet::new();
    items.iter().map(|item| identity(text, item, name).filter(|found| seen.insert(*found))).collect()
}

fn identity<'a>(text: &'a [u8], item: &Item, name: &str) -> Option<&'a [u8]> {
    let mut members = Items::inside(text, item.value.start).filter(|_| text[item.value.start] == b'{')?;
    loop {
        let member = members.next()??;
        if text[member.key] == *name.as_bytes() {
            let found = &text[member.value];
            return (!matches!(found.first()?, b'[' | b'{')).then_some(found);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    /// The patch, which an applier of somebody else's finds to be right.
    #[track_caller]
    fn check(a: &Value, b: &Value) -> Option<Value> {
        let patch: Value = serde_json::from_str(&diff(&a.to_string(), &b.to_string())?).expect("JSON");
        let operations: json_patch::Patch = serde_json::from_value(patch.clone()).expect("a patch");
        let mut made = a.clone();
        json_patch::patch(&mut made, &operations).unwrap_or_else(|error| panic!("{error}: {a} {b} {patch}"));
        assert!(made == *b, "{a} {b} {patch}");
        Some(patch)
    }

    /// Big enough for a patch to be smaller than its half.
    fn document(mut change: impl FnMut(&mut Value)) -> Value {
        let items: Vec<_> =
            (0..50).map(|n| json!({ "id": format!("t{n}"), "title": "something", "done": false })).collect();
        let mut document = json!({ "items": items, "theme": { "name": "dark", "size": 12 }, "a/b~c\"": [1, 2, 3] });
        change(&mut document);
        document
    }

    #[track_caller]
    fn changed(change: impl FnMut(&mut Value)) -> Value {
        check(&document(|_| {}), &document(change)).expect("a patch")
    }

    fn items(document: &mut Value) -> &mut Vec<Value> {
        document["items"].as_array_mut().unwrap()
    }

    #[test]
    fn one_change_is_one_operation() {
        let replaced = changed(|d| d["items"][7]["done"] = true.into());
        assert_eq!(replaced, json!([{ "op": "replace", "path": "/items/7/done", "value": true }]));
        let escaped = changed(|d| d["a/b~c\""][1] = 9.into());
        assert_eq!(escaped, json!([{ "op": "replace", "path": "/a~1b~0c\"/1", "value": 9 }]));
        let gone = changed(|d| drop(d["theme"].as_object_mut().unwrap().remove("size")));
        assert_eq!(gone, json!([{ "op": "remove", "path": "/theme/size" }]));
        let proto = changed(|d| d["theme"]["__proto__"] = json!({ "x": 1 }));
        assert_eq!(proto, json!([{ "op": "add", "path": "/theme/__proto__", "value": { "x": 1 } }]));
    }

    #[test]
    fn an_insertion_a_removal_and_a_move_in_a_list_are_one_operation() {
        let added = changed(|d| items(d).insert(0, json!({ "id": "new" })));
        assert_eq!(added, json!([{ "op": "add", "path": "/items/0", "value": { "id": "new" } }]));
        let removed = changed(|d| drop(items(d).remove(3)));
        assert_eq!(removed, json!([{ "op": "remove", "path": "/items/3" }]));
        let moved = changed(|d| {
            let item = items(d).remove(40);
            items(d).insert(2, item);
        });
        assert_eq!(moved, json!([{ "op": "move", "from": "/items/40", "path": "/items/2" }]));
    }

    #[test]
    fn an_item_that_moves_and_changes_is_found_by_its_id() {
        let both = changed(|d| {
            let mut item = items(d).remove(40);
            item["done"] = true.into();
            items(d).insert(2, item);
        });
        assert_eq!(both[0]["op"], "move");
        assert_eq!(both[1], json!({ "op": "replace", "path": "/items/2/done", "value": true }));
    }

    #[test]
    fn what_changed_far_apart_is_found_at_both_ends() {
        let both = changed(|d| {
            d["items"][1]["done"] = true.into();
            d["items"][48]["title"] = "else".into();
            d["theme"]["size"] = 13.into();
        });
        assert_eq!(both.as_array().unwrap().len(), 3, "{both}");
    }

    #[test]
    fn there_is_no_patch_where_it_would_not_be_small() {
        assert_eq!(diff(r#"{"a":1}"#, r#"{"a":2}"#), None, "not below half");
        assert_eq!(diff("1", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26]"), None);
    }

    #[test]
    fn a_name_that_stands_twice_has_no_path() {
        let long = "x".repeat(500);
        let twice = |first: u8| format!(r#"{{"a":{first},"long":"{long}","a":2}}"#);
        assert_eq!(diff(&twice(1), &twice(3)), None);
        let inner = |first: u8| format!(r#"{{"o":{{"a":{first}}},"long":"{long}","o":{{"a":9}}}}"#);
        assert_eq!(diff(&inner(1), &inner(3)), None);
        let gone = format!(r#"{{"a":1,"long":"{long}"}}"#);
        assert_eq!(diff(&twice(1), &gone), None);
        let once = format!(r#"{{"b":1,"long":"{long}"}}"#);
        assert!(diff(&gone, &once).is_some());
    }

    #[test]
    fn i14_a_list_that_is_shuffled_beyond_the_limit_is_replaced() {
        let list: Vec<Value> = (0..5000).map(|n| json!({ "id": n, "pad": "x".repeat(200) })).collect();
        let turned: Vec<Value> = list.iter().rev().cloned().collect();
        assert_eq!(diff(&Value::from(list).to_string(), &Value::from(turned).to_string()), None);
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..4_i64).prop_map(Value::from),
            any::<i32>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
            "[a-c\"\\\\\\[\\]{},/~é\u{2028}]{0,3}".prop_map(Value::from),
        ];
        let key = prop_oneof!["[a-c]", Just("id".to_owned()), "[/~\"\\\\é]{0,2}", Just("__proto__".to_owned())];
        leaf.prop_recursive(4, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..6)
                    .prop_map(|m| Value::from(m.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The padding lets every patch be made, however big it is beside what it is about.
        #[test]
        fn any_state_becomes_any_other(a in value(), b in value(), c in value()) {
            let pad = "x".repeat(4000);
            let wrap = |inner: &Value| json!({ "inner": [c, inner, c], "pad": pad });
            let (from, to) = (wrap(&a), wrap(&b));
            let patch = check(&from, &to).expect("a patch");
            let whole = b.to_string().len() + 50;
            prop_assert!(patch.to_string().len() <= whole, "{patch} is bigger than {b}");
            check(&a, &b);
        }

        #[test]
        fn lists_become_one_another(
            a in prop::collection::vec((0..20_u8, 0..3_u8), 0..20),
            b in prop::collection::vec((0..20_u8, 0..3_u8), 0..20),
        ) {
            let list = |items: &[(u8, u8)]| -> Value {
                items.iter().map(|(id, v)| json!({ "id": id, "v": v, "pad": "y".repeat(60) })).collect()
            };
            check(&list(&a), &list(&b));
        }
    }
}
