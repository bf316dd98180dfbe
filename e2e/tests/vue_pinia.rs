//! `examples/vue-pinia`, driven through its controls.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, Window, wait_until, with_app};

const LOOK: &str = "`${document.documentElement.dataset.theme} ${document.documentElement.dataset.accent}`";
const TEXT_SIZE: &str = "getComputedStyle(document.querySelector('[data-testid=book]')).fontSize";
const LARGEST: &str = "Text can be 8 to 32 pixels tall.";

/// Main, the preferences and the panel, each when it has something to show.
async fn three(app: &App) -> Result<[Window<'_>; 3]> {
    let [main, preferences, panel] = ["main", "preferences", "panel"].map(|label| app.window(label));
    main.reads("ambience", "Rain · 60 %").await?;
    preferences.has("tab-reading").await?;
    panel.reads("volume-value", "60").await?;
    Ok([main, preferences, panel])
}

fn value_of(test_id: &str) -> String {
    format!("document.querySelector('[data-testid={test_id:?}]')?.value")
}

/// As if somebody typed it and left the field.
async fn enter(window: Window<'_>, test_id: &str, text: &str) -> Result<()> {
    window.has(test_id).await?;
    window
        .does(&format!(
            "const field = document.querySelector('[data-testid={test_id:?}]');
            field.value = {text:?};
            field.dispatchEvent(new InputEvent('input'));
            field.dispatchEvent(new Event('change'));"
        ))
        .await
}

/// As if its thumb was dragged there, with all the steps between.
async fn slide(window: Window<'_>, test_id: &str, to: u32) -> Result<()> {
    window
        .does(&format!(
            "const slider = document.querySelector('[data-testid={test_id:?}]');
            const by = Math.sign({to} - slider.valueAsNumber);
            while (slider.valueAsNumber !== {to}) {{
                slider.valueAsNumber += by;
                slider.dispatchEvent(new InputEvent('input'));
            }}"
        ))
        .await
}

/// Presses keys while an element has the focus.
async fn press(window: Window<'_>, test_id: &str, keys: &str) -> Result<()> {
    window
        .does(&format!(
            "document.querySelector('[data-testid={test_id:?}]').dispatchEvent(
                new KeyboardEvent('keydown', {{ bubbles: true, cancelable: true, ...{keys} }}),
            )"
        ))
        .await
}

/// Clicks what closes the window, and waits until it is gone.
async fn close(window: Window<'_>, test_id: &str) -> Result<()> {
    window.has(test_id).await?;
    // The window may be gone before the driver can say that it has clicked.
    drop(window.click(test_id).await);
    let what = format!("window {:?} is gone", window.label());
    wait_until(&what, async || Ok(window.eval::<bool>("true").await.is_err())).await
}

#[test]
fn a_preference_shows_in_every_window() -> Result<(), Failure> {
    with_app(Binary::VuePinia, async |app| {
        let all @ [main, preferences, panel] = three(app).await?;
        preferences.click("theme-sepia").await?;
        preferences.click("accent-plum").await?;
        for window in all {
            window.shows(LOOK, "sepia plum").await?;
        }
        preferences.click("tab-reading").await?;
        preferences.click("font-mono").await?;
        enter(preferences, "textSize", "20.5").await?;
        slide(preferences, "pageWidth", 47).await?;
        main.shows("document.querySelector('[data-testid=book]').dataset.font", "mono").await?;
        main.shows(TEXT_SIZE, "20.5px").await?;
        main.shows("document.querySelector('[data-testid=book]').style.getPropertyValue('--page-width')", "47ch")
            .await?;
        panel.reads("text-size", "20.5").await?;
        // The other way: what the panel changes, the preferences show.
        panel.click("larger").await?;
        panel.click("larger").await?;
        panel.click("focusMode").await?;
        preferences.shows(&value_of("textSize"), "22.5").await?;
        preferences.shows("document.querySelector('[data-testid=focusMode]').ariaChecked", "true").await?;
        main.holds("document.querySelector('[data-testid=book]').classList.contains('focus')").await?;

        preferences.click("reset").await?;
        for window in all {
            window.shows(LOOK, "light pine").await?;
        }
        preferences.shows(&value_of("textSize"), "18").await?;
        main.shows(TEXT_SIZE, "18px").await?;
        panel.reads("text-size", "18").await
    })
}

#[test]
fn what_a_window_has_for_itself_stays_so() -> Result<(), Failure> {
    with_app(Binary::VuePinia, async |app| {
        let all @ [main, preferences, panel] = three(app).await?;
        main.types("search", "lamp").await?;
        preferences.click("tab-shortcuts").await?;
        preferences.types("search", "text").await?;
        panel.click("collapse").await?;
        // Each window is synced, for a change of its own and for another's.
        press(main, "search", "{ key: 'F', ctrlKey: true, shiftKey: true }").await?;
        main.holds("document.querySelector('[data-testid=book]').classList.contains('focus')").await?;
        enter(preferences, "textSize", "20").await?;
        main.shows(TEXT_SIZE, "20px").await?;
        preferences.shows(&value_of("textSize"), "20").await?;
        panel.click("collapse").await?;
        panel.reads("text-size", "20").await?;
        panel.click("theme-dark").await?;
        for window in all {
            window.shows(LOOK, "dark pine").await?;
        }
        panel.click("collapse").await?;
        enter(preferences, "textSize", "21").await?;
        main.shows(TEXT_SIZE, "21px").await?;

        main.shows(&value_of("search"), "lamp").await?;
        main.reads("matches", "2").await?;
        preferences.shows(&value_of("search"), "text").await?;
        preferences
            .shows(
                "Array.from(document.querySelectorAll('.row'), (row) => row.dataset.testid).join(' ')",
                "row-textSize row-shortcut-largerText row-shortcut-smallerText",
            )
            .await?;
        preferences.does("document.querySelector('[data-testid=search]').focus()").await?;
        press(preferences, "search", "{ key: 'Escape' }").await?;
        preferences.has("page-shortcuts").await?;
        preferences.shows("document.querySelectorAll('.page').length", 1).await?;
        panel.shows("document.querySelector('[data-testid=collapse]').ariaExpanded", "false").await?;
        panel.shows("document.querySelector('[data-testid=larger]')", serde_json::Value::Null).await
    })
}

#[test]
fn the_slider_of_the_panel_shows_in_main() -> Result<(), Failure> {
    with_app(Binary::VuePinia, async |app| {
        let [main, preferences, panel] = three(app).await?;
        // Optimistic: no answer can have come within a few microtasks.
        let shown: String = panel
            .run(
                "const slider = document.querySelector('[data-testid=volume]');
                slider.value = 61;
                slider.dispatchEvent(new InputEvent('input'));
                for (let turn = 0; turn < 10; turn++) await null;
                return document.querySelector('[data-testid=volume-value]').textContent;",
            )
            .await?;
        assert_eq!(shown, "61");
        main.reads("ambience", "Rain · 61 %").await?;
        slide(panel, "volume", 87).await?;
        main.reads("ambience", "Rain · 87 %").await?;
        panel.click("sound-waves").await?;
        slide(panel, "volume", 12).await?;
        main.reads("ambience", "Waves · 12 %").await?;
        panel.click("play").await?;
        main.reads("ambience", "Waves, paused").await?;
        panel.reads("volume-value", "12").await?;

        // Main may look but not touch, the preferences not even look.
        let kind = |command: &str, args: &str| {
            format!(
                "window.__TAURI_INTERNALS__.invoke('plugin:lockstep|{command}', {args})
                    .then(() => 'allowed', (error) => error.kind ?? String(error))"
            )
        };
        let read = kind("get_snapshot", "{ topic: 'ambience' }");
        main.shows(&read, "allowed").await?;
        preferences.shows(&read, "denied").await?;
        let write = "{ topic: 'ambience', session: 'test', seq: 1, merge: { volume: 1 } }";
        main.shows(&kind("write", write), "denied").await?;
        main.reads("ambience", "Waves, paused").await
    })
}

#[test]
fn what_rust_refuses_is_explained_at_the_field_and_taken_back() -> Result<(), Failure> {
    with_app(Binary::VuePinia, async |app| {
        let [main, preferences, panel] = three(app).await?;
        main.does(&format!(
            "window.sizes = new Set();
            new MutationObserver(() => sizes.add({TEXT_SIZE}))
                .observe(document.querySelector('[data-testid=book]'), {{ attributes: true }})"
        ))
        .await?;
        preferences.click("tab-reading").await?;
        for (typed, reason, shown) in
            [("40", LARGEST, "18"), ("24", "", "24"), ("7.5", LARGEST, "24"), ("32", "", "32")]
        {
            enter(preferences, "textSize", typed).await?;
            preferences.reads("textSize-refusal", reason).await?;
            preferences.shows(&value_of("textSize"), shown).await?;
            preferences
                .shows(
                    "document.querySelector('[data-testid=textSize]').ariaInvalid",
                    if reason.is_empty() { "false" } else { "true" },
                )
                .await?;
            panel.reads("text-size", shown).await?;
            main.shows(TEXT_SIZE, format!("{shown}px")).await?;
        }
        main.shows("[...sizes].join(' ')", "24px 32px").await?;

        // Where there is no field, a toast says it.
        panel.click("larger").await?;
        panel.reads("toast", LARGEST).await?;
        press(main, "search", "{ key: '=', ctrlKey: true }").await?;
        main.reads("toast", LARGEST).await?;
        main.shows(TEXT_SIZE, "32px").await?;

        preferences.click("tab-shortcuts").await?;
        preferences.click("shortcut-panel").await?;
        press(preferences, "shortcut-panel", "{ key: ',', ctrlKey: true }").await?;
        preferences.reads("shortcut-panel-refusal", "Another command has these keys already.").await?;
        preferences.reads("shortcut-panel", "Ctrl.").await?;
        preferences.click("shortcut-panel").await?;
        press(preferences, "shortcut-panel", "{ key: 'p', ctrlKey: true, altKey: true }").await?;
        preferences.reads("shortcut-panel-refusal", "").await?;
        preferences.reads("shortcut-panel", "CtrlAltP").await
    })
}

#[test]
fn a_window_that_is_opened_again_is_in_step() -> Result<(), Failure> {
    with_app(Binary::VuePinia, async |app| {
        let [main, preferences, panel] = three(app).await?;
        preferences.click("tab-reading").await?;
        close(preferences, "done").await?;
        panel.click("theme-dark").await?;
        panel.click("larger").await?;
        slide(panel, "volume", 33).await?;
        main.reads("ambience", "Rain · 33 %").await?;
        close(panel, "close").await?;

        main.click("open-preferences").await?;
        preferences.shows(LOOK, "dark pine").await?;
        // Which page was open was the old window's own.
        preferences.has("page-appearance").await?;
        preferences.click("tab-reading").await?;
        preferences.shows(&value_of("textSize"), "19").await?;
        enter(preferences, "textSize", "21").await?;
        main.shows(TEXT_SIZE, "21px").await?;

        press(main, "search", "{ key: '.', ctrlKey: true }").await?;
        panel.reads("volume-value", "33").await?;
        panel.reads("text-size", "21").await?;
        panel.shows(LOOK, "dark pine").await?;
        panel.click("smaller").await?;
        preferences.shows(&value_of("textSize"), "20").await?;
        slide(panel, "volume", 34).await?;
        main.reads("ambience", "Rain · 34 %").await
    })
}
