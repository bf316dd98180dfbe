//! Many windows, and many writes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, wait_until, with_app};
use std::time::{Duration, Instant};

const WRITES: u32 = 10_000;

/// Bounds what one window may hear, or ask, during a storm. Announcements come at most every 16 ms.
const FEW: u64 = 1_000;

#[test]
fn one_write_reaches_twenty_windows() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = open_all(app, 19).await?;
        for label in &labels {
            app.window(label).does("await counter.ready").await?;
        }
        app.has_readers("counter", 20).await?;
        app.window("main").does("await counter.set(1)").await?;
        all_show(app, &labels, 1).await?;
        app.window("w7").does("await counter.update((count) => count + 1)").await?;
        all_show(app, &labels, 2).await
    })
}

#[test]
fn i3_after_a_storm_without_pauses_every_window_shows_the_last_write() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = storm(app, Duration::ZERO, async || Ok(())).await?;
        for label in &labels {
            assert_few(app, label).await?;
        }
        Ok(())
    })
}

#[test]
fn i14_a_long_storm_costs_few_messages_and_pages_answer_in_its_midst() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let mut asked = 0;
        let mut longest = Duration::ZERO;
        let labels = storm(app, Duration::from_micros(200), async || {
            let half_way = app.stats().await?.counter;
            assert!(half_way < WRITES, "the storm was over too early to see anything");
            for label in ["w1", "w8"] {
                let start = Instant::now();
                let shown: u32 = app.window(label).eval("counter.get()").await?;
                longest = longest.max(start.elapsed());
                asked += 1;
                assert!(shown <= WRITES);
            }
            Ok(())
        })
        .await?;
        println!("{asked} questions in the midst of the storm, the longest answer took {longest:?}");
        for label in &labels {
            assert_few(app, label).await?;
        }
        Ok(())
    })
}

/// Opens eight windows beside `main`, lets a storm of writes loose, and waits until all show its end.
async fn storm(app: &App, pause: Duration, meanwhile: impl AsyncFnOnce() -> Result<()>) -> Result<Vec<String>> {
    let labels = open_all(app, 8).await?;
    for label in &labels {
        app.window(label).does("heartbeat.start(); await hear('counter')").await?;
    }
    app.start_storm(WRITES, pause).await?;
    meanwhile().await?;
    app.storm_is_over().await?;
    assert_eq!(app.stats().await?.counter, WRITES);
    all_show(app, &labels, WRITES).await?;
    Ok(labels)
}

async fn assert_few(app: &App, label: &str) -> Result<()> {
    let window = app.window(label);
    let heard: u64 = window.eval("heard.counter").await?;
    let pulls: u64 = window.eval("pulls('counter')").await?;
    let longest: f64 = window.eval("heartbeat.longest").await?;
    println!("{label}: {heard} events, {pulls} pulls, {longest:.0} ms the longest pause of the page");
    assert!((1..FEW).contains(&heard), "{heard} events");
    assert!(pulls < FEW, "{pulls} pulls");
    Ok(())
}

/// Opens so many windows beside `main`: `w1`, `w2` and so on.
async fn open_all(app: &App, count: usize) -> Result<Vec<String>> {
    let labels: Vec<String> = (1..=count).map(|n| format!("w{n}")).collect();
    for label in &labels {
        app.begin_to_open(label).await?;
    }
    let all: Vec<String> = std::iter::once("main".to_owned()).chain(labels).collect();
    for label in &all {
        wait_until(&format!("{label} is ready"), async || app.window(label).eval("isReady").await).await?;
    }
    Ok(all)
}

async fn all_show(app: &App, labels: &[String], count: u32) -> Result<()> {
    for label in labels {
        app.window(label).shows("counter.get()", count).await?;
        app.window(label).shows("counter.status", "synchronized").await?;
    }
    Ok(())
}
