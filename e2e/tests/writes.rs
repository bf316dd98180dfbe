//! Windows that write.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

#[test]
fn a_set_in_one_window_is_seen_in_the_other() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await counter.set(5)").await?;
        b.shows("counter.get()", 5).await?;
        b.does("await counter.set(6)").await?;
        main.shows("counter.get()", 6).await?;
        assert_eq!(app.stats().await?.counter, 6);
        b.shows("document.querySelector('#counter').textContent", "6").await?;
        b.shows("counter.revision === '0'", false).await
    })
}

#[test]
fn merges_of_two_windows_keep_what_the_other_wrote() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await note.merge({ text: 'from main', author: 'me' })").await?;
        // It has not seen what main wrote when it writes: it uses the topic for the first time.
        b.does("await note.merge({ tags: ['from b'], author: null })").await?;
        let both = json!({ "text": "from main", "done": false, "tags": ["from b"], "author": null });
        b.shows("note.get()", both.clone()).await?;
        main.shows("note.get()", both).await
    })
}

#[test]
fn i10_an_invalid_write_changes_nothing_and_says_where() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        let error: Value = main
            .run("try { await note.merge({ tags: [7] }) } catch ({ kind, path }) { return { kind, path } }")
            .await?;
        assert_eq!(error, json!({ "kind": "invalidData", "path": "tags[0]" }));
        b.does("await note.merge({ done: true })").await?;
        main.shows("note.get()", json!({ "text": "", "done": true, "tags": [], "author": null })).await
    })
}

#[test]
fn i12_when_a_write_resolves_the_window_shows_it_without_a_pull() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let shown: Value = main
            .run(
                "const before = pulls('counter');
                const wrong = [];
                await times(50, async (n) => {
                    const revision = await counter.set(n);
                    if (counter.get() !== n || counter.revision !== revision) wrong.push(n);
                });
                return { wrong, pulls: pulls('counter') - before };",
            )
            .await?;
        assert_eq!(shown, json!({ "wrong": [], "pulls": 0 }));
        Ok(())
    })
}

#[test]
fn no_increment_of_two_windows_that_write_at_once_is_lost() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        for window in [main, b] {
            window.begins("await times(200, () => counter.update((count) => count + 1))").await?;
        }
        for window in [main, b] {
            window.is_done().await?;
        }
        assert_eq!(app.stats().await?.counter, 400);
        main.shows("counter.get()", 400).await?;
        b.shows("counter.get()", 400).await
    })
}

#[test]
fn i3_windows_that_set_at_the_same_moment_agree_afterwards() -> Result<(), Failure> {
    const ROUNDS: u64 = 40;
    const APART_MS: u64 = 60;
    with_app(Binary::Test, async |app| {
        let windows = [app.window("main"), app.open("b").await?, app.open("c").await?];
        let soon = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64 + 500;
        for (offset, window) in windows.iter().enumerate() {
            window
                .begins(&format!(
                    "await times({ROUNDS}, async (n) => {{
                        await at({soon} + n * {APART_MS});
                        await Promise.all([1, 2, 3].map((m) => counter.set({offset}000000 + n * 100 + m)));
                    }})"
                ))
                .await?;
        }
        for window in windows {
            window.is_done().await?;
        }
        let last = app.stats().await?.counter;
        assert_eq!(u64::from(last % 1_000_000) / 100, ROUNDS - 1, "one of the last round's writes is the last");
        for window in windows {
            window.shows("counter.get()", last).await?;
            window.shows("counter.status", "synchronized").await?;
        }
        Ok(())
    })
}

#[test]
fn i10_a_stale_window_that_saves_a_whole_object_erases_nobody_s_change_unless_it_says_so() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await note.set({ text: 'old', done: false, tags: [], author: null })").await?;
        b.shows("note.get().text", "old").await?;
        // A form that was opened before main writes, and is saved after it.
        b.does("window.form = { ...note.get(), tags: ['from b'] }; window.opened = note.revision").await?;
        main.does("await note.merge({ text: 'from main' })").await?;

        let refused: Value = b
            .run(
                "const error = await note.set(form, { expectedRevision: opened }).catch((error) => error);
                 return { kind: error.kind, text: error.data.text, isNewer: Number(error.revision) > Number(opened) };",
            )
            .await?;
        assert_eq!(refused, json!({ "kind": "conflict", "text": "from main", "isNewer": true }));
        main.shows("note.get()", json!({ "text": "from main", "done": false, "tags": [], "author": null })).await?;

        // An update decides again, on what is there now.
        b.does("await note.update((note) => ({ ...note, tags: form.tags }))").await?;
        main.shows("note.get()", json!({ "text": "from main", "done": false, "tags": ["from b"], "author": null }))
            .await?;
        // To save without a revision is to say so.
        b.does("await note.set(form)").await?;
        main.shows("note.get()", json!({ "text": "old", "done": false, "tags": ["from b"], "author": null })).await
    })
}

#[test]
fn i10_an_update_by_a_window_that_has_heard_nothing_yet_keeps_what_the_other_wrote() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await note.merge({ text: 'old' })").await?;
        b.shows("note.get().text", "old").await?;
        // In one script, so that nothing wakes the page meanwhile: its copy is old when it begins to write.
        let seen: Value = b
            .run(
                "const hearAgain = holdDeliveries();
                 const merge = { text: 'from another' };
                 await invoke('plugin:lockstep|write', { topic: 'note', session: 'another', seq: 1, merge });
                 while (!heldBack.length) await pause(1);
                 const seen = [];
                 await note.update((note) => {
                     seen.push(note.text);
                     return { ...note, tags: ['from b'] };
                 });
                 hearAgain();
                 return seen;",
            )
            .await?;
        assert_eq!(seen, json!(["old", "from another"]), "it was stale, and decided again");
        let both = json!({ "text": "from another", "done": false, "tags": ["from b"], "author": null });
        main.shows("note.get()", both.clone()).await?;
        b.shows("note.get()", both).await
    })
}
