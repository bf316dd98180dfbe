//! `createTauriRevisionSync` with commands of the app's own, which hang, panic and fail.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, Window, with_app};
use serde_json::json;

/// A handle on the app's own topic, and what it has been given.
async fn handle(window: Window<'_>) -> Result<()> {
    window
        .does(
            "window.applied = [];
            window.failures = [];
            window.sync = lockstep.createTauriRevisionSync({
                topic: 'own',
                eventName: 'own-changed',
                commandName: 'own_snapshot',
                args: {},
                pullTimeoutMs: 3000,
                applier: { apply: ({ data }) => void applied.push(data) },
                onError: ({ phase, error }) => void failures.push(`${phase} ${error?.kind ?? error}`),
            })",
        )
        .await
}

async fn next_pulls(app: &App, faults: &[&str]) -> Result<()> {
    app.invoke::<usize>("next_pulls", json!({ "faults": faults })).await.map(drop)
}

#[test]
fn an_own_backend_is_followed() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        handle(main).await?;
        main.does("await sync.start()").await?;
        main.shows("applied", json!([0])).await?;
        app.open("b").await?.does("await invoke('own_write')").await?;
        main.shows("applied", json!([0, 1])).await?;
        main.shows("sync.getLocalRevision()", "1").await?;
        main.does("sync.stop(); await invoke('own_write'); await invoke('own_write')").await?;
        main.shows("applied", json!([0, 1])).await
    })
}

#[test]
fn i8_pulls_that_hang_or_panic_or_fail_are_tried_again_until_one_succeeds() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        handle(main).await?;
        main.does("await sync.start()").await?;
        next_pulls(app, &["hangs", "panics", "fails"]).await?;
        main.does("await invoke('own_write')").await?;
        main.shows("applied", json!([0, 1])).await?;
        main.shows(
            "failures.map((failure) => failure.split(':')[0])",
            json!(["getSnapshot timeout", "getSnapshot timeout", "getSnapshot on purpose, for a test"]),
        )
        .await?;
        // The plugin's own topics have not suffered.
        app.open("b").await?.does("await counter.set(4)").await?;
        main.shows("counter.get()", 4).await
    })
}

#[test]
fn a_start_that_fails_says_so_and_may_be_tried_again() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        handle(main).await?;
        next_pulls(app, &["hangs", "fails"]).await?;
        main.shows("sync.start().then(() => 'started', (error) => error.kind)", "timeout").await?;
        main.shows("sync.start().then(() => 'started', String)", "on purpose, for a test").await?;
        main.does("await sync.start()").await?;
        main.shows("applied", json!([0])).await
    })
}
