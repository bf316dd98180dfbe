//! The database keeps the contract of every database, on a real folder and on the simulated one.
#![allow(clippy::unwrap_used)]

mod sim;

use lockstep_core::testing::persist_contract;
use lockstep_persist::RedbPersist;

#[test]
fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    persist_contract(|| RedbPersist::in_folder(folder.path().join("not/there/yet")));
}

#[test]
fn on_a_disk_that_loses_power_after_each_life() {
    let disk = sim::Disk::new(1);
    persist_contract(|| {
        disk.power_cycle();
        RedbPersist::new(disk.folder())
    });
}
