//! What the platform itself takes.

use crate::{
    contender::Contender,
    contenders::floor::Floor,
    report::{Section, Table, spread},
    run::{Run, Turn},
    state::Size,
    stats::{Spread, ms},
};
use anyhow::Result;
use serde_json::json;
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

const BYTES: &[(usize, &str)] = &[(1_000, "1 kB"), (100_000, "100 kB"), (1_000_000, "1 MB"), (5_000_000, "5 MB")];
/// A page's clock ticks once a ms, so only the mean of several calls is true.
const TOGETHER: usize = 20;

pub fn run(run: &mut Run) -> Section {
    let rounds = run.plan.of(20, 5);
    run.floor(1, Size::SMALL, |turn| measure(turn, rounds));
    let mut table = Table::new(["the platform, 1 window", "ms"]);
    for (what, values) in run.samples.of(Floor.id(), 1) {
        table.row([what.to_owned(), spread(Spread::of(values), None)]);
    }
    Section {
        title: "The platform itself".to_owned(),
        text: format!(
            "Round trips of a page, means of {TOGETHER}, and of an `eval_with_callback` from Rust, singly: median \
             (quartiles). Pulls are of text that is ready, of which the page makes an object."
        ),
        table,
    }
}

fn measure(turn: &mut Turn<'_>, rounds: usize) -> Result<()> {
    let evals = evals(turn, rounds * TOGETHER)?;
    note(turn, "`eval_with_callback`", evals);
    for (command, name) in
        [("floor_nothing_sync", "`invoke` of a sync command"), ("floor_nothing", "`invoke` of an async command")]
    {
        let times = times(turn, rounds, "times", json!({ "command": command, "times": TOGETHER }))?;
        note(turn, name, times);
    }
    for (bytes, name) in BYTES {
        let pulls = if *bytes > 1_000_000 { 4 } else { TOGETHER };
        let times = times(turn, rounds, "pull", json!({ "bytes": bytes, "times": pulls }))?;
        note(turn, &format!("a pull of {name}"), times);
    }
    Ok(())
}

fn note(turn: &mut Turn<'_>, what: &str, values: Vec<f64>) {
    values.into_iter().for_each(|value| turn.add(1, what, value));
}

fn times(turn: &mut Turn<'_>, rounds: usize, job: &str, arg: serde_json::Value) -> Result<Vec<f64>> {
    (0..rounds).map(|_| turn.pages.call(&turn.windows[0], job, &arg)).collect()
}

fn evals(turn: &mut Turn<'_>, times: usize) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for _ in 0..times {
        let (done, was_done) = mpsc::channel();
        let start = Instant::now();
        turn.windows[0].eval_with_callback("0", move |_| {
            // Nobody waits any more where it came too late.
            let _ = done.send(Instant::now());
        })?;
        let at = was_done.recv_timeout(Duration::from_secs(10))?;
        all.push(ms(at.duration_since(start)));
    }
    Ok(all)
}
