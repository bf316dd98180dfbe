//! What saving costs, beside the official store plugin: `cargo xtask bench --saving`.
//!
//! Both save in the background, a little after a write. Each line is a ratio within this run: this plugin's figure over
//! the other's. Each measurement is a process of its own.

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::{
    env, fs,
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
            let figures = match *what {
                "lockstep-write" => lockstep_write(size)?,
                "store-write" => store_write(size)?,
                "lockstep-start" => lockstep_start(size)?,
                _ => store_start(size)?,
            };
            println!("{} {}", figures.0, figures.1);
            Ok(())
        }
        _ => bail!("it takes no arguments"),
    }
}

fn compare() -> Result<()> {
    for (name, size) in [("1 KB", "1000"), ("1 MB", "1000000")] {
        let data = tempfile::tempdir()?;
        let ours = child("lockstep-write", size, data.path())?;
        let theirs = child("store-write", size, data.path())?;
        println!("{WRITES} writes to a state of {name}, tauri-plugin-lockstep over tauri-plugin-store:");
        println!("  time on the writer's thread  {:8.3}", ours.0 / theirs.0);
        println!("  bytes written                {:8.3}", ours.1 / theirs.1);
        println!(
            "  cold start                   {:8.3}",
            start("lockstep-start", size, data.path())? / start("store-start", size, data.path())?
        );
    }
    Ok(())
}

/// The median of many starts.
fn start(what: &str, size: &str, data: &Path) -> Result<f64> {
    let starts: Result<Vec<_>> = (0..STARTS).map(|_| Ok(child(what, size, data)?.0)).collect();
    let mut starts = starts?;
    starts.sort_by(f64::total_cmp);
    Ok(starts[STARTS / 2])
}

fn child(what: &str, size: &str, data: &Path) -> Result<(f64, f64)> {
    let output = Command::new(env::current_exe()?).args([what, size]).env("XDG_DATA_HOME", data).output()?;
    ensure!(output.status.success(), "{what} failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let (first, second) = text.trim().split_once(' ').context("expected two figures")?;
    Ok((first.parse()?, second.parse()?))
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

/// Makes all writes; then `save` waits until they are on disk.
fn measured(
    size: usize,
    mut write: impl FnMut(String) -> Result<()>,
    save: impl FnOnce() -> Result<()>,
) -> Result<(f64, f64)> {
    let before = written()?;
    let mut writing = Duration::ZERO;
    for number in 0..WRITES {
        let state = state(size, number);
        let began = Instant::now();
        write(state)?;
        writing += began.elapsed();
    }
    save()?;
    Ok((writing.as_secs_f64(), (written()? - before) as f64))
}

fn lockstep_app() -> Result<App<MockRuntime>> {
    let options = TopicOptions::new().persisted(Persisted::new().debounce(DEBOUNCE));
    let lockstep = Builder::new().topic_with(STATE, String::new(), options);
    Ok(mock_builder().plugin(lockstep.build()).build(mock_context(noop_assets()))?)
}

fn lockstep_write(size: usize) -> Result<(f64, f64)> {
    let app = lockstep_app()?;
    let write = |state| Ok(app.lockstep().set(STATE, state).map(drop)?);
    measured(size, write, || Ok(async_runtime::block_on(app.lockstep().flush())?))
}

fn lockstep_start(size: usize) -> Result<(f64, f64)> {
    let began = Instant::now();
    let app = lockstep_app()?;
    let restored = app.lockstep().get(STATE)?;
    let took = began.elapsed();
    ensure!(*restored == state(size, WRITES - 1), "it was not saved");
    Ok((took.as_secs_f64(), 0.))
}

fn store_app() -> Result<App<MockRuntime>> {
    Ok(mock_builder().plugin(tauri_plugin_store::Builder::new().build()).build(mock_context(noop_assets()))?)
}

fn store_write(size: usize) -> Result<(f64, f64)> {
    let app = store_app()?;
    let kept = app.store_builder("state.json").auto_save(DEBOUNCE).build()?;
    let write = |state| {
        kept.set("state", json!(state));
        Ok(())
    };
    measured(size, write, || Ok(kept.save()?))
}

fn store_start(size: usize) -> Result<(f64, f64)> {
    let began = Instant::now();
    let app = store_app()?;
    let kept = app.store_builder("state.json").build()?;
    let restored = kept.get("state");
    let took = began.elapsed();
    ensure!(restored == Some(json!(state(size, WRITES - 1))), "it was not saved");
    Ok((took.as_secs_f64(), 0.))
}
