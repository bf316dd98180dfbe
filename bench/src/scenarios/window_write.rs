//! S4: a window writes.

use crate::{
    contender::Ability,
    report::{Section, Table, counted, dash, rows, spread},
    run::Run,
    state::Size,
    stats::ms,
};

/// A page's clock ticks once a ms, so only the mean of several writes is true.
const TOGETHER: usize = 10;

pub fn run(run: &mut Run) -> Section {
    let writes = run.plan.of(100, 40);
    let counts = run.plan.windows_up_to(8);
    for &windows in &counts {
        run.each(windows, Size::SMALL, Ability::Follow, |turn| {
            let others = turn.contender.can(Ability::WindowWrites);
            let mut promises = Vec::new();
            for n in 0..writes + 5 {
                turn.isolate();
                let (promise, shown) = turn.window_writes(others)?;
                if n >= 5 {
                    promises.push(promise);
                    if windows > 1 && others {
                        turn.add(windows, "shown", ms(shown));
                    }
                }
            }
            for together in promises.chunks_exact(TOGETHER) {
                turn.add(windows, "promise", together.iter().sum::<f64>() / TOGETHER as f64);
            }
            Ok(())
        });
    }

    let most = counts.iter().copied().max().unwrap_or(1);
    let columns = counts.iter().map(|windows| format!("its promise, {}", counted(*windows, "window")));
    let mut table = Table::new(
        ["ms".to_owned()]
            .into_iter()
            .chain(columns)
            .chain([format!("the others show it, {}", counted(most, "window"))]),
    );
    rows(&mut table, |id| {
        let has_promise = crate::contender::CONTENDERS.iter().any(|it| it.id() == id && it.can(Ability::Promise));
        let promises = counts.iter().map(|&windows| {
            if !has_promise {
                return dash();
            }
            spread(run.samples.spread((id, windows, "promise")), run.samples.median(("floor", windows, "promise")))
        });
        Some(promises.chain([spread(run.samples.spread((id, most, "shown")), None)]).collect())
    });
    Section {
        title: "S4: a window writes".to_owned(),
        text: format!(
            "One field of the 200 bytes, by the first window. The promise: by that page's clock, means of {TOGETHER} \
             writes, of which the median (quartiles); the floor is a bare async command. The others: from the moment at \
             which Rust tells the window to write. {writes} writes in each round."
        ),
        table,
    }
}
