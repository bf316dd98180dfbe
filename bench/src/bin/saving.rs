//! What saving costs, beside the official store plugin: `cargo xtask bench --saving`.
//!
//! Both save in the background, a little after a write. Each measurement is a process of its own. It prints a table for
//! `docs/persistence.md`.

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::{
    env, fmt, fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use tauri::{
    App, async_runtime,
    test::{MockRuntime, mock_builder, mock_context, noop_assets},
};
use tauri_plugin_lockstep::{Builder, LockstepExt, Persisted, Topic, TopicOptions};
use tauri_plugin_store::StoreExt;

const STATE: Topic<String> = Topic::new("state");
const WRITES: u32 = 10_000;
/// Then so many are saved singly.
const SAVES: u32 = 20;
/// How often the app is started, to take the median.
const STARTS: usize = 15;

/// After so long without a write, both save.
const DEBOUNCE: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match &args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => compare(),
        [what @ ("lockstep-write" | "store-write" | "lockstep-start" | "store-start"), size] => {
            let size = size.parse()?;
            println!(
                "{}",
                match *what {
                    "lockstep-write" => lockstep_write(size)?.to_string(),
                    "store-write" => store_write(size)?.to_string(),
                    "lockstep-start" => lockstep_start(size)?.to_string(),
                    _ => store_start(size)?.to_string(),
                }
            );
            Ok(())
        }
        _ => bail!("it takes no arguments"),
    }
}

/// What many writes take.
struct Writing {
    seconds: f64,
    bytes: f64,
    bytes_per_save: f64,
}

impl fmt::Display for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.seconds, self.bytes, self.bytes_per_save)
    }
}

fn compare() -> Result<()> {
    println!("| a state of | | Lockstep | store plugin | ratio |\n|---|---|---|---|---|");
    for (name, size) in [("1 KB", "1000"), ("1 MB", "1000000")] {
        let data = tempfile::tempdir()?;
        let ours = child("lockstep-write", size, data.path())?;
        let theirs = child("store-write", size, data.path())?;
        let [ours_start, theirs_start] =
            [start("lockstep-start", size, data.path())?, start("store-start", size, data.path())?];
        row(name, &format!("{WRITES} writes, on the writer's thread, ms"), ours[0] * 1e3, theirs[0] * 1e3);
        row(name, "bytes written for them, KB", ours[1] / 1e3, theirs[1] / 1e3);
        row(name, "bytes written for one save, KB", ours[2] / 1e3, theirs[2] / 1e3);
        row(name, "a cold start, ms", ours_start * 1e3, theirs_start * 1e3);
    }
    Ok(())
}

fn row(state: &str, what: &str, ours: f64, theirs: f64) {
    println!("| {state} | {what} | {ours:.1} | {theirs:.1} | {:.3} |", ours / theirs);
}

/// The median of many starts.
fn start(what: &str, size: &str, data: &Path) -> Result<f64> {
    let starts: Result<Vec<_>> = (0..STARTS).map(|_| Ok(child(what, size, data)?[0])).collect();
    let mut starts = starts?;
    starts.sort_by(f64::total_cmp);
    Ok(starts[STARTS / 2])
}

fn child(what: &str, size: &str, data: &Path) -> Result<Vec<f64>> {
    let output = Command::new(env::current_exe()?).args([what, size]).env("XDG_DATA_HOME", data).output()?;
    ensure!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}

/// The state after a write: of this size, and different each time.
fn state(size: usize, number: u32) -> String {
    format!("{number:010}{}", "x".repeat(size - 10))
}

/// What this process has given to the system to write.
fn written() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/io").context("this needs Linux")?;
    let line = text.lines().find_map(|line| line.strip_prefix("wchar: ")).context("no wchar")?;
    Ok(line.parse()?)
}

/// Makes all writes, and lets `save` wait until they are on disk; then writes and saves a few times more.
fn measured(
    size: usize,
    mut write: impl FnMut(String) -> Result<()>,
    mut save: impl FnMut() -> Result<()>,
) -> Result<Writing> {
    let before = written()?;
    let mut writing = Duration::ZERO;
    for number in 0..WRITES {
        let state = state(size, number);
        let began = Instant::now();
        write(state)?;
        writing += began.elapsed();
    }
    save()?;
    let at_once = written()?;
    for number in WRITES..WRITES + SAVES {
        write(state(size, number))?;
        save()?;
    }
    Ok(Writing {
        seconds: writing.as_secs_f64(),
        bytes: (at_once - before) as f64,
        bytes_per_save: (written()? - at_once) as f64 / f64::from(SAVES),
    })
}

fn lockstep_app() -> Result<App<MockRuntime>> {
    let options = TopicOptions::new().persisted(Persisted::new().debounce(DEBOUNCE));
    let lockstep = Builder::new().topic_with(STATE, String::new(), options);
    Ok(mock_builder().plugin(lockstep.build()).build(mock_context(noop_assets()))?)
}

fn lockstep_write(size: usize) -> Result<Writing> {
    let app = lockstep_app()?;
    let write = |state| Ok(app.lockstep().set(STATE, state).map(drop)?);
    measured(size, write, || Ok(async_runtime::block_on(app.lockstep().flush())?))
}

fn lockstep_start(size: usize) -> Result<f64> {
    let began = Instant::now();
    let app = lockstep_app()?;
    let restored = app.lockstep().get(STATE)?;
    let took = began.elapsed();
    ensure!(*restored == state(size, WRITES + SAVES - 1), "it was not saved");
    Ok(took.as_secs_f64())
}

fn store_app() -> Result<App<MockRuntime>> {
    Ok(mock_builder().plugin(tauri_plugin_store::Builder::new().build()).build(mock_context(noop_assets()))?)
}

fn store_write(size: usize) -> Result<Writing> {
    let app = store_app()?;
    let kept = app.store_builder("state.json").auto_save(DEBOUNCE).build()?;
    let write = |state| {
        kept.set("state", json!(state));
        Ok(())
    };
    measured(size, write, || Ok(kept.save()?))
}

fn store_start(size: usize) -> Result<f64> {
    let began = Instant::now();
    let app = store_app()?;
    let kept = app.store_builder("state.json").build()?;
    let restored = kept.get("state");
    let took = began.elapsed();
    ensure!(restored == Some(json!(state(size, WRITES + SAVES - 1))), "it was not saved");
    Ok(took.as_secs_f64())
}
