//! One running app, and the WebDriver session that controls it.

use crate::{
    driver::Driver,
    process::Process,
    screen::save_screen,
    target,
    wait::wait_until,
    window::{Page, Window},
};
use anyhow::{Context, Result, bail};
use fantoccini::{Client, ClientBuilder, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

/// Which app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `e2e/app`: made for tests.
    Test,
    /// `examples/two-windows`.
    TwoWindows,
    /// `examples/react-tasks`.
    ReactTasks,
    /// `examples/vue-pinia`.
    VuePinia,
}

impl Binary {
    const ALL: [Self; 4] = [Self::Test, Self::TwoWindows, Self::ReactTasks, Self::VuePinia];

    pub(crate) fn path(self) -> PathBuf {
        target().join("debug").join(self.package())
    }

    fn package(self) -> &'static str {
        match self {
            Self::Test => "lockstep-e2e-app",
            Self::TwoWindows => "two-windows",
            Self::ReactTasks => "react-tasks",
            Self::VuePinia => "vue-pinia",
        }
    }
}

/// Cargo builds what is out of date: once in the life of this process. It is the same command as xtask's, so that the
/// same features are chosen and nothing is built twice.
pub(crate) fn build() -> Result<()> {
    static BUILT: OnceLock<bool> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet"]).current_dir(crate::root());
        for binary in Binary::ALL {
            cargo.args(["-p", binary.package()]);
        }
        cargo.status().is_ok_and(|status| status.success())
    });
    if !built {
        bail!("the apps could not be built: see what `cargo build` says of them");
    }
    Ok(())
}

/// A running app. Its windows are found by their labels.
pub struct App {
    page: Page,
    // Dropped last: it takes everything with it.
    driver: Driver,
    name: String,
    binary: Binary,
}

impl App {
    /// Starts it with nothing kept from earlier runs, and waits until the window `main` is there.
    pub(crate) async fn start(binary: Binary, name: &str) -> Result<Self> {
        Self::start_with(binary, name, &empty_data(name)?).await
    }

    /// Starts it with what it has kept in this folder, and waits until the window `main` is there.
    pub async fn start_with(binary: Binary, name: &str, data: &Path) -> Result<Self> {
        build()?;
        let path = binary.path();
        if !path.is_file() {
            bail!("there is no {}: `cargo build -p {}`", path.display(), binary.package());
        }
        fs::create_dir_all(artifacts())?;
        let driver = Driver::start(artifacts().join(format!("{name}.log")), data).await?;
        let client = session(&driver, &path)
            .await
            .with_context(|| format!("{} does not start; it printed:\n{}", path.display(), driver.log()))?;
        let app = Self { page: Page::new(client), driver, name: name.to_owned(), binary };
        match binary {
            Binary::Test => app.window("main").is_ready().await?,
            Binary::TwoWindows | Binary::ReactTasks | Binary::VuePinia => {
                app.window("main").shows("document.readyState", "complete").await?;
            }
        }
        Ok(app)
    }

    /// The window with this label. It need not be there yet, or still.
    pub fn window<'a>(&'a self, label: &'a str) -> Window<'a> {
        Window::new(&self.page, label)
    }

    /// Opens a window of the test app, and waits until it is ready.
    pub async fn open<'a>(&'a self, label: &'a str) -> Result<Window<'a>> {
        self.begin_to_open(label).await?;
        let window = self.window(label);
        window.is_ready().await?;
        Ok(window)
    }

    /// Opens so many windows of the test app beside `main`, `w1`, `w2` and so on, all at once. Returns the labels of all
    /// when they are ready, `main` included.
    pub async fn open_many(&self, count: usize) -> Result<Vec<String>> {
        let mut labels: Vec<String> = (1..=count).map(|n| format!("w{n}")).collect();
        for label in &labels {
            self.begin_to_open(label).await?;
        }
        labels.insert(0, "main".to_owned());
        for label in &labels {
            let window = self.window(label);
            wait_until(&format!("{label} is ready"), async || window.eval("isReady").await).await?;
        }
        Ok(labels)
    }

    /// Waits until the test app's counter shows in all of these windows.
    pub async fn all_show(&self, labels: &[String], count: u32) -> Result<()> {
        for label in labels {
            self.window(label).shows("counter.get()", count).await?;
            self.window(label).shows("counter.status", "synchronized").await?;
        }
        Ok(())
    }

    /// Opens a window of the test app, and does not wait for it.
    pub async fn begin_to_open(&self, label: &str) -> Result<()> {
        self.invoke("open_window", json!({ "label": label, "page": "index.html" })).await
    }

    /// Closes a window of the test app from Rust, and waits until it is gone.
    pub async fn close(&self, label: &str) -> Result<()> {
        self.invoke::<()>("close_window", json!({ "label": label })).await?;
        self.page.forget(label).await;
        wait_until(&format!("window {label:?} is gone"), async || {
            Ok(!self.stats().await?.windows.iter().any(|open| open == label))
        })
        .await
    }

    /// Calls a command of the test app, from its window `main`.
    pub async fn invoke<T: DeserializeOwned>(&self, command: &str, args: Value) -> Result<T> {
        self.window("main").eval(&format!("invoke({command:?}, {args})")).await
    }

    /// How the test app is doing.
    pub async fn stats(&self) -> Result<Stats> {
        self.invoke("stats", json!({})).await
    }

    /// How many of the test app's slow calls have begun.
    pub async fn slow_calls(&self) -> Result<SlowCalls> {
        self.invoke("slow_calls", json!({})).await
    }

    /// Has the backend add `writes` to the counter, one by one, with a pause after each. Does not wait for it.
    pub async fn start_storm(&self, writes: u32, pause: Duration) -> Result<()> {
        self.invoke("start_storm", json!({ "writes": writes, "pauseUs": pause.as_micros() as u64 })).await
    }

    /// Has the backend add to the counter, one by one, with a pause after each, until [`App::end_storm`].
    pub async fn start_endless_storm(&self, pause: Duration) -> Result<()> {
        self.invoke("start_storm", json!({ "pauseUs": pause.as_micros() as u64 })).await
    }

    /// Ends the endless storms. Waits until all are over.
    pub async fn end_storm(&self) -> Result<()> {
        self.invoke::<()>("end_storm", json!({})).await?;
        self.storm_is_over().await
    }

    /// Waits until all storms are over.
    pub async fn storm_is_over(&self) -> Result<()> {
        wait_until("the storm is over", async || self.invoke("storm_is_over", json!({})).await).await
    }

    /// Waits until so many pages read the topic, as the backend sees it.
    pub async fn has_readers(&self, topic: &str, count: usize) -> Result<()> {
        let what = format!("{topic:?} has {count} readers");
        wait_until(&what, async || {
            let readers = self.stats().await?.readers;
            match readers.get(topic) {
                Some(found) if *found == count => Ok(true),
                _ => bail!("there are {readers:?}"),
            }
        })
        .await
    }

    /// Waits until the topic is there, or is not, as the backend sees it.
    pub async fn has_topic(&self, topic: &str, there: bool) -> Result<()> {
        let what = format!("{topic:?} is {}there", if there { "" } else { "not " });
        wait_until(&what, async || Ok(self.stats().await?.readers.contains_key(topic) == there)).await
    }

    /// Waits until a window of this label is the primary, as the backend sees it. Returns the term.
    pub async fn has_primary(&self, label: &str) -> Result<String> {
        let mut term = None;
        wait_until(&format!("{label:?} is the primary"), async || {
            let primary = self.stats().await?.primary;
            term = primary.clone().filter(|primary| primary.window == label).map(|primary| primary.term);
            if term.is_some() { Ok(true) } else { bail!("it is {primary:?}") }
        })
        .await?;
        term.context("no primary")
    }

    /// Reloads a window of the test app from Rust, and waits until its new page is ready.
    pub async fn reload(&self, window: Window<'_>) -> Result<()> {
        let life: f64 = window.eval("pageLife").await?;
        self.invoke::<()>("reload_window", json!({ "label": window.label() })).await?;
        window.holds(&format!("pageLife !== {life} && counter.get() !== undefined")).await
    }

    /// What every window shows: for the message of a test that failed.
    pub(crate) async fn describe(&self) -> String {
        let mut text = String::new();
        for label in self.page.labels().await {
            let window = self.window(&label);
            let shown = window.describe().await.unwrap_or_else(|error| format!("{error:#}"));
            text += &format!("  {label}: {shown}\n");
        }
        let picture = artifacts().join(format!("{}.png", self.name));
        if save_screen(&picture).is_ok() {
            text += &format!("  see {}\n", picture.display());
        }
        let log = self.driver.log();
        let lines: Vec<&str> = log.lines().collect();
        text + "the app printed:\n" + &lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The app's process.
    pub fn process(&self) -> Result<Process> {
        self.driver.process(self.binary.package())
    }

    /// Ends it. Fails if a process is left over.
    pub fn end(mut self) -> Result<()> {
        self.driver.end()
    }
}

/// What the test app's command `stats` answers.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub pid: u32,
    pub windows: Vec<String>,
    pub sessions: usize,
    pub remembered_writes: usize,
    /// For each topic, how many pages read it.
    pub readers: BTreeMap<String, usize>,
    pub counter: u32,
    pub primary: Option<Primary>,
}

/// Who has the role of the primary, as the backend sees it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Primary {
    pub window: String,
    pub term: String,
}

/// What the test app's command `slow_calls` answers.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub struct SlowCalls {
    pub writes: usize,
    pub reads: usize,
    pub hooks: usize,
    pub commands: usize,
}

async fn session(driver: &Driver, binary: &Path) -> Result<Client> {
    let mut capabilities = Capabilities::new();
    capabilities.insert("tauri:options".to_owned(), json!({ "application": binary }));
    capabilities.insert("timeouts".to_owned(), json!({ "script": 120_000, "pageLoad": 120_000 }));
    let client = ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&driver.url()).await?;
    Ok(client)
}

/// An empty folder for what the app of a test keeps.
pub fn empty_data(test: &str) -> Result<PathBuf> {
    let data = artifacts().join("data").join(test);
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    Ok(data)
}

/// Where logs and pictures go.
fn artifacts() -> PathBuf {
    target().join("e2e")
}
