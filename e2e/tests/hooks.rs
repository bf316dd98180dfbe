//! Hooks that refuse, panic or take long: nothing is lost, nothing is wedged, and the sender is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lockstep_e2e::{Binary, Failure, full, wait_until, with_app};
use serde_json::{Value, json};

/// What the test app's hooks do about these numbers.
const REFUSED: u32 = 1001;
const PANICS: u32 = 1002;
const WAITS: u32 = 1003;
const REPLACED_BY_4: u32 = 1004;

const ALL: [&str; 5] = ["intercept", "validate", "reducer", "async", "async-brief"];

#[test]
fn i10_a_hook_that_refuses_or_panics_changes_nothing_and_tells_the_sender_alone() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        for hook in ALL {
            main.does(&format!("await askHook('{hook}', 7)")).await?;
            b.shows(&format!("hooked['{hook}'].get()"), 7).await?;
            let seen: Value = main
                .run(&format!(
                    "const store = hooked['{hook}'];
                     const before = store.revision;
                     const seen = [];
                     for (const value of [{REFUSED}, {PANICS}]) {{
                         const error = await askHook('{hook}', value).catch((error) => error);
                         seen.push([error.kind, error.code ?? null]);
                     }}
                     await store.refresh();
                     return {{ seen, unchanged: store.revision === before, value: store.get(), pending: store.pending }};"
                ))
                .await?;
            let panicked =
                if hook.starts_with("async") { json!(["rejected", "panicked"]) } else { json!(["panicked", null]) };
            assert_eq!(
                seen,
                json!({ "seen": [["rejected", "refused"], panicked], "unchanged": true, "value": 7, "pending": 0 }),
                "{hook}"
            );
            // Nothing is wedged, for neither window.
            b.does(&format!("await askHook('{hook}', 8)")).await?;
            main.shows(&format!("hooked['{hook}'].get()"), 8).await?;
        }
        Ok(())
    })
}

#[test]
fn i12_what_a_hook_makes_of_a_write_is_what_its_sender_sees() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let seen: Value = main
            .run(&format!(
                "const store = hooked.intercept;
                 await store.ready;
                 const before = pulls('hook-intercept');
                 await store.set({REPLACED_BY_4});
                 return [store.get(), pulls('hook-intercept') - before];"
            ))
            .await?;
        assert_eq!(seen, json!([4, 0]));
        Ok(())
    })
}

#[test]
fn i10_an_optimistic_write_that_a_hook_refuses_late_is_taken_back_alone() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await askHook('reducer', 1)").await?;
        b.shows("hooked.reducer.get()", 1).await?;
        let seen: Value = main
            .run(&format!(
                "const store = hooked.reducer;
                 const optimistic = (_, {{ value }}) => value;
                 const become = (value) => store.dispatch({{ type: 'become', value }}, {{ optimistic }});
                 const writes = [2, {REFUSED}, {PANICS}, 3].map(become);
                 const shown = [store.get(), store.pending];
                 const became = await Promise.all(writes.map(told));
                 return {{ shown, became, now: [store.get(), store.pending] }};"
            ))
            .await?;
        let became = json!(["applied", ["rejected", "refused"], ["panicked", null], "applied"]);
        assert_eq!(seen, json!({ "shown": [3, 4], "became": became, "now": [3, 0] }));
        b.shows("hooked.reducer.get()", 3).await
    })
}

#[test]
fn i11_hooks_that_take_long_lose_nothing_and_hold_up_nobody_else() -> Result<(), Failure> {
    let rounds = if full() { 4 } else { 1 };
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        for window in [main, b] {
            window.does("await Promise.all(Object.values(hooked).map(({ ready }) => ready))").await?;
        }
        for round in 1..=rounds {
            let all = json!(ALL);
            main.begins(&format!(
                "window.became = await Promise.all({all}.map((hook) => told(askHook(hook, {WAITS}))))"
            ))
            .await?;
            wait_until("all hooks are at it", async || Ok(app.slow_calls().await?.hooks == round * ALL.len())).await?;
            // The writes that come after wait for their turn.
            b.begins(&format!("window.became = await Promise.all({all}.map((hook) => told(askHook(hook, 5))))"))
                .await?;

            // Meanwhile, everything else goes on in both windows, and the topics themselves can be read.
            for _ in 0..20 {
                main.does("await counter.update((count) => count + 1)").await?;
                b.does("await counter.update((count) => count + 1)").await?;
            }
            let count = json!(40 * round);
            main.shows("counter.get()", count.clone()).await?;
            b.shows("counter.get()", count).await?;
            b.does("await hooked.validate.refresh(); await hooked.async.refresh()").await?;
            b.does("await invoke('plugin:lockstep|get_snapshots', { topics: [{ topic: 'counter' }] })").await?;
            let late = app.open("late").await?;
            late.holds("hooked.intercept.ready.then(() => true)").await?;
            app.close("late").await?;
            for window in [main, b] {
                assert_eq!(window.eval::<String>("outcome").await?, "pending", "it was meant to happen meanwhile");
            }

            app.invoke::<()>("let_hooks_go_on", json!({})).await?;
            for window in [main, b] {
                window.is_done().await?;
            }
            let mut expected = json!(["applied", "applied", "applied", "applied", ["rejected", "timeout"]]);
            main.shows("became", expected.clone()).await?;
            expected[4] = json!("applied");
            b.shows("became", expected).await?;
            for window in [main, b] {
                for hook in ALL {
                    window.shows(&format!("hooked['{hook}'].get()"), 5).await?;
                }
            }
        }
        Ok(())
    })
}

#[test]
fn i3_a_rust_listener_that_panics_keeps_no_window_from_hearing() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        app.invoke::<()>("add_bad_listener", json!({})).await?;
        for value in 1..=5 {
            main.does(&format!("await counter.set({value})")).await?;
            b.shows("counter.get()", value).await?;
        }
        let late = app.open("late").await?;
        late.does("await counter.set(6)").await?;
        b.shows("counter.get()", 6).await
    })
}
