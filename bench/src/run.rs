//! What all scenarios share: who has his turn when, and one contender's turn.

use crate::{
    contender::{Ability, CONTENDERS, Contender},
    pages::{PATIENCE, Page, Pages, Reading, Report},
    report::counted,
    state::Size,
    stats::ms,
};
use anyhow::{Context, Result};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    pub quick: bool,
    pub windows: Vec<usize>,
    pub repeat: usize,
    /// The ids of those that take part; all of them where there is none.
    pub contenders: Vec<&'static str>,
}

impl Plan {
    fn takes(&self, contender: &dyn Contender) -> bool {
        self.contenders.is_empty() || self.contenders.contains(&contender.id())
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

pub struct Run {
    pub pages: Pages,
    pub plan: Plan,
    /// Turns that came to nothing, and why.
    pub failures: Vec<String>,
    value: u64,
}

impl Run {
    pub fn new(pages: Pages, plan: Plan) -> Self {
        Self { pages, plan, failures: vec![], value: 0 }
    }

    /// Gives each contender that has the ability a turn with fresh windows, and all of them one after another as often as
    /// the plan says: so whatever else the machine does meanwhile meets all of them. Each round begins with another.
    pub fn each(
        &mut self,
        windows: usize,
        size: Size,
        ability: Ability,
        mut measure: impl FnMut(&mut Turn<'_>) -> Result<()>,
    ) {
        let takes = |it: &&dyn Contender| self.plan.takes(*it) && it.can(ability);
        let contenders: Vec<&dyn Contender> = CONTENDERS.iter().copied().filter(takes).collect();
        for round in 0..self.plan.repeat {
            for index in 0..contenders.len() {
                let contender = contenders[(round + index) % contenders.len()];
                eprintln!("  {}, round {}, {}", counted(windows, "window"), round + 1, contender.id());
                let outcome = self.turn(windows, size, contender, &mut measure);
                if let Err(error) = outcome {
                    let failure = format!("{} in {}: {error:#}", contender.name(), counted(windows, "window"));
                    eprintln!("  failed: {failure}");
                    self.failures.push(failure);
                }
            }
        }
    }

    pub fn turn<T>(
        &mut self,
        windows: usize,
        size: Size,
        contender: &'static dyn Contender,
        mut measure: impl FnMut(&mut Turn<'_>) -> Result<T>,
    ) -> Result<T> {
        self.value += 1;
        contender.load(&self.pages.app, size.document(self.value))?;
        let mut turn = Turn { run: self, contender, windows: vec![] };
        let outcome = turn.open(windows).and_then(|()| measure(&mut turn));
        let closed = turn.close();
        outcome.and_then(|measured| closed.map(|()| measured))
    }
}

/// One contender with its windows.
pub struct Turn<'a> {
    pub run: &'a mut Run,
    pub contender: &'static dyn Contender,
    pub windows: Vec<Page>,
}

impl Turn<'_> {
    fn open(&mut self, windows: usize) -> Result<()> {
        for n in 0..windows {
            let page = self.run.pages.open(&format!("w{n}"), self.contender)?;
            self.windows.push(page);
        }
        // What nobody asks for, the pages need not say.
        if self.contender.wait().is_some() { Ok(()) } else { self.report_from(0) }
    }

    /// Even if something went wrong, in which case not all of them are known here.
    fn close(&mut self) -> Result<()> {
        for page in std::mem::take(&mut self.windows) {
            self.run.pages.close(&page)?;
        }
        self.run.pages.close_all()
    }

    pub fn id(&self) -> &'static str {
        self.contender.id()
    }

    pub fn next_value(&mut self) -> u64 {
        self.run.value += 1;
        self.run.value
    }

    /// What the last of so many writes from now on will write.
    pub fn last_value_of(&self, writes: usize) -> u64 {
        self.run.value + writes as u64
    }

    /// Writes by Rust, which no window is waited for.
    pub fn write(&mut self) -> Result<u64> {
        let value = self.next_value();
        self.contender.write(&self.run.pages.app, value)?;
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
            Some(wait) => wait(&self.run.pages.app).map(|()| Instant::now()),
            None => self.run.pages.all_show(&self.windows, value, PATIENCE),
        }
    }

    pub fn value(&self) -> Result<u64> {
        self.contender.value(&self.run.pages.app)
    }

    /// Writes that come one by one: whatever paces a contender's messages has run out before each.
    pub fn isolate(&self) {
        thread::sleep(Duration::from_millis(22 + self.run.value % 7));
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
        self.run.pages.call_all::<()>(&self.windows, "reportFrom", value).map(drop)
    }

    /// Begins to note what reaches the windows; `weigh` costs time.
    pub fn measure(&mut self, weigh: bool, stalls: bool) -> Result<()> {
        self.run.pages.call_all::<()>(&self.windows, "measure", json!({ "weigh": weigh, "stalls": stalls })).map(drop)
    }

    pub fn read(&mut self) -> Result<Vec<Reading>> {
        self.run.pages.call_all(&self.windows, "read", ())
    }

    /// Each window has done all that it was told before.
    pub fn queues_are_empty(&mut self) -> Result<Instant> {
        self.run.pages.call_all::<()>(&self.windows, "ping", ())?;
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
        let call = self.run.pages.begin(writer, "timedWrite", value)?;
        let mut missing: Vec<&str> = others.iter().filter(|_| others_show_it).map(|page| &*page.label).collect();
        let (mut took, mut last) = (None, start);
        self.run.pages.wait(PATIENCE, |report| {
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

/// How long a job takes, in ms.
pub fn timed<T>(job: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let start = Instant::now();
    let done = job()?;
    Ok((ms(start.elapsed()), done))
}
