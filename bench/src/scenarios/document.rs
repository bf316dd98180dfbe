//! S3: one field of a document of 1 MB.

use crate::{
    contender::Ability,
    report::{Section, Table, counted, dash, rows, spread, whole},
    run::{Run, Turn},
    state::Size,
    stats::ms,
};
use anyhow::Result;
use std::time::{Duration, Instant};

/// How long one turn goes on with writes that take long.
const ENOUGH: Duration = Duration::from_secs(5);

pub fn run(run: &mut Run) -> Section {
    let writes = run.plan.of(40, 12);
    let counts = run.plan.windows_up_to(if run.plan.quick { 4 } else { 8 });
    for &windows in &counts {
        run.each(windows, Size::DOCUMENT, Ability::Know, |turn| {
            for time in writes_of(turn, writes)? {
                turn.add(windows, "ms", time);
            }
            let bytes = turn.bytes_per_write(2)?;
            turn.add(windows, "bytes", bytes);
            Ok(())
        });
    }

    let most = counts.iter().copied().max().unwrap_or(1);
    let columns = counts.iter().map(|windows| counted(*windows, "window"));
    let mut table =
        Table::new(["ms".to_owned()].into_iter().chain(columns).chain(["bytes per write and window".to_owned()]));
    rows(&mut table, |id| {
        let times = counts.iter().map(|&windows| {
            spread(run.samples.spread((id, windows, "ms")), run.samples.median(("floor", windows, "ms")))
        });
        Some(times.chain([run.samples.median((id, most, "bytes")).map_or_else(dash, whole)]).collect())
    });
    Section {
        title: "S3: one field of one of 5,000 entities, in a document of 1 MB".to_owned(),
        text: format!(
            "As S1, at most {writes} writes in each round. The floor sends a number, whatever the document holds."
        ),
        table,
    }
}

/// Isolated writes, fewer where they take long.
pub fn writes_of(turn: &mut Turn<'_>, writes: usize) -> Result<Vec<f64>> {
    turn.warm_up(2)?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 3 || (times.len() < writes && start.elapsed() < ENOUGH) {
        turn.isolate();
        times.push(ms(turn.write_and_see()?));
    }
    Ok(times)
}
