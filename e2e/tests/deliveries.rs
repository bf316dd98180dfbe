//! Pages are told what has changed, one message at a time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::Result;
use lockstep_e2e::{Binary, DirectApp, Failure, with_app, without_app};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const WRITES: u32 = 10_000;

/// What would be code, or end code, if it were not data.
const ODD: &str = "</script><!-- \u{2028}\u{2029} ${x} `'\"\\ \u{0} \u{feff} 😀 __proto__";

#[test]
fn i14_a_burst_costs_each_window_a_few_messages_and_no_event_is_listened_to() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = app.open_many(7).await?;
        for label in &labels {
            app.window(label).does("await counter.ready; countDeliveries(); heartbeat.start()").await?;
        }
        app.has_readers("counter", 8).await?;
        let start = Instant::now();
        app.start_storm(WRITES, Duration::ZERO).await?;
        app.storm_is_over().await?;
        app.all_show(&labels, WRITES).await?;
        println!("{WRITES} writes in {:?}", start.elapsed());
        for label in &labels {
            let window = app.window(label);
            let (messages, pulls, listens): (u32, u32, u32) =
                window.eval("[deliveries, pulls('counter'), listens('counter')]").await?;
            let longest: f64 = window.eval("heartbeat.longest").await?;
            println!("{label}: {messages} messages, {pulls} pulls, {longest:.0} ms the longest pause of the page");
            assert_eq!(listens, 0, "{label} listens");
            // The storm takes a while in a debug build; it is told of less and less often meanwhile.
            let most = 10 + start.elapsed().as_millis() as u32 / 16;
            assert!((1..=most).contains(&messages), "{label}: {messages} messages");
            // One at the start, and one for each time that the window is focused.
            assert!(pulls <= 10, "{label}: {pulls} pulls");
        }
        Ok(())
    })
}

#[test]
fn i14_a_page_that_is_busy_holds_up_no_other_and_has_the_last_word_when_it_is_free() -> Result<(), Failure> {
    // The backend waits so long for a delivery to be acknowledged.
    const LATE: Duration = Duration::from_secs(5);
    without_app(async || {
        let mut app = DirectApp::start().await?;
        for label in ["w1", "w2"] {
            app.open(label).await?;
            app.eval(label, "(countDeliveries(), 0)").await?;
        }
        let busy = app.web_process_of("w1").await?;
        busy.stop()?;
        let since = Instant::now();
        let writes = "(async () => { for (let value = 1; value < 200; value++) await counter.set(value) })()";
        app.resolves("main", writes).await?;
        app.shows("w2", "counter.get()", 199).await?;
        println!("the others had it after {:?}", since.elapsed());
        // No condition to wait for: that the page is late is that time has passed.
        tokio::time::sleep((2 * LATE).saturating_sub(since.elapsed())).await;
        busy.go_on()?;
        app.shows("w1", "counter.get()", 199).await?;
        let messages = app.eval("w1", "deliveries").await?;
        println!("the busy one took {messages} messages");
        assert!(messages.as_u64().is_some_and(|messages| messages <= 10), "{messages} messages");
        // It has deliveries again.
        app.resolves("main", "counter.set(1000)").await?;
        app.shows("w1", "counter.get()", 1000).await?;
        app.shows("w1", "listens('counter')", 0).await
    })
}

#[test]
fn i12_what_is_delivered_is_shown_in_every_window_and_was_told_to_listeners() -> Result<(), Failure> {
    const LISTENS: &str =
        "await counter.ready; window.listened = 0; counter.subscribe((count) => { listened = count })";
    with_app(Binary::Test, async |app| {
        let labels = app.open_many(7).await?;
        for label in &labels {
            app.window(label).does(LISTENS).await?;
        }
        app.has_readers("counter", 8).await?;
        for value in 1..=200 {
            let args = json!({ "value": value, "expression": "[counter.get(), listened]" });
            let shown: BTreeMap<String, String> = app.invoke("deliver_counter", args).await?;
            assert!(
                shown.len() == 8 && shown.values().all(|shown| *shown == format!("[{value},{value}]")),
                "{shown:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn i12_what_a_window_does_not_confirm_in_time_is_an_error_with_its_name() -> Result<(), Failure> {
    without_app(async || {
        let mut app = DirectApp::start().await?;
        app.open("w1").await?;
        app.has_readers("counter", 2).await?;
        let busy = app.web_process_of("w1").await?;
        busy.stop()?;
        let delivers = "invoke('deliver_counter', { value: 7, expression: '0' }).then(() => 'delivered', String)";
        let refused = app.resolves("main", delivers).await?;
        busy.go_on()?;
        let text = refused.as_str().unwrap_or_default();
        assert!(text.contains(r#"the windows ["w1"]"#) && text.contains("counter"), "{text}");
        app.shows("w1", "counter.get()", 7).await
    })
}

#[test]
fn i14_a_hidden_window_that_rests_is_told_nothing_until_it_is_shown() -> Result<(), Failure> {
    const RESTING: &str = "window.resting = define('note', { whenHidden: 'rest' }); await resting.ready";
    with_app(Binary::Test, async |app| {
        let (main, b, c) = (app.window("main"), app.open("b").await?, app.open("c").await?);
        b.does(RESTING).await?;
        c.does("await note.ready").await?;
        b.does("countDeliveries()").await?;
        app.invoke::<()>("show_window", json!({ "label": "b", "shown": false })).await?;
        b.shows("calls['plugin:lockstep|subscribe note']", 2).await?;
        app.has_readers("note", 2).await?;
        let pulls: u32 = b.eval("pulls('note')").await?;
        main.does("await times(100, (n) => note.merge({ text: `${n + 1}` }))").await?;
        c.shows("note.get().text", "100").await?;
        // What is written to another topic after it reaches the page.
        main.does("await counter.set(1)").await?;
        b.shows("counter.get()", 1).await?;
        assert_eq!(b.eval::<Vec<String>>("[...deliveredTopics]").await?, ["counter"]);
        assert_eq!(b.eval::<u32>("pulls('note')").await?, pulls);
        app.invoke::<()>("show_window", json!({ "label": "b", "shown": true })).await?;
        b.shows("resting.get().text", "100").await?;
        main.does("await note.merge({ text: 'more' })").await?;
        b.shows("resting.get().text", "more").await
    })
}

#[test]
fn i3_pages_that_reload_die_or_hide_in_the_midst_of_deliveries_end_at_the_newest() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = app.open_many(3).await?;
        for label in &labels {
            app.window(label).does("await counter.ready").await?;
        }
        app.invoke::<()>("show_window", json!({ "label": "w3", "shown": false })).await?;
        app.start_storm(20_000, Duration::from_micros(100)).await?;
        for _ in 0..3 {
            app.reload(app.window("w1")).await?;
            app.close("w2").await?;
            app.open("w2").await?.does("await counter.ready").await?;
        }
        app.storm_is_over().await?;
        app.all_show(&labels, 20_000).await?;
        app.invoke::<()>("show_window", json!({ "label": "w3", "shown": true })).await?;
        app.window("main").does("await counter.set(7)").await?;
        app.all_show(&labels, 7).await
    })
}

#[test]
fn what_is_delivered_is_data_whatever_is_in_it() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let labels = app.open_many(1).await?;
        for label in &labels {
            app.window(label).does("await note.ready; await staff.ready.catch(() => {}); countDeliveries()").await?;
        }
        let odd = Value::from(ODD);
        app.window("main")
            .does(&format!("await note.set({{ text: {odd}, done: false, tags: ['\\ud83d', {odd}], author: null }})"))
            .await
            .unwrap_err();
        app.window("main")
            .does(&format!("await note.set({{ text: {odd}, done: false, tags: [{odd}], author: '__proto__' }})"))
            .await?;
        app.window("w1").shows("note.get().tags[0]", ODD).await?;
        app.window("w1").shows("note.get().text", ODD).await?;
        app.window("w1").shows("deliveries > 0", true).await?;
        // A key, in the state itself.
        app.invoke::<String>("set_odd", json!({})).await?;
        app.window("w1").shows("Object.keys(odd.get() ?? {}).join()", "__proto__,constructor").await?;
        app.window("w1").shows("JSON.stringify(odd.get())", r#"{"__proto__":{"polluted":1},"constructor":{}}"#).await?;
        app.window("w1").shows("({}).polluted === undefined && odd.get().polluted === undefined", true).await
    })
}

#[test]
fn i13_a_window_is_delivered_what_it_reads_and_nobody_elses() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        app.open_many(1).await?;
        app.window("main").does("await Promise.all([counter.ready, odd.ready]); countDeliveries()").await?;
        app.window("w1").does("await counter.ready; countDeliveries(); secret.get()").await?;
        app.window("w1").shows("secret.status", "denied").await?;
        app.invoke::<String>("set_odd", json!({})).await?;
        app.start_storm(5, Duration::ZERO).await?;
        app.storm_is_over().await?;
        app.window("main").shows("[...deliveredTopics].sort().join()", "counter,odd").await?;
        app.window("w1").shows("counter.get()", 5).await?;
        app.window("w1").shows("[...deliveredTopics].join()", "counter").await
    })
}
