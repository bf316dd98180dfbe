//! Pages that come late, go away and come back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, Window, wait_until, with_app};
use serde_json::json;
use std::time::Duration;

#[test]
fn i9_a_window_that_opens_late_shows_the_current_state() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        app.window("main").does("await counter.set(7)").await?;
        let late = app.open("late").await?;
        late.shows("counter.get()", 7).await?;
        late.shows("counter.status", "synchronized").await
    })
}

#[test]
fn i8_a_window_that_opens_during_a_storm_is_not_stale_at_its_end() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        app.start_storm(4000, Duration::from_micros(500)).await?;
        let labels = ["a", "b", "c", "d"];
        for label in labels {
            app.begin_to_open(label).await?;
        }
        app.storm_is_over().await?;
        for label in labels {
            app.window(label).shows("counter.get()", 4000).await?;
            app.window(label).shows("counter.status", "synchronized").await?;
        }
        app.has_readers("counter", 5).await
    })
}

#[test]
fn i8_what_is_announced_during_a_pull_is_asked_for_after_it() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let b = app.open("b").await?;
        b.does("await hear('slow-to-read'); await slowToRead.ready").await?;
        let reads = app.slow_calls().await?.reads;
        app.invoke::<String>("set_slow_to_read", json!({ "value": 1 })).await?;
        wait_until("b pulls 1", async || Ok(app.slow_calls().await?.reads == reads + 1)).await?;
        // Both at once would be one announcement.
        b.shows("heard['slow-to-read']", 1).await?;
        app.invoke::<String>("set_slow_to_read", json!({ "value": 2 })).await?;
        b.shows("heard['slow-to-read']", 2).await?;
        b.shows("slowToRead.get()", 2).await
    })
}

#[test]
fn i11_a_write_under_way_while_its_page_reloads_is_applied_once() -> Result<(), Failure> {
    const ROUNDS: u64 = 5;
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await slowToWrite.set(0)").await?;
        let first = revision(main).await?;
        for round in 1..=ROUNDS {
            let begun = app.slow_calls().await?;
            b.does(&format!("slowToWrite.set({round}).catch(() => {{}}); invoke('slow_command').catch(() => {{}})"))
                .await?;
            wait_until("both calls have begun", async || {
                let now = app.slow_calls().await?;
                Ok(now.writes > begun.writes && now.commands > begun.commands)
            })
            .await?;
            app.reload(b).await?;
            b.shows("slowToWrite.get()", round).await?;
        }
        // One more, which gives those that were repeated time to be taken.
        main.does("await slowToWrite.set(99)").await?;
        assert_eq!(revision(main).await? - first, ROUNDS + 1, "each write made one revision");
        b.shows("slowToWrite.get()", 99).await?;

        let repeated = app.slow_calls().await?.commands as u64 - ROUNDS;
        println!("Tauri ran {repeated} of {ROUNDS} commands again that were under way during a reload");
        app.has_readers("slow-to-write", 2).await
    })
}

#[test]
fn a_reloaded_window_in_the_midst_of_its_writes_loses_no_other_window_s() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.begins("await times(300, () => counter.update((count) => count + 1))").await?;
        for _ in 0..3 {
            b.does("counter.update((count) => count + 1000); counter.update((count) => count + 1000)").await?;
            app.reload(b).await?;
        }
        main.is_done().await?;
        // What b had begun may or may not have been applied, but each at most once, and as a whole.
        b.does("await counter.refresh()").await?;
        let counter = app.stats().await?.counter;
        assert_eq!(counter % 1000, 300);
        assert!(counter / 1000 <= 6, "{counter}");
        main.shows("counter.get()", counter).await?;
        b.shows("counter.get()", counter).await
    })
}

#[test]
fn i8_a_page_that_is_left_and_returned_to_is_in_step_again() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        let life: f64 = b.eval("pageLife").await?;
        b.does("location.href = 'elsewhere.html'").await?;
        b.shows("document.title", "Elsewhere").await?;
        app.has_readers("counter", 1).await?;

        main.does("await counter.set(9)").await?;
        b.does("history.back()").await?;
        b.shows("counter.get()", 9).await?;
        app.has_readers("counter", 2).await?;
        let restored = b.eval::<f64>("pageLife").await? == life;
        println!("the page came from {}", if restored { "the back/forward cache" } else { "a new load" });

        main.does("await counter.set(10)").await?;
        b.shows("counter.get()", 10).await?;
        b.does("await counter.set(11)").await?;
        main.shows("counter.get()", 11).await
    })
}

#[test]
fn i8_a_hidden_window_is_in_step_when_it_is_shown() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        app.invoke::<()>("show_window", json!({ "label": "b", "shown": false })).await?;
        b.shows("document.visibilityState", "hidden").await?;
        main.does("await times(50, (n) => counter.set(n + 1))").await?;
        app.invoke::<()>("show_window", json!({ "label": "b", "shown": true })).await?;
        b.shows("document.visibilityState", "visible").await?;
        b.shows("counter.get()", 50).await?;
        b.does("await counter.set(51)").await?;
        main.shows("counter.get()", 51).await
    })
}

/// The revision that the slow topic is at. Revisions are counted over all topics, so each write costs one.
async fn revision(window: Window<'_>) -> Result<u64> {
    window.eval("slowToWrite.refresh().then(() => Number(slowToWrite.revision))").await
}
