//! Real windows, and what their pages report. Times are taken here, on the Rust clock, when a report arrives.

use crate::{contender::Contender, contenders::zustand::ZustandId};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json};
use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};
use tauri::{AppHandle, Manager, State, Webview, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

/// How long anything may take before it counts as lost.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What a job in a page came to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Ok(Value),
    Error(String),
}

impl Outcome {
    pub fn into_result(self) -> Result<Value> {
        match self {
            Self::Ok(value) => Ok(value),
            Self::Error(message) => bail!(message),
        }
    }
}

/// What a page has reported.
#[derive(Debug)]
pub enum Report {
    /// Its script begins.
    Starting { life: u64 },
    /// It follows the state.
    Ready { life: u64, outcome: Outcome },
    /// The probe has this value.
    Shown { label: String, value: u64, at: Instant },
    /// A job is done.
    Done { id: u64, outcome: Outcome },
}

pub type Reports = Sender<Report>;

#[tauri::command]
pub fn starting(reports: State<'_, Reports>, life: u64) {
    drop(reports.send(Report::Starting { life }));
}

#[tauri::command]
pub fn ready(reports: State<'_, Reports>, life: u64, outcome: Outcome) {
    drop(reports.send(Report::Ready { life, outcome }));
}

#[tauri::command]
pub fn shown(webview: Webview, reports: State<'_, Reports>, value: u64) {
    let at = Instant::now();
    drop(reports.send(Report::Shown { label: webview.label().to_owned(), value, at }));
}

#[tauri::command]
pub fn reported(reports: State<'_, Reports>, id: u64, outcome: Outcome) {
    drop(reports.send(Report::Done { id, outcome }));
}

/// How a page started, by its own clock, in ms since it began to load.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    pub script_start: f64,
    pub content_loaded: f64,
    pub first_state: f64,
    /// In which ways the contender counts.
    pub ways: Vec<String>,
}

/// What has reached a page since it was told to measure.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    pub messages: f64,
    pub bytes: f64,
    pub longest_stall: f64,
    pub callbacks: f64,
}

pub struct Page {
    pub label: String,
    pub started: Started,
    window: WebviewWindow,
}

impl Page {
    pub fn eval_with_callback(&self, script: &str, callback: impl Fn(String) + Send + 'static) -> Result<()> {
        Ok(self.window.eval_with_callback(script, callback)?)
    }
}

/// A page that has been told to load.
pub struct Loading {
    pub life: u64,
    window: WebviewWindow,
}

/// Opens windows and talks to them.
pub struct Pages {
    pub app: AppHandle,
    reports: Receiver<Report>,
    lives: u64,
    calls: u64,
}

impl Pages {
    pub fn new(app: AppHandle, reports: Receiver<Report>) -> Self {
        Self { app, reports, lives: 0, calls: 0 }
    }

    /// Opens a window for a contender, and waits until it follows.
    pub fn open(&mut self, label: &str, contender: &dyn Contender) -> Result<Page> {
        let loading = self.begin_to_open(label, contender)?;
        self.loaded(loading)
    }

    pub fn begin_to_open(&mut self, label: &str, contender: &dyn Contender) -> Result<Loading> {
        let (life, path) = self.next_life(contender);
        // Side by side, so that none is hidden by another.
        let place = label.bytes().filter(u8::is_ascii_digit).fold(0_u32, |n, digit| n * 10 + u32::from(digit - b'0'));
        let window = WebviewWindowBuilder::new(&self.app, label, WebviewUrl::App(path.into()))
            .title(label)
            .inner_size(180.0, 140.0)
            .position(f64::from(place % 8 * 195), f64::from(place / 8 % 6 * 160))
            .build()?;
        Ok(Loading { life, window })
    }

    /// Reloads a page for the contender.
    pub fn begin_to_reload(&mut self, page: &Page, contender: &dyn Contender) -> Result<Loading> {
        let (life, path) = self.next_life(contender);
        page.window.eval(format!("location.replace({})", json!(path)))?;
        Ok(Loading { life, window: page.window.clone() })
    }

    fn next_life(&mut self, contender: &dyn Contender) -> (u64, String) {
        self.lives += 1;
        let store = self.app.state::<ZustandId>().current();
        (self.lives, format!("index.html?contender={}&life={}&store={store}", contender.id(), self.lives))
    }

    /// Waits until it follows.
    pub fn loaded(&mut self, Loading { life, window }: Loading) -> Result<Page> {
        let mut progress = "its script has not begun";
        let outcome = self.wait(PATIENCE, |report| match report {
            Report::Ready { life: of, outcome } if of == life => Some(outcome),
            Report::Starting { life: of } if of == life => {
                progress = "its script has begun";
                None
            }
            _ => None,
        });
        let label = window.label().to_owned();
        let why = || format!("{label} does not start: {progress}");
        let started = outcome.and_then(Outcome::into_result).with_context(why)?;
        Ok(Page { label, started: from_value(started)?, window })
    }

    /// Waits until all follow, whichever is first.
    pub fn all_loaded(&mut self, loading: Vec<Loading>) -> Result<Vec<Page>> {
        let mut started = BTreeMap::new();
        while loading.iter().any(|page| !started.contains_key(&page.life)) {
            let (life, outcome) = self.wait(PATIENCE, |report| match report {
                Report::Ready { life, outcome } => Some((life, outcome)),
                _ => None,
            })?;
            started.insert(life, outcome.into_result()?);
        }
        let page = |Loading { life, window }: Loading| {
            let started = from_value(started.remove(&life).context("it has not started")?)?;
            Ok(Page { label: window.label().to_owned(), started, window })
        };
        loading.into_iter().map(page).collect()
    }

    /// Closes a window, and returns when it is gone.
    pub fn close(&mut self, page: &Page) -> Result<()> {
        self.end(&page.window)
    }

    /// Closes whatever is open.
    pub fn close_all(&mut self) -> Result<()> {
        self.app.webview_windows().values().try_for_each(|window| self.end(window))
    }

    fn end(&self, window: &WebviewWindow) -> Result<()> {
        window.destroy()?;
        let deadline = Instant::now() + PATIENCE;
        while self.app.get_webview_window(window.label()).is_some() {
            if Instant::now() > deadline {
                bail!("{} does not close", window.label());
            }
            // Nothing tells a thread that a window is gone.
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Begins a job in a page.
    pub fn begin(&mut self, page: &Page, job: &str, arg: impl Serialize) -> Result<u64> {
        self.calls += 1;
        let id = self.calls;
        page.window.eval(format!("bench.call({id},{},{})", json!(job), json!(arg)))?;
        Ok(id)
    }

    /// Waits for what it came to.
    pub fn outcome<T: DeserializeOwned>(&mut self, id: u64) -> Result<T> {
        let outcome = self.wait(PATIENCE, |report| match report {
            Report::Done { id: of, outcome, .. } if of == id => Some(outcome),
            _ => None,
        });
        Ok(from_value(outcome.and_then(Outcome::into_result)?)?)
    }

    /// Does a job in a page.
    pub fn call<T: DeserializeOwned>(&mut self, page: &Page, job: &str, arg: impl Serialize) -> Result<T> {
        let id = self.begin(page, job, arg)?;
        self.outcome(id)
    }

    /// Does a job in all pages at once.
    pub fn call_all<T: DeserializeOwned>(&mut self, pages: &[Page], job: &str, arg: impl Serialize) -> Result<Vec<T>> {
        let ids = pages.iter().map(|page| self.begin(page, job, &arg)).collect::<Result<Vec<_>>>()?;
        let mut outcomes = BTreeMap::new();
        while ids.iter().any(|id| !outcomes.contains_key(id)) {
            let (id, outcome) = self.wait(PATIENCE, |report| match report {
                Report::Done { id, outcome, .. } => Some((id, outcome)),
                _ => None,
            })?;
            outcomes.insert(id, outcome.into_result()?);
        }
        ids.iter().map(|id| Ok(from_value(outcomes.remove(id).context("no outcome")?)?)).collect()
    }

    /// When the last of these windows showed the value; an error with those that never did.
    pub fn all_show(&mut self, pages: &[Page], value: u64, patience: Duration) -> Result<Instant> {
        let mut missing: Vec<&str> = pages.iter().map(|page| &*page.label).collect();
        let deadline = Instant::now() + patience;
        let mut last = Instant::now();
        while !missing.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            let (label, at) = self
                .wait(left, |report| match report {
                    Report::Shown { label, value: shown, at } if shown == value => Some((label, at)),
                    _ => None,
                })
                .with_context(|| format!("{} never showed {value}", missing.join(", ")))?;
            missing.retain(|page| *page != label);
            last = at;
        }
        Ok(last)
    }

    /// The next report that this makes something of; others are dropped.
    pub fn wait<T>(&mut self, patience: Duration, mut wanted: impl FnMut(Report) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            match self.reports.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(report) => {
                    if let Some(found) = wanted(report) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("nothing came for {patience:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the app has ended"),
            }
        }
    }
}
