//! What windows may not do, and what they do all the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, Failure, with_app};
use serde_json::{Value, json};

#[test]
fn i13_a_window_without_the_topic_is_denied_and_told_what_to_add() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let b = app.open("b").await?;
        b.does("secret.get()").await?;
        b.shows("secret.status", "denied").await?;
        b.shows("secret.get() === undefined", true).await?;
        let error: Value = b
            .run(
                "try { await secret.refresh() } catch ({ kind, topic, window, permission, message }) {
                    return { kind, topic, window, permission, message };
                }",
            )
            .await?;
        let message = error["message"].as_str().unwrap_or_default();
        for named in
            ["\"b\"", "\"secret\"", r#"{ "identifier": "lockstep:default", "allow": [{ "topic": "secret" }] }"#]
        {
            assert!(message.contains(named), "{named} is not in {message}");
        }
        assert_eq!(error["kind"], "denied");
        assert_eq!(error["topic"], "secret");
        assert_eq!(error["window"], "b");
        assert_eq!(error["permission"], "lockstep:default");
        app.has_readers("secret", 0).await
    })
}

#[test]
fn i13_an_unknown_topic_is_answered_as_a_denied_one_unless_it_is_granted() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let kinds: Value = app
            .window("main")
            .run(
                "const answer = (topic) => invoke('plugin:lockstep|get_snapshot', { topic }).catch((error) => error);
                const [denied, unknown, granted] = [await answer('secret'), await answer('secreu'), await answer('gone')];
                const same = JSON.stringify(denied).replaceAll('secret', 'secreu') === JSON.stringify(unknown);
                return { denied: denied.kind, same, granted: granted.kind };",
            )
            .await?;
        assert_eq!(kinds, json!({ "denied": "denied", "same": true, "granted": "unknownTopic" }));
        Ok(())
    })
}

#[test]
fn i13_reading_and_writing_are_granted_each_for_itself() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let main = app.window("main");
        main.shows("readOnly.get()", 0).await?;
        let denied: Value = main
            .run("try { await readOnly.set(1) } catch ({ kind, permission }) { return { kind, permission } }")
            .await?;
        assert_eq!(denied, json!({ "kind": "denied", "permission": "lockstep:write" }));
        main.shows("readOnly.get()", 0).await?;

        // It may not see what it wrote, but is told that it was applied.
        main.holds("writeOnly.set(1).then((revision) => Number(revision) > 0)").await?;
        main.shows("writeOnly.get() === undefined", true).await?;
        main.shows("writeOnly.status", "denied").await
    })
}

#[test]
fn i6_forged_announcements_cost_a_few_pulls_and_no_more() -> Result<(), Failure> {
    // One for each of the two forged revisions, and what the gate allows to follow.
    const MOST_PULLS: u64 = 2 * (1 + 4);
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await counter.set(1)").await?;
        b.shows("counter.get()", 1).await?;
        // The everyday store is told, and does not listen: here is one who does.
        main.does(
            "window.bare = { applier: { apply: ({ data }) => (bare.shown = data) } };
            await lockstep.createTauriRevisionSync({ topic: 'counter', applier: bare.applier, logger }).start()",
        )
        .await?;
        let before: u64 = main.eval("pulls('counter')").await?;
        main.does("await hear('counter')").await?;

        b.does(
            "const highest = '18446744073709551615';
            const forged = [
                null, 7, 'x', [], {}, { topic: 'counter' }, { topic: 'counter', revision: 7 },
                { topic: 'counter', revision: '007' }, { topic: 'counter', revision: '18446744073709551616' },
                { topic: 'counter', revision: '-1' }, { topic: 'note', revision: highest },
                { topic: 'counter', revision: { toString: 1 }, sourceId: [] },
                { topic: 'counter', revision: '18446744073709551614', timestampMs: 'never' },
                { topic: 'counter', revision: highest, sourceId: 'main', timestampMs: 0 },
            ];
            for (const payload of forged) await event.emit('counter:invalidated', payload);",
        )
        .await?;
        main.shows("heard.counter", 14).await?;
        main.shows("counter.status", "synchronized").await?;
        b.shows("counter.status", "synchronized").await?;
        let pulls: u64 = main.eval::<u64>("pulls('counter')").await? - before;
        println!("{pulls} pulls");
        assert!((1..=MOST_PULLS).contains(&pulls), "{pulls} pulls");

        // Nothing is wedged.
        app.invoke::<String>("set_counter", json!({ "value": 2 })).await?;
        main.shows("counter.get()", 2).await?;
        main.shows("bare.shown", 2).await?;
        b.does("await counter.set(3)").await?;
        main.shows("bare.shown", 3).await?;
        main.shows("counter.get()", 3).await
    })
}
