//! S5: two windows count at once.

use crate::{
    contender::{Ability, CONTENDERS},
    report::{Section, Table, whole},
    run::Run,
    state::Size,
};
use anyhow::Result;
use serde_json::json;
use std::{collections::BTreeMap, thread, time::Duration};

/// What a window has written without a promise is on its way this long at most.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

pub fn run(run: &mut Run) -> Result<Section> {
    let times = run.plan.of(500, 200);
    let mut counted: BTreeMap<(&str, String), Vec<u64>> = BTreeMap::new();
    run.each(2, Size::SMALL, Ability::WindowWrites, |turn| {
        turn.report_from(u64::from(u32::MAX))?;
        let ways = turn.windows[0].started.ways.clone();
        for way in ways {
            let before = turn.value()?;
            turn.run.pages.call_all::<()>(&turn.windows, "count", json!({ "way": way, "times": times }))?;
            thread::sleep(ON_ITS_WAY);
            counted.entry((turn.contender.name(), way)).or_default().push(turn.value()?.saturating_sub(before));
        }
        Ok(())
    });

    let mut table = Table::new(["", "by", "it is then"]);
    for contender in CONTENDERS {
        for ((name, way), ends) in counted.iter().filter(|((name, _), _)| *name == contender.name()) {
            let ends: Vec<String> = ends.iter().map(|end| whole(*end as f64)).collect();
            table.row([(*name).to_owned(), way.clone(), ends.join(", ")]);
        }
    }
    Ok(Section {
        title: "S5: two windows count".to_owned(),
        text: format!(
            "Each {times} times, at once, one by one, in the ordinary way to write; {} is right. One number for each round.",
            whole((times * 2) as f64)
        ),
        table,
    })
}
