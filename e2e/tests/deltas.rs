//! One large value, of which little changes: only that travels, and only that is another object in the window.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::{Result, ensure};
use lockstep_e2e::{App, Binary, DirectApp, Failure, Window, with_app, without_app};
use serde_json::{Value, json};

/// As many as make a megabyte.
const ROWS: usize = 5_000;

/// What a small change may weigh, with all that is around it.
const SMALL: u64 = 1_000;

/// The backend knows so many revisions to make a delta from.
const BASES: usize = 8;

#[test]
fn i14_a_field_of_a_megabyte_travels_as_that_field() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b] = two_with_the_sheet(app).await?;
        let whole: u64 = main.eval("JSON.stringify(sheet.get()).length").await?;
        assert!(whole > 900_000, "{whole} bytes are no megabyte");
        for window in [main, b] {
            window.does("countDeliveries(); countAnswers()").await?;
        }
        // One after another, so that each travels by itself.
        for n in 0..5 {
            rewrite(app, n, "by rust").await?;
            all_are_at(app, &[main, b]).await?;
            main.does(&format!("await sheet.merge({{ view: {{ zoom: {} }} }})", 101 + n)).await?;
            all_are_at(app, &[main, b]).await?;
            b.does(&format!("await sheet.patch([{{ op: 'replace', path: '/rows/{}/done', value: true }}])", 100 + n))
                .await?;
            all_are_at(app, &[main, b]).await?;
        }
        for window in [main, b] {
            let received: Vec<Value> = window.eval("receivedOf('sheet')").await?;
            let label = window.label();
            let most = received.iter().filter_map(|each| each["bytes"].as_u64()).max();
            println!("{label}: {} messages, the largest of {most:?} bytes, of {whole}", received.len());
            assert!(received.len() >= 15, "{label}: {received:?}");
            assert!(received.iter().all(|each| each["form"] != "data"), "{label}: {received:?}");
            assert!(most.is_some_and(|most| most < SMALL), "{label}: {received:?}");
        }
        Ok(())
    })
}

#[test]
fn what_did_not_change_is_the_same_object_as_before() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b] = two_with_the_sheet(app).await?;
        for window in [main, b] {
            window
                .does(
                    "window.remember = () => { window.before = sheet.get() };
                     window.viewsHeard = 0;
                     sheet.select(({ view }) => view).subscribe(() => viewsHeard++);
                     // The rows of before that are somewhere else by now, or are not there.
                     window.moved = (by) => before.rows.filter((row, at) => sheet.get().rows[at + by] !== row).length;
                     remember()",
                )
                .await?;
        }

        // A row's text, by Rust.
        rewrite(app, 7, "other").await?;
        all_are_at(app, &[main, b]).await?;
        for window in [main, b] {
            let seen: Value = window
                .eval("[moved(0), before === sheet.get(), before.rows === sheet.get().rows, before.view === sheet.get().view, before.rows[7].text === sheet.get().rows[7].text]")
                .await?;
            assert_eq!(seen, json!([1, false, false, true, false]), "{}", window.label());
            window.does("remember()").await?;
        }

        // The view, by a window: the list itself is the same.
        main.does("await sheet.merge({ view: { zoom: 50 } })").await?;
        all_are_at(app, &[main, b]).await?;
        for window in [main, b] {
            let seen: Value = window
                .eval("[before.rows === sheet.get().rows, before.view === sheet.get().view, before.view.columns === sheet.get().view.columns]")
                .await?;
            assert_eq!(seen, json!([true, false, true]), "{}", window.label());
            window.does("remember(); countDeliveries(); countAnswers()").await?;
        }

        // A row in front of all others: each is the same one, at the next place.
        app.invoke::<String>("add_row", json!({ "id": 1_000_000 })).await?;
        all_are_at(app, &[main, b]).await?;
        for window in [main, b] {
            window.shows("[moved(1), sheet.get().rows[0].id]", json!([0, 1_000_000])).await?;
            window.shows("receivedOf('sheet').every(({ bytes }) => bytes < 1_000)", true).await?;
            window.does("remember()").await?;
        }

        // A window that saves the whole, of which one row is another.
        b.does(
            "await sheet.set({ ...sheet.get(), rows: sheet.get().rows.with(9, { id: 8, text: 'set', done: true }) })",
        )
        .await?;
        all_are_at(app, &[main, b]).await?;
        for window in [main, b] {
            window.shows("[moved(0), sheet.get().rows[9].text]", json!([1, "set"])).await?;
            window.shows("viewsHeard", 1).await?;
            window.shows("problems", json!([])).await?;
        }
        Ok(())
    })
}

#[test]
fn i9_a_window_that_comes_late_gets_the_whole_and_then_what_changes() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b] = two_with_the_sheet(app).await?;
        for n in 0..BASES {
            rewrite(app, n, "before it came").await?;
        }
        let late = app.open("late").await?;
        late.does("countAnswers(); await sheet.ready; countDeliveries()").await?;
        late.shows("receivedOf('sheet').map(({ form }) => form)", json!(["data"])).await?;
        rewrite(app, 4_000, "after it came").await?;
        all_are_at(app, &[main, b, late]).await?;
        late.shows("receivedOf('sheet').map(({ form }) => form)", json!(["data", "patch"])).await?;
        late.shows(
            "[sheet.get().rows[0].text, sheet.get().rows[4000].text]",
            json!(["before it came", "after it came"]),
        )
        .await?;
        all_show_the_same(&[main, b, late]).await
    })
}

#[test]
fn i6_a_revision_that_is_not_known_any_more_is_answered_with_the_whole() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b] = two_with_the_sheet(app).await?;
        b.does(
            "window.first = sheet.revision;
             window.form = (since) => invoke('plugin:lockstep|get_snapshot', { topic: 'sheet', since })
                 .then(({ revision, patch, base, data }) => {
                     const form = patch ? base === since && 'patch' : data && 'data';
                     return [form, revision === sheet.revision];
                 });",
        )
        .await?;
        // Each revision that a window is given takes the place of the oldest.
        for n in 0..BASES - 1 {
            rewrite(app, n, "again").await?;
            all_are_at(app, &[main, b]).await?;
        }
        b.shows("form(first)", json!(["patch", true])).await?;
        rewrite(app, BASES, "once more").await?;
        all_are_at(app, &[main, b]).await?;
        b.shows("form(first)", json!(["data", true])).await?;
        // What never was a revision of it is no base, either.
        b.shows("form(String(BigInt(first) - 1n))", json!(["data", true])).await?;
        b.shows("form('18446744073709551615')", json!(["data", true])).await
    })
}

#[test]
fn i8_a_window_that_slept_while_its_base_was_forgotten_is_right_when_it_wakes() -> Result<(), Failure> {
    without_app(async || {
        let mut app = DirectApp::start().await?;
        app.open("b").await?;
        app.resolves("main", &format!("invoke('fill_sheet', {{ rows: {ROWS} }})")).await?;
        for label in ["main", "b"] {
            app.resolves(label, "sheet.ready.then(() => 0)").await?;
        }
        app.eval("b", "(countDeliveries(), countAnswers(), 0)").await?;
        let sleeper = app.web_process_of("b").await?;
        sleeper.stop()?;
        for n in 0..2 * BASES {
            let row = json!({ "at": n, "to": "while it slept" });
            let revision = app.resolves("main", &format!("invoke('rewrite_row', {row})")).await?;
            // The other window is given each of them.
            app.shows("main", "sheet.revision", revision).await?;
        }
        sleeper.go_on()?;
        let slept = "sheet.get().rows.filter(({ text }) => text === 'while it slept').length";
        app.shows("b", slept, 2 * BASES as u64).await?;
        let expected = app.eval("main", "JSON.stringify(sheet.get())").await?;
        app.shows("b", "JSON.stringify(sheet.get())", expected).await?;
        let whole = app.eval("b", "receivedOf('sheet').some(({ form }) => form === 'data')").await?;
        ensure!(whole == true, "the base was to be forgotten: {}", app.eval("b", "received").await?);

        // It hears of the next change like all others.
        app.eval("b", "(received.length = 0)").await?;
        let row = json!({ "at": 100, "to": "awake" });
        app.resolves("main", &format!("invoke('rewrite_row', {row})")).await?;
        app.shows("b", "sheet.get().rows[100].text", "awake").await?;
        app.shows("b", "receivedOf('sheet').map(({ form }) => form).join()", "patch").await
    })
}

async fn two_with_the_sheet(app: &App) -> Result<[Window<'_>; 2]> {
    app.invoke::<String>("fill_sheet", json!({ "rows": ROWS })).await?;
    let windows = [app.window("main"), app.open("b").await?];
    for window in windows {
        window.does("await sheet.ready").await?;
    }
    Ok(windows)
}

async fn rewrite(app: &App, at: usize, to: &str) -> Result<String> {
    app.invoke("rewrite_row", json!({ "at": at, "to": to })).await
}

/// Waits until the windows show the newest revision.
async fn all_are_at(app: &App, windows: &[Window<'_>]) -> Result<()> {
    let newest: String = app.invoke("sheet_revision", json!({})).await?;
    for window in windows {
        window.shows("sheet.revision", newest.clone()).await?;
    }
    Ok(())
}

async fn all_show_the_same(windows: &[Window<'_>]) -> Result<()> {
    let mut shown = Vec::new();
    for window in windows {
        shown.push(window.eval::<Value>("sheet.get()").await?);
    }
    ensure!(shown.iter().all(|each| *each == shown[0]), "the windows show different sheets");
    Ok(())
}
