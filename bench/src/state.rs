//! The state of every job: entities by key, one of which is written.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

/// The entity whose `value` every write changes. Half of the others come before it, half after it.
pub const PROBE: &str = "probe";

#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Entity {
    pub value: u64,
    title: String,
    done: bool,
    tags: Vec<String>,
}

pub type Document = BTreeMap<String, Entity>;

/// How much state there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    pub entities: usize,
    /// The text in each entity.
    pub text: usize,
}

impl Size {
    /// 200 bytes of JSON.
    pub const SMALL: Self = Self { entities: 1, text: 115 };
    /// 1 MB of JSON.
    pub const DOCUMENT: Self = Self::of_entities(5_000);

    /// So many entities of 200 bytes each.
    pub const fn of_entities(entities: usize) -> Self {
        Self { entities, ..Self::SMALL }
    }

    /// Five entities that are so many bytes together.
    pub const fn of_bytes(bytes: usize) -> Self {
        Self { entities: 5, text: bytes / 5 - 85 }
    }

    pub fn document(self, value: u64) -> Document {
        let key = |n| match n {
            0 => PROBE.to_owned(),
            n if n % 2 == 0 => format!("z{n:06}"),
            n => format!("e{n:06}"),
        };
        let title: String = "All work is better in step. ".chars().cycle().take(self.text).collect();
        let entity = Entity { value, title, done: false, tags: vec!["home".to_owned(), "later".to_owned()] };
        (0..self.entities).map(|n| (key(n), entity.clone())).collect()
    }
}

/// The one change that all writes make.
pub fn set_probe(document: &mut Document, value: u64) {
    if let Some(probe) = document.get_mut(PROBE) {
        probe.value = value;
    }
}

pub fn probe_of(document: &Document) -> Option<u64> {
    document.get(PROBE).map(|probe| probe.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(size: Size) -> usize {
        serde_json::to_string(&size.document(7)).unwrap().len()
    }

    #[test]
    fn sizes_are_what_they_say() {
        assert!((180..220).contains(&bytes(Size::SMALL)));
        assert!((900_000..1_100_000).contains(&bytes(Size::DOCUMENT)));
        for wanted in [1_000, 100_000, 10_000_000] {
            assert!((wanted * 9 / 10..wanted * 11 / 10).contains(&bytes(Size::of_bytes(wanted))));
        }
    }
}
