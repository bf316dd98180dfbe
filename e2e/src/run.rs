//! One test: start, run, report, end.

use crate::app::{App, Binary, build};
use anyhow::{Context, Result, bail};
use futures_util::FutureExt;
use std::{
    env, fmt,
    panic::{AssertUnwindSafe, resume_unwind},
    process,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// There is one display, and the native driver has one session.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const INTERRUPTED: &str = "interrupted";

/// Whether the long versions of the tests are wanted: `cargo xtask test --full`.
pub fn full() -> bool {
    env::var_os("LOCKSTEP_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Why a test failed, without a backtrace: it would lead into the harness.
pub struct Failure(anyhow::Error);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

/// Starts an app, gives it to the test, and ends it, also if the test panics. If it fails, this prints what each window
/// showed.
///
/// # Errors
/// The test's own; or if the app does not start, or leaves a process behind.
pub fn with_app(binary: Binary, test: impl AsyncFnOnce(&App) -> Result<()>) -> Result<(), Failure> {
    let name = name_of(&test);
    alone(async {
        build()?;
        run(binary, &name, test).await
    })
}

/// Starts an app that is built already, does something with it, and ends it.
///
/// # Errors
/// As [`with_app`].
pub fn with_built_app(binary: Binary, work: impl AsyncFnOnce(&App) -> Result<()>) -> Result<(), Failure> {
    let name = name_of(&work);
    alone(run(binary, &name, work))
}

async fn run(binary: Binary, name: &str, test: impl AsyncFnOnce(&App) -> Result<()>) -> Result<()> {
    let app = App::start(binary, name).await?;
    let outcome = AssertUnwindSafe(limited(test(&app))).catch_unwind().await;
    if !matches!(outcome, Ok(Ok(()))) {
        let described = timeout(Duration::from_secs(20), app.describe()).await;
        eprintln!("{name} failed. The windows show:\n{}", described.as_deref().unwrap_or("(no answer)"));
    }
    let ended = app.end();
    match outcome {
        Ok(result) => result.and(ended),
        Err(panic) => resume_unwind(panic),
    }
}

/// Runs a test that starts its app itself.
///
/// # Errors
/// The test's own.
pub fn without_app(test: impl AsyncFnOnce() -> Result<()>) -> Result<(), Failure> {
    alone(limited(test()))
}

fn alone(work: impl Future<Output = Result<()>>) -> Result<(), Failure> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.context("no runtime").and_then(|runtime| {
        runtime.block_on(async {
            tokio::select! {
                result = work => result,
                _ = tokio::signal::ctrl_c() => bail!(INTERRUPTED),
            }
        })
    });
    if result.as_ref().is_err_and(|error| error.to_string() == INTERRUPTED) {
        // By now the app has ended. The tests that follow are not wanted either.
        process::exit(130);
    }
    result.map_err(Failure)
}

async fn limited(test: impl Future<Output = Result<()>>) -> Result<()> {
    // Ten times what the longest takes on a machine that has nothing else to do.
    let longest = Duration::from_secs(if full() { 1200 } else { 400 });
    timeout(longest, test).await.with_context(|| format!("the test took more than {} s", longest.as_secs()))?
}

/// The function that the test's closure stands in.
fn name_of<T>(_: &T) -> String {
    let path = std::any::type_name::<T>().trim_end_matches("::{{closure}}");
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
