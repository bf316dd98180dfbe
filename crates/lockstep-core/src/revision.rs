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

/// Every revision has been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all 2^64 - 1 revisions of this store are used")]
pub struct Exhausted;

/// Hands out the revisions of a store.
///
/// - **I5 never again**: one counter for all topics, which only goes up; at the end it refuses, and never wraps.
#[derive(Debug)]
pub(crate) struct RevisionCounter(AtomicU64);

impl RevisionCounter {
    pub(crate) fn new(last: Revision) -> Self {
        Self(AtomicU64::new(last.0))
    }

    pub(crate) fn next(&self) -> Result<Revision, Exhausted> {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| last.checked_add(1))
            .map(|last| Revision(last + 1))
            .map_err(|_| Exhausted)
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
        let counter = RevisionCounter::new(Revision(u64::MAX - 1));
        assert_eq!(counter.next(), Ok(Revision::MAX));
        assert_eq!(counter.next(), Err(Exhausted));
        assert_eq!(counter.next(), Err(Exhausted));
    }
}
