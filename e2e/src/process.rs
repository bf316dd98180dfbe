//! What `/proc` tells of processes.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::{fs, str::FromStr};

/// One process of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pid: Pid,
    name: String,
}

/// The fields of `/proc/<pid>/stat` after the name, which stands in parentheses and may hold anything.
struct Stat {
    state: char,
    parent: i32,
    group: i32,
    /// Ticks of the processor's time.
    user_time: u64,
}

impl Process {
    /// The process with this id.
    pub fn new(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).with_context(|| format!("no process {pid}"))?;
        Ok(Self { pid, name: name.trim_end().to_owned() })
    }

    /// Whether it is called so, as far as the kernel keeps names.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name == name.get(..15).unwrap_or(name)
    }

    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::new(entry.file_name().to_str()?.parse().ok()?).ok()).collect()
    }

    /// The web processes among its descendants.
    pub fn web_processes(&self) -> Vec<Self> {
        // The kernel cuts names off after 15 bytes.
        Self::all()
            .into_iter()
            .filter(|process| process.name == "WebKitWebProces" && process.descends_from(self))
            .collect()
    }

    fn descends_from(&self, ancestor: &Self) -> bool {
        let mut pid = self.pid;
        while let Some(parent) = stat(pid).ok().and_then(|stat| Pid::from_raw(stat.parent)) {
            if parent == ancestor.pid {
                return true;
            }
            pid = parent;
        }
        false
    }

    pub(crate) fn is_alive_in(&self, group: Pid) -> bool {
        stat(self.pid).is_ok_and(|stat| stat.group == group.as_raw_nonzero().get() && stat.state != 'Z')
    }

    /// How long it has used the processor, in ticks.
    pub fn user_time(&self) -> Result<u64> {
        stat(self.pid).map(|stat| stat.user_time)
    }

    /// The memory that it holds, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Lets it do nothing, until [`Process::go_on`].
    pub fn stop(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::STOP)?)
    }

    /// Lets it do what it was kept from since [`Process::stop`].
    pub fn go_on(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::CONT)?)
    }

    /// Ends it as a crash would.
    pub fn kill(&self) -> Result<()> {
        Ok(kill_process(self.pid, Signal::KILL)?)
    }
}

fn stat(pid: Pid) -> Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = text.rsplit_once(") ").context("no name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    Ok(Stat {
        state: field(&fields, 0)?,
        parent: field(&fields, 1)?,
        group: field(&fields, 2)?,
        user_time: field(&fields, 11)?,
    })
}

fn field<T: FromStr>(fields: &[&str], index: usize) -> Result<T> {
    fields.get(index).and_then(|field| field.parse().ok()).with_context(|| format!("no field {index}"))
}
