//! What a steady stream of writes costs.

use crate::{
    contender::Ability,
    process::cpu_time,
    report::{Section, Table, counted, dash, number, rows, whole},
    run::{Run, Turn},
    state::Size,
    stats::ms,
};
use anyhow::Result;
use std::{
    thread,
    time::{Duration, Instant},
};

pub fn run(run: &mut Run) -> Section {
    let windows = run.plan.most_windows_up_to(4);
    let rates: &[usize] = if run.plan.quick { &[100, 1_000] } else { &[10, 100, 1_000, 10_000] };
    let seconds = run.plan.of(3, 1);
    for &rate in rates {
        run.each(windows, Size::SMALL, Ability::Follow, |turn| {
            for (what, value) in stream(turn, rate, seconds)? {
                turn.add(rate, what, value);
            }
            Ok(())
        });
    }
    let columns = rates.iter().map(|rate| format!("{} writes/s", whole(*rate as f64)));
    let mut table = Table::new([String::new()].into_iter().chain(columns));
    rows(&mut table, |id| {
        let cells = rates.iter().map(|&rate| {
            let cell = |what| run.samples.median((id, rate, what)).map(number);
            let cells = [cell("cpu"), cell("messages"), cell("behind")];
            cells.into_iter().collect::<Option<Vec<_>>>().map_or_else(dash, |cells| cells.join(", "))
        });
        Some(cells.collect())
    });
    Section {
        title: "Growth with the rate of writes".to_owned(),
        text: format!(
            "{}, 200 B, {seconds} s: processors used; messages per window and second; ms by which the \
             windows are behind after the last write. Medians.",
            counted(windows, "window")
        ),
        table,
    }
}

fn stream(turn: &mut Turn<'_>, rate: usize, seconds: usize) -> Result<[(&'static str, f64); 3]> {
    turn.warm_up(3)?;
    let last = turn.last_value_of(rate * seconds);
    turn.report_from(last)?;
    turn.measure(false, false)?;
    let cpu = cpu_time()?;
    let start = Instant::now();
    // In steps of 1 ms at least, as a timer would.
    let mut written = 0;
    while written < rate * seconds {
        let due = (start.elapsed().as_secs_f64() * rate as f64) as usize + 1;
        while written < due.min(rate * seconds) {
            turn.write()?;
            written += 1;
        }
        thread::sleep(Duration::from_secs_f64((1.0 / rate as f64).max(0.001)));
    }
    let end = Instant::now();
    let behind = turn.all_show(last)?.saturating_duration_since(end);
    let took = start.elapsed().as_secs_f64();
    let cpu = cpu_time()? - cpu;
    let readings = turn.read()?;
    let messages = readings.iter().map(|reading| reading.messages).sum::<f64>() / readings.len() as f64;
    Ok([("cpu", cpu.as_secs_f64() / took), ("messages", messages / took), ("behind", ms(behind))])
}
