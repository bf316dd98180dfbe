//! What the platform itself takes.

use crate::{
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

pub fn run(run: &mut Run) -> Result<Section> {
    let rounds = run.plan.of(20, 5);
    let measured = run.turn(1, Size::SMALL, &Floor, |turn| measure(turn, rounds))?;
    let mut table = Table::new(["the platform, 1 window", "ms"]);
    for (what, values) in measured {
        table.row([what, spread(Spread::of(&values), None)]);
    }
    Ok(Section {
        title: "The platform itself".to_owned(),
        text: format!(
            "Round trips of a page, means of {TOGETHER}, and of an `eval_with_callback` from Rust, singly: median \
             (quartiles). Pulls are of text that is ready, of which the page makes an object."
        ),
        table,
    })
}

fn measure(turn: &mut Turn<'_>, rounds: usize) -> Result<Vec<(String, Vec<f64>)>> {
    let mut measured = vec![("`eval_with_callback`".to_owned(), evals(turn, rounds * TOGETHER)?)];
    for (command, name) in
        [("floor_nothing_sync", "`invoke` of a sync command"), ("floor_nothing", "`invoke` of an async command")]
    {
        measured
            .push((name.to_owned(), times(turn, rounds, "times", json!({ "command": command, "times": TOGETHER }))?));
    }
    for (bytes, name) in BYTES {
        let pulls = if *bytes > 1_000_000 { 4 } else { TOGETHER };
        measured.push((
            format!("a pull of {name}"),
            times(turn, rounds, "pull", json!({ "bytes": bytes, "times": pulls }))?,
        ));
    }
    Ok(measured)
}

fn times(turn: &mut Turn<'_>, rounds: usize, job: &str, arg: serde_json::Value) -> Result<Vec<f64>> {
    (0..rounds).map(|_| turn.run.pages.call(&turn.windows[0], job, &arg)).collect()
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
