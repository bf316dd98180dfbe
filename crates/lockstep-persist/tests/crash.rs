//! Thousands of lives of an app on a disk that loses power, fails and lies: the engine and the database as they ship.
//!
//! `LOCKSTEP_CRASH_RUNS` says how many runs of each kind (default 150), `LOCKSTEP_CRASH_SEED` where to begin.
#![allow(clippy::unwrap_used)]

mod sim;

use lockstep_core::{
    NoAnnounce, PersistIssue, Persisted, Persistence, Revision, Save, Saved, Store, StoreOptions, Topic, TopicName,
    TopicOptions, UpdateError, testing::ManualClock,
};
use lockstep_persist::RedbPersist;
use sim::{Disk, Faults, Random};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    time::Duration,
};

/// Each write of `LEFT` and `RIGHT` writes both.
const LEFT: Topic<u64> = Topic::new("left");
const RIGHT: Topic<u64> = Topic::new("right");
const BULK: Topic<(u64, String)> = Topic::new("bulk");

/// What must be true, whatever the disk does.
#[derive(Default)]
struct Known {
    /// The last value of each that was reported as saved, and the last that was written.
    pair: (u64, u64),
    bulk: (u64, u64),
    /// The highest revision that must not come again.
    used: Revision,
}

struct Life<'a> {
    store: Store,
    clock: Arc<ManualClock>,
    known: &'a mut Known,
    /// Revisions of this life are reserved.
    is_reserved: bool,
    is_available: bool,
}

impl<'a> Life<'a> {
    /// Starts the app, and checks what it finds.
    fn start(disk: &Disk, known: &'a mut Known, may_lose: bool) -> Self {
        let clock = Arc::new(ManualClock::default());
        let persist = Arc::new(RedbPersist::new(disk.folder()));
        let persistence = Some(Persistence::open_with_block(persist, || {}, 40));
        let store =
            Store::with_options(NoAnnounce, StoreOptions { clock: clock.clone(), persistence, ..Default::default() });
        let options = |ms| Persisted::new().debounce(Duration::from_millis(ms));
        store.create_with(LEFT, 0, TopicOptions::new().persisted(options(50))).unwrap();
        store.create_with(RIGHT, 0, TopicOptions::new().persisted(options(200))).unwrap();
        store.create_with(BULK, (0, String::new()), TopicOptions::new().persisted(options(100))).unwrap();
        // The clock stands still: nothing is due, and all that is told is what happened at the start.
        let issues = store.save(Save::Due).issues;
        let is_available = !issues.iter().any(|issue| matches!(issue, PersistIssue::Unavailable { .. }));
        let is_reserved = is_available && !issues.iter().any(|issue| matches!(issue, PersistIssue::NotSaved { .. }));
        let was_damaged = issues.iter().any(|issue| matches!(issue, PersistIssue::Damaged { .. }));
        assert!(may_lose || !was_damaged, "nothing is damaged by a power cut: {issues:?}");
        let life = Self { store, clock, known, is_reserved, is_available };
        if is_available {
            life.check_found(may_lose);
        }
        life
    }

    fn check_found(&self, may_lose: bool) {
        let (left, right) = (*self.store.get(LEFT).unwrap(), *self.store.get(RIGHT).unwrap());
        assert_eq!(left, right, "a transaction is there whole or not at all");
        let (bulk, text) = &*self.store.get(BULK).unwrap();
        assert_eq!(*text, bulk_text(*bulk), "the state is one that some write produced");
        for (found, (saved, written)) in [(left, self.known.pair), (*bulk, self.known.bulk)] {
            assert!(found <= written, "the state is one that some write produced");
            assert!(may_lose || found >= saved, "I15: {found} is older than {saved}, which was reported as saved");
        }
        let first = self.store.revision(LEFT.name()).unwrap();
        assert!(may_lose || first > self.known.used, "I5: {first} is not above {}", self.known.used);
    }

    fn write(&mut self, random: &mut Random) {
        let result = if random.one_in(2) {
            let next = self.known.pair.1 + 1;
            let written = self.store.transaction(|tx| {
                tx.set(RIGHT, next)?;
                tx.set(LEFT, next)
            });
            written.map(|_| self.known.pair.1 = next).is_ok()
        } else {
            let next = self.known.bulk.1 + 1;
            match self.store.set(BULK, (next, bulk_text(next))) {
                Ok(_) => self.known.bulk.1 = next,
                Err(UpdateError::Exhausted(_)) => {}
                Err(error) => panic!("{error}"),
            }
            true
        };
        let _ = result;
        if self.is_reserved {
            self.used();
        }
    }

    fn used(&mut self) {
        for topic in [LEFT.name(), BULK.name()] {
            self.known.used = self.known.used.max(self.store.revision(topic).unwrap());
        }
    }

    fn save(&mut self, what: Save) -> Saved {
        let saved = self.store.save(what);
        // A save that went well has reserved more.
        if self.is_available && what == Save::All && saved.not_saved.is_none() && !failed(&saved) {
            self.is_reserved = true;
            self.used();
        }
        if self.is_saved(LEFT.name()) && self.is_saved(RIGHT.name()) {
            self.known.pair.0 = *self.store.get(LEFT).unwrap();
        }
        if self.is_saved(BULK.name()) {
            self.known.bulk.0 = self.store.get(BULK).unwrap().0;
        }
        saved
    }

    fn is_saved(&self, topic: &TopicName) -> bool {
        self.store.saved_revision(topic).unwrap() == Some(self.store.revision(topic).unwrap())
    }

    fn live(&mut self, disk: &Disk, random: &mut Random) {
        let steps = random.below(25);
        for _ in 0..steps {
            match random.below(6) {
                0..=2 => self.write(random),
                3 => drop(self.save(Save::All)),
                _ => {
                    self.clock.advance(Duration::from_millis(random.below(150)));
                    self.save(Save::Due);
                }
            }
            if disk.is_off() {
                return;
            }
        }
    }
}

fn failed(saved: &Saved) -> bool {
    saved.issues.iter().any(|issue| matches!(issue, PersistIssue::NotSaved { .. }))
}

fn bulk_text(number: u64) -> String {
    number.to_string().repeat(usize::try_from(number * 37 % 3000).unwrap())
}

/// As many runs as are asked for.
fn check(name: &str, faults: impl Fn(&mut Random) -> Faults, may_lose: bool) {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (runs, first) = (number("LOCKSTEP_CRASH_RUNS", 150), number("LOCKSTEP_CRASH_SEED", 0));
    check_seeds(name, first..first + runs, faults, may_lose);
}

/// Lets an app live many lives, each of which ends by a power cut, or by the end of the process alone.
fn check_seeds(
    name: &str,
    seeds: impl IntoIterator<Item = u64>,
    faults: impl Fn(&mut Random) -> Faults,
    may_lose: bool,
) {
    // redb reports some damage by a panic, which is caught.
    panic::set_hook(Box::new(|_| {}));
    for seed in seeds {
        let run = panic::catch_unwind(AssertUnwindSafe(|| {
            let (disk, mut random) = (Disk::new(seed), Random::new(seed));
            let mut known = Known::default();
            for _ in 0..5 {
                disk.misbehave(faults(&mut random));
                let mut life = Life::start(&disk, &mut known, may_lose);
                life.live(&disk, &mut random);
                drop(life);
                if disk.is_off() || random.one_in(2) {
                    disk.power_cycle();
                }
            }
            // In the end the disk is well, and so is the app.
            disk.misbehave(Faults::default());
            let mut life = Life::start(&disk, &mut known, may_lose);
            assert!(life.is_available, "no start is refused");
            if may_lose {
                // What the disk has thrown away, it may have thrown away.
                *life.known =
                    Known { pair: (0, life.known.pair.1), bulk: (0, life.known.bulk.1), used: Revision::ZERO };
            }
            life.write(&mut random);
            assert_eq!(life.save(Save::All).not_saved, None);
            let written = (*life.store.get(LEFT).unwrap(), life.store.get(BULK).unwrap().0);
            drop(life);
            disk.power_cycle();
            let life = Life::start(&disk, &mut known, false);
            assert_eq!(written, (*life.store.get(LEFT).unwrap(), life.store.get(BULK).unwrap().0));
        }));
        if let Err(panic) = run {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let _ = panic::take_hook();
            panic!("{name}, seed {seed}: {}", text.unwrap_or_default());
        }
    }
}

fn crash(random: &mut Random) -> Faults {
    let crash_at = (!random.one_in(4)).then(|| 1 + random.below(400));
    Faults { crash_at, ..Faults::default() }
}

#[test]
fn i5_i15_power_cuts_lose_nothing_that_was_saved() {
    check("power cuts", crash, false);
}

fn failing(random: &mut Random) -> Faults {
    Faults { fail_one_in: Some(1 + random.below(60)), ..crash(random) }
}

#[test]
fn i5_i15_a_disk_that_fails_now_and_then_loses_nothing_that_was_saved() {
    check("failing disk", failing, false);
}

#[test]
fn i5_i15_a_disk_of_which_every_kth_call_fails_loses_nothing_that_was_saved() {
    let faults = |random: &mut Random| Faults { fail_every: Some(1 + random.below(120)), ..crash(random) };
    check("every k-th call", faults, false);
}

/// Runs in which a process began with what a failed sync of the one before had left to be read, and repaired it in place.
#[test]
fn i5_i15_runs_that_once_lost_something_lose_nothing() {
    check_seeds("power cuts", [1114, 1312, 1556], crash, false);
    check_seeds("failing disk", [1114, 1312, 1556], failing, false);
}

#[test]
fn i15_a_disk_that_lies_about_syncs_refuses_no_start_and_invents_nothing() {
    let faults = |random: &mut Random| Faults { lie_one_in: Some(1 + random.below(4)), ..crash(random) };
    check("lying disk", faults, true);
}
