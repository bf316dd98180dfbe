//! Deltas: what changed since a revision that somebody has, in the place of the whole state.

use crate::{
    diff::diff,
    error::EncodeError,
    revision::Revision,
    snapshot::{Answer, AnyVersion},
    sync::Mutex,
};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// A state with less JSON than this, in bytes, is sent whole: a patch would save nothing.
pub const SMALLEST_DELTA: usize = 1024;

/// A state with more JSON than this, in bytes, is sent whole: two texts of it would be too much to keep.
pub const LARGEST_DELTA: usize = 64 * 1024 * 1024;

/// From how many revisions of one topic there are deltas: the last that were given to anybody.
pub const DELTA_BASES: usize = 8;

/// How many bytes of JSON the revisions of one topic may have together from which there are deltas; the last two there
/// are however big they are, so that all windows that were given the one get a delta to the other.
pub const DELTA_BASES_BYTES: usize = 16 * 1024 * 1024;

/// A patch, or that there is none, once somebody has made it.
type Patch = Arc<Mutex<Option<Option<Arc<str>>>>>;

/// What one topic's deltas are made from.
///
/// - A delta is made once for all who are at the same base.
/// - **I4**: it is made under no lock of the topic's, and never by a writer. Those who want the same delta wait for the
///   one who makes it.
/// - **I14 bounded**: [`DELTA_BASES`] texts of [`DELTA_BASES_BYTES`] together, or two, and one patch from each to the
///   newest.
#[derive(Default)]
pub(crate) struct Deltas {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What was given to somebody, the latest at the end.
    given: VecDeque<(Revision, Arc<String>)>,
    /// The newest revision to which there are patches, and those by their bases.
    target: Revision,
    patches: HashMap<Revision, Patch>,
}

impl Deltas {
    /// The answer for somebody who is at `since`.
    pub(crate) fn answer(&self, version: &dyn AnyVersion, since: Option<Revision>) -> Result<Answer, EncodeError> {
        let revision = version.revision();
        if since == Some(revision) {
            return Ok(Answer::Unchanged { revision });
        }
        if version.is_incremental() {
            return match self.known_to_the_state(version, since)? {
                Some((base, patch)) => Ok(Answer::Patch { revision, base, patch }),
                None => Ok(Answer::Snapshot { revision, data: version.json()? }),
            };
        }
        let data = version.json()?;
        if !(SMALLEST_DELTA..=LARGEST_DELTA).contains(&data.len()) {
            return Ok(Answer::Snapshot { revision, data });
        }
        let patch = since.and_then(|base| Some((base, self.between_texts(base, revision, &data)?)));
        self.known.lock().gave(revision, &data);
        Ok(match patch {
            Some((base, patch)) => Answer::Patch { revision, base, patch },
            None => Answer::Snapshot { revision, data },
        })
    }

    fn known_to_the_state(
        &self,
        version: &dyn AnyVersion,
        since: Option<Revision>,
    ) -> Result<Option<(Revision, Arc<str>)>, EncodeError> {
        let Some(base) = since.filter(|base| *base < version.revision()) else { return Ok(None) };
        let place = self.known.lock().place(base, version.revision());
        let mut place = place.lock();
        let patch = match &*place {
            Some(made) => made.clone(),
            None => place.insert(version.patch_since(base)?.map(Arc::from)).clone(),
        };
        Ok(patch.map(|patch| (base, patch)))
    }

    fn between_texts(&self, base: Revision, target: Revision, data: &str) -> Option<Arc<str>> {
        let (text, place) = {
            let mut known = self.known.lock();
            (known.text(base).filter(|_| base < target)?, known.place(base, target))
        };
        let mut place = place.lock();
        place.get_or_insert_with(|| diff(&text, data).map(Arc::from)).clone()
    }

    /// How many revisions there are deltas from.
    pub(crate) fn bases(&self) -> usize {
        self.known.lock().given.len()
    }
}

impl Known {
    fn text(&self, base: Revision) -> Option<Arc<String>> {
        self.given.iter().find(|(given, _)| *given == base).map(|(_, text)| Arc::clone(text))
    }

    /// Where the patch from one revision to another is kept, or is to be.
    fn place(&mut self, base: Revision, target: Revision) -> Patch {
        if target > self.target {
            self.patches.clear();
            self.target = target;
        }
        // Of an earlier target: somebody read just before a write, and asks after it. There will be few.
        let kept = target == self.target && (self.patches.len() < DELTA_BASES || self.patches.contains_key(&base));
        if kept { Arc::clone(self.patches.entry(base).or_default()) } else { Patch::default() }
    }

    fn gave(&mut self, revision: Revision, data: &Arc<String>) {
        if self.given.back().is_some_and(|(last, _)| *last == revision) {
            return;
        }
        self.given.retain(|(given, _)| *given != revision);
        self.given.push_back((revision, Arc::clone(data)));
        let mut bytes: usize = self.given.iter().map(|(_, text)| text.len()).sum();
        while self.given.len() > DELTA_BASES || (self.given.len() > 2 && bytes > DELTA_BASES_BYTES) {
            let Some((revision, text)) = self.given.pop_front() else { return };
            bytes -= text.len();
            self.patches.remove(&revision);
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::snapshot::Version;
    use serde_json::{Value, json};

    fn version(revision: u64, count: u64) -> Version<Value> {
        Version::first(Revision::from_u64(revision), json!({ "count": count, "pad": "x".repeat(SMALLEST_DELTA) }), None)
    }

    fn answer(deltas: &Deltas, version: &Version<Value>, since: Option<u64>) -> Answer {
        deltas.answer(version, since.map(Revision::from_u64)).unwrap()
    }

    fn is_patch(answer: &Answer) -> bool {
        matches!(answer, Answer::Patch { .. })
    }

    #[test]
    fn who_has_what_was_given_gets_what_changed_since() {
        let deltas = Deltas::default();
        assert!(!is_patch(&answer(&deltas, &version(1, 1), None)));
        let Answer::Patch { revision, base, patch } = answer(&deltas, &version(3, 2), Some(1)) else {
            panic!("the whole");
        };
        assert_eq!((revision.as_u64(), base.as_u64()), (3, 1));
        assert_eq!(&*patch, r#"[{"op":"replace","path":"/count","value":2}]"#);
        assert!(!is_patch(&answer(&deltas, &version(4, 3), Some(2))), "2 was given to nobody");
        assert!(!is_patch(&answer(&deltas, &version(4, 3), Some(9))), "9 is not yet");
        assert!(!is_patch(&answer(&deltas, &version(5, 3), None)), "who has nothing gets the whole");
    }

    #[test]
    fn a_delta_is_made_once_for_all_at_the_same_base() {
        let deltas = Deltas::default();
        answer(&deltas, &version(1, 1), None);
        let patch = || match answer(&deltas, &version(2, 2), Some(1)) {
            Answer::Patch { patch, .. } => patch,
            other => panic!("{other:?}"),
        };
        assert!(Arc::ptr_eq(&patch(), &patch()));
    }

    #[test]
    fn i14_the_bases_are_bounded_in_number_and_bytes() {
        let deltas = Deltas::default();
        for revision in 1..=100 {
            answer(&deltas, &version(revision, revision), Some(revision - 1));
        }
        assert_eq!(deltas.bases(), DELTA_BASES);
        assert!(deltas.known.lock().patches.len() <= DELTA_BASES);
        assert!(!is_patch(&answer(&deltas, &version(101, 0), Some(92))), "too long ago");
        assert!(is_patch(&answer(&deltas, &version(101, 0), Some(100))));
        for revision in 200..=205 {
            let big = json!({ "n": revision, "pad": "x".repeat(DELTA_BASES_BYTES / 4 - 100) });
            answer(&deltas, &Version::first(Revision::from_u64(revision), big, None), None);
        }
        assert_eq!(deltas.bases(), 4);
        let bigger = Version::first(Revision::from_u64(206), json!("x".repeat(LARGEST_DELTA)), None);
        assert!(!is_patch(&answer(&deltas, &bigger, Some(205))), "too big to keep");
        assert_eq!(deltas.bases(), 4);
    }

    #[test]
    fn all_at_the_last_base_get_a_delta_however_big_the_state_is() {
        let deltas = Deltas::default();
        let big = |revision: u64| {
            let pad = "x".repeat(DELTA_BASES_BYTES + 1);
            Version::first(Revision::from_u64(revision), json!({ "n": revision, "pad": pad }), None)
        };
        answer(&deltas, &big(1), None);
        for window in 1..=2 {
            assert!(is_patch(&answer(&deltas, &big(2), Some(1))), "window {window}");
        }
        answer(&deltas, &big(3), Some(2));
        assert_eq!(deltas.bases(), 2);
    }
}
