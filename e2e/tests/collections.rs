//! Thousands of entities that windows and Rust share, and change one by one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use anyhow::{Result, bail, ensure};
use lockstep_e2e::{App, Binary, DirectApp, Failure, Window, wait_until, with_app, without_app};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const MANY: usize = 5_000;

/// The backend remembers the changes of so many.
const REMEMBERED: usize = 4_096;

/// What one entity's change may weigh, with all that is around it.
const SMALL: u64 = 1_000;

type Tasks = BTreeMap<String, Value>;

#[test]
fn i3_windows_and_rust_change_some_of_thousands_and_all_show_the_same() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let windows = three_with_tasks(app).await?;
        let [main, b, c] = windows;

        let none: Option<String> = app.invoke("rename_task", json!({ "key": "nobody", "title": "?" })).await?;
        assert_eq!(none, None);
        app.invoke::<String>("upsert_task", json!({ "key": "by rust", "title": "new" })).await?;
        app.invoke::<String>("rename_task", json!({ "key": "t1", "title": "renamed" })).await?;
        app.invoke::<String>("remove_task", json!({ "key": "t2" })).await?;
        app.invoke::<String>("change_tasks", json!({ "upsert": ["x", "y", "t3"], "remove": ["t4", "t5"] })).await?;
        let tasks = all_agree(app, &windows).await?;
        assert_eq!(tasks.len(), MANY + 3 - 3);
        assert_eq!(tasks["t1"]["title"], "renamed");

        main.does("await tasks.upsert('by main', { title: 'new', done: false, count: 0 }); await tasks.remove('t6')")
            .await?;
        b.does(
            "await tasks.update('t7', (task) => ({ ...task, title: 'by b' }));
             await tasks.merge('t8', { done: true });
             await tasks.update('t9', () => undefined)",
        )
        .await?;
        c.does(
            "await tasks.patch([
                 { op: 'remove', path: '/t10' },
                 { op: 'add', path: '/by c', value: { title: 'new', done: false, count: 0 } },
                 { op: 'replace', path: '/t11/title', value: 'by c' },
             ])",
        )
        .await?;
        let tasks = all_agree(app, &windows).await?;
        assert_eq!(tasks.len(), MANY + 2 - 3);
        assert_eq!((&tasks["t7"]["title"], &tasks["t8"]["done"]), (&json!("by b"), &json!(true)));
        assert_eq!((tasks.get("t9"), tasks.get("t10")), (None, None));

        // All at once, the same entities and others, while Rust writes too.
        for window in windows {
            window
                .begins(
                    "await times(60, async (n) => {
                         await tasks.upsert(`${label} ${n}`, { title: label, done: false, count: n });
                         await tasks.merge('t12', { title: `${label} ${n}` });
                         await (n % 2 ? tasks.remove('t13') : tasks.upsert('t13', { title: label, done: true, count: n }));
                     })",
                )
                .await?;
        }
        for n in 0..30 {
            let change = json!({ "upsert": ["t12", "t13", format!("rust {n}")], "remove": [format!("t{}", 100 + n)] });
            app.invoke::<String>("change_tasks", change).await?;
        }
        for window in windows {
            window.is_done().await?;
        }
        let tasks = all_agree(app, &windows).await?;
        let of = |label: &str| tasks.keys().filter(|key| key.starts_with(&format!("{label} "))).count();
        assert_eq!([of("main"), of("b"), of("c"), of("rust")], [60, 60, 60, 30]);
        assert!(!tasks.contains_key("t100") && !tasks.contains_key("t129") && tasks.contains_key("t130"));
        Ok(())
    })
}

#[test]
fn a_listener_of_one_key_hears_of_that_entity_and_of_no_other() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b, _] = three_with_tasks(app).await?;
        b.does(
            "window.heardOf = { t1: [], t2: [], keys: 0, all: [] };
             for (const key of ['t1', 't2']) tasks.key(key).subscribe((next) => heardOf[key].push(next?.title ?? null));
             tasks.keys.subscribe(() => heardOf.keys++);
             tasks.subscribe((_, { changedKeys }) => heardOf.all.push([...changedKeys].join()));",
        )
        .await?;
        let told = "heardOf.all.at(-1)";

        // One after another, so that no step is left out.
        main.does("await tasks.merge('t1', { title: 'one' })").await?;
        b.shows(told, "t1").await?;
        for n in [3, 4, 5] {
            app.invoke::<String>("rename_task", json!({ "key": format!("t{n}"), "title": "other" })).await?;
            b.shows(told, format!("t{n}")).await?;
        }
        app.invoke::<String>("remove_task", json!({ "key": "t1" })).await?;
        b.shows("heardOf.t1.length", 2).await?;
        main.does("await tasks.upsert('t1', { title: 'again', done: false, count: 0 })").await?;
        b.shows("heardOf.t1.length", 3).await?;
        // The whole, of which one entity is another.
        app.invoke::<String>("replace_tasks", json!({ "key": "t1", "title": "replaced" })).await?;
        b.shows("heardOf.t1.length", 4).await?;

        b.shows("heardOf.t1", json!(["one", null, "again", "replaced"])).await?;
        b.shows("heardOf.t2", json!([])).await?;
        b.shows("heardOf.keys", 2).await?;
        b.shows("heardOf.all", json!(["t1", "t3", "t4", "t5", "t1", "t1", "t1"])).await?;
        b.shows("problems", json!([])).await
    })
}

#[test]
fn i11_two_windows_that_count_in_one_entity_at_once_count_to_exactly_1000() -> Result<(), Failure> {
    const EACH: usize = 500;
    const OTHERS: usize = 100;
    with_app(Binary::Test, async |app| {
        let [main, b, c] = three_with_tasks(app).await?;
        for window in [main, b] {
            window
                .begins(&format!(
                    "await times({EACH}, () => tasks.update('t1', (task) => ({{ ...task, count: task.count + 1 }})))"
                ))
                .await?;
        }
        // Who writes another entity is in nobody's way.
        c.begins(&format!(
            "window.tries = 0;
             await times({OTHERS}, () => tasks.update('t2', (task) => (tries++, {{ ...task, count: task.count + 1 }})))"
        ))
        .await?;
        for window in [c, main, b] {
            window.is_done().await?;
        }
        c.shows("tries", OTHERS).await?;
        let tasks = all_agree(app, &[main, b, c]).await?;
        assert_eq!(tasks["t1"]["count"], 2 * EACH);
        assert_eq!(tasks["t2"]["count"], OTHERS);
        Ok(())
    })
}

#[test]
fn i14_a_change_of_one_entity_travels_as_that_entity() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let windows = three_with_tasks(app).await?;
        let [main, b, _] = windows;
        let whole: u64 = main
            .eval(
                "invoke('plugin:lockstep|get_snapshot', { topic: 'tasks' }).then((all) => JSON.stringify(all).length)",
            )
            .await?;
        for window in windows {
            window.does("countDeliveries(); countAnswers()").await?;
        }
        // One after another, so that each travels by itself.
        for n in 0..10 {
            app.invoke::<String>("rename_task", json!({ "key": format!("t{n}"), "title": "renamed" })).await?;
            all_agree(app, &windows).await?;
            main.does(&format!("await tasks.upsert('n{n}', {{ title: 'new', done: false, count: 0 }})")).await?;
            all_agree(app, &windows).await?;
            b.does(&format!("await tasks.remove('t{}')", 100 + n)).await?;
            all_agree(app, &windows).await?;
        }
        println!("the whole is {whole} bytes");
        assert!(whole > 100 * SMALL, "{whole} bytes are not much");
        for window in windows {
            let received: Vec<Value> = window.eval("receivedOf('tasks')").await?;
            let label = window.label();
            let most = received.iter().filter_map(|each| each["bytes"].as_u64()).max();
            println!("{label}: {} messages, the largest of {most:?} bytes", received.len());
            assert!(received.len() >= 30, "{label}: {received:?}");
            assert!(received.iter().all(|each| each["form"] != "data"), "{label}: {received:?}");
            assert!(most.is_some_and(|most| most < SMALL), "{label}: {received:?}");
        }
        Ok(())
    })
}

#[test]
fn a_client_that_knows_only_the_event_and_the_pull_sees_a_plain_object() -> Result<(), Failure> {
    with_app(Binary::Test, async |app| {
        let [main, b, _] = three_with_tasks(app).await?;
        b.does(
            "window.mine = { revision: '0' };
             window.fields = new Set();
             const isNewer = (a, b) => a.length > b.length || (a.length === b.length && a > b);
             const pull = async () => {
                 const snapshot = await invoke('plugin:lockstep|get_snapshot', { topic: 'tasks' });
                 Object.keys(snapshot).forEach((field) => fields.add(field));
                 if (isNewer(snapshot.revision, mine.revision)) mine = snapshot;
             };
             await event.listen('tasks:invalidated', pull);
             await pull();",
        )
        .await?;
        let entity = json!({ "title": "Task 7 of many, none of which is empty", "done": false, "count": 0 });
        b.shows("mine.data.t7", entity).await?;
        b.shows("Object.keys(mine.data).length", MANY).await?;
        main.does("await tasks.merge('t7', { title: 'seven' }); await tasks.remove('t8')").await?;
        b.shows("mine.data.t7", json!({ "title": "seven", "done": false, "count": 0 })).await?;
        b.shows("Object.keys(mine.data).length", MANY - 1).await?;
        b.shows("[...fields].sort()", json!(["data", "revision"])).await?;

        // It writes like of any other topic, too.
        let write = "invoke('plugin:lockstep|write', { topic: 'tasks', session: 'stock', seq: 1, set: { ...mine.data, t9: null, t7: undefined, only: { title: 'set', done: true, count: 1 } } })";
        let refused: Value = b.eval(&format!("{write}.catch(({{ kind, path }}) => [kind, path])")).await?;
        assert_eq!(refused, json!(["invalidData", "t9"]));
        b.does(&write.replace("t9: null", "t9: undefined").replace("seq: 1", "seq: 2")).await?;
        main.shows("[tasks.get().size, tasks.get().get('only').title]", json!([MANY - 2, "set"])).await
    })
}

#[test]
fn a_key_may_be_any_text() -> Result<(), Failure> {
    const ODD: &str = "['', 'a/b~c', '__proto__', 'constructor', '</script>\\u2028', '10', '9']";
    with_app(Binary::Test, async |app| {
        let windows = three_with_tasks(app).await?;
        let [main, b, _] = windows;
        b.does(&format!(
            "window.heardOf = [];
             for (const key of {ODD}) tasks.key(key).subscribe((next) => heardOf.push([key, next?.title ?? null]))"
        ))
        .await?;
        main.does(&format!(
            "for (const key of {ODD}) await tasks.upsert(key, {{ title: key, done: false, count: 0 }})"
        ))
        .await?;
        let tasks = all_agree(app, &windows).await?;
        assert_eq!(tasks.len(), MANY + 7);
        assert!(tasks.iter().filter(|(key, _)| !key.starts_with('t')).all(|(key, task)| task["title"] == **key));
        b.shows(
            &format!("heardOf.length === 7 && heardOf.every(([key, title], n) => title === key && {ODD}[n] === key)"),
            true,
        )
        .await?;
        b.does(&format!("for (const key of {ODD}) await tasks.remove(key)")).await?;
        assert_eq!(all_agree(app, &windows).await?.len(), MANY);
        main.shows("({}).title === undefined", true).await
    })
}

#[test]
fn i9_who_comes_late_gets_the_whole_and_who_is_too_far_behind_too() -> Result<(), Failure> {
    // So many that those that changed are not the most of them.
    const ALL: usize = 10_000;
    with_app(Binary::Test, async |app| {
        app.invoke::<String>("fill_tasks", json!({ "count": ALL })).await?;
        let main = app.window("main");
        main.does(
            "await tasks.ready;
             window.first = tasks.revision;
             window.behind = (since) => invoke('plugin:lockstep|get_snapshot', { topic: 'tasks', since })
                 .then(({ patch, data }) => [patch?.length ?? null, Object.keys(data ?? {}).length])",
        )
        .await?;
        let keys = |from: usize, to: usize| (from..to).map(|n| format!("t{n}")).collect::<Vec<_>>();
        let change = json!({ "upsert": keys(0, REMEMBERED - 2), "remove": keys(ALL - 2, ALL) });
        app.invoke::<String>("change_tasks", change).await?;
        main.shows("behind(first)", json!([REMEMBERED, 0])).await?;
        app.invoke::<String>("upsert_task", json!({ "key": "t9000", "title": "one too many" })).await?;
        main.shows("behind(first)", json!([null, ALL - 2])).await?;

        let late = app.open("late").await?;
        late.does("await tasks.ready").await?;
        assert_eq!(all_agree(app, &[main, late]).await?.len(), ALL - 2);
        late.does("countDeliveries()").await?;
        main.does("await tasks.merge('t1', { title: 'after' })").await?;
        late.shows("tasks.get().get('t1').title", "after").await?;
        late.shows("receivedOf('tasks').map(({ form }) => form)", json!(["patch"])).await
    })
}

#[test]
fn i8_a_window_that_slept_through_more_than_is_remembered_is_right_when_it_wakes() -> Result<(), Failure> {
    const CHANGES: usize = REMEMBERED / 100 + 5;
    without_app(async || {
        let mut app = DirectApp::start().await?;
        app.open("b").await?;
        app.resolves("main", &format!("invoke('fill_tasks', {{ count: {MANY} }})")).await?;
        for label in ["main", "b"] {
            app.resolves(label, "tasks.ready.then(() => 0)").await?;
        }
        app.eval("b", "(countDeliveries(), countAnswers(), 0)").await?;
        let sleeper = app.web_process_of("b").await?;
        sleeper.stop()?;
        for change in 0..CHANGES {
            let keys: Vec<_> = (change * 100..(change + 1) * 100).map(|n| format!("t{n}")).collect();
            let (upsert, remove) = keys.split_at(90);
            let args = json!({ "upsert": upsert, "remove": remove });
            app.resolves("main", &format!("invoke('change_tasks', {args})")).await?;
        }
        app.resolves("main", "tasks.refresh().then(() => 0)").await?;
        sleeper.go_on()?;
        let digest = "JSON.stringify([...tasks.get()].sort())";
        let expected = app.eval("main", digest).await?;
        app.shows("b", "tasks.get().size", MANY - CHANGES * 10).await?;
        app.shows("b", digest, expected).await?;
        let whole = app.eval("b", "receivedOf('tasks').some(({ form }) => form === 'data')").await?;
        ensure!(whole == true, "too much was to be forgotten: {}", app.eval("b", "received").await?);
        // It hears of the next change like all others.
        app.resolves("main", "tasks.merge('t1', { title: 'awake' })").await?;
        app.shows("b", "tasks.get().get('t1').title", "awake").await
    })
}

/// `main`, `b` and `c`, which show all of the tasks `t0` to `t4999`.
async fn three_with_tasks(app: &App) -> Result<[Window<'_>; 3]> {
    app.invoke::<String>("fill_tasks", json!({ "count": MANY })).await?;
    let windows = [app.window("main"), app.open("b").await?, app.open("c").await?];
    for window in windows {
        window.does("await tasks.ready").await?;
        window.shows("tasks.get().size", MANY).await?;
    }
    Ok(windows)
}

/// Waits until the windows are at the revision that Rust is at, and sees that they show what Rust has.
async fn all_agree(app: &App, windows: &[Window<'_>]) -> Result<Tasks> {
    let (revision, tasks): (String, Vec<(String, Value)>) = app.invoke("all_tasks", json!({})).await?;
    let tasks = Tasks::from_iter(tasks);
    for window in windows {
        window.shows("tasks.revision", revision.clone()).await?;
        let shown: Vec<(String, Value)> = window.eval("[...tasks.get()]").await?;
        if Tasks::from_iter(shown) != tasks {
            bail!("window {:?} is at {revision}, and shows something else than Rust has", window.label());
        }
    }
    wait_until("nothing is wrong", async || windows[0].eval("problems.length === 0").await).await?;
    Ok(tasks)
}
