//! Windows that dispatch actions, and show what they ask for before it is confirmed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};

#[test]
fn i11_increments_by_update_by_action_and_optimistically_all_count() -> Result<(), Failure> {
    // 500 from each window: by compare and set, by action one after another, and by actions that nobody waits for.
    const BODY: &str = "
        const add = { type: 'add', by: 1 };
        const optimistic = (count, { by }) => count + by;
        await Promise.all([
            times(100, () => counter.update((count) => count + 1)),
            times(100, () => counter.dispatch(add)),
            Promise.all(Array.from({ length: 300 }, () => counter.dispatch(add, { optimistic }))),
        ]);
    ";
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        for window in [main, b] {
            window.does("await counter.ready").await?;
        }
        for window in [main, b] {
            window.begins(BODY).await?;
        }
        for window in [main, b] {
            window.is_done().await?;
        }
        assert_eq!(app.stats().await?.counter, 1000);
        for window in [main, b] {
            window.shows("counter.get()", 1000).await?;
            window.shows("counter.pending", 0).await?;
        }
        Ok(())
    })
}

#[test]
fn i10_an_optimistic_write_shows_at_once_and_is_taken_back_alone_when_it_is_refused() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await counter.set(1)").await?;
        b.shows("counter.get()", 1).await?;
        let told: Value = main
            .run(
                "const optimistic = (count, { by }) => count + by;
                 const shown = [];
                 const fine = counter.dispatch({ type: 'add', by: 10 }, { optimistic });
                 shown.push(counter.get());
                 const refused = counter.dispatch({ type: 'add', by: 500 }, { optimistic });
                 shown.push(counter.get(), counter.pending);
                 const error = await refused.catch((error) => error);
                 await fine;
                 shown.push(counter.get(), counter.pending);
                 return { shown, error: [error.kind, error.code, error.reason] };",
            )
            .await?;
        let error = ["rejected", "step", "at most 100 at once"];
        assert_eq!(told, json!({ "shown": [11, 511, 2, 11, 0], "error": error }));
        b.shows("counter.get()", 11).await
    })
}

#[test]
fn i11_writes_that_are_not_awaited_apply_in_their_order_and_travel_together() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let writes: u32 = main
            .run(
                "await counter.ready;
                 const before = calls['plugin:lockstep|write counter'] ?? 0;
                 const writes = Array.from({ length: 500 }, (_, n) => counter.set(n));
                 await Promise.all([...writes, counter.patch([{ op: 'test', path: '', value: 499 }])]);
                 return calls['plugin:lockstep|write counter'] - before;",
            )
            .await?;
        assert!(writes < 20, "501 writes took {writes} calls");
        main.shows("counter.get()", 499).await
    })
}
