//! What travels, as `PROTOCOL.md` has it: spoken by a page that uses Tauri's own API and nothing of the guest.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};

#[test]
fn a_client_that_knows_only_the_event_and_the_pull_is_complete() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let b = app.open("b").await?;
        b.does(
            "window.mine = { revision: '0' };
            window.fields = new Set();
            const isNewer = (a, b) => a.length > b.length || (a.length === b.length && a > b);
            const pull = async () => {
                const snapshot = await invoke('plugin:lockstep|get_snapshot', { topic: 'counter' });
                Object.keys(snapshot).forEach((field) => fields.add(field));
                if (isNewer(snapshot.revision, mine.revision)) mine = snapshot;
            };
            await event.listen('counter:invalidated', pull);
            await pull();",
        )
        .await?;
        b.shows("mine.data", 0).await?;
        app.window("main").does("await times(20, (n) => counter.set(n))").await?;
        b.shows("mine.data", 19).await?;
        app.invoke::<String>("set_counter", json!({ "value": 42 })).await?;
        b.shows("mine.data", 42).await?;
        b.shows("[...fields].sort()", json!(["data", "revision"])).await
    })
}

#[test]
fn an_announcement_says_what_has_changed_and_who_changed_it_and_nothing_of_the_state() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        b.does(
            "window.heardOf = [];
            await event.listen('counter:invalidated', ({ payload: { timestampMs, ...payload } }) => {
                heardOf.push({ ...payload, recent: Math.abs(Date.now() - timestampMs) < 60_000 });
            })",
        )
        .await?;
        let by_window: String = main.eval("counter.set(5)").await?;
        b.shows("heardOf.length", 1).await?;
        let by_rust: String = app.invoke("set_counter", json!({ "value": 6 })).await?;
        b.shows(
            "heardOf",
            json!([
                { "topic": "counter", "revision": by_window, "sourceId": "main", "recent": true },
                { "topic": "counter", "revision": by_rust, "sourceId": null, "recent": true },
            ]),
        )
        .await
    })
}

#[test]
fn i11_a_write_that_is_sent_again_is_answered_again_and_an_older_one_is_refused() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        let before: String = main.eval("note.merge({ text: 'before' })").await?;
        let answers: Vec<Value> = main
            .run(
                "const write = (seq, set) => invoke('plugin:lockstep|write', { topic: 'note', session: 'mine', seq, merge: { text: set } })
                    .then(({ data }) => data.text, ({ kind, seq, lastSeq }) => ({ kind, seq, lastSeq }));
                const twice = await Promise.all([write(3, 'a'), write(3, 'a')]);
                return [...twice, await write(7, 'b'), await write(7, 'not this'), await write(3, 'nor this')];",
            )
            .await?;
        let refused = json!({ "kind": "outOfOrder", "seq": 3, "lastSeq": 7 });
        assert_eq!(answers, [json!("a"), json!("a"), json!("b"), json!("b"), refused]);

        let after: String = main.eval("note.refresh().then(() => note.revision)").await?;
        let made = after.parse::<u64>().unwrap() - before.parse::<u64>().unwrap();
        assert_eq!(made, 2, "four calls, two revisions");
        Ok(())
    })
}

#[test]
fn a_conflict_tells_the_current_state() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        let old: String = b.eval("counter.revision").await?;
        let new: String = main.eval("counter.set(5)").await?;
        let conflict: Value = b
            .run(&format!(
                "try {{ await counter.set(6, {{ expectedRevision: {old:?} }}) }} catch (error) {{
                    const {{ kind, topic, expectedRevision, revision, data }} = error;
                    return {{ kind, topic, expectedRevision, revision, data }};
                }}"
            ))
            .await?;
        let expected =
            json!({ "kind": "conflict", "topic": "counter", "expectedRevision": old, "revision": new, "data": 5 });
        assert_eq!(conflict, expected);
        b.does(&format!("await counter.set(6, {{ expectedRevision: {new:?} }})")).await?;
        main.shows("counter.get()", 6).await
    })
}
