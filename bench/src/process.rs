//! What the app's processes use: its own, and those that WebKit starts for it.

use anyhow::Result;
use procfs::process::{Process, Stat, all_processes};
use rustix::time::{ClockId, clock_gettime};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// The app's process and all that descend from it.
fn tree() -> Result<Vec<Stat>> {
    let own = Process::myself()?.pid;
    // One that ends while it is read is not there.
    let all: HashMap<i32, Stat> =
        all_processes()?.flatten().filter_map(|process| process.stat().ok()).map(|stat| (stat.pid, stat)).collect();
    let is_ours = |mut pid: i32| {
        while let Some(stat) = all.get(&pid) {
            if pid == own {
                return true;
            }
            pid = stat.ppid;
        }
        false
    };
    Ok(all.values().filter(|stat| is_ours(stat.pid)).cloned().collect())
}

/// The processor time that all of them have used so far.
pub fn cpu_time() -> Result<Duration> {
    let ticks: u64 = tree()?.iter().map(|stat| stat.utime + stat.stime).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second() as f64))
}

/// How long this thread has been on a processor. What `/proc` says of that is up to a tick old.
pub fn thread_time() -> Result<Duration> {
    Ok(Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?)
}

/// Resident memory, in MB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub rust: f64,
    /// Of all web processes together.
    pub web: f64,
    pub web_processes: usize,
}

pub fn memory() -> Result<Memory> {
    let own = Process::myself()?.pid;
    let tree = tree()?;
    let megabytes = |stat: &Stat| (stat.rss * procfs::page_size()) as f64 / 1e6;
    // The kernel cuts names off after 15 bytes.
    let web: Vec<f64> = tree.iter().filter(|stat| stat.comm == "WebKitWebProces").map(megabytes).collect();
    let rust = tree.iter().find(|stat| stat.pid == own).map_or(0.0, megabytes);
    Ok(Memory { rust, web: web.iter().sum(), web_processes: web.len() })
}

/// Notes the most memory that the web processes hold together, until it is asked.
pub struct Peak {
    done: Arc<AtomicBool>,
    kilobytes: Arc<AtomicU64>,
    thread: JoinHandle<()>,
}

impl Peak {
    pub fn watch() -> Self {
        let (done, kilobytes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (is_done, peak) = (Arc::clone(&done), Arc::clone(&kilobytes));
        let thread = thread::spawn(move || {
            while !is_done.load(Ordering::Relaxed) {
                if let Ok(memory) = memory() {
                    peak.fetch_max((memory.web * 1e3) as u64, Ordering::Relaxed);
                }
                thread::park_timeout(Duration::from_millis(100));
            }
        });
        Self { done, kilobytes, thread }
    }

    /// In MB.
    pub fn stop(self) -> f64 {
        self.done.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        drop(self.thread.join());
        self.kilobytes.load(Ordering::Relaxed) as f64 / 1e3
    }
}
