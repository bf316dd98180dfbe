//! The second copy of the highest reserved revision, in a file of its own: a damaged database must not lower it.
//!
//! Three lines: `lockstep revisions 1`, the revision, and its complement to 2^64 - 1, by which damage is noticed.

use crate::storage::{Storage, read, replace};
use lockstep_core::Revision;
use std::{
    io,
    time::{SystemTime, UNIX_EPOCH},
};

const FILE: &str = "lockstep.revisions";
const HEAD: &str = "lockstep revisions 1";

/// Bytes that are not such a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidReserved;

impl std::fmt::Display for InvalidReserved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not the file of reserved revisions, or damaged")
    }
}

impl std::error::Error for InvalidReserved {}

/// The file's content for this revision.
pub fn encode_reserved(revision: Revision) -> Vec<u8> {
    format!("{HEAD}\n{revision}\n{}\n", Revision::from_u64(!revision.as_u64())).into_bytes()
}

/// The revision that a file's content tells.
///
/// # Errors
/// [`InvalidReserved`] if it was not made by [`encode_reserved`], or is damaged.
pub fn decode_reserved(bytes: &[u8]) -> Result<Revision, InvalidReserved> {
    let text = std::str::from_utf8(bytes).map_err(|_| InvalidReserved)?;
    let [HEAD, revision, complement, ""] = text.split('\n').collect::<Vec<_>>()[..] else {
        return Err(InvalidReserved);
    };
    let number = |text: &str| text.parse::<Revision>().map_err(|_| InvalidReserved);
    let (revision, complement) = (number(revision)?, number(complement)?);
    if complement.as_u64() == !revision.as_u64() { Ok(revision) } else { Err(InvalidReserved) }
}

/// What the file tells; `None` where it is missing or damaged.
pub(crate) fn load(storage: &dyn Storage) -> io::Result<Option<Revision>> {
    Ok(read(storage, FILE)?.and_then(|bytes| decode_reserved(&bytes).ok()))
}

/// **I5**: written before the database is, so that it is never behind.
pub(crate) fn store(storage: &dyn Storage, revision: Revision) -> io::Result<()> {
    replace(storage, FILE, &encode_reserved(revision))
}

/// A revision above all that an app can have used that started less than once a second since 1970 and reserved 2^32
/// revisions each time: for the case that every copy of the reserved revision is lost.
pub(crate) fn from_time() -> Revision {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX).min(u64::MAX >> 23);
    Revision::from_u64(ms << 22)
}
