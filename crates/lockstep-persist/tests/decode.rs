//! The decoders with arbitrary bytes, the paths with arbitrary names, and what is encrypted.
//!
//! A longer run: `PROPTEST_CASES=1000000 cargo test --release -p lockstep-persist --test decode -- --skip path`. (What is
//! about paths waits for the disk.)
#![allow(clippy::unwrap_used)]

use lockstep_core::{Batch, Persist, Record, Revision, Seal, TopicName};
use lockstep_persist::{EncryptionKey, RedbPersist, decode_record, decode_reserved, encode_record, encode_reserved};
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path};

fn topic(text: &str) -> TopicName {
    text.parse().unwrap()
}

proptest! {
    #[test]
    fn a_record_is_what_was_encoded(revision: u64, version: u32, data: Vec<u8>) {
        let record = Record { revision: Revision::from_u64(revision), version, data };
        prop_assert_eq!(decode_record(&encode_record(&record)), Ok(record));
    }

    #[test]
    fn arbitrary_bytes_are_a_record_that_encodes_to_them_or_none(bytes: Vec<u8>) {
        if let Ok(record) = decode_record(&bytes) {
            prop_assert_eq!(encode_record(&record), bytes);
        }
    }

    #[test]
    fn i5_a_reserved_revision_is_what_was_encoded_and_damage_is_noticed(revision: u64, at: prop::sample::Index, byte: u8) {
        let mut bytes = encode_reserved(Revision::from_u64(revision));
        prop_assert_eq!(decode_reserved(&bytes), Ok(Revision::from_u64(revision)));
        let at = at.index(bytes.len());
        if bytes[at] != byte {
            bytes[at] = byte;
            prop_assert!(decode_reserved(&bytes).is_err());
        }
        prop_assert!(decode_reserved(&bytes[..at]).is_err());
    }

    #[test]
    fn i5_arbitrary_bytes_reserve_nothing(bytes: Vec<u8>) {
        prop_assert!(decode_reserved(&bytes).is_err());
    }

    #[test]
    fn only_the_same_key_topic_and_version_open_what_was_sealed(data: Vec<u8>, at: prop::sample::Index, bit in 0..8u8) {
        let key = EncryptionKey::new([7; 32]);
        let sealed = key.seal(&topic("a"), 1, &data).unwrap();
        prop_assert_eq!(key.open(&topic("a"), 1, &sealed), Some(data.clone()));
        prop_assert_eq!(EncryptionKey::new([8; 32]).open(&topic("a"), 1, &sealed), None);
        prop_assert_eq!(key.open(&topic("b"), 1, &sealed), None);
        prop_assert_eq!(key.open(&topic("a"), 2, &sealed), None);
        prop_assert_ne!(key.seal(&topic("a"), 1, &data).unwrap(), sealed.clone(), "the nonce is another each time");
        let mut damaged = sealed;
        let at = at.index(damaged.len());
        damaged[at] ^= 1u8 << bit;
        prop_assert_eq!(key.open(&topic("a"), 1, &damaged), None);
        prop_assert_eq!(key.open(&topic("a"), 1, &damaged[..at]), None);
    }
}

fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever topics are called, also by the names that Windows reserves, the files have the names they have.
    #[test]
    fn no_topic_s_name_gets_into_a_path(
        names in prop::collection::vec("[A-Za-z0-9_/:-]{1,128}|(CON|NUL|COM1|lockstep)(/[a-z]{1,5})?|C:/[a-z/]{1,9}|//[a-z]{1,9}|/etc/[a-z]{1,9}", 1..20),
    ) {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("data");
        let run = RedbPersist::in_folder(&folder);
        run.load().unwrap();
        let record = Record { revision: Revision::from_u64(1), version: 1, data: b"1".to_vec() };
        let puts: Vec<_> = names.iter().map(|name| (topic(name), record.clone())).collect();
        run.commit(&Batch { backups: puts.clone(), puts, reserve: Some(Revision::from_u64(9)), ..Batch::default() }).unwrap();
        drop(run);
        prop_assert_eq!(files(outside.path()), BTreeSet::from(["data".to_owned()]));
        let expected = ["lockstep.backup.redb", "lockstep.lock", "lockstep.redb", "lockstep.revisions"];
        prop_assert_eq!(files(&folder), expected.map(str::to_owned).into());
        let loaded = RedbPersist::in_folder(&folder).load().unwrap();
        prop_assert_eq!(loaded.records.len(), names.iter().collect::<BTreeSet<_>>().len());
    }
}

#[test]
fn a_key_does_not_show() {
    let key = EncryptionKey::generate();
    assert_eq!(format!("{key:?}"), "EncryptionKey(…)");
    assert_eq!(key.to_bytes(), EncryptionKey::try_from(&key.to_bytes()[..]).unwrap().to_bytes());
    assert!(EncryptionKey::try_from(&[0; 31][..]).is_err());
}

#[test]
fn what_is_encrypted_is_not_on_disk_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let run = RedbPersist::in_folder(folder.path());
    run.load().unwrap();
    let secret = b"correct horse battery staple";
    let data = EncryptionKey::generate().seal(&topic("token"), 1, secret).unwrap();
    let record = Record { revision: Revision::from_u64(1), version: 1, data };
    run.commit(&Batch { puts: vec![(topic("token"), record)], ..Batch::default() }).unwrap();
    drop(run);
    for file in files(folder.path()) {
        let bytes = fs::read(folder.path().join(&file)).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{file}");
    }
}
