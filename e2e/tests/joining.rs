//! Who may join, beside what the capabilities say: pages that the app refuses, and topics that do not let them in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{App, Binary, Failure, with_app};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How often the app was asked about this label's pages.
async fn asked(app: &App, label: &str) -> Result<usize> {
    let all: BTreeMap<String, usize> = app.invoke("asked", json!({})).await?;
    Ok(all.get(label).copied().unwrap_or_default())
}

#[test]
fn i13_a_page_that_the_app_refuses_is_denied_and_told_the_app_s_own_reason() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        app.begin_to_open("stranger").await?;
        let stranger = app.window("stranger");
        stranger.holds("isReady").await?;
        stranger.shows("counter.status", "denied").await?;
        let told: Value = stranger
            .run(
                "const told = ({ kind, code, reason, permission }) => [kind, code, reason, permission ?? null];
                 return [
                     await counter.refresh().catch(told),
                     await counter.set(7).catch(told),
                     await documents.create({ id: '1' }).catch(told),
                 ];",
            )
            .await?;
        let refusal = json!(["denied", "anonymous", "say who you are", null]);
        assert_eq!(told, json!([refusal, refusal, refusal]));
        app.has_readers("counter", 1).await?;
        app.has_topic("documents/1", false).await?;
        assert_eq!(asked(app, "stranger").await?, 1);
        app.window("main").shows("counter.get()", 0).await
    })
}

#[test]
fn the_app_is_asked_about_a_page_once_and_about_the_next_one_again() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let b = app.open("b").await?;
        b.does("await Promise.all([note, staff, readOnly, slowToWrite].map(({ ready }) => ready))").await?;
        b.does("await times(5, () => counter.update((count) => count + 1))").await?;
        assert_eq!(asked(app, "b").await?, 1);
        app.reload(b).await?;
        b.does("await staff.ready").await?;
        assert_eq!(asked(app, "b").await?, 2);
        app.close("b").await?;
        app.open("b").await?.does("await staff.ready").await?;
        assert_eq!(asked(app, "b").await?, 3);
        Ok(())
    })
}

#[test]
fn i13_who_may_not_read_a_topic_any_more_is_denied_at_once_and_let_in_again() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let (main, b) = (app.window("main"), app.open("b").await?);
        main.does("await staff.set(1)").await?;
        b.shows("staff.get()", 1).await?;
        app.has_readers("staff", 2).await?;

        app.invoke::<()>("staff_is_in", json!({ "isIn": false })).await?;
        for window in [main, b] {
            window.shows("staff.status", "denied").await?;
            window.shows("told(staff.set(2))", json!(["denied", "notAllowed"])).await?;
        }
        app.has_readers("staff", 0).await?;
        main.does("await counter.update((count) => count + 1)").await?;
        b.shows("counter.get()", 1).await?;

        app.invoke::<()>("staff_is_in", json!({ "isIn": true })).await?;
        for window in [main, b] {
            window.shows("staff.status", "synchronized").await?;
        }
        app.has_readers("staff", 2).await?;
        main.does("await staff.set(3)").await?;
        b.shows("staff.get()", 3).await
    })
}
