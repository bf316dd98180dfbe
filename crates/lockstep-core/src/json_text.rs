//! JSON texts, looked at without being parsed: where their values stand, and where two of them differ.
//!
//! A text that is not JSON is answered with `None` wherever that is noticed; whoever asks then does without.

use memchr::{memchr2, memmem};
use std::{collections::HashSet, ops::Range};

/// Where something stands in a text.
pub(crate) type Span = Range<usize>;

/// An item of a list, or a member of an object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// A member's name with its quotes, as it is written; empty in a list.
    pub(crate) key: Span,
    pub(crate) value: Span,
}

/// A list or an object that holds a place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Where its bracket stands.
    pub(crate) start: usize,
    pub(crate) list: bool,
    /// How many items stand before the one at the place.
    pub(crate) index: usize,
    /// Where the item at the place begins.
    item: usize,
    /// The name of the member at the place, once it has been read.
    pub(crate) key: Span,
}

/// Where two values differ: the innermost list or object that holds all of the difference.
pub(crate) struct Difference {
    /// The way there, in both texts the same; the last is the one that holds the difference.
    pub(crate) frames: Vec<Frame>,
    /// The items of the first text that may differ; those before and after them are equal.
    pub(crate) a: Vec<Item>,
    /// Those of the second.
    pub(crate) b: Vec<Item>,
}

/// Finds where two values differ. The outer `None`: a text is malformed; the inner: the values have nothing in common.
pub(crate) fn difference(a: &[u8], b: &[u8]) -> Option<Option<Difference>> {
    let head = common_prefix(a, b);
    let tail = common_suffix(a, b);
    // What the beginning has taken is not looked at again.
    let rest = tail.min(a.len() - head).min(b.len() - head);
    let mut frames = Vec::new();
    let from = walk(a, head, &mut frames)?;
    let depth = frames.len();
    let open = depth - closed(a, from, a.len() - rest)?.max(closed(b, from, b.len() - rest)?).min(depth);
    frames.truncate(open);
    let Some(frame) = frames.last() else { return Some(None) };
    let (mut in_a, mut in_b) = (Items::at(a, frame.list, frame.item), Items::at(b, frame.list, frame.item));
    let (mut items_a, mut items_b) = (Vec::new(), Vec::new());
    loop {
        // What is left of both is the same text, read from the same state.
        let (left_a, left_b) = (a.len() - in_a.at, b.len() - in_b.at);
        if left_a == left_b && left_a <= tail {
            return Some(Some(Difference { frames, a: items_a, b: items_b }));
        }
        if left_a >= left_b {
            items_a.push(in_a.next()??);
        } else {
            items_b.push(in_b.next()??);
        }
    }
}

/// Whether each of these names, as they are written, stands at most once in the object that begins at `start`; where
/// `gone`, whether none stands there.
pub(crate) fn unambiguous(text: &[u8], start: usize, keys: &[&[u8]], gone: &[&[u8]]) -> Option<bool> {
    let found = |key: &[u8], most: usize| memmem::find_iter(&text[start..], key).nth(most).is_none();
    // A few names that are nowhere else in the text are nowhere else in the object.
    if keys.len() + gone.len() <= 4 && keys.iter().all(|key| found(key, 1)) && gone.iter().all(|key| found(key, 0)) {
        return Some(true);
    }
    let mut all = HashSet::new();
    let mut items = Items::inside(text, start)?;
    while let Some(item) = items.next()? {
        if !all.insert(&text[item.key]) {
            return Some(false);
        }
    }
    Some(gone.iter().all(|key| !all.contains(key)))
}

/// Reads the items of a list, or the members of an object, one after another.
pub(crate) struct Items<'a> {
    text: &'a [u8],
    list: bool,
    /// Where the next item begins, or the bracket that closes.
    at: usize,
}

impl<'a> Items<'a> {
    fn at(text: &'a [u8], list: bool, at: usize) -> Self {
        Self { text, list, at }
    }

    /// Those of the list or object that begins here; `None` where neither does.
    pub(crate) fn inside(text: &'a [u8], start: usize) -> Option<Self> {
        let list = match text.get(start)? {
            b'[' => true,
            b'{' => false,
            _ => return None,
        };
        Some(Self { text, list, at: skip_space(text, start + 1) })
    }

    /// The outer `None`: the text is malformed; the inner: there is no item left.
    #[allow(clippy::should_implement_trait, reason = "an iterator cannot fail and end")]
    pub(crate) fn next(&mut self) -> Option<Option<Item>> {
        if matches!(self.text.get(self.at)?, b']' | b'}') {
            return Some(None);
        }
        let (key, value) = if self.list {
            (self.at..self.at, self.at)
        } else {
            let end = skip_string(self.text, self.at)?;
            let colon = skip_space(self.text, end);
            (*self.text.get(colon)? == b':').then_some(())?;
            (self.at..end, skip_space(self.text, colon + 1))
        };
        let end = skip_value(self.text, value)?;
        let next = skip_space(self.text, end);
        self.at = match self.text.get(next)? {
            b',' => skip_space(self.text, next + 1),
            _ => next,
        };
        Some(Some(Item { key, value: value..end }))
    }
}

/// Reads up to `end`, and notes what is open there. Returns where it stopped: before what is cut by `end`.
fn walk(text: &[u8], end: usize, frames: &mut Vec<Frame>) -> Option<usize> {
    let mut at = 0;
    while at < end {
        match text[at] {
            b'"' => {
                let after = skip_string(text, at)?;
                if after > end {
                    return Some(at);
                }
                if let Some(frame) = frames.last_mut()
                    && frame.item == at
                    && !frame.list
                {
                    frame.key = at..after;
                }
                at = after;
                continue;
            }
            bracket @ (b'[' | b'{') => {
                let item = skip_space(text, at + 1);
                frames.push(Frame { start: at, list: bracket == b'[', index: 0, item, key: 0..0 });
            }
            b']' | b'}' => {
                frames.pop()?;
            }
            b',' => {
                let frame = frames.last_mut()?;
                frame.index += 1;
                frame.item = skip_space(text, at + 1);
                frame.key = 0..0;
            }
            _ => {}
        }
        at += 1;
    }
    Some(at)
}

/// How many of the brackets that are open at `from` are closed before `end`.
fn closed(text: &[u8], from: usize, end: usize) -> Option<usize> {
    let (mut open, mut closed, mut at) = (0_usize, 0, from);
    while at < end {
        match text[at] {
            b'"' => {
                at = skip_string(text, at)?;
                continue;
            }
            b'[' | b'{' => open += 1,
            b']' | b'}' if open > 0 => open -= 1,
            b']' | b'}' => closed += 1,
            _ => {}
        }
        at += 1;
    }
    Some(closed)
}

fn skip_space(text: &[u8], at: usize) -> usize {
    let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    at + text.get(at..).unwrap_or_default().iter().take_while(space).count()
}

fn skip_string(text: &[u8], start: usize) -> Option<usize> {
    (*text.get(start)? == b'"').then_some(())?;
    let mut at = start + 1;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Where the value that begins here ends.
pub(crate) fn skip_value(text: &[u8], start: usize) -> Option<usize> {
    match text.get(start)? {
        b'"' => skip_string(text, start),
        b'[' | b'{' => {
            let (mut open, mut at) = (0_usize, start);
            loop {
                match text.get(at)? {
                    b'"' => {
                        at = skip_string(text, at)?;
                        continue;
                    }
                    b'[' | b'{' => open += 1,
                    b']' | b'}' => open -= 1,
                    _ => {}
                }
                at += 1;
                if open == 0 {
                    return Some(at);
                }
            }
        }
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            let length = text[start..].iter().position(ends).unwrap_or(text.len() - start);
            (length > 0).then_some(start + length)
        }
    }
}

/// How many bytes are compared at once.
const BLOCK: usize = 256;

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    blocks + a[blocks..].iter().zip(&b[blocks..]).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let blocks = a.rchunks_exact(BLOCK).zip(b.rchunks_exact(BLOCK)).take_while(|(a, b)| a == b).count() * BLOCK;
    let (a, b) = (&a[..a.len() - blocks], &b[..b.len() - blocks]);
    blocks + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, way: &str, only_a: &str, only_b: &str) {
        let found = difference(a.as_bytes(), b.as_bytes()).expect("well-formed").expect("something in common");
        let (last, above) = found.frames.split_last().unwrap();
        let step = |frame: &Frame| match frame.list {
            true => frame.index.to_string(),
            false => a[frame.key.clone()].to_owned(),
        };
        let steps: Vec<_> = above.iter().map(step).chain([format!("@{}", last.index)]).collect();
        let texts = |text: &str, items: &[Item]| {
            items.iter().map(|item| text[item.key.start..item.value.end].to_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((steps.join(">").as_str(), texts(a, &found.a).as_str()), (way, only_a));
        assert_eq!(texts(b, &found.b), only_b);
    }

    #[test]
    fn the_innermost_container_of_a_difference_is_found() {
        check("[1,2,3]", "[1,5,3]", "@1", "2", "5");
        check("[1,2]", "[1,23]", "@1", "2", "23");
        check("[2]", "[1,2]", "@0", "", "1");
        check("[]", "[[]]", "@0", "", "[]");
        check(
            r#"{"a":{"b":[1,{"c":2}]},"d":3}"#,
            r#"{"a":{"b":[1,{"c":4}]},"d":3}"#,
            r#""a">"b">1>@0"#,
            r#""c":2"#,
            r#""c":4"#,
        );
        check(r#"{"a":1,"c":3}"#, r#"{"b":2,"a":1,"c":3}"#, "@0", "", r#""b":2"#);
        check(r#"{"a":"x","b":1}"#, r#"{"a":"x\"","b":1}"#, "@0", r#""a":"x""#, r#""a":"x\"""#);
        check(r#"[{"a":1},{"a":2}]"#, r#"[{"a":2}]"#, "@0", r#"{"a":1}"#, "");
        check("[1,1]", "[1,1,1]", "@1", "", "1");
        check("[ 1 , 2 ]", "[ 1 , 3 ]", "@1", "2", "3");
        check(r#"[["a"],["b","c"]]"#, r#"[["a","b"],["c"]]"#, "@0", r#"["a"] ["b","c"]"#, r#"["a","b"] ["c"]"#);
    }

    #[test]
    fn values_of_other_kinds_have_nothing_in_common_and_malformed_texts_are_noticed() {
        for (a, b) in [("1", "2"), ("[1]", r#"{"a":1}"#), ("\"a\"", "\"b\""), ("[1]", "1")] {
            assert!(difference(a.as_bytes(), b.as_bytes()).unwrap().is_none(), "{a} {b}");
        }
        assert!(difference(b"[1", b"[2").is_none());
        assert!(difference(b"[\"a", b"[\"b").is_none());
    }

    #[test]
    fn a_name_that_stands_twice_is_noticed() {
        let text = br#"{"a":1,"b":{"a":2},"c":3,"c":4}"#;
        let check = |keys: &[&[u8]], gone: &[&[u8]]| unambiguous(text, 0, keys, gone).unwrap();
        assert!(check(&[br#""b""#], &[br#""d""#]));
        assert!(!check(&[br#""c""#], &[]));
        assert!(!check(&[], &[br#""c""#]));
        assert!(unambiguous(br#"{"a":1,"b":{"a":2}}"#, 0, &[br#""a""#], &[]).unwrap(), "the other is further in");
    }
}
