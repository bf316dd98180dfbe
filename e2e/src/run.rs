//! One test: start, run, report, end.

use crate::app::{App, Binary};
use anyhow::{Context, Result, bail};
use futures_util::FutureExt;
use std::{
    env,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::timeout;

/// There is one display, and the native driver has one session.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Whether the long versions of the tests are wanted: `cargo xtask test --full`.
pub fn full() -> bool {
    env::var_os("LOCKSTEP_FULL").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Starts an app, gives it to the test, and ends it, also if the test panics. If it fails, this prints what each window
/// showed.
///
/// # Errors
/// The test's own; or if the app does not start, or leaves a process behind.
pub fn with_app(binary: Binary, test: impl AsyncFnOnce(&App) -> Result<()>) -> Result<()> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let name = name_of(&test);
    let longest = Duration::from_secs(if full() { 400 } else { 100 });
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async {
            let app = App::start(binary, &name).await?;
            let test = timeout(longest, AssertUnwindSafe(test(&app)).catch_unwind());
            let outcome = tokio::select! {
                outcome = test => outcome,
                _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            };
            if !matches!(outcome, Ok(Ok(Ok(())))) {
                let described = timeout(Duration::from_secs(20), app.describe()).await;
                eprintln!("{name} failed. The windows show:\n{}", described.as_deref().unwrap_or("(no answer)"));
            }
            let ended = app.end();
            match outcome {
                Ok(Ok(result)) => result.and(ended),
                Ok(Err(panic)) => resume_unwind(panic),
                Err(_) => bail!("the test took more than {} s", longest.as_secs()),
            }
        })
        .context(name.clone())
}

/// The function that the test's closure stands in.
fn name_of<T>(_: &T) -> String {
    let path = std::any::type_name::<T>().trim_end_matches("::{{closure}}");
    path.rsplit("::").next().unwrap_or(path).to_owned()
}
