//! The jobs. Each is written once, for all contenders.

mod burst;
mod collide;
mod count;
mod document;
mod growth;
mod join;
mod late;
mod one_write;
mod platform;
mod rate;
mod window_write;

use crate::{report::Section, run::Run};

pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    pub run: fn(&mut Run) -> Section,
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "platform", run: platform::run },
    Scenario { name: "S1", run: one_write::run },
    Scenario { name: "S2", run: burst::run },
    Scenario { name: "S3", run: document::run },
    Scenario { name: "S4", run: window_write::run },
    Scenario { name: "S5", run: count::run },
    Scenario { name: "S6", run: late::run },
    Scenario { name: "S7", run: join::run },
    Scenario { name: "S8", run: collide::run },
    Scenario { name: "size", run: growth::by_bytes },
    Scenario { name: "entities", run: growth::by_entities },
    Scenario { name: "rate", run: rate::run },
];
