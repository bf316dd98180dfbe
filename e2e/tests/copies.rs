//! Several copies of the guest in one page: two bundles, or a module that is loaded anew while the app is developed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};

#[test]
fn two_copies_of_the_guest_share_session_sequence_and_listener_and_lose_nothing() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        b.does("window.second = define('counter', {}, await anotherGuest()); await second.ready").await?;
        b.holds("second.set !== counter.set").await?;
        b.begins(
            "await Promise.all([
                times(50, () => counter.update((count) => count + 1)),
                times(50, () => second.update((count) => count + 1)),
            ])",
        )
        .await?;
        main.begins("await times(50, () => counter.update((count) => count + 1))").await?;
        b.is_done().await?;
        main.is_done().await?;

        assert_eq!(app.stats().await?.counter, 150);
        b.shows("counter.get()", 150).await?;
        b.shows("second.get()", 150).await?;
        let shared: Value = b
            .run(
                "const page = window[Symbol.for('tauri-plugin-lockstep')];
                return { listens: listens('counter'), readers: page.topics.get('counter').readers };",
            )
            .await?;
        assert_eq!(shared, json!({ "listens": 0, "readers": 2 }));
        assert_eq!(app.stats().await?.sessions, 2);
        app.has_readers("counter", 2).await?;

        // One copy goes; the other's reading goes on.
        b.does("counter.close()").await?;
        main.does("await counter.set(7)").await?;
        b.shows("second.get()", 7).await?;
        app.has_readers("counter", 2).await?;
        b.does("second.close()").await?;
        app.has_readers("counter", 1).await
    })
}

#[test]
fn a_guest_that_is_loaded_anew_again_and_again_goes_on_where_it_was() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.begins("await times(200, () => counter.update((count) => count + 1))").await?;
        b.begins(
            "window.applied = 0;
            let current = counter;
            await times(20, async () => {
                const next = define('counter', {}, await anotherGuest());
                // A module that is replaced closes what it has. Its write is still sent, and settles.
                const written = current.update((count) => count + 1).then(
                    () => applied++,
                    ({ kind }) => {
                        if (kind === 'applied') applied++;
                        else if (kind !== 'conflict') throw new Error(kind);
                    },
                );
                current.close();
                await Promise.all([written, next.ready]);
                current = next;
            });
            window.latest = current;",
        )
        .await?;
        b.is_done().await?;
        main.is_done().await?;
        let total = 200 + b.eval::<u32>("applied").await?;
        assert_eq!(app.stats().await?.counter, total);
        b.shows("latest.get()", total).await?;
        let shared: Value = b
            .run(
                "const entry = window[Symbol.for('tauri-plugin-lockstep')].topics.get('counter');
                return { listens: listens('counter'), readers: entry.readers, handlers: entry.handlers.size };",
            )
            .await?;
        assert_eq!(shared, json!({ "listens": 0, "readers": 1, "handlers": 1 }));
        app.has_readers("counter", 2).await?;
        assert_eq!(app.stats().await?.sessions, 2);

        main.does("await counter.set(9)").await?;
        b.shows("latest.get()", 9).await
    })
}
