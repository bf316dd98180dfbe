//! What is kept from one run of an app to the next.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::{Context, Result, ensure};
use lockstep_e2e::{App, Binary, DirectApp, Failure, empty_data, full, wait_until, without_app};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{fs, path::Path, time::Duration};

/// What the page of the example knows of its storm of writes.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Storm {
    /// The last write whose `flush` has answered.
    saved: u64,
    /// The highest revision that an answer has told.
    revision: u64,
}

/// Writes the settings again and again, and flushes now and then, until the app is no more. Each write says by two of its
/// members which one it is.
const STORM: &str = r#"
    const { invoke } = window.__TAURI_INTERNALS__;
    const session = `storm-${Math.random().toString(36).slice(2)}`;
    const storm = (window.storm = { saved: 0, revision: 0 });
    const write = (number, seq) => invoke('plugin:lockstep|write', {
        topic: 'settings', session, seq,
        set: { theme: number % 2 ? 'dark' : 'light', accent: 'rose', textSize: 'small', displayName: `${number}` },
    });
    (async () => {
        for (let seq = 1; ; seq++) {
            const number = begin + seq;
            const { revision } = await write(number, seq);
            storm.revision = Math.max(storm.revision, Number(revision));
            if (seq % 7 === 1) invoke('plugin:lockstep|flush', { topic: 'settings' })
                .then(() => { storm.saved = Math.max(storm.saved, number) });
        }
    })();
"#;

/// Which write the settings show, and their revision.
async fn settings(app: &App) -> Result<(u64, u64)> {
    let snapshot: Value = app
        .window("main")
        .run("return window.__TAURI_INTERNALS__.invoke('plugin:lockstep|get_snapshot', { topic: 'settings' });")
        .await?;
    let data = &snapshot["data"];
    let number = data["displayName"].as_str().context("no name")?.parse().unwrap_or(0);
    let expected = if number == 0 {
        json!({ "theme": "light", "accent": "indigo", "textSize": "medium", "displayName": "" })
    } else {
        let theme = if number % 2 == 1 { "dark" } else { "light" };
        json!({ "theme": theme, "accent": "rose", "textSize": "small", "displayName": number.to_string() })
    };
    ensure!(*data == expected, "no write has produced {data}");
    Ok((number, snapshot["revision"].as_str().context("no revision")?.parse()?))
}

#[test]
fn i5_i15_an_app_that_is_killed_while_it_writes_loses_nothing_that_was_saved() -> Result<(), Failure> {
    without_app(async || {
        let data = empty_data("killed")?;
        let mut known = Storm::default();
        let rounds = if full() { 100 } else { 3 };
        for round in 0..=rounds {
            let app = App::start_with(Binary::TwoWindows, "killed", &data).await?;
            let (number, revision) = settings(&app).await.with_context(|| format!("round {round}"))?;
            ensure!(number >= known.saved, "round {round}: {number} is older than {}, which was saved", known.saved);
            ensure!(revision > known.revision, "round {round}: revision {revision} was used before: {known:?}");
            known.revision = revision;
            if round < rounds {
                let main = app.window("main");
                main.does(&format!("const begin = {number}; {STORM}")).await?;
                // Killed at another moment each time.
                let enough = number + 8 + 13 * (round % 5);
                wait_until("the storm has saved something", async || {
                    let storm: Storm = main.eval("window.storm").await?;
                    known = Storm { saved: known.saved.max(storm.saved), revision: known.revision.max(storm.revision) };
                    Ok(storm.saved >= enough)
                })
                .await?;
                app.process()?.kill()?;
            }
            app.end()?;
        }
        ensure!(!damaged(&data.join("dev.lockstep.two-windows/lockstep"))?, "a kill damages nothing");
        Ok(())
    })
}

fn damaged(folder: &Path) -> Result<bool> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.try_fold(false, |found, name: Result<String>| Ok(found | name?.contains("damaged")))
}

const STORES: &str =
    "const [late, safe, sealed] = ['kept-late', 'kept-safe', 'kept-sealed'].map((topic) => define(topic))";

/// Starts the test app over what it has kept, and defines the stores that are.
async fn start(data: &Path) -> Result<DirectApp> {
    let app = DirectApp::start_with(data).await?;
    app.eval(
        "main",
        &format!("(0, eval)({:?}), 0", format!("{STORES}; Object.assign(window, {{ late, safe, sealed }})")),
    )
    .await?;
    Ok(app)
}

#[test]
fn i15_what_a_closing_app_has_not_saved_yet_is_saved() -> Result<(), Failure> {
    without_app(async || {
        let data = empty_data("closing")?;
        let mut app = start(&data).await?;
        app.resolves("main", "late.set(7)").await?;
        app.resolves("main", "sealed.set('a secret of mine')").await?;
        app.ends_by("main", "(invoke('close_window', { label: 'main' }), 0)").await?;
        let app = start(&data).await?;
        app.shows("main", "late.get()", 7).await?;
        app.shows("main", "sealed.get()", "a secret of mine").await?;
        let database = fs::read(data.join("dev.lockstep.e2e/lockstep/lockstep.redb"))?;
        ensure!(!database.windows(6).any(|bytes| bytes == b"secret"), "it is on disk in the clear");
        Ok(())
    })
}

#[test]
fn i15_what_a_window_was_told_is_on_disk_is_there_after_a_kill() -> Result<(), Failure> {
    without_app(async || {
        let data = empty_data("told")?;
        let mut app = start(&data).await?;
        app.resolves("main", "late.set(1).then(() => lockstep.flush('kept-late'))").await?;
        app.resolves("main", "safe.set(2)").await?;
        app.resolves("main", "late.set(3)").await?;
        app.process()?.kill()?;
        drop(app);
        let app = start(&data).await?;
        app.shows("main", "safe.get()", 2).await?;
        app.shows("main", "late.get()", 1).await?;
        let refused = "lockstep.flush('counter').catch(({ kind }) => kind)";
        ensure!(app.resolves("main", refused).await? == "notSaved", "it is not persisted");
        Ok(())
    })
}

#[test]
fn i15_a_second_instance_runs_and_overwrites_nothing() -> Result<(), Failure> {
    without_app(async || {
        let data = empty_data("second")?;
        let first = start(&data).await?;
        first.resolves("main", "safe.set(5)").await?;
        let second = start(&data).await?;
        second.shows("main", "safe.get()", 0).await?;
        let told = second.resolves("main", "safe.set(6).catch(({ kind }) => kind)").await?;
        ensure!(told == "notSaved", "{told}");
        second.shows("main", "safe.get()", 6).await?;
        drop((first, second));
        tokio::time::timeout(Duration::from_secs(60), async {
            let app = start(&data).await?;
            app.shows("main", "safe.get()", 5).await
        })
        .await?
    })
}
