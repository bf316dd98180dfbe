//! What it was measured on.

use crate::{options::Options, report::counted};
use anyhow::Result;
use procfs::{CpuTime, CurrentSI, KernelStats};
use std::{env, fs, thread, time::Duration};

/// How long the machine is looked at before anything is measured.
const LOOK: Duration = Duration::from_secs(3);

pub fn describe(options: &Options) -> Result<String> {
    let system = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let system = system.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux").trim_matches('"');
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ' ', ':']);
    let cores = thread::available_parallelism()?;
    let busy = busy()?;
    let warning =
        if busy > 0.1 { " **It had other work to do: only what differs by multiples says anything.**" } else { "" };
    let commit = env::var("LOCKSTEP_BENCH_COMMIT").unwrap_or_else(|_| "unknown".to_owned());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let kind = if options.plan.quick { "The quick version" } else { "The whole" };
    Ok(format!(
        "{kind}, {} of all contenders; {build} build of commit {commit}; {cores} cores ({processor}), {system}, WebKitGTK {}, Tauri \
         {}; {:.0} % of the machine was in use before it began.{warning}\n",
        counted(options.plan.repeat, "round"),
        tauri::webview_version()?,
        tauri::VERSION,
        busy * 100.0,
    ))
}

/// The share of the processors' time that others use.
fn busy() -> Result<f64> {
    let before = KernelStats::current()?.total;
    thread::sleep(LOOK);
    let after = KernelStats::current()?.total;
    let idle = |time: &CpuTime| time.idle + time.iowait.unwrap_or(0);
    let all = |time: &CpuTime| {
        idle(time)
            + time.user
            + time.nice
            + time.system
            + time.irq.unwrap_or(0)
            + time.softirq.unwrap_or(0)
            + time.steal.unwrap_or(0)
    };
    Ok(1.0 - (idle(&after) - idle(&before)) as f64 / (all(&after) - all(&before)).max(1) as f64)
}
