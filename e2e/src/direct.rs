//! The test app without a WebDriver, which ends its session when a web process dies.

use crate::{
    app::{Binary, build, empty_data},
    driver::needs_display,
    group::Group,
    process::Process,
    wait::wait_until,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{ChildStdin, ChildStdout},
    sync::Mutex,
};

/// A running test app that evaluates what it reads from its standard input.
pub struct DirectApp {
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    group: Group,
}

impl DirectApp {
    /// Starts it with nothing kept from earlier runs, and waits until the window `main` is ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(&empty_data("direct")?).await
    }

    /// Starts it with what it has kept in this folder, and waits until the window `main` is ready.
    pub async fn start_with(data: &Path) -> Result<Self> {
        needs_display()?;
        build()?;
        let mut command = Command::new(Binary::Test.path());
        command.env("LOCKSTEP_E2E_DIRECT", "1").env("XDG_DATA_HOME", data);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::spawn(&mut command)?;
        let input = ChildStdin::from_std(group.first().stdin.take().context("no stdin")?)?;
        let output = ChildStdout::from_std(group.first().stdout.take().context("no stdout")?)?;
        let app = Self { pipes: Mutex::new((input, BufReader::new(output).lines())), group };
        app.is_ready("main").await?;
        Ok(app)
    }

    /// Evaluates in a window what ends the app, and waits until it has: whether there is an answer is a matter of luck.
    pub async fn ends_by(&mut self, label: &str, expression: &str) -> Result<()> {
        request(&mut self.pipes.get_mut().0, label, expression).await?;
        wait_until("the app has ended", async || Ok(self.group.first().try_wait()?.is_some())).await
    }

    /// The app's process.
    pub fn process(&mut self) -> Result<Process> {
        Process::new(self.group.first().id())
    }

    /// The web process of a window. Nothing says which one it is, so the window is given something to do, until one of
    /// them stands out: others may have something to do, too, and a machine in use gives little time to any.
    pub async fn web_process_of(&mut self, label: &str) -> Result<Process> {
        const ENOUGH_TICKS: u64 = 20;
        let processes = self.process()?.web_processes();
        let times = || processes.iter().map(Process::user_time).collect::<Result<Vec<_>>>();
        let before = times()?;
        let mut found = None;
        wait_until(&format!("the web process of {label:?} stands out"), async || {
            let busy = "(() => { const end = performance.now() + 300; while (performance.now() < end); return 0 })()";
            self.eval(label, busy).await?;
            let used: Vec<u64> = times()?.into_iter().zip(&before).map(|(after, before)| after - before).collect();
            let (at, most) = used.iter().enumerate().max_by_key(|(_, used)| **used).context("no web process")?;
            let others = used.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, used)| *used).max();
            found = processes.get(at).cloned();
            Ok(*most >= ENOUGH_TICKS && *most >= 3 * others.unwrap_or_default())
        })
        .await?;
        found.context("no web process")
    }

    /// The value of an expression in a window; a promise has none.
    pub async fn eval(&self, label: &str, expression: &str) -> Result<Value> {
        let mut pipes = self.pipes.lock().await;
        let (input, output) = &mut *pipes;
        request(input, label, expression).await?;
        let answer = output.next_line().await?.context("the app has ended")?;
        if answer.is_empty() {
            bail!("window {label:?} has no value for {expression}");
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// What the promise resolves with that an expression makes.
    pub async fn resolves(&self, label: &str, expression: &str) -> Result<Value> {
        let script = format!(
            "(window.answers = [], Promise.resolve({expression}).then((value) => answers.push(value ?? null)), 0)"
        );
        self.eval(label, &script).await?;
        self.shows(label, "answers.length", 1).await?;
        self.eval(label, "answers[0]").await
    }

    /// Waits until an expression has this value.
    pub async fn shows(&self, label: &str, expression: &str, expected: impl Into<Value>) -> Result<()> {
        let expected = expected.into();
        wait_until(&format!("window {label:?} shows {expected} for {expression}"), async || {
            let shown = self.eval(label, expression).await?;
            if shown == expected { Ok(true) } else { bail!("it shows {shown}") }
        })
        .await
    }

    /// Opens a window, and waits until it is ready.
    pub async fn open(&self, label: &str) -> Result<()> {
        let args = json!({ "label": label, "page": "index.html" });
        self.resolves("main", &format!("invoke('open_window', {args})")).await?;
        self.is_ready(label).await
    }

    /// Reloads a window, and waits until its new page is ready.
    pub async fn reload(&self, label: &str) -> Result<()> {
        self.resolves("main", &format!("invoke('reload_window', {{ label: {label:?} }})")).await?;
        self.is_ready(label).await
    }

    async fn is_ready(&self, label: &str) -> Result<()> {
        self.shows(label, "typeof isReady === 'boolean' && counter.get() !== undefined", true).await
    }

    /// Waits until so many pages read the topic.
    pub async fn has_readers(&self, topic: &str, count: usize) -> Result<()> {
        self.stats_show(&format!("readers[{topic:?}]"), count).await
    }

    /// Waits until a member of what the command `stats` answers has this value; null is one that is not there.
    pub async fn stats_show(&self, member: &str, expected: impl Into<Value>) -> Result<()> {
        let expected = expected.into();
        wait_until(&format!("{member} is {expected}"), async || {
            let found = self.resolves("main", &format!("invoke('stats').then((stats) => stats.{member})")).await?;
            if found == expected { Ok(true) } else { bail!("it is {found}") }
        })
        .await
    }
}

async fn request(input: &mut ChildStdin, label: &str, expression: &str) -> Result<()> {
    let mut request = json!({ "window": label, "script": expression }).to_string();
    request.push('\n');
    Ok(input.write_all(request.as_bytes()).await?)
}
