//! Windows that end, well or badly.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{
    App, Binary, DirectApp, Failure, PATIENCE, Process, full, wait_for, wait_until, with_app, without_app,
};
use std::time::Duration;

/// What the engine documents: how many page lives of one label it remembers.
const SESSIONS_PER_LABEL: usize = 8;

/// And for how long it remembers those that have ended.
const SESSION_GRACE: Duration = Duration::from_secs(60);

#[test]
fn a_window_that_is_closed_while_it_pulls_harms_nobody_and_leaves_no_reader() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let b = app.open("b").await?;
        app.has_readers("counter", 2).await?;
        b.does("slowToRead.get()").await?;
        wait_until("b's pull is under way", async || Ok(app.slow_calls().await?.reads == 1)).await?;
        app.close("b").await?;
        app.has_readers("counter", 1).await?;
        app.has_readers("slow-to-read", 0).await?;

        main.does("await counter.set(3)").await?;
        main.shows("slowToRead.get()", 0).await?;
        let again = app.open("b").await?;
        again.shows("counter.get()", 3).await?;
        app.has_readers("counter", 2).await
    })
}

#[test]
fn i14_windows_that_open_write_and_close_leave_nothing_behind() -> Result<(), Failure> {
    let cycles: u64 = if full() { 100 } else { 20 };
    with_app(Binary::Test, async |app| {
        let app_process = Process::new(app.stats().await?.pid)?;
        // The first windows fill caches.
        let warm_up = cycles / 4;
        cycle(app, warm_up).await?;
        let before = app_process.resident_kib()?;
        cycle(app, cycles - warm_up).await?;
        let after = app_process.resident_kib()?;

        let stats = app.stats().await?;
        assert_eq!(stats.windows, ["main"]);
        assert_eq!(u64::from(stats.counter), cycles);
        app.has_readers("counter", 1).await?;
        assert!(stats.sessions <= 1 + SESSIONS_PER_LABEL, "{stats:?}");
        assert!(stats.remembered_writes <= 1 + SESSIONS_PER_LABEL, "{stats:?}");
        wait_until("only main's web process is left", async || Ok(app_process.web_processes().len() == 1)).await?;

        let per_window = after.saturating_sub(before) / (cycles - warm_up);
        println!("{before} KiB after {warm_up} windows, {after} KiB after {cycles}: {per_window} KiB for each");
        // WebKitGTK and Tauri keep about 150 KiB of every window that has ever been open, also without the plugin.
        assert!(per_window < 512, "{per_window} KiB for each window");
        if full() {
            wait_for(SESSION_GRACE + PATIENCE, "only main's session is remembered", async || {
                let stats = app.stats().await?;
                Ok((stats.sessions, stats.remembered_writes) == (1, 0))
            })
            .await?;
        }
        Ok(())
    })
}

/// Opens and closes a window again and again; each adds one to the counter.
async fn cycle(app: &App, times: u64) -> Result<()> {
    for _ in 0..times {
        app.open("x").await?.does("await counter.update((count) => count + 1)").await?;
        app.close("x").await?;
    }
    Ok(())
}

#[test]
fn a_web_process_that_dies_takes_only_its_own_window_s_session() -> Result<(), Failure> {
    without_app(async || {
        let mut app = DirectApp::start().await?;
        app.open("b").await?;
        app.open("c").await?;
        app.has_readers("counter", 3).await?;

        app.web_process_of("b").await?.kill()?;
        app.has_readers("counter", 2).await?;
        app.resolves("main", "counter.set(5)").await?;
        app.shows("c", "counter.get()", 5).await?;
        app.resolves("c", "counter.set(6)").await?;
        app.shows("main", "counter.get()", 6).await?;

        // A new web process, a new page, a new session.
        app.resolves("main", "invoke('reload_window', { label: 'b' })").await?;
        app.has_readers("counter", 3).await?;
        app.shows("b", "counter.get()", 6).await
    })
}
