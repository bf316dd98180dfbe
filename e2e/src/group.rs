//! Processes that end together.

use crate::process::Process;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    os::unix::process::CommandExt,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// A process and everything that it has started. When this is dropped, all of it ends.
pub struct Group(Child);

impl Group {
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command.process_group(0).spawn();
        child.map(Self).with_context(|| format!("cannot run {}", command.get_program().display()))
    }

    pub fn first(&mut self) -> &mut Child {
        &mut self.0
    }

    /// The process of this name among them.
    pub fn process(&self, name: &str) -> Result<Process> {
        let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).context("not a group")?;
        let found = Process::all().into_iter().find(|process| process.is_named(name) && process.is_alive_in(group));
        found.with_context(|| format!("there is no process {name}"))
    }

    /// Ends all of it at once, and returns when it is gone.
    pub fn end(&mut self) -> Result<()> {
        let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) else { return Ok(()) };
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
        self.0.wait()?;
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let alive: Vec<_> = Process::all().into_iter().filter(|process| process.is_alive_in(group)).collect();
            if alive.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("left over: {alive:?}");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("not everything could be ended: {error:#}");
        }
    }
}
