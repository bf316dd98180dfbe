//! S8: two windows write at the same moment.

use crate::{
    contender::Ability,
    report::{Section, Table, rows, whole},
    run::{Run, Turn},
    state::Size,
};
use anyhow::Result;
use std::{
    thread,
    time::{Duration, Instant},
};

const WINDOWS: usize = 2;
/// Windows that disagree by then disagree for ever: nothing is on its way any more.
const LATEST: Duration = Duration::from_secs(1);
/// Nor is anything before that.
const EARLIEST: Duration = Duration::from_millis(60);

pub fn run(run: &mut Run) -> Section {
    let times = run.plan.of(500, 40).div_ceil(run.plan.repeat);
    run.each(WINDOWS, Size::SMALL, Ability::WindowWrites, |turn| {
        turn.report_from(u64::from(u32::MAX))?;
        for _ in 0..times {
            let disagree = f64::from(u8::from(disagree(turn)?));
            turn.add(WINDOWS, "disagree", disagree);
        }
        Ok(())
    });

    let mut table = Table::new(["", "disagree afterwards", "of"]);
    rows(&mut table, |id| {
        let key = (id, WINDOWS, "disagree");
        Some(vec![whole(run.samples.sum(key)?), whole(run.samples.count(key) as f64)])
    });
    Section {
        title: "S8: two windows write at the same moment".to_owned(),
        text: format!(
            "Each another value. They disagree if they, or Rust, show different values {} ms later.",
            LATEST.as_millis()
        ),
        table,
    }
}

fn disagree(turn: &mut Turn<'_>) -> Result<bool> {
    for n in 0..turn.windows.len() {
        let value = turn.next_value();
        turn.pages.begin(&turn.windows[n], "write", value)?;
    }
    let start = Instant::now();
    loop {
        thread::sleep(EARLIEST);
        let shown = turn.pages.call_all::<f64>(&turn.windows, "shown", ())?;
        let agree = shown.iter().all(|value| *value == shown[0]) && shown[0] == turn.value()? as f64;
        if agree || start.elapsed() > LATEST {
            return Ok(!agree);
        }
    }
}
