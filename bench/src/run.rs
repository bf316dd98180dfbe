//! What all scenarios share: who has his turn when, and one contender's turn.

use crate::{
    apart::Order,
    contender::{Ability, CONTENDERS, Contender},
    pages::{PATIENCE, Page, Pages, Reading, Report},
    report::{Section, counted},
    state::Size,
    stats::Samples,
};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How much is measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub quick: bool,
    pub windows: Vec<usize>,
    pub repeat: usize,
    /// The ids of those that take part; all of them where there is none.
    pub contenders: Vec<String>,
}

impl Plan {
    fn takes(&self, contender: &dyn Contender) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|id| id == contender.id())
    }

    /// A number for the whole run, or one for the quick one.
    pub fn of(&self, whole: usize, quick: usize) -> usize {
        if self.quick { quick } else { whole }
    }

    /// The numbers of windows up to this one; where all are greater, this one.
    pub fn windows_up_to(&self, most: usize) -> Vec<usize> {
        let fitting: Vec<usize> = self.windows.iter().copied().filter(|windows| *windows <= most).collect();
        if fitting.is_empty() { vec![most] } else { fitting }
    }

    pub fn most_windows_up_to(&self, most: usize) -> usize {
        self.windows_up_to(most).into_iter().max().unwrap_or(most)
    }
}

/// A scenario, either as who reports it, or in an app that takes one of its turns.
pub struct Run {
    pub plan: Plan,
    pub samples: Samples,
    /// Turns that came to nothing, and why.
    pub failures: Vec<String>,
    scenario: String,
    groups: usize,
    place: Place,
}

enum Place {
    /// Turns are taken elsewhere.
    Report,
    /// This one is taken here.
    App(Box<Pages>, Order),
    /// It has been.
    Done(Result<()>),
}

impl Run {
    pub fn report(scenario: &str, plan: &Plan) -> Self {
        Self::new(scenario.to_owned(), plan.clone(), Place::Report)
    }

    fn new(scenario: String, plan: Plan, place: Place) -> Self {
        Self { plan, samples: Samples::default(), failures: vec![], scenario, groups: 0, place }
    }

    /// Takes the turn that is ordered.
    pub fn take(pages: Pages, order: Order, scenario: fn(&mut Run) -> Section) -> Result<Samples> {
        let mut run = Self::new(order.scenario.clone(), order.plan.clone(), Place::App(Box::new(pages), order));
        scenario(&mut run);
        match run.place {
            Place::Done(outcome) => outcome.map(|()| run.samples),
            _ => bail!("there is no such turn"),
        }
    }

    /// Gives each contender that has the ability a turn with fresh windows in a fresh app, and all of them one after
    /// another as often as the plan says: so whatever else the machine does meanwhile meets all of them. Each round begins
    /// with another.
    pub fn each(
        &mut self,
        windows: usize,
        size: Size,
        ability: Ability,
        measure: impl FnOnce(&mut Turn<'_>) -> Result<()>,
    ) {
        let takes = |it: &&dyn Contender| self.plan.takes(*it) && it.can(ability);
        let contenders: Vec<&dyn Contender> = CONTENDERS.iter().copied().filter(takes).collect();
        self.group(windows, size, &contenders, measure);
    }

    /// Gives the floor turns.
    pub fn floor(&mut self, windows: usize, size: Size, measure: impl FnOnce(&mut Turn<'_>) -> Result<()>) {
        self.group(windows, size, &CONTENDERS[..1], measure);
    }

    fn group(
        &mut self,
        windows: usize,
        size: Size,
        contenders: &[&'static dyn Contender],
        measure: impl FnOnce(&mut Turn<'_>) -> Result<()>,
    ) {
        let group = self.groups;
        self.groups += 1;
        match std::mem::replace(&mut self.place, Place::Report) {
            Place::Report => self.order_all(group, windows, contenders),
            Place::App(pages, order) if order.group == group => {
                let contender = contenders.iter().find(|it| it.id() == order.contender);
                let outcome = contender.context("it has no turn").and_then(|contender| {
                    contender.load(&pages.app, size.document(1))?;
                    let (samples, value) = (&mut self.samples, 1);
                    let mut turn = Turn { contender: *contender, windows: vec![], pages: *pages, samples, value };
                    turn.open(windows).and_then(|()| measure(&mut turn))
                });
                self.place = Place::Done(outcome);
            }
            elsewhere => self.place = elsewhere,
        }
    }

    fn order_all(&mut self, group: usize, windows: usize, contenders: &[&'static dyn Contender]) {
        for round in 0..self.plan.repeat {
            for index in 0..contenders.len() {
                let contender = contenders[(round + index) % contenders.len()];
                eprintln!("  {}, round {}, {}", counted(windows, "window"), round + 1, contender.id());
                match Order::place(&self.scenario, group, contender.id(), &self.plan) {
                    Ok(samples) => self.samples.append(samples),
                    Err(error) => {
                        let failure = format!("{} in {}: {error:#}", contender.name(), counted(windows, "window"));
                        eprintln!("  failed: {failure}");
                        self.failures.push(failure);
                    }
                }
            }
        }
    }
}

/// One contender with its windows, in an app that is there for this.
pub struct Turn<'a> {
    pub contender: &'static dyn Contender,
    pub windows: Vec<Page>,
    pub pages: Pages,
    samples: &'a mut Samples,
    value: u64,
}

impl Turn<'_> {
    fn open(&mut self, windows: usize) -> Result<()> {
        for n in 0..windows {
            let page = self.pages.open(&format!("w{n}"), self.contender)?;
            self.windows.push(page);
        }
        // What nobody asks for, the pages need not say.
        if self.contender.wait().is_some() { Ok(()) } else { self.report_from(0) }
    }

    /// Notes what was measured, in how many windows or of how much.
    pub fn add(&mut self, amount: usize, what: &str, value: f64) {
        self.samples.add((self.contender.id(), amount, what), value);
    }

    pub fn next_value(&mut self) -> u64 {
        self.value += 1;
        self.value
    }

    /// What the last of so many writes from now on will write.
    pub fn last_value_of(&self, writes: usize) -> u64 {
        self.value + writes as u64
    }

    /// Writes by Rust, which no window is waited for.
    pub fn write(&mut self) -> Result<u64> {
        let value = self.next_value();
        self.contender.write(&self.pages.app, value)?;
        Ok(value)
    }

    /// Writes by Rust, and waits until all windows show it.
    pub fn write_and_see(&mut self) -> Result<Duration> {
        let start = Instant::now();
        let value = self.write()?;
        Ok(self.all_show(value)?.duration_since(start))
    }

    pub fn all_show(&mut self, value: u64) -> Result<Instant> {
        match self.contender.wait() {
            Some(wait) => wait(&self.pages.app).map(|()| Instant::now()),
            None => self.pages.all_show(&self.windows, value, PATIENCE),
        }
    }

    pub fn value(&self) -> Result<u64> {
        self.contender.value(&self.pages.app)
    }

    /// Writes that come one by one: whatever paces a contender's messages has run out before each.
    pub fn isolate(&self) {
        thread::sleep(Duration::from_millis(22 + self.value % 7));
    }

    /// So that code which runs for the first time is not measured.
    pub fn warm_up(&mut self, writes: usize) -> Result<()> {
        for _ in 0..writes {
            self.isolate();
            self.write_and_see()?;
        }
        Ok(())
    }

    /// From which value on windows say what they show.
    pub fn report_from(&mut self, value: u64) -> Result<()> {
        self.pages.call_all::<()>(&self.windows, "reportFrom", value).map(drop)
    }

    /// Begins to note what reaches the windows; `weigh` costs time.
    pub fn measure(&mut self, weigh: bool, stalls: bool) -> Result<()> {
        self.pages.call_all::<()>(&self.windows, "measure", json!({ "weigh": weigh, "stalls": stalls })).map(drop)
    }

    pub fn read(&mut self) -> Result<Vec<Reading>> {
        self.pages.call_all(&self.windows, "read", ())
    }

    /// Each window has done all that it was told before.
    pub fn queues_are_empty(&mut self) -> Result<Instant> {
        self.pages.call_all::<()>(&self.windows, "ping", ())?;
        Ok(Instant::now())
    }

    /// The characters that one write brings to a window.
    pub fn bytes_per_write(&mut self, writes: usize) -> Result<f64> {
        self.measure(true, false)?;
        for _ in 0..writes {
            self.isolate();
            self.write_and_see()?;
        }
        let bytes: f64 = self.read()?.iter().map(|reading| reading.bytes).sum();
        self.measure(false, false)?;
        Ok(bytes / (writes * self.windows.len()) as f64)
    }

    /// A write by the first window: how long its promise took by its own clock, in ms, and until all others show it,
    /// if they are to.
    pub fn window_writes(&mut self, others_show_it: bool) -> Result<(f64, Duration)> {
        let value = self.next_value();
        let start = Instant::now();
        let (writer, others) = self.windows.split_first().context("no window")?;
        let call = self.pages.begin(writer, "timedWrite", value)?;
        let mut missing: Vec<&str> = others.iter().filter(|_| others_show_it).map(|page| &*page.label).collect();
        let (mut took, mut last) = (None, start);
        self.pages.wait(PATIENCE, |report| {
            match report {
                Report::Shown { label, value: shown, at } if shown == value && missing.contains(&&*label) => {
                    missing.retain(|other| *other != label);
                    last = at;
                }
                Report::Done { id, outcome, .. } if id == call => took = Some(outcome),
                _ => {}
            }
            (took.is_some() && missing.is_empty()).then_some(())
        })?;
        let took = took.context("no outcome")?.into_result()?;
        Ok((took.as_f64().context("not a time")?, last.duration_since(start)))
    }
}
