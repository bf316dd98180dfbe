//! S5: two windows count at once.

use crate::{
    contender::{Ability, CONTENDERS},
    report::{Section, Table, whole},
    run::Run,
    state::Size,
};
use serde_json::json;
use std::{thread, time::Duration};

const WINDOWS: usize = 2;

/// What a window has written without a promise is on its way this long at most.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

pub fn run(run: &mut Run) -> Section {
    let times = run.plan.of(500, 200);
    run.each(WINDOWS, Size::SMALL, Ability::WindowWrites, |turn| {
        turn.report_from(u64::from(u32::MAX))?;
        let ways = turn.windows[0].started.ways.clone();
        for way in ways {
            let before = turn.value()?;
            turn.pages.call_all::<()>(&turn.windows, "count", json!({ "way": way, "times": times }))?;
            thread::sleep(ON_ITS_WAY);
            turn.add(WINDOWS, &way, turn.value()?.saturating_sub(before) as f64);
        }
        Ok(())
    });

    let mut table = Table::new(["", "by", "it is then"]);
    for contender in CONTENDERS {
        for (way, ends) in run.samples.of(contender.id(), WINDOWS) {
            let ends: Vec<String> = ends.iter().copied().map(whole).collect();
            table.row([contender.name().to_owned(), way.to_owned(), ends.join(", ")]);
        }
    }
    Section {
        title: "S5: two windows count".to_owned(),
        text: format!(
            "Each {times} times, at once, one by one, in the ordinary way to write; {} is right. One number for each round.",
            whole((times * 2) as f64)
        ),
        table,
    }
}
