//! A long run of one contender alone, Lockstep where none is named: whether anything grows.

use crate::{
    contender::Contender,
    pages::{PATIENCE, Page, Pages},
    process::{Memory, cpu_time, memory},
    report::{Section, Table, number},
    state::Size,
};
use anyhow::Result;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tauri::AppHandle;
use tauri_plugin_lockstep::LockstepExt;

const WINDOWS: usize = 8;
const WRITES_PER_SECOND: u64 = 100;
/// How often a window is reloaded, or closed and opened.
const DISTURBED_EVERY: Duration = Duration::from_secs(2);
/// How long Lockstep remembers pages that are gone.
const GRACE: Duration = Duration::from_secs(60);
/// What memory may vary by, as a share and in MB.
const TOLERANCE: (f64, f64) = (0.1, 20.0);

struct Sample {
    at: Duration,
    memory: Memory,
    /// Processors used since the sample before.
    processors: f64,
    sessions: usize,
    remembered: usize,
    /// The most callbacks that a page has.
    callbacks: f64,
}

/// Says whether nothing grew.
pub fn soak(mut pages: Pages, contender: &'static dyn Contender, length: Duration) -> Result<bool> {
    let app = pages.app.clone();
    contender.load(&app, Size::SMALL.document(0))?;
    let mut windows = Vec::new();
    for n in 0..WINDOWS {
        windows.push(pages.open(&format!("w{n}"), contender)?);
    }
    let writer = Writer::start(app.clone(), contender);
    let outcome = samples(&mut pages, contender, &mut windows, length);
    let last = writer.stop()?;
    let (samples, ended) = outcome?;

    // Whatever has happened to them, all show the last write.
    let final_value = last + 1;
    pages.call_all::<()>(&windows, "reportFrom", final_value)?;
    contender.write(&app, final_value)?;
    pages.all_show(&windows, final_value, PATIENCE)?;

    println!("{}", table(&samples, length).render());
    let faults = faults(&samples, ended);
    for fault in &faults {
        println!("- {fault}");
    }
    if faults.is_empty() {
        println!("Nothing grew: {ended} pages have ended, {last} writes were made, and all windows show the last.");
    }
    pages.close_all()?;
    Ok(faults.is_empty())
}

/// Writes at a steady rate, from a thread of its own.
struct Writer {
    done: Arc<AtomicBool>,
    last: Arc<AtomicU64>,
    thread: thread::JoinHandle<Result<()>>,
}

impl Writer {
    fn start(app: AppHandle, contender: &'static dyn Contender) -> Self {
        let (done, last) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_done, written) = (Arc::clone(&done), Arc::clone(&last));
        let thread = thread::spawn(move || {
            let start = Instant::now();
            for value in 1.. {
                if is_done.load(Ordering::Relaxed) {
                    break;
                }
                contender.write(&app, value)?;
                written.store(value, Ordering::Relaxed);
                let due = Duration::from_millis(1_000 * value / WRITES_PER_SECOND);
                thread::sleep(due.saturating_sub(start.elapsed()));
            }
            Ok(())
        });
        Self { done, last, thread }
    }

    /// What it wrote last.
    fn stop(self) -> Result<u64> {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|_| anyhow::bail!("the writer has panicked"))?;
        Ok(self.last.load(Ordering::Relaxed))
    }
}

/// Disturbs windows, and looks thirty times; says how many pages have ended, too.
fn samples(
    pages: &mut Pages,
    contender: &dyn Contender,
    windows: &mut [Page],
    length: Duration,
) -> Result<(Vec<Sample>, usize)> {
    let start = Instant::now();
    let mut samples: Vec<Sample> = Vec::new();
    let (mut cpu, mut looked, mut ended) = (cpu_time()?, start, 0);
    while start.elapsed() < length {
        thread::sleep(DISTURBED_EVERY);
        let unlucky = ended % WINDOWS;
        disturb(pages, contender, &mut windows[unlucky], ended)?;
        ended += 1;
        if looked.elapsed() < length / 30 {
            continue;
        }
        let used = cpu_time()?;
        // A closed window takes its time along.
        let processors = used.saturating_sub(cpu).as_secs_f64() / looked.elapsed().as_secs_f64();
        (cpu, looked) = (used, Instant::now());
        let stats = pages.app.lockstep().stats();
        let callbacks = pages.call_all::<crate::pages::Reading>(windows, "read", ())?;
        samples.push(Sample {
            at: start.elapsed(),
            memory: memory()?,
            processors,
            sessions: stats.sessions,
            remembered: stats.remembered_writes,
            callbacks: callbacks.iter().map(|reading| reading.callbacks).fold(0.0, f64::max),
        });
    }
    Ok((samples, ended))
}

/// Ends a page, and makes another in its place: of each window by turns in the same process, and in another.
///
/// No window is only ever reloaded: WebKitGTK 2.50 kills the process of such a one when about 400 others have come and
/// gone, also where no page uses Lockstep.
fn disturb(pages: &mut Pages, contender: &dyn Contender, page: &mut Page, nth: usize) -> Result<()> {
    let loading = if (nth + nth / WINDOWS).is_multiple_of(2) {
        pages.begin_to_reload(page, contender)?
    } else {
        pages.close(page)?;
        pages.begin_to_open(&page.label, contender)?
    };
    *page = pages.loaded(loading)?;
    // It writes, too, so that the backend has something to remember.
    let _: f64 = pages.call(page, "timedWrite", 0)?;
    Ok(())
}

fn table(samples: &[Sample], length: Duration) -> Section {
    let mut table = Table::new([
        "s",
        "Rust, MB",
        "web, MB",
        "web processes",
        "processors",
        "sessions",
        "remembered writes",
        "callbacks",
    ]);
    for sample in samples {
        table.row([
            number(sample.at.as_secs_f64()),
            number(sample.memory.rust),
            number(sample.memory.web),
            sample.memory.web_processes.to_string(),
            number(sample.processors),
            sample.sessions.to_string(),
            sample.remembered.to_string(),
            number(sample.callbacks),
        ]);
    }
    Section {
        title: format!("Soak: {} s of {WRITES_PER_SECOND} writes a second over {WINDOWS} windows", length.as_secs()),
        text: format!(
            "Every {} s a window is reloaded, or closed and opened, and its new page writes.",
            DISTURBED_EVERY.as_secs()
        ),
        table,
    }
}

/// What has grown. The first third is for warming up; the second is compared with the last.
fn faults(samples: &[Sample], ended: usize) -> Vec<String> {
    let third = samples.len() / 3;
    let (middle, end) = (&samples[third..2 * third], &samples[2 * third..]);
    let mut faults = Vec::new();
    let mut grew = |what: &str, of: &dyn Fn(&Sample) -> f64, (share, amount): (f64, f64)| {
        // Not the median: what is measured while a page reloads and while one opens is not the same, and takes turns.
        let mean = |samples: &[Sample]| samples.iter().map(of).sum::<f64>() / samples.len() as f64;
        let (before, after) = (mean(middle), mean(end));
        // Where there is nothing to compare, this is not known.
        let stayed = after <= before * (1.0 + share) + amount;
        if !stayed {
            faults.push(format!("{what} grew from {} to {}", number(before), number(after)));
        }
    };
    grew("the memory of Rust, in MB,", &|sample| sample.memory.rust, TOLERANCE);
    grew("the memory of the web processes, in MB,", &|sample| sample.memory.web, TOLERANCE);
    grew("the time of the processors", &|sample| sample.processors, (0.25, 0.05));
    grew("the callbacks of a page", &|sample| sample.callbacks, (0.0, 8.0));
    // Those that are there, and those that have ended in the grace.
    let most = WINDOWS + (GRACE.as_secs() / DISTURBED_EVERY.as_secs()) as usize + 2;
    for (what, of) in [
        ("sessions", (&|sample: &Sample| sample.sessions) as &dyn Fn(&Sample) -> usize),
        ("remembered writes", &|sample| sample.remembered),
    ] {
        if let Some(found) = samples.iter().map(of).max().filter(|found| *found > most) {
            faults.push(format!("there were {found} {what}, where {most} are the most ({ended} pages have ended)"));
        }
    }
    faults
}
