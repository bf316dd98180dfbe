//! Topics that come and go while windows show them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, DirectApp, Failure, Window, full, with_app, without_app};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn a_topic_goes_with_its_last_reader_who_is_counted_through_every_way_to_leave() -> Result<(), Failure> {
    const USE: &str = "await rooms.topic('1').ready";
    const STOP: &str = "rooms.topic('1').close()";
    const IS_READY: &str = "typeof isReady === 'boolean' && counter.get() !== undefined";
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await rooms.create({ id: '1', initial: ['a'] })").await?;
        app.has_readers("rooms/1", 1).await?;
        let rounds = if full() { 5 } else { 1 };
        for _ in 0..rounds {
            b.does(USE).await?;
            b.shows("rooms.topic('1').get()", json!(["a"])).await?;
            b.shows("rooms.list()", json!(["1"])).await?;
            app.has_readers("rooms/1", 2).await?;

            b.does(STOP).await?;
            app.has_readers("rooms/1", 1).await?;
            b.does(USE).await?;
            app.has_readers("rooms/1", 2).await?;

            app.reload(b).await?;
            app.has_readers("rooms/1", 1).await?;
            b.does(USE).await?;
            app.has_readers("rooms/1", 2).await?;

            // The page that comes after it uses no topic at all.
            b.does("location.href = 'elsewhere.html'").await?;
            b.shows("document.title", "Elsewhere").await?;
            app.has_readers("rooms/1", 1).await?;
            b.does("location.href = 'index.html'").await?;
            b.holds(IS_READY).await?;
            b.does(USE).await?;
            app.has_readers("rooms/1", 2).await?;

            app.close("b").await?;
            app.has_readers("rooms/1", 1).await?;
            // Another window under the same label.
            app.open("b").await?.does(USE).await?;
            app.has_readers("rooms/1", 2).await?;
        }
        main.does(STOP).await?;
        app.has_readers("rooms/1", 1).await?;
        b.does("await rooms.topic('1').set(['b'])").await?;
        b.does(STOP).await?;
        app.has_topic("rooms/1", false).await?;

        // A reload is a way to leave, too, and so is the close of a window.
        for leave in ["reload", "close"] {
            b.does("await rooms.create({ id: '2' })").await?;
            app.has_readers("rooms/2", 1).await?;
            match leave {
                "reload" => app.reload(b).await?,
                _ => app.close("b").await?,
            }
            app.has_topic("rooms/2", false).await?;
        }
        Ok(())
    })
}

#[test]
fn a_web_process_that_dies_is_a_reader_less() -> Result<(), Failure> {
    without_app(async || {
        let mut app = DirectApp::start().await?;
        app.open("b").await?;
        app.resolves("main", "rooms.create({ id: '1' }).then(() => 0)").await?;
        app.resolves("b", "rooms.topic('1').ready.then(() => rooms.create({ id: '2' })).then(() => 0)").await?;
        app.has_readers("rooms/1", 2).await?;
        app.has_readers("rooms/2", 1).await?;

        app.web_process_of("b").await?.kill()?;
        app.has_readers("rooms/1", 1).await?;
        app.stats_show("readers['rooms/2']", Value::Null).await?;
        app.resolves("main", "rooms.topic('1').set(['still here'])").await?;

        app.reload("b").await?;
        app.resolves("b", "rooms.topic('1').ready").await?;
        app.shows("b", "rooms.topic('1').get()", json!(["still here"])).await?;
        app.has_readers("rooms/1", 2).await
    })
}

/// Waits until the window's store of this topic says `removed`, and its writes are refused.
async fn is_removed(window: Window<'_>, store: &str, last: Value) -> Result<()> {
    window.shows(&format!("{store}.status"), "removed").await?;
    window.shows(&format!("{store}.get()"), last).await?;
    window.shows(&format!("told({store}.set(['too late']))"), json!(["unknownTopic", null])).await?;
    window.shows(&format!("told({store}.update((lines) => lines))"), json!(["unknownTopic", null])).await
}

#[test]
fn i5_windows_say_that_their_topic_was_removed_and_go_on_when_it_is_there_again() -> Result<(), Failure> {
    const STORE: &str = "documents.topic('1')";
    const CREATE: &str = "const store = await documents.getOrCreate('1', { initial: ['first'] });";
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        // Both at once: one creates it.
        for window in [main, b] {
            window.begins(CREATE).await?;
        }
        for window in [main, b] {
            window.is_done().await?;
            window.shows(&format!("{STORE}.get()"), json!(["first"])).await?;
        }
        main.shows("documents.create({ id: '1' }).catch(({ kind }) => kind)", "alreadyExists").await?;
        app.has_readers("documents/1", 2).await?;
        b.does(&format!("await {STORE}.update((lines) => [...lines, 'from b'])")).await?;
        main.shows(&format!("{STORE}.get()"), json!(["first", "from b"])).await?;

        let mut last = json!(["first", "from b"]);
        for round in 0..3 {
            let before = [revision(main, STORE).await?, revision(b, STORE).await?];
            match round {
                0 => main.shows("documents.remove('1')", true).await?,
                1 => b.shows("lockstep.removeTopic('documents/1')", true).await?,
                _ => assert!(app.invoke::<bool>("remove_by_rust", json!({ "topic": "documents/1" })).await?),
            }
            for window in [main, b] {
                is_removed(window, STORE, last.clone()).await?;
            }
            app.has_topic("documents/1", false).await?;
            b.shows("documents.remove('1')", false).await?;
            b.shows("documents.list()", json!([])).await?;

            last = json!([format!("anew {round}")]);
            b.does(&format!("await documents.create({{ id: '1', initial: {last} }})")).await?;
            for (window, before) in [main, b].into_iter().zip(before) {
                window.shows(&format!("{STORE}.status"), "synchronized").await?;
                window.shows(&format!("{STORE}.get()"), last.clone()).await?;
                let now = revision(window, STORE).await?;
                assert!(now > before, "{now} after {before}");
            }
            app.has_readers("documents/1", 2).await?;
            last = json!([format!("anew {round}"), "written"]);
            main.does(&format!("await {STORE}.set({last})")).await?;
            b.shows(&format!("{STORE}.get()"), last.clone()).await?;
        }
        Ok(())
    })
}

/// The revision that the window's store shows.
async fn revision(window: Window<'_>, store: &str) -> Result<u64> {
    window.eval(&format!("Number({store}.revision)")).await
}

#[test]
fn i5_a_topic_that_destructs_itself_is_removed_for_the_window_that_still_shows_it() -> Result<(), Failure> {
    const STORE: &str = "meetings.topic('1')";
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await meetings.create({ id: '1', initial: ['hello'] })").await?;
        b.does(&format!("await {STORE}.ready")).await?;
        app.has_readers("meetings/1", 2).await?;
        let before = revision(main, STORE).await?;
        b.does(&format!("{STORE}.close()")).await?;
        is_removed(main, STORE, json!(["hello"])).await?;

        b.does("await meetings.create({ id: '1', initial: ['again'] })").await?;
        main.shows(&format!("{STORE}.get()"), json!(["again"])).await?;
        assert!(revision(main, STORE).await? > before);
        app.has_readers("meetings/1", 2).await
    })
}

#[test]
fn a_topic_whose_time_is_over_is_removed_and_a_write_lets_that_begin_anew() -> Result<(), Failure> {
    // As the test app has it.
    const TTL: Duration = Duration::from_secs(4);
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        let begun = Instant::now();
        main.does("await flashes.create({ id: '1', initial: 7 }); await drafts.create({ id: '1' })").await?;
        // Writes keep the one and not the other, until the other is gone.
        main.begins(
            "while (flashes.topic('1').status !== 'removed') {
                 await drafts.topic('1').update((count) => count + 1);
                 await flashes.topic('1').set(8).catch(() => {});
                 await pause(10);
             }",
        )
        .await?;
        b.does("flashes.topic('1').get(); drafts.topic('1').get()").await?;
        main.is_done().await?;
        assert!(begun.elapsed() >= TTL, "it lived that long");
        app.has_topic("flashes/1", false).await?;
        b.shows("flashes.topic('1').get() === undefined || flashes.topic('1').status === 'removed'", true).await?;
        main.shows("drafts.topic('1').set(9).then(() => drafts.topic('1').get())", 9).await?;

        for window in [main, b] {
            window.shows("drafts.topic('1').status", "removed").await?;
        }
        app.has_topic("drafts/1", false).await
    })
}
