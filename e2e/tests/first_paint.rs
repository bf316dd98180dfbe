//! A store that has its state at once.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};

/// What a store of this topic has as soon as it is made.
const AT_ONCE: &str = "(topic) => define(topic, { firstPaint: true }).get() ?? null";

#[test]
fn a_store_has_its_state_in_the_first_script_of_each_page_and_follows_from_there() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        main.does("await note.merge({ text: 'first' })").await?;
        app.invoke::<()>("open_window", json!({ "label": "b", "page": "index.html?early" })).await?;
        let b = app.window("b");
        b.shows("typeof early === 'object' && early.text", "first").await?;
        main.does("await note.merge({ text: 'second' })").await?;
        app.reload(b).await?;
        b.shows("early.text", "second").await?;
        let waited: f64 = b
            .eval("(() => { const began = performance.now(); for (let n = 0; n < 50; n++) waitFor('note'); return (performance.now() - began) / 50 })()")
            .await?;
        println!("{waited:.2} ms for a small state");
        // The same store goes on as any other.
        b.does("const store = define('counter', { firstPaint: true }); window.store = store; store.get()").await?;
        main.does("await counter.set(7)").await?;
        b.shows("store.get()", 7).await?;
        b.shows("store.status", "synchronized").await
    })
}

#[test]
fn i13_at_once_a_page_has_what_it_may_read_and_frames_of_other_origins_have_nothing() -> Result<(), Failure> {
    // Says what a request comes to, from a document of this origin.
    const FRAME: &str = r#"
        const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts';
        frame.srcdoc = `<script>
            let told = 'nothing';
            try {
                const request = new XMLHttpRequest();
                request.open('GET', 'lockstep://localhost/?topic=counter', false);
                request.send();
                told = request.status + request.responseText;
            } catch {}
            parent.postMessage(told, '*');
        </script>`;
        const told = new Promise((resolve) => addEventListener('message', ({ data }) => resolve(data), { once: true }));
        document.body.append(frame);
        return await told;
    "#;
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await counter.set(1)").await?;
        let had: Value = b.eval(&format!("['counter', 'secret', 'no-such', 'write-only'].map({AT_ONCE})")).await?;
        assert_eq!(had, json!([1, null, null, null]));
        b.does("window.denied = define('secret', { firstPaint: true }); denied.get()").await?;
        b.shows("denied.status", "denied").await?;
        let told: String = b.run(FRAME).await?;
        assert!(told == "nothing" || told == "403", "a frame of another origin was told {told}");
        Ok(())
    })
}

#[test]
fn a_page_whose_app_is_busy_goes_on_without() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let b = app.open("b").await?;
        // A topic that takes longer to read than a page waits.
        let had: Value = b.eval(&format!("({AT_ONCE})('slow-to-read')")).await?;
        assert_eq!(had, Value::Null);
        b.does("await slowToRead.ready").await
    })
}
