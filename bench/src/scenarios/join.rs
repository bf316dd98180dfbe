//! S7: a write while windows start.

use crate::{
    contender::Ability,
    pages::{PATIENCE, Report},
    report::{Section, Table, rows, whole},
    run::{Run, Turn},
    state::Size,
};
use anyhow::Result;
use std::{
    thread,
    time::{Duration, Instant},
};

const WINDOWS: usize = 4;
/// A window that does not show the write by then never does: it has nothing more to wait for.
const LATEST: Duration = Duration::from_secs(1);

pub fn run(run: &mut Run) -> Section {
    let times = run.plan.of(125, 10).div_ceil(run.plan.repeat);
    run.each(WINDOWS, Size::SMALL, Ability::WindowWrites, |turn| {
        for time in 0..times {
            // Over the first ms of the first page's script, in which it subscribes and asks for the state.
            let stale = one_round(turn, Duration::from_micros(time as u64 * 617 % 20_000))?;
            turn.add(WINDOWS, "stale", stale as f64);
        }
        Ok(())
    });

    let mut table = Table::new(["", "stale for ever", "of"]);
    rows(&mut table, |id| {
        let key = (id, WINDOWS, "stale");
        Some(vec![whole(run.samples.sum(key)?), whole((run.samples.count(key) * WINDOWS) as f64)])
    });
    Section {
        title: "S7: one write while windows start".to_owned(),
        text: format!(
            "{WINDOWS} windows load their pages at once, and Rust writes once, 0 to 20 ms after the first page's script \
             begins. A window that does not show the write {} ms after all have started is stale.",
            LATEST.as_millis()
        ),
        table,
    }
}

/// How many windows have not heard of the write.
fn one_round(turn: &mut Turn<'_>, after: Duration) -> Result<usize> {
    let contender = turn.contender;
    let old = std::mem::take(&mut turn.windows);
    let mut loading = Vec::new();
    for page in &old {
        loading.push(turn.pages.begin_to_reload(page, contender)?);
    }
    let lives: Vec<u64> = loading.iter().map(|page| page.life).collect();
    turn.pages.wait(PATIENCE, |report| match report {
        Report::Starting { life } if lives.contains(&life) => Some(()),
        _ => None,
    })?;
    let due = Instant::now() + after;
    while Instant::now() < due {
        std::hint::spin_loop();
    }
    let value = turn.write()?;
    turn.windows = turn.pages.all_loaded(loading)?;
    let latest = Instant::now() + LATEST;
    loop {
        let shown: Vec<f64> = turn.pages.call_all(&turn.windows, "shown", ())?;
        let stale = shown.iter().filter(|shown| **shown != value as f64).count();
        if stale == 0 || Instant::now() > latest {
            return Ok(stale);
        }
        thread::sleep(Duration::from_millis(20));
    }
}
