//! What it was measured on.

use crate::{options::Options, report::counted};
use anyhow::Result;
use std::{env, fs, thread};

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
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().unwrap_or_default().parse().unwrap_or(f64::NAN);
    let warning = if load > cores.get() as f64 / 2.0 {
        " **It had other work to do: only what differs by multiples says anything.**"
    } else {
        ""
    };
    let commit = env::var("LOCKSTEP_BENCH_COMMIT").unwrap_or_else(|_| "unknown".to_owned());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let kind = if options.plan.quick { "The quick version" } else { "The whole" };
    Ok(format!(
        "{kind}, {} of all contenders; {build} build of commit {commit}; {cores} cores ({processor}), {system}, WebKitGTK {}, Tauri \
         {}; the machine's load at the start was {load}.{warning}\n",
        counted(options.plan.repeat, "round"),
        tauri::webview_version()?,
        tauri::VERSION,
    ))
}
