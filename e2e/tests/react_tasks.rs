//! `examples/react-tasks`, driven through its controls. What drives it is to have built it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, Window, wait_for, with_app};
use std::time::Duration;

/// A topic's self-destruction is asked for every 10 s.
const SELF_DESTRUCTION: Duration = Duration::from_secs(120);

const TITLES: &str =
    "Array.from(document.querySelectorAll('[data-testid=\"tasks\"] .row-title'), (it) => it.textContent).join('; ')";
const FIRST: &str = "Water the office plants; Send the invoices for November; Book the train to Leipzig; \
                     Review Mira's pull request; Order coffee";

async fn is_ready(window: Window<'_>) -> Result<()> {
    window.reads("label", window.label()).await?;
    window.shows(&attribute("status", "data-status"), "synchronized").await
}

/// The first list, and a second one.
async fn two_lists(app: &App) -> Result<[Window<'_>; 2]> {
    let lists = [app.window("main"), app.window("list-2")];
    is_ready(lists[0]).await?;
    lists[0].click("open-list").await?;
    is_ready(lists[1]).await?;
    for list in lists {
        list.shows(TITLES, FIRST).await?;
    }
    Ok(lists)
}

fn attribute(test_id: &str, name: &str) -> String {
    format!("document.querySelector('[data-testid={test_id:?}]')?.getAttribute({name:?}) ?? null")
}

fn value(test_id: &str) -> String {
    format!("document.querySelector('[data-testid={test_id:?}]')?.value ?? null")
}

fn count(test_id: &str) -> String {
    format!("document.querySelectorAll('[data-testid={test_id:?}]').length")
}

/// It has not had to say anything. Not waited for: what it says goes away by itself.
async fn assert_silent(window: Window<'_>) -> Result<()> {
    let toasts: u32 = window.eval(&count("toast")).await?;
    assert_eq!(toasts, 0, "in {}", window.label());
    Ok(())
}

async fn close(from: Window<'_>, label: &str) -> Result<()> {
    from.does(&format!("await __TAURI_INTERNALS__.invoke('plugin:window|close', {{ label: {label:?} }})")).await
}

#[test]
fn what_is_done_in_one_list_shows_in_the_other() -> Result<(), Failure> {
    with_app(Binary::ReactTasks, async |app| {
        let [main, second] = two_lists(app).await?;
        main.types("new-title", "Call Jana").await?;
        main.click("add").await?;
        let with_new = format!("{FIRST}; Call Jana");
        for list in [main, second] {
            list.shows(TITLES, with_new.as_str()).await?;
        }
        second.click("done-2").await?;
        second.click("urgent-3").await?;
        main.holds("document.querySelector('[data-testid=\"done-2\"]').checked").await?;
        main.shows(&attribute("urgent-3", "aria-pressed"), "false").await?;

        // Each list has a filter of its own.
        second.click("filter-done").await?;
        second.shows(TITLES, "Send the invoices for November; Order coffee").await?;
        main.shows(TITLES, with_new.as_str()).await?;
        main.click("remove-5").await?;
        second.shows(TITLES, "Send the invoices for November").await?;
        for list in [main, second] {
            list.shows(&attribute("pending", "data-pending"), "0").await?;
            assert_silent(list).await?;
        }
        Ok(())
    })
}

#[test]
fn nothing_is_lost_of_many_clicks_at_once() -> Result<(), Failure> {
    with_app(Binary::ReactTasks, async |app| {
        let [main, second] = two_lists(app).await?;
        // More than the office answers in a few seconds: they go to it together.
        let most: u32 = main
            .run(
                "let most = 0;
                for (let n = 0; n < 12; n++) {
                    document.querySelector('[data-testid=\"done-4\"]').click();
                    await new Promise((resolve) => setTimeout(resolve));
                    most = Math.max(most, document.querySelector('[data-testid=\"pending\"]').dataset.pending);
                }
                return most;",
            )
            .await?;
        assert!(most > 1, "{most} were under way at once");
        main.shows(&attribute("pending", "data-pending"), "0").await?;
        for list in [main, second] {
            list.holds("!document.querySelector('[data-testid=\"done-4\"]').checked").await?;
            assert_silent(list).await?;
        }
        Ok(())
    })
}

#[test]
fn a_fourth_urgent_task_is_shown_at_once_and_taken_back_with_the_reason() -> Result<(), Failure> {
    #[derive(serde::Deserialize)]
    struct Shown {
        pressed: String,
        pending: String,
    }
    with_app(Binary::ReactTasks, async |app| {
        let [main, second] = two_lists(app).await?;
        second
            .does(
                "window.seen = [];
                const star = document.querySelector('[data-testid=\"urgent-4\"]');
                const see = () => seen.push(star.getAttribute('aria-pressed'));
                new MutationObserver(see).observe(star, { attributes: true })",
            )
            .await?;
        let shown: Shown = main
            .run(
                "const star = document.querySelector('[data-testid=\"urgent-4\"]');
                star.click();
                await new Promise((resolve) => setTimeout(resolve));
                return {
                    pressed: star.getAttribute('aria-pressed'),
                    pending: document.querySelector('[data-testid=\"pending\"]').dataset.pending,
                };",
            )
            .await?;
        assert_eq!([shown.pressed.as_str(), shown.pending.as_str()], ["true", "1"]);

        // At one moment: what it says goes away by itself.
        main.shows(
            "['toast-reason', 'toast-title', 'flash']
                .map((id) => document.querySelector(`[data-testid=\"${id}\"]`)?.textContent.trim() ?? null)",
            serde_json::json!([
                "If more than 3 things are urgent, nothing is.",
                "“Review Mira's pull request” was not changed",
                "",
            ]),
        )
        .await?;
        main.shows(&attribute("urgent-4", "aria-pressed"), "false").await?;
        main.shows(&attribute("pending", "data-pending"), "0").await?;

        // Whatever the other list was told of that, it was told before this.
        main.click("done-4").await?;
        second.holds("document.querySelector('[data-testid=\"done-4\"]').checked").await?;
        second.shows("seen", serde_json::json!([])).await?;
        second.shows(&attribute("urgent-4", "aria-pressed"), "false").await?;
        assert_silent(second).await
    })
}

#[test]
fn notes_are_one_draft_wherever_they_are_typed_until_the_last_window_closes() -> Result<(), Failure> {
    with_app(Binary::ReactTasks, async |app| {
        let [main, second] = two_lists(app).await?;
        second.click("open-1").await?;
        let own = app.window("task-1");
        own.reads("task-title", "Water the office plants").await?;
        own.shows(&value("notes"), "The fern by the window gets less.").await?;
        main.reads("draft-1", "open").await?;

        own.types("notes", "The fern is gone").await?;
        for list in [main, second] {
            list.reads("notes-preview", "The fern is gone").await?;
            list.reads("draft-1", "editing in task-1").await?;
        }

        // A second page on the same draft.
        main.click("title-1").await?;
        main.shows(&value("notes"), "The fern is gone").await?;
        main.reads("typing", "typing in task-1").await?;
        main.types("notes", "The fern is back").await?;
        own.shows(&value("notes"), "The fern is back").await?;
        own.reads("typing", "typing in main").await?;
        own.click("save").await?;
        for window in [own, main] {
            window.reads("draft-state", "Saved").await?;
            window.shows(&count("typing"), 0).await?;
        }
        second.reads("draft-1", "open").await?;
        second.reads("notes-preview", "The fern is back").await?;

        main.click("back").await?;
        main.reads("draft-1", "open").await?;
        close(main, "task-1").await?;
        wait_for(SELF_DESTRUCTION, "the lists show no draft", async || {
            let [one, other]: [u32; 2] = [main.eval(&count("draft-1")).await?, second.eval(&count("draft-1")).await?];
            Ok(one + other == 0)
        })
        .await?;
        let pull = "__TAURI_INTERNALS__.invoke('plugin:lockstep|get_snapshot', { topic: 'drafts/1' })";
        main.shows(&format!("await {pull}.then(() => 'there', ({{ kind }}) => kind)"), "unknownTopic").await?;
        main.reads("notes-preview", "The fern is back").await
    })
}

#[test]
fn what_is_removed_elsewhere_says_so_and_can_be_put_back() -> Result<(), Failure> {
    with_app(Binary::ReactTasks, async |app| {
        let main = app.window("main");
        is_ready(main).await?;
        main.click("open-3").await?;
        let own = app.window("task-3");
        own.types("notes", "Platform 9").await?;
        main.click("remove-3").await?;
        own.has("removed").await?;
        own.reads("task-title", "Book the train to Leipzig").await?;
        own.shows(&value("notes"), "Platform 9").await?;
        own.click("put-back").await?;
        main.has("title-3").await?;
        own.shows(&count("removed"), 0).await?;
        own.reads("draft-state", "Saved").await?;
        own.types("notes", "Platform 10").await?;

        // As in a sleep: the backend has forgotten that this page reads the draft.
        let pull = "__TAURI_INTERNALS__.invoke('plugin:lockstep|get_snapshot', { topic: 'drafts/3' })";
        wait_for(SELF_DESTRUCTION, "the draft is gone", async || {
            own.does(
                "const { session } = window[Symbol.for('tauri-plugin-lockstep')];
                await __TAURI_INTERNALS__.invoke('plugin:lockstep|unsubscribe', { topic: 'drafts/3', session })",
            )
            .await?;
            Ok(main.eval::<String>(&format!("await {pull}.then(() => 'there', ({{ kind }}) => kind)")).await?
                == "unknownTopic")
        })
        .await?;
        own.does("dispatchEvent(new Event('focus'))").await?;
        own.has("draft-removed").await?;
        own.shows(&value("notes"), "Platform 10").await?;
        own.click("go-on").await?;
        own.shows(&count("draft-removed"), 0).await?;
        own.types("notes", "Platform 11").await?;
        main.reads("draft-3", "editing in task-3").await
    })
}

#[test]
fn the_first_frame_may_show_the_tasks() -> Result<(), Failure> {
    // As the stores ask for it, past the app's content security policy.
    const AT_ONCE: &str = "(() => {
        const request = new XMLHttpRequest();
        request.open('GET', 'lockstep://localhost/?topic=tasks', false);
        request.send();
        return JSON.parse(request.responseText).data.length;
    })()";
    with_app(Binary::ReactTasks, async |app| app.window("main").shows(AT_ONCE, 5).await)
}

#[test]
fn one_window_is_the_primary_and_the_next_one_goes_on_counting() -> Result<(), Failure> {
    const SECONDS: &str = "Number(document.querySelector('[data-testid=\"time\"]').dataset.seconds)";
    const TERM: &str = "Number(document.querySelector('[data-testid=\"primary\"]')?.dataset.term ?? 0)";
    with_app(Binary::ReactTasks, async |app| {
        let [main, second] = two_lists(app).await?;
        second.click("open-list").await?;
        let third = app.window("list-3");
        is_ready(third).await?;
        main.has("primary").await?;
        for other in [second, third] {
            other.shows(&count("primary"), 0).await?;
        }
        let first_term: u32 = main.eval(TERM).await?;

        third.click("start").await?;
        for list in [main, second, third] {
            list.holds(&format!("{SECONDS} < 1499")).await?;
        }

        close(second, "main").await?;
        second.has("primary").await?;
        third.shows(&count("primary"), 0).await?;
        let next_term: u32 = second.eval(TERM).await?;
        assert!(next_term > first_term, "term {next_term} after {first_term}");
        let seconds: u32 = second.eval(SECONDS).await?;
        for list in [second, third] {
            list.holds(&format!("{SECONDS} < {}", seconds - 1)).await?;
        }
        third.click("pause").await?;
        second.has("start").await
    })
}
