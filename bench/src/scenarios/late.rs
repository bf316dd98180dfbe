//! S6: a window that is opened late.

use crate::{
    contender::Ability,
    report::{Section, Table, or_dash, rows, spread},
    run::Run,
    state::Size,
};

pub fn run(run: &mut Run) -> Section {
    let times = run.plan.of(10, 4);
    for (size, bytes) in [(Size::SMALL, 200), (Size::DOCUMENT, 1_000_000)] {
        run.each(1, size, Ability::Start, |turn| {
            let contender = turn.contender;
            for _ in 0..times {
                let late = turn.pages.open("late1", contender)?;
                turn.pages.close(&late)?;
                let started = &late.started;
                turn.add(bytes, "loaded", started.content_loaded);
                turn.add(bytes, "after", started.first_state - started.content_loaded);
                turn.add(bytes, "script", started.first_state - started.script_start);
            }
            Ok(())
        });
    }

    let mut table = Table::new([
        "ms",
        "200 B: DOMContentLoaded",
        "first state, after that",
        "1 MB: DOMContentLoaded",
        "first state, after that",
        "first state, after the script began",
    ]);
    rows(&mut table, |id| {
        let key = |bytes, what| (id, bytes, what);
        let plain = |bytes, what| spread(run.samples.spread(key(bytes, what)), None);
        Some(vec![
            or_dash(run.samples.median(key(200, "loaded"))),
            plain(200, "after"),
            or_dash(run.samples.median(key(1_000_000, "loaded"))),
            plain(1_000_000, "after"),
            spread(run.samples.spread(key(1_000_000, "script")), run.samples.median(("floor", 1_000_000, "script"))),
        ])
    });
    Section {
        title: "S6: a window that is opened late".to_owned(),
        text: format!(
            "By the page's own clock, which ticks once a ms; {times} windows in each round. Below zero is before \
             DOMContentLoaded. The floor is a bare pull of text that is ready."
        ),
        table,
    }
}
