//! A record as bytes: `1`, the schema's version (u32), the revision (u64), the data. Numbers are little-endian.

use lockstep_core::{Record, Revision};

const FORMAT: u8 = 1;

/// Bytes that are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRecord;

impl std::fmt::Display for InvalidRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a record: expected format 1, a version, a revision and the data")
    }
}

impl std::error::Error for InvalidRecord {}

/// A record as it is kept in the database.
pub fn encode_record(record: &Record) -> Vec<u8> {
    let Record { revision, version, data } = record;
    let mut bytes = Vec::with_capacity(13 + data.len());
    bytes.push(FORMAT);
    bytes.extend(version.to_le_bytes());
    bytes.extend(revision.as_u64().to_le_bytes());
    bytes.extend(data);
    bytes
}

/// The record that [`encode_record`] has made these bytes of.
///
/// # Errors
/// [`InvalidRecord`] if it has not.
pub fn decode_record(bytes: &[u8]) -> Result<Record, InvalidRecord> {
    let (&FORMAT, rest) = bytes.split_first().ok_or(InvalidRecord)? else { return Err(InvalidRecord) };
    let (version, rest) = rest.split_first_chunk().ok_or(InvalidRecord)?;
    let (revision, data) = rest.split_first_chunk().ok_or(InvalidRecord)?;
    Ok(Record {
        revision: Revision::from_u64(u64::from_le_bytes(*revision)),
        version: u32::from_le_bytes(*version),
        data: data.to_vec(),
    })
}
