//! Shows the example with two windows where nobody can look: clicks and types in one window, waits until the other
//! shows it, and saves a picture of both.

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, Window, root, save_screen, target, with_built_app};
use std::{path::Path, time::Instant};

fn main() -> Result<(), Failure> {
    println!("Two windows of examples/two-windows, driven through their real user interface.\n");
    with_built_app(Binary::TwoWindows, demo)
}

async fn demo(app: &App) -> Result<()> {
    let (main, second) = (app.window("main"), app.window("second"));
    for window in [main, second] {
        window.reads("label", window.label()).await?;
        window.reads("status", "synchronized").await?;
        window.reads("counter-value", "0").await?;
        println!("{:<8} is open, and shows 0 on its counter", window.label());
    }
    println!();

    click(main, "theme-dark", "Dark").await?;
    seen(second, "is dark, too", async |it| it.shows("document.documentElement.dataset.theme", "dark").await).await?;
    click(second, "accent-teal", "Teal").await?;
    seen(main, "is teal, too, and still dark", async |it| {
        it.shows("document.documentElement.dataset.accent", "teal").await?;
        it.shows("document.documentElement.dataset.theme", "dark").await
    })
    .await?;

    types(main, "display-name", "Ada").await?;
    seen(second, "shows the name as it is typed", async |it| it.shows(&value("display-name"), "Ada").await).await?;

    for window in [main, second, main] {
        click(window, "counter-increment", "+").await?;
    }
    for window in [main, second] {
        seen(window, "has counted to 3", async |it| it.reads("counter-value", "3").await).await?;
    }

    add(main, "Feed the cat").await?;
    seen(second, "lists \"Feed the cat\"", async |it| it.shows(&items(), "Feed the cat").await).await?;
    add(second, "Water the plants").await?;
    seen(main, "lists both", async |it| it.shows(&items(), "Feed the cat, Water the plants").await).await?;
    click(second, "list-item-toggle", "the first box").await?;
    seen(main, "has it ticked", async |it| it.holds("document.querySelector('[type=checkbox]').checked").await).await?;

    for topic in ["settings", "counter", "list"] {
        let revision: String = main.eval(&text(&format!("revision-{topic}"))).await?;
        second.reads(&format!("revision-{topic}"), &revision).await?;
    }
    for window in [main, second] {
        window.reads("status", "synchronized").await?;
    }
    println!("\nBoth windows are synchronized, at the same revisions.");
    for window in [main, second] {
        window.holds("document.getAnimations().length === 0").await?;
        window.does("for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)").await?;
    }
    let picture = target().join("demo/two-windows.png");
    save_screen(&picture)?;
    println!("A picture of them: {}", picture.strip_prefix(root()).unwrap_or(Path::new(&picture)).display());
    Ok(())
}

async fn click(window: Window<'_>, test_id: &str, caption: &str) -> Result<()> {
    println!("{:<8} click {caption}", window.label());
    window.click(test_id).await
}

async fn types(window: Window<'_>, test_id: &str, text: &str) -> Result<()> {
    println!("{:<8} type \"{text}\"", window.label());
    window.types(test_id, text).await
}

async fn add(window: Window<'_>, item: &str) -> Result<()> {
    types(window, "list-input", item).await?;
    click(window, "list-add", "Add").await
}

/// Waits until the window shows something, and says how long it took to see it, the trip to the window included.
async fn seen(window: Window<'_>, what: &str, show: impl AsyncFnOnce(Window<'_>) -> Result<()>) -> Result<()> {
    let start = Instant::now();
    show(window).await?;
    println!("{:<8}   {what} ({} ms)", window.label(), start.elapsed().as_millis());
    Ok(())
}

fn text(test_id: &str) -> String {
    format!("document.querySelector('[data-testid={test_id:?}]').textContent")
}

fn value(test_id: &str) -> String {
    format!("document.querySelector('[data-testid={test_id:?}]').value")
}

fn items() -> String {
    "Array.from(document.querySelectorAll('[data-testid=\"list-item\"] span'), (it) => it.textContent).join(', ')"
        .into()
}
