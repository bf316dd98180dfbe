//! How a write's cost grows with the state.

use super::document::writes_of;
use crate::{
    contender::Ability,
    report::{Section, Table, dash, number, rows, whole},
    run::Run,
    state::Size,
};

pub fn by_bytes(run: &mut Run) -> Section {
    let sizes: Vec<(usize, Size)> = [1_000, 10_000, 100_000, 1_000_000, 10_000_000]
        .into_iter()
        .take(run.plan.of(5, 4))
        .map(|bytes| (bytes, Size::of_bytes(bytes)))
        .collect();
    curve(run, &sizes, "B", "Growth with the size: five entities, of which one field is written".to_owned())
}

pub fn by_entities(run: &mut Run) -> Section {
    let sizes: Vec<(usize, Size)> = [10, 100, 1_000, 10_000, 100_000]
        .into_iter()
        .take(run.plan.of(5, 4))
        .map(|entities| (entities, Size::of_entities(entities)))
        .collect();
    curve(run, &sizes, "entities", "Growth with the number of entities, of 200 B each".to_owned())
}

fn curve(run: &mut Run, sizes: &[(usize, Size)], unit: &str, title: String) -> Section {
    let writes = run.plan.of(20, 8);
    for &(amount, size) in sizes {
        run.each(1, size, Ability::Follow, |turn| {
            for time in writes_of(turn, writes)? {
                turn.add(amount, "ms", time);
            }
            let bytes = turn.bytes_per_write(1)?;
            turn.add(amount, "bytes", bytes);
            Ok(())
        });
    }
    let columns = sizes.iter().map(|(amount, _)| format!("{} {unit}", whole(*amount as f64)));
    let mut table = Table::new([String::new()].into_iter().chain(columns));
    rows(&mut table, |id| {
        let cells = sizes.iter().map(|&(amount, _)| {
            let Some(ms) = run.samples.median((id, amount, "ms")) else { return dash() };
            let bytes = run.samples.median((id, amount, "bytes")).map_or_else(dash, whole);
            format!("{} ({bytes})", number(ms))
        });
        Some(cells.collect())
    });
    Section {
        title,
        text: "In one window: ms until it shows a write (bytes that reach it), medians.".to_owned(),
        table,
    }
}
