//! S2: a burst of writes.

use crate::{
    contender::Ability,
    process::{Peak, cpu_time, memory, thread_time},
    report::{Section, Table, counted, or_dash, rows, spread, whole},
    run::{Run, Turn},
    state::{Size, set_probe},
    stats::{Samples, ms},
};
use anyhow::Result;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a page that has nothing to do is watched, and how long memory is given to come back.
const QUIET: Duration = Duration::from_secs(1);

pub fn run(run: &mut Run) -> Section {
    let writes = run.plan.of(10_000, 2_000);
    let windows = run.plan.most_windows_up_to(8);
    run.each(windows, Size::SMALL, Ability::Follow, |turn| {
        for (what, value) in one_burst(turn, writes)? {
            turn.add(windows, what, value);
        }
        Ok(())
    });

    let mut table = Table::new([
        "",
        "all show the last, ms",
        "in writes of S1",
        "queues empty, ms",
        "messages per window",
        "longest stall, ms (idle)",
        "CPU, s",
        "web memory, MB: peak, stays",
        "the writer's loop, ms: by the clock, on a processor (× a watch)",
    ]);
    rows(&mut table, |id| {
        let key = |what| (id, windows, what);
        let median = |what| or_dash(run.samples.median(key(what)));
        run.samples.median(key("shown"))?;
        Some(vec![
            spread(run.samples.spread(key("shown")), run.samples.median(("floor", windows, "shown"))),
            median("in writes"),
            median("empty"),
            median("messages"),
            format!("{} ({})", median("stall"), median("idle")),
            median("cpu"),
            format!("{}, {}", median("peak"), median("stays")),
            format!("{}, {} ({})", median("loop"), median("own"), median("watches")),
        ])
    });
    Section {
        title: format!("S2: {} small writes, one after another", whole(writes as f64)),
        text: format!(
            "By one thread of Rust, to {}. *In writes of S1*: as a multiple of what one write \
             takes in the same windows just before. *A watch*: the time on a processor of the same loop on a \
             `tokio::sync::watch`.",
            counted(windows, "window")
        ),
        table,
    }
}

fn one_burst(turn: &mut Turn<'_>, writes: usize) -> Result<Vec<(&'static str, f64)>> {
    turn.warm_up(5)?;
    let mut single = Samples::default();
    for _ in 0..20 {
        turn.isolate();
        single.add(("", 0, ""), ms(turn.write_and_see()?));
    }
    let single = single.median(("", 0, "")).unwrap_or(f64::NAN);

    turn.measure(false, true)?;
    thread::sleep(QUIET);
    let idle = longest_stall(turn)?;
    let watch = watch_loop(writes)?;

    turn.measure(false, true)?;
    let before = memory()?.web;
    let last = turn.last_value_of(writes);
    turn.report_from(last)?;
    let cpu = cpu_time()?;
    let peak = Peak::watch();
    let start = Instant::now();
    let own_loop = timed(|| {
        for _ in 0..writes {
            turn.write()?;
        }
        Ok(())
    })?;
    let shown = turn.all_show(last)?.duration_since(start);
    let empty = turn.queues_are_empty()?.duration_since(start);
    let cpu = cpu_time()? - cpu;
    let peak = peak.stop() - before;
    let readings = turn.read()?;
    let messages = readings.iter().map(|reading| reading.messages).sum::<f64>() / readings.len() as f64;
    let stall = readings.iter().map(|reading| reading.longest_stall).fold(0.0, f64::max);
    thread::sleep(QUIET);
    let stays = memory()?.web - before;
    Ok(vec![
        ("shown", ms(shown)),
        ("in writes", ms(shown) / single),
        ("empty", ms(empty)),
        ("messages", messages),
        ("stall", stall),
        ("idle", idle),
        ("cpu", cpu.as_secs_f64()),
        ("peak", peak),
        ("stays", stays),
        ("loop", own_loop.clock),
        ("own", own_loop.own),
        ("watches", own_loop.own / watch),
    ])
}

fn longest_stall(turn: &mut Turn<'_>) -> Result<f64> {
    Ok(turn.read()?.iter().map(|reading| reading.longest_stall).fold(0.0, f64::max))
}

/// How long the same writes take on a processor where nobody is told but one receiver, in ms.
fn watch_loop(writes: usize) -> Result<f64> {
    let (sender, receiver) = tokio::sync::watch::channel(Size::SMALL.document(0));
    let took = timed(|| {
        for value in 0..writes {
            sender.send_modify(|document| set_probe(document, value as u64));
        }
        Ok(())
    })?;
    drop(receiver);
    Ok(took.own)
}

/// What a loop takes, in ms.
struct Took {
    clock: f64,
    /// On a processor.
    own: f64,
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Took> {
    let (start, before) = (Instant::now(), thread_time()?);
    work()?;
    Ok(Took { clock: ms(start.elapsed()), own: ms(thread_time()? - before) })
}
