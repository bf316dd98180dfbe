//! Many windows, and many writes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, wait_until, with_app};
use std::time::{Duration, Instant};

const WRITES: u32 = 10_000;

/// How often a topic is announced at most, in ms.
const ANNOUNCE_INTERVAL_MS: u64 = 16;

#[test]
fn one_write_reaches_twenty_windows() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = app.open_many(19).await?;
        for label in &labels {
            app.window(label).does("await counter.ready").await?;
        }
        app.has_readers("counter", 20).await?;
        app.window("main").does("await counter.set(1)").await?;
        app.all_show(&labels, 1).await?;
        app.window("w7").does("await counter.update((count) => count + 1)").await?;
        app.all_show(&labels, 2).await
    })
}

#[test]
fn i3_after_a_storm_without_pauses_every_window_shows_the_last_write() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let begun = begin(app).await?;
        app.start_storm(WRITES, Duration::ZERO).await?;
        app.storm_is_over().await?;
        assert_eq!(end(app, begun).await?, WRITES);
        Ok(())
    })
}

#[test]
fn i14_a_long_storm_costs_few_messages_and_pages_answer_in_its_midst() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let begun = begin(app).await?;
        app.start_endless_storm(Duration::from_micros(300)).await?;
        let mut longest = Duration::ZERO;
        for label in ["w1", "w8"] {
            let start = Instant::now();
            let shown: u32 = app.window(label).eval("counter.get()").await?;
            longest = longest.max(start.elapsed());
            app.window(label).holds(&format!("counter.get() > {shown}")).await?;
        }
        println!("in the midst of the storm, the longest answer took {longest:?}");
        wait_until("the storm was long", async || Ok(app.stats().await?.counter >= WRITES)).await?;
        app.end_storm().await?;
        end(app, begun).await.map(drop)
    })
}

/// Windows that wait for a storm, and since when.
struct Begun {
    labels: Vec<String>,
    start: Instant,
}

/// Opens eight windows beside `main`, which count what a storm costs them.
async fn begin(app: &App) -> Result<Begun> {
    let labels = app.open_many(8).await?;
    for label in &labels {
        app.window(label).does("heartbeat.start(); await hear('counter')").await?;
    }
    Ok(Begun { labels, start: Instant::now() })
}

/// Waits until all windows show the end of a storm, sees what it cost each of them, and returns how many writes it had.
async fn end(app: &App, Begun { labels, start }: Begun) -> Result<u32> {
    let writes = app.stats().await?.counter;
    app.all_show(&labels, writes).await?;
    let most = start.elapsed().as_millis() as u64 / ANNOUNCE_INTERVAL_MS + 2;

    println!("{writes} writes in {:?}", start.elapsed());
    for label in &labels {
        let window = app.window(label);
        let heard: u64 = window.eval("heard.counter").await?;
        let pulls: u64 = window.eval("pulls('counter')").await?;
        let longest: f64 = window.eval("heartbeat.longest").await?;
        println!("{label}: {heard} events, {pulls} pulls, {longest:.0} ms the longest pause of the page");
        assert!((1..=most).contains(&heard), "{heard} events, and {most} are the most that the interval allows");
        // Each answers an event, but for the first, and those of a window that is focused.
        assert!(pulls <= heard + 10, "{pulls} pulls for {heard} events");
    }
    Ok(writes)
}
