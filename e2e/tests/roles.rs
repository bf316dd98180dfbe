//! The role of the primary: held by one window at a time, whatever becomes of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::{Result, bail};
use lockstep_e2e::{App, Binary, DirectApp, Failure, Window, full, with_app, without_app};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the test app's command `role_log` answers: what pages did as primaries, in the order of its arrival.
#[derive(Debug, Deserialize)]
struct Entry {
    window: String,
    page: f64,
    term: String,
    deed: Deed,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
enum Deed {
    Began,
    Worked,
    Ended,
}

/// Who were the primaries, one after another. Fails if two were it at once, or a term was not higher than the ones
/// before. A page that has not ended its term must be one of those that the test has ended.
fn primaries(log: &[Entry], ended_by_test: &[f64]) -> Result<Vec<String>> {
    let mut primaries = Vec::new();
    let mut last = 0;
    let mut now: Option<&Entry> = None;
    for entry in log {
        let term: u64 = entry.term.parse()?;
        match (&entry.deed, now) {
            (Deed::Began, Some(other)) if !ended_by_test.contains(&other.page) => {
                bail!("{entry:?} while {other:?} is the primary")
            }
            (Deed::Began, _) if term <= last => bail!("{entry:?} after term {last}"),
            (Deed::Began, _) => {
                last = term;
                now = Some(entry);
                primaries.push(entry.window.clone());
            }
            (_, Some(holder)) if (holder.page, &holder.term) == (entry.page, &entry.term) => {
                if entry.deed == Deed::Ended {
                    now = None;
                }
            }
            (_, other) => bail!("{entry:?} while {other:?} is the primary"),
        }
    }
    Ok(primaries)
}

async fn log(app: &App) -> Result<Vec<Entry>> {
    app.invoke("role_log", json!({})).await
}

/// Waits until this window is the primary, and says so itself; no other does.
async fn is_primary(app: &App, windows: &[Window<'_>], label: &str) -> Result<()> {
    app.has_primary(label).await?;
    for window in windows {
        let role = if window.label() == label { "primary" } else { "secondary" };
        window.shows("roleOf()", role).await?;
        window.shows("primary.holder?.window", label).await?;
    }
    Ok(())
}

#[test]
fn i5_one_of_three_windows_is_the_primary_through_leave_reload_navigation_and_close() -> Result<(), Failure> {
    const IS_READY: &str = "typeof isReady === 'boolean' && counter.get() !== undefined";
    let rounds = if full() { 8 } else { 2 };
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let (a, b) = (app.open("candidate-a").await?, app.open("candidate-b").await?);
        let mut ended = Vec::new();
        let mut expected = vec!["main".to_owned()];
        for window in [main, a, b] {
            window.does("takePart()").await?;
            window.holds("roleOf() !== 'unknown'").await?;
        }
        for round in 0..rounds {
            is_primary(app, &[main, a, b], "main").await?;

            // It takes its time to stop what it does; that is waited for.
            main.does("stoppingMs = 300; await primary.leave(); stoppingMs = 0").await?;
            is_primary(app, &[main, a, b], "candidate-a").await?;
            main.does("primary.join()").await?;

            ended.push(a.eval("pageLife").await?);
            if round % 2 == 0 {
                app.reload(a).await?;
                is_primary(app, &[main, b], "candidate-b").await?;
            } else {
                // The page that comes after it takes no part in anything.
                a.does("location.href = 'elsewhere.html'").await?;
                is_primary(app, &[main, b], "candidate-b").await?;
                a.does("location.href = 'index.html'").await?;
                a.holds(IS_READY).await?;
            }
            a.does("takePart()").await?;
            is_primary(app, &[main, a, b], "candidate-b").await?;

            ended.push(b.eval("pageLife").await?);
            app.close("candidate-b").await?;
            is_primary(app, &[main, a], "main").await?;
            // Another window under the same label.
            app.open("candidate-b").await?.does("takePart()").await?;
            is_primary(app, &[main, a, b], "main").await?;
            expected.extend(["candidate-a", "candidate-b", "main"].map(str::to_owned));
        }
        let log = log(app).await?;
        assert_eq!(primaries(&log, &ended)?, expected, "{log:#?}");
        assert!(log.iter().any(|entry| entry.deed == Deed::Worked), "nobody did what the primary does");
        Ok(())
    })
}

#[test]
fn i5_the_role_passes_on_when_the_web_process_of_the_primary_dies() -> Result<(), Failure> {
    const TAKE_PART: &str = "(takePart(), 0)";
    without_app(async || {
        let mut app = DirectApp::start().await?;
        let mut ended = Vec::new();
        for label in ["candidate-a", "candidate-b"] {
            app.open(label).await?;
            app.eval(label, TAKE_PART).await?;
            app.shows(label, "roleOf() !== 'unknown'", true).await?;
        }
        app.eval("main", TAKE_PART).await?;
        let labels = ["candidate-a", "candidate-b", "candidate-a"];
        for (label, next) in labels.iter().zip(["candidate-b", "main", "main"]) {
            let holds_role = app.eval(label, "roleOf() === 'primary'").await? == json!(true);
            ended.push(app.eval(label, "pageLife").await?.as_f64().unwrap_or_default());
            app.has_readers("lockstep/primary", 3).await?;
            app.web_process_of(label).await?.kill()?;
            // Only when the app has noticed can the window be reloaded.
            app.has_readers("lockstep/primary", 2).await?;
            app.stats_show("primary.window", next).await?;
            app.shows("main", "primary.holder?.window", next).await?;
            if next == "main" {
                app.shows("main", "roleOf()", "primary").await?;
            } else {
                assert!(holds_role, "{label} was meant to be the primary");
                app.shows(next, "roleOf()", "primary").await?;
            }
            app.reload(label).await?;
            app.eval(label, TAKE_PART).await?;
            app.shows(label, "roleOf()", "secondary").await?;
        }
        let log: Vec<Entry> = serde_json::from_value(app.resolves("main", "invoke('role_log')").await?)?;
        assert_eq!(primaries(&log, &ended)?, ["candidate-a", "candidate-b", "main"], "{log:#?}");
        Ok(())
    })
}

#[test]
fn i5_windows_that_join_and_leave_all_the_time_are_never_two_at_once() -> Result<(), Failure> {
    let times = if full() { 100 } else { 15 };
    with_app(Binary::Test, async |app| {
        let windows = [app.window("main"), app.open("candidate-a").await?, app.open("candidate-b").await?];
        for window in windows {
            window
                .begins(&format!(
                    "takePart();
                     await times({times}, async (n) => {{
                         primary.join();
                         // Mostly it gets the role before it leaves, and sometimes it leaves before that.
                         const end = Date.now() + (n % 4 ? 10_000 : Math.random() * 50);
                         while (roleOf() !== 'primary' && Date.now() < end) await pause(2);
                         await pause(Math.random() * 20);
                         stoppingMs = n % 3 ? 0 : 15;
                         if (n % 5) await primary.leave();
                         else primary.leave();
                     }})"
                ))
                .await?;
        }
        for window in windows {
            window.is_done().await?;
        }
        for window in windows {
            window.shows("roleOf()", "secondary").await?;
        }
        let log = log(app).await?;
        let turns = primaries(&log, &[])?.len();
        println!("{turns} terms");
        assert!(turns >= times, "{turns} terms");
        windows[1].does("primary.join()").await?;
        is_primary(app, &windows, "candidate-a").await
    })
}

#[test]
fn i5_a_late_first_call_of_a_page_that_is_gone_takes_nothing_from_the_page_after_it() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        // Its first page waits for the app, and so it is not known yet when it goes.
        app.begin_to_open("candidate-slow").await?;
        let slow = app.window("candidate-slow");
        slow.holds("isReady").await?;
        slow.does("invoke('plugin:lockstep|join_role', { session: 'late' }).catch(() => {})").await?;
        slow.does("invoke('plugin:lockstep|subscribe', { topic: 'note', session: 'late' }).catch(() => {})").await?;
        app.reload(slow).await?;
        slow.does("takePart(); await note.ready").await?;
        slow.shows("roleOf()", "primary").await?;
        app.has_readers("note", 1).await?;

        app.invoke::<()>("go_on", json!({})).await?;
        for n in 0..20 {
            app.invoke::<String>("set_counter", json!({ "value": n })).await?;
            slow.shows("counter.get()", n).await?;
        }
        slow.shows("roleOf()", "primary").await?;
        app.has_readers("lockstep/primary", 1).await?;
        app.has_readers("note", 1).await?;
        assert_eq!(primaries(&log(app).await?, &[])?, ["candidate-slow"], "nor did it in between");
        Ok(())
    })
}

#[test]
fn a_primary_that_is_hidden_by_its_own_choice_gives_the_role_up() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, a) = (app.window("main"), app.open("candidate-a").await?);
        a.does("takePart({ whenHidden: 'yield' })").await?;
        a.shows("roleOf()", "primary").await?;
        main.does("takePart()").await?;
        is_primary(app, &[main, a], "candidate-a").await?;

        app.invoke::<()>("show_window", json!({ "label": "candidate-a", "shown": false })).await?;
        is_primary(app, &[main, a], "main").await?;
        app.invoke::<()>("show_window", json!({ "label": "candidate-a", "shown": true })).await?;
        a.shows("document.visibilityState", "visible").await?;
        main.does("await primary.leave()").await?;
        is_primary(app, &[main, a], "candidate-a").await?;
        assert_eq!(primaries(&log(app).await?, &[])?, ["candidate-a", "main", "candidate-a"]);
        Ok(())
    })
}

#[test]
fn i13_a_window_without_the_permission_takes_no_part_and_is_told_what_is_missing() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        b.does("takePart()").await?;
        b.holds("problems.some((problem) => problem.includes('lockstep:role'))").await?;
        b.shows("roleOf()", "unknown").await?;
        let refused: Value = b.eval("invoke('plugin:lockstep|join_role', { session: 'x' }).catch(String)").await?;
        assert!(refused.as_str().is_some_and(|text| text.contains("not allowed")), "{refused}");
        assert_eq!(app.stats().await?.primary, None);
        main.does("takePart()").await?;
        main.shows("roleOf()", "primary").await
    })
}
