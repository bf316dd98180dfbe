//! `examples/two-windows`, driven through its controls.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, Window, with_app};

const ITEMS: &str =
    "Array.from(document.querySelectorAll('[data-testid=\"list-item\"] span'), (item) => item.textContent).join('; ')";

async fn both(app: &App) -> Result<[Window<'_>; 2]> {
    let both = [app.window("main"), app.window("second")];
    for window in both {
        window.reads("label", window.label()).await?;
        window.reads("status", "synchronized").await?;
    }
    Ok(both)
}

/// Nothing was refused, and all show the same revisions.
async fn assert_agreed(windows: &[Window<'_>]) -> Result<()> {
    for topic in ["settings", "counter", "list", "presence"] {
        let id = format!("revision-{topic}");
        let revision: String = windows[0].eval(&format!("document.querySelector('#{id}').textContent")).await?;
        for window in windows {
            window.reads(&id, &revision).await?;
        }
    }
    for window in windows {
        window.reads("status", "synchronized").await?;
        window.reads("error", "").await?;
    }
    Ok(())
}

#[test]
fn settings_changed_in_either_window_show_in_both() -> Result<(), Failure> {
    with_app(Binary::TwoWindows, async |app| {
        let [main, second] = both(app).await?;
        main.click("theme-dark").await?;
        second.click("accent-rose").await?;
        main.types("display-name", "Grace").await?;
        for window in [main, second] {
            let look = "`${document.documentElement.dataset.theme} ${document.documentElement.dataset.accent}`";
            window.shows(look, "dark rose").await?;
            window.shows("document.querySelector('#display-name').value", "Grace").await?;
        }
        second.click("theme-light").await?;
        main.shows("document.documentElement.dataset.theme", "light").await?;
        assert_agreed(&[main, second]).await
    })
}

#[test]
fn clicks_in_both_windows_all_count() -> Result<(), Failure> {
    with_app(Binary::TwoWindows, async |app| {
        let [main, second] = both(app).await?;
        for _ in 0..10 {
            main.click("counter-increment").await?;
            second.click("counter-increment").await?;
        }
        second.click("counter-decrement").await?;
        main.reads("counter-value", "19").await?;
        second.reads("counter-value", "19").await?;
        // Faster than a person: all of them are under way at once.
        for window in [main, second] {
            window.does("for (let n = 0; n < 20; n++) document.querySelector('#counter-increment').click()").await?;
        }
        main.reads("counter-value", "59").await?;
        second.reads("counter-value", "59").await?;
        main.click("counter-reset").await?;
        second.reads("counter-value", "0").await?;
        assert_agreed(&[main, second]).await
    })
}

#[test]
fn the_list_is_one_list_also_in_a_window_that_is_opened_later() -> Result<(), Failure> {
    with_app(Binary::TwoWindows, async |app| {
        let [main, second] = both(app).await?;
        main.types("list-input", "one").await?;
        main.click("list-add").await?;
        second.types("list-input", "two").await?;
        second.click("list-add").await?;
        for window in [main, second] {
            window.holds(&format!("['one; two', 'two; one'].includes({ITEMS})")).await?;
        }
        main.click("open-window").await?;
        let third = app.window("window-2");
        third.reads("label", "window-2").await?;
        third.holds(&format!("['one; two', 'two; one'].includes({ITEMS})")).await?;
        third.click("list-item-toggle").await?;
        for window in [main, second, third] {
            window.holds("document.querySelector('[data-testid=list-item-toggle]').checked").await?;
            window.shows("document.querySelectorAll('#presence-windows li').length", 3).await?;
        }
        second.click("list-item-remove").await?;
        for window in [main, second, third] {
            window.shows("document.querySelectorAll('[data-testid=list-item]').length", 1).await?;
        }
        assert_agreed(&[main, second, third]).await
    })
}
