//! Revisions: what orders the states of a topic. All arithmetic on them is in this file.

use crate::sync::{AtomicU64, Ordering};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// What orders the states of a topic: a `u64` that only goes up.
///
/// On the wire it is a canonical decimal string, since a JSON number would lose precision beyond 2^53.
///
/// ```
/// use lockstep_core::Revision;
///
/// let revision: Revision = "42".parse()?;
/// assert!(revision > Revision::ZERO);
/// assert_eq!(revision.to_string(), "42");
/// assert!("042".parse::<Revision>().is_err());
/// # Ok::<(), lockstep_core::InvalidRevision>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// "Nothing yet": older than every snapshot, and never the revision of one.
    pub const ZERO: Self = Self(0);

    /// The highest revision there can be.
    pub const MAX: Self = Self(u64::MAX);

    /// The revision with this number.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The revision after this one; `None` after the highest.
    pub(crate) const fn successor(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }

    /// The revision's number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is not a canonical revision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a canonical revision: expected decimal digits without a leading zero, at most 18446744073709551615")]
pub struct InvalidRevision;

impl FromStr for Revision {
    type Err = InvalidRevision;

    fn from_str(text: &str) -> Result<Self, InvalidRevision> {
        let canonical =
            text == "0" || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
        if !canonical {
            return Err(InvalidRevision);
        }
        text.parse().map(Self).map_err(|_| InvalidRevision)
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// No revision can be handed out: all are used, or those that are reserved are, and the disk does not let more be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no revision is left: all are used, or the disk has not let more be reserved for a long time")]
pub struct Exhausted;

/// Hands out the revisions of a store.
///
/// - **I5 never again**: one counter for all topics, which only goes up; at the end of what is reserved it refuses, and it
///   never wraps.
#[derive(Debug)]
pub(crate) struct RevisionCounter {
    last: AtomicU64,
    /// The highest that may be handed out; it only goes up.
    reserved: AtomicU64,
}

impl RevisionCounter {
    pub(crate) fn new(last: Revision, reserved: Revision) -> Self {
        Self { last: AtomicU64::new(last.0), reserved: AtomicU64::new(reserved.0) }
    }

    pub(crate) fn next(&self) -> Result<Revision, Exhausted> {
        let reserved = self.reserved.load(Ordering::Relaxed);
        self.last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
                last.checked_add(1).filter(|next| *next <= reserved)
            })
            .map(|last| Revision(last + 1))
            .map_err(|_| Exhausted)
    }

    pub(crate) fn last(&self) -> Revision {
        Revision(self.last.load(Ordering::Relaxed))
    }

    /// Whether more than half of a block is used, and the next one is to be reserved.
    pub(crate) fn runs_short(&self, block: u64) -> bool {
        let (last, reserved) = (self.last.load(Ordering::Relaxed), self.reserved.load(Ordering::Relaxed));
        reserved != u64::MAX && reserved.saturating_sub(last) < block / 2
    }

    /// Whether nothing bounds what is handed out.
    pub(crate) fn is_unreserved(&self) -> bool {
        self.reserved.load(Ordering::Relaxed) == u64::MAX
    }

    /// Everything up to this revision may be handed out. The first call bounds a counter that nothing has bounded.
    pub(crate) fn reserve(&self, up_to: Revision) {
        let _ = self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
            (reserved == u64::MAX || reserved < up_to.0).then_some(up_to.0)
        });
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_texts_parse() {
        for good in ["0", "1", "10", "18446744073709551615"] {
            assert_eq!(good.parse::<Revision>().map(|r| r.to_string()), Ok(good.to_string()));
        }
        for bad in ["", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "٣", "18446744073709551616", "x"] {
            assert_eq!(bad.parse::<Revision>(), Err(InvalidRevision), "{bad:?}");
        }
    }

    #[test]
    fn travels_as_a_string() {
        assert_eq!(serde_json::to_string(&Revision::MAX).unwrap(), r#""18446744073709551615""#);
        assert_eq!(serde_json::from_str::<Revision>(r#""7""#).unwrap(), Revision(7));
        assert!(serde_json::from_str::<Revision>("7").is_err());
        assert!(serde_json::from_str::<Revision>(r#""07""#).is_err());
    }

    #[test]
    fn i5_the_counter_refuses_at_the_end_and_never_wraps() {
        let counter = RevisionCounter::new(Revision(u64::MAX - 1), Revision::MAX);
        assert_eq!(counter.next(), Ok(Revision::MAX));
        assert_eq!(counter.next(), Err(Exhausted));
        assert_eq!(counter.next(), Err(Exhausted));
    }

    #[test]
    fn i5_what_is_not_reserved_is_not_handed_out() {
        let counter = RevisionCounter::new(Revision(10), Revision(14));
        assert!(!counter.runs_short(4));
        for next in 11..=14 {
            assert_eq!(counter.next(), Ok(Revision(next)));
        }
        assert!(counter.runs_short(4));
        assert_eq!(counter.next(), Err(Exhausted));
        counter.reserve(Revision(12));
        assert_eq!(counter.next(), Err(Exhausted), "it is not lowered");
        counter.reserve(Revision(18));
        assert_eq!(counter.next(), Ok(Revision(15)), "nothing is left out");
    }
}
