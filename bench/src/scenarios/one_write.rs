//! S1: one small write.

use crate::{
    contender::Ability,
    process::cpu_time,
    report::{Section, Table, rows, spread},
    run::Run,
    state::Size,
    stats::ms,
};

pub fn run(run: &mut Run) -> Section {
    let writes = run.plan.of(100, 30);
    let counts = run.plan.windows.clone();
    for &windows in &counts {
        run.each(windows, Size::SMALL, Ability::Know, |turn| {
            turn.warm_up(5)?;
            let cpu = cpu_time()?;
            for _ in 0..writes {
                turn.isolate();
                let took = turn.write_and_see()?;
                turn.add(windows, "ms", ms(took));
            }
            turn.add(windows, "cpu", ms(cpu_time()? - cpu) / writes as f64);
            Ok(())
        });
    }

    let most = counts.iter().copied().max().unwrap_or(1);
    let columns = counts.iter().map(|windows| match windows {
        1 => "1 window".to_owned(),
        windows => windows.to_string(),
    });
    let mut table =
        Table::new(["ms".to_owned()].into_iter().chain(columns).chain([format!("CPU ms per write at {most}")]));
    rows(&mut table, |id| {
        let cell = |windows, what| {
            spread(run.samples.spread((id, windows, what)), run.samples.median(("floor", windows, what)))
        };
        let times: Vec<String> = counts.iter().map(|windows| cell(*windows, "ms")).collect();
        Some(times.into_iter().chain([cell(most, "cpu")]).collect())
    });
    Section {
        title: "S1: one small write".to_owned(),
        text: format!(
            "From a write of 200 bytes by Rust until Rust knows that the last window shows it: pages report it by a small \
             command; by `delivered`, Lockstep knows by itself. Median (quartiles) of {writes} writes in \
             each round, 22 to 28 ms apart, and as a multiple of the floor. CPU: of all processes of the app."
        ),
        table,
    }
}
