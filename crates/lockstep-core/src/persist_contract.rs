//! What every database has to do.

use crate::{
    persist::{Batch, Loaded, Persist, PersistError, Record},
    revision::Revision,
    topic::TopicName,
};
use std::collections::BTreeMap;

/// Checks a database against what [`Persist`] promises. `open` opens the same database anew each time it is called, after
/// the one before was dropped; at the first call it is empty.
///
/// ```
/// use lockstep_core::testing::{MemoryPersist, persist_contract};
///
/// let memory = MemoryPersist::default();
/// persist_contract(|| memory.clone());
/// ```
///
/// # Panics
/// If a promise is broken.
pub fn persist_contract<P: Persist>(open: impl Fn() -> P) {
    let mut expected = Loaded::default();
    let mut expected_backups = BTreeMap::new();
    check(&open, &expected, &expected_backups);
    for batch in batches() {
        let database = open();
        must(database.load());
        must(database.commit(&batch));
        expected.reserved = expected.reserved.max(batch.reserve.unwrap_or_default());
        expected.records.extend(batch.puts);
        batch.removes.iter().for_each(|topic| drop(expected.records.remove(topic)));
        expected_backups.extend(batch.backups.into_iter().map(|(topic, record)| ((topic, record.version), record)));
        drop(database);
        check(&open, &expected, &expected_backups);
    }
    // Many batches in one life are the same as one life for each.
    let database = open();
    must(database.load());
    for number in 1..=20 {
        let puts = vec![(name("many"), record(1000 + number, 1, &vec![number as u8; number as usize * 500]))];
        must(database.commit(&Batch { puts: puts.clone(), ..Batch::default() }));
        expected.records.extend(puts);
    }
    drop(database);
    check(&open, &expected, &expected_backups);
}

fn check<P: Persist>(open: &impl Fn() -> P, expected: &Loaded, backups: &BTreeMap<(TopicName, u32), Record>) {
    let database = open();
    assert_eq!(must(database.load()), *expected, "what was committed is loaded, and nothing else");
    let kept: BTreeMap<_, _> =
        must(database.backups()).into_iter().map(|(topic, record)| ((topic, record.version), record)).collect();
    assert_eq!(kept, *backups, "one backup for each topic and version, the newest");
}

fn batches() -> Vec<Batch> {
    let reserve = |number| Some(Revision::from_u64(number));
    let all_bytes: Vec<u8> = (0..=255).collect();
    let longest = "a/-_:Z9".repeat(19);
    vec![
        Batch { reserve: reserve(100), ..Batch::default() },
        Batch {
            puts: vec![(name("one"), record(1, 1, b"{}")), (name("two"), record(1, 3, b"[1]"))],
            ..Batch::default()
        },
        Batch { puts: vec![(name("one"), record(2, 1, b""))], reserve: reserve(50), ..Batch::default() },
        Batch { removes: vec![name("two"), name("never/there")], ..Batch::default() },
        Batch {
            puts: vec![
                (name(&longest[..128]), record(u64::MAX - 1, u32::MAX, &all_bytes)),
                (name("two"), record(9, 2, b"2")),
            ],
            removes: vec![name("one")],
            backups: vec![(name("two"), record(1, 1, b"old")), (name("two"), record(2, 2, b"older"))],
            reserve: reserve(u64::MAX - 1),
        },
        Batch { backups: vec![(name("two"), record(5, 1, b"newer"))], ..Batch::default() },
        Batch {
            puts: vec![(name("CON"), record(3, 1, &vec![7; 1 << 20])), (name("con"), record(4, 1, b"4"))],
            ..Batch::default()
        },
        Batch::default(),
    ]
}

fn record(revision: u64, version: u32, data: &[u8]) -> Record {
    Record { revision: Revision::from_u64(revision), version, data: data.to_vec() }
}

#[expect(clippy::expect_used, reason = "this is for tests")]
fn name(name: &str) -> TopicName {
    name.parse().expect("a topic's name")
}

#[expect(clippy::expect_used, reason = "this is for tests")]
fn must<T>(result: Result<T, PersistError>) -> T {
    result.expect("the database works")
}
