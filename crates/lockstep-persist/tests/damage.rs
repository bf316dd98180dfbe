//! Damaged, missing and foreign files: reported, set aside, and never a reason not to start.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sim;

use lockstep_core::{Batch, Loaded, Persist, PersistError, PersistIssue, Record, Revision, TopicName};
use lockstep_persist::RedbPersist;
use proptest::prelude::*;
use sim::Disk;
use std::{panic, sync::Once};

const DATABASE: &str = "lockstep.redb";
const BACKUP: &str = "lockstep.backup.redb";
const REVISIONS: &str = "lockstep.revisions";
const RESERVED: u64 = 4000;

fn record(revision: u64, data: &str) -> Record {
    Record { revision: Revision::from_u64(revision), version: 1, data: data.as_bytes().to_vec() }
}

fn name(text: &str) -> TopicName {
    text.parse().unwrap()
}

fn put(revision: u64, data: &str) -> Batch {
    Batch { puts: vec![(name("settings"), record(revision, data))], ..Batch::default() }
}

/// A disk on which an app was used: its backup has the first generation, its database the second.
fn used() -> Disk {
    static SILENT: Once = Once::new();
    // redb reports some damage by a panic, which is caught.
    SILENT.call_once(|| panic::set_hook(Box::new(|_| {})));
    let disk = Disk::new(7);
    let run = RedbPersist::new(disk.folder());
    run.load().unwrap();
    run.commit(&Batch { reserve: Some(Revision::from_u64(1000)), ..Batch::default() }).unwrap();
    run.commit(&put(1, "first")).unwrap();
    drop(run);
    let run = RedbPersist::new(disk.folder());
    run.load().unwrap();
    run.commit(&Batch { reserve: Some(Revision::from_u64(RESERVED)), ..Batch::default() }).unwrap();
    run.commit(&put(2, "second")).unwrap();
    disk
}

fn load(disk: &Disk) -> (RedbPersist, Loaded) {
    let run = RedbPersist::new(disk.folder());
    let loaded = run.load().expect("no start is refused");
    (run, loaded)
}

fn settings(loaded: &Loaded) -> Option<&str> {
    loaded.records.get("settings").map(|record| std::str::from_utf8(&record.data).unwrap())
}

/// Starts on a disk whose database is not what it was: the last good generation is there, what was found is set aside,
/// the app can save, and no revision comes again.
fn check_set_aside(disk: &Disk, generation: Option<&str>) {
    let found = disk.contents(DATABASE);
    let (run, loaded) = load(disk);
    assert_eq!(settings(&loaded), generation);
    let [PersistIssue::Damaged { set_aside, restored, .. }] = &loaded.issues[..] else {
        panic!("it is reported: {:?}", loaded.issues)
    };
    assert_eq!(*restored, generation.is_some());
    assert_eq!(set_aside.as_deref().and_then(|name| disk.contents(name)), found, "nothing is deleted");
    assert!(loaded.reserved >= Revision::from_u64(RESERVED), "I5: {}", loaded.reserved);
    run.commit(&put(loaded.reserved.as_u64() + 1, "third")).unwrap();
    drop(run);
    let (_, loaded) = load(disk);
    assert_eq!((settings(&loaded), &loaded.issues[..]), (Some("third"), &[][..]), "once");
}

#[test]
fn i15_a_database_that_was_emptied_cut_or_replaced_is_set_aside() {
    let whole = used().contents(DATABASE).unwrap();
    let zeroed = vec![0; whole.len()];
    let newer = b"redb\x1A\x0A\xA9\x0D\x0A".iter().copied().chain([0xFF; 5000]).collect();
    let mut older = whole.clone();
    (older[64], older[192]) = (2, 2);
    for damaged in [vec![], zeroed, older, b"{\"theme\":\"dark\"}".to_vec(), whole[..whole.len() / 2].to_vec(), newer] {
        let disk = used();
        disk.tamper(DATABASE, Some(damaged));
        check_set_aside(&disk, Some("first"));
    }
}

#[test]
fn i15_where_there_is_no_good_generation_it_starts_from_nothing() {
    let disk = used();
    disk.tamper(DATABASE, Some(b"what is this".to_vec()));
    disk.tamper(BACKUP, Some(b"and this".to_vec()));
    check_set_aside(&disk, None);
}

#[test]
fn i15_a_missing_database_is_restored_and_a_new_one_is_no_damage() {
    let disk = used();
    disk.tamper(DATABASE, None);
    check_set_aside(&disk, Some("first"));
    let (_, fresh) = load(&Disk::new(1));
    assert_eq!(fresh, Loaded::default());
}

#[test]
fn i5_no_loss_of_files_lowers_the_revisions() {
    for lost in
        [&[DATABASE][..], &[REVISIONS], &[BACKUP], &[DATABASE, BACKUP], &[DATABASE, REVISIONS], &[REVISIONS, BACKUP]]
    {
        let disk = used();
        lost.iter().for_each(|name| disk.tamper(name, None));
        assert!(load(&disk).1.reserved >= Revision::from_u64(RESERVED), "{lost:?} lost");
        let disk = used();
        lost.iter().for_each(|name| disk.tamper(name, Some(b"damaged".to_vec())));
        assert!(load(&disk).1.reserved >= Revision::from_u64(RESERVED), "{lost:?} damaged");
    }
    let disk = used();
    [DATABASE, REVISIONS, BACKUP].iter().for_each(|name| disk.tamper(name, Some(b"damaged".to_vec())));
    assert!(load(&disk).1.reserved >= Revision::from_u64(RESERVED), "everything damaged");
}

#[test]
fn i15_a_database_that_is_damaged_while_the_app_runs_is_set_aside_and_saved_anew() {
    let disk = used();
    let (run, _) = load(&disk);
    run.commit(&put(4000, "second")).unwrap();
    disk.misbehave(sim::Faults { fail_one_in: Some(1), ..Default::default() });
    assert!(matches!(run.commit(&put(4001, "third")), Err(PersistError::Io(_))));
    disk.misbehave(sim::Faults::default());
    disk.tamper(DATABASE, Some(b"damaged".to_vec()));
    assert!(matches!(run.commit(&put(4001, "third")), Err(PersistError::Damaged(_))));
    run.commit(&put(4001, "third")).unwrap();
    drop(run);
    let (_, loaded) = load(&disk);
    assert_eq!((settings(&loaded), loaded.reserved), (Some("third"), Revision::from_u64(4001)));
    assert!(disk.names().iter().any(|name| name == "lockstep.damaged-1.redb"));
}

#[test]
fn i15_a_full_disk_gives_back_what_was_saved() {
    let disk = used();
    let before = (disk.contents(DATABASE), disk.names());
    disk.misbehave(sim::Faults { full: true, ..Default::default() });
    let (run, loaded) = load(&disk);
    let saved = settings(&loaded).map(str::to_owned);
    assert!(saved.is_some());
    assert!(matches!(run.commit(&put(4001, "third")), Err(PersistError::Io(_))));
    assert_eq!((disk.contents(DATABASE), disk.names()), before);
    disk.misbehave(sim::Faults::default());
    run.commit(&put(4001, "third")).unwrap();
    drop(run);
    assert_eq!(settings(&load(&disk).1), Some("third"));
}

#[test]
fn i15_reading_what_may_not_be_on_disk_writes_nothing() {
    let disk = used();
    let before = disk.contents(DATABASE);
    load(&disk);
    assert!(before == disk.contents(DATABASE));
}

/// Of the whole of a first save, with a new database and a new backup, each call fails once: none is passed over.
#[test]
fn i15_a_save_of_which_any_call_failed_is_not_acknowledged_and_the_next_is_on_disk() {
    for at in 1.. {
        let disk = used();
        let (run, _) = load(&disk);
        disk.misbehave(sim::Faults { fail_at: Some(at), ..Default::default() });
        let reserve = Some(Revision::from_u64(5000));
        let saved = run.commit(&Batch { reserve, ..put(4001, "third") });
        if disk.calls() < at {
            assert_eq!(saved, Ok(()));
            assert!(at > 50, "a save takes more than {at} calls");
            return;
        }
        assert!(matches!(saved, Err(PersistError::Io(_))), "call {at} failed: {saved:?}");
        run.commit(&put(4002, "fourth")).unwrap();
        drop(run);
        disk.power_cycle();
        assert_eq!(settings(&load(&disk).1), Some("fourth"), "call {at}");
    }
}

#[test]
fn each_damage_has_a_file_of_its_own() {
    let disk = used();
    for number in 1..=3 {
        disk.tamper(DATABASE, Some(vec![number; 100]));
        load(&disk);
        assert_eq!(disk.contents(&format!("lockstep.damaged-{number}.redb")), Some(vec![number; 100]));
    }
}

#[test]
fn i15_a_second_instance_is_told_and_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let first = RedbPersist::in_folder(folder.path());
    first.load().unwrap();
    first.commit(&put(1, "first")).unwrap();
    let second = RedbPersist::in_folder(folder.path());
    assert_eq!(second.load(), Err(PersistError::InUse));
    assert_eq!(second.commit(&put(2, "second")), Err(PersistError::InUse));
    drop(first);
    assert_eq!(settings(&second.load().unwrap()), Some("first"));
}

#[cfg(unix)]
#[test]
fn i15_a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("taken");
    std::fs::write(&path, "a file").unwrap();
    let run = RedbPersist::in_folder(path.join("lockstep"));
    assert!(matches!(run.load(), Err(PersistError::Io(_))));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run.load(), Ok(Loaded::default()), "it is tried again");
}

#[test]
fn i15_a_flipped_bit_of_the_state_is_noticed() {
    let whole = used().contents(DATABASE).unwrap();
    let places: Vec<_> = whole.windows(6).enumerate().filter(|(_, text)| text == b"second").map(|(at, _)| at).collect();
    let mut noticed = 0;
    for at in places {
        let disk = used();
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        disk.tamper(DATABASE, Some(bytes));
        let (_, loaded) = load(&disk);
        let expected = if loaded.issues.is_empty() { "second" } else { "first" };
        assert_eq!(settings(&loaded), Some(expected));
        noticed += loaded.issues.len();
    }
    assert!(noticed > 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// A flipped bit is either noticed, or was none of the data.
    #[test]
    fn i15_flipped_bits_are_noticed_or_harmless(at in any::<prop::sample::Index>(), bit in 0..8u8, near_start in any::<bool>()) {
        let disk = used();
        let mut bytes = disk.contents(DATABASE).unwrap();
        let end = if near_start { 4096 } else { bytes.len() };
        bytes[at.index(end)] ^= 1u8 << bit;
        disk.tamper(DATABASE, Some(bytes));
        let (run, loaded) = load(&disk);
        let expected = if loaded.issues.is_empty() { "second" } else { "first" };
        prop_assert_eq!(settings(&loaded), Some(expected));
        prop_assert!(loaded.reserved >= Revision::from_u64(RESERVED));
        run.commit(&put(5000, "third")).unwrap();
        drop(run);
        let (_, loaded) = load(&disk);
        prop_assert_eq!(settings(&loaded), Some("third"));
    }

    #[test]
    fn i15_a_database_cut_anywhere_starts(at in any::<prop::sample::Index>()) {
        let disk = used();
        let mut bytes = disk.contents(DATABASE).unwrap();
        bytes.truncate(at.index(bytes.len()));
        disk.tamper(DATABASE, Some(bytes));
        check_set_aside(&disk, Some("first"));
    }

    #[test]
    fn i15_arbitrary_bytes_start(bytes in prop::collection::vec(any::<u8>(), 0..10_000), with_magic in any::<bool>()) {
        let disk = used();
        let mut whole = disk.contents(DATABASE).unwrap();
        // Behind the right beginning, more of redb is reached.
        let from = if with_magic { 64 } else { 0 };
        whole.truncate(from);
        whole.extend(bytes);
        disk.tamper(DATABASE, Some(whole));
        check_set_aside(&disk, Some("first"));
    }
}
