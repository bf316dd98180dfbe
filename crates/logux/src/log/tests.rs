use super::*;
use crate::store::MemoryStore;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn log_at(now: i64, store: &Arc<MemoryStore>) -> (Log, Arc<TestClock>) {
    let clock = Arc::new(TestClock(AtomicI64::new(now)));
    let log = Log::with_clock("a", Arc::clone(store) as Arc<dyn Store>, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    (log, clock)
}

fn heard(log: &Log, filter: Filter) -> (Arc<Mutex<Vec<String>>>, [Listening; 2]) {
    let events: Arc<Mutex<Vec<String>>> = Arc::default();
    let (added, cleaned) = (Arc::clone(&events), Arc::clone(&events));
    let add = log.on_add(filter.clone(), move |entry| added.lock().push(format!("add {}", entry.meta.id)));
    let clean = log.on_clean(filter, move |entry| cleaned.lock().push(format!("clean {}", entry.meta.id)));
    (events, [add, clean])
}

#[tokio::test]
async fn ids_never_repeat_when_the_clock_stands_goes_back_or_the_process_is_new() {
    let store = Arc::new(MemoryStore::new());
    let mut seen = std::collections::HashSet::new();
    for start in [5, 5, 4, 0, 2_000, 1_999, 900] {
        let (log, clock) = log_at(start, &store);
        let mut last = None;
        for jump in [0, 0, 3, -7, 1_500, -4_000, 1] {
            clock.0.fetch_add(jump, Ordering::Relaxed);
            let id = log.generate_id().await.unwrap();
            assert!(Some((id.ms, id.counter)) > last, "ids go up");
            last = Some((id.ms, id.counter));
            assert!(seen.insert(id.clone()), "{id} again");
        }
    }
}

#[tokio::test]
async fn without_reasons_an_action_is_emitted_and_not_stored() {
    let (log, _) = log_at(1, &Arc::default());
    let (events, _listening) = heard(&log, Filter::all());
    let added = log.add(Action::new("a"), Fields::default()).await.unwrap();
    assert_eq!(added.entry().unwrap().meta.added, 0);
    assert_eq!(*events.lock(), ["add 1 a 0", "clean 1 a 0"]);
    assert!(log.entries(Order::Added).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_known_id_is_left_alone_and_nobody_hears_of_it() {
    let (log, _) = log_at(1, &Arc::default());
    let Added::New(entry) = log.add(Action::new("a"), Fields::reason("x")).await.unwrap() else { panic!() };
    let (events, _listening) = heard(&log, Filter::all());
    assert_eq!(log.add(Action::new("b"), entry.meta.clone()).await.unwrap(), Added::Known);
    let without_reasons = NewMeta { fields: Fields::default(), ..entry.meta.clone().into() };
    assert_eq!(log.add(Action::new("b"), without_reasons).await.unwrap(), Added::Known);
    assert!(events.lock().is_empty());
    assert_eq!(log.by_id(&entry.meta.id).await.unwrap().unwrap().action.kind(), "a");
}

#[tokio::test]
async fn only_the_newest_keeps_the_last_reason() {
    let (log, _) = log_at(1, &Arc::default());
    let (events, _listening) = heard(&log, Filter::all());
    let fields = Fields { keep_last: Some("name".into()), ..Fields::default() };
    log.add(Action::new("a"), fields.clone()).await.unwrap();
    log.add(Action::new("a"), fields.clone().and_reason("other")).await.unwrap();
    log.add(Action::new("a"), fields).await.unwrap();
    assert_eq!(*events.lock(), ["add 1 a 0", "add 1 a 1", "clean 1 a 0", "add 1 a 2"]);
    let entries = log.entries(Order::Created).await.unwrap();
    let reasons: Vec<_> = entries.iter().map(|entry| entry.meta.reasons.join(" ")).collect();
    assert_eq!(reasons, ["other", "name"]);
}

#[tokio::test]
async fn listeners_hear_what_their_filter_lets_through_until_they_are_dropped() {
    let (log, _) = log_at(1, &Arc::default());
    let (events, listening) = heard(&log, Filter::kind("a").with_id("7"));
    let preadd = log.on_preadd(|action, meta| meta.reasons.push(action.kind().to_owned()));
    for action in [Action::new("a"), Action::new("a").with("id", "7"), Action::new("b").with("id", "7")] {
        log.add(action, Fields::default()).await.unwrap();
    }
    assert_eq!(*events.lock(), ["add 1 a 1"]);
    let id = "1 a 1".parse().unwrap();
    assert!(log.change_meta(&id, MetaChange::reasons(&[])).await.unwrap());
    assert!(!log.change_meta(&id, MetaChange::reasons(&[])).await.unwrap());
    assert_eq!(*events.lock(), ["add 1 a 1", "clean 1 a 1"]);
    log.remove_reason("b", Criteria::default()).await.unwrap();
    assert_eq!(log.entries(Order::Added).await.unwrap().len(), 1);
    drop((listening, preadd));
    let added = log.add(Action::new("a").with("id", "7"), Fields::default()).await.unwrap();
    assert!(added.entry().unwrap().meta.reasons.is_empty());
    assert_eq!(events.lock().len(), 2);
}

#[tokio::test]
async fn each_reads_the_newest_first_over_pages_until_told_to_stop() {
    let (log, _) = log_at(1, &Arc::default());
    let actions = (0..PAGE + 10).map(|_| (Action::new("a"), Fields::reason("x").into())).collect();
    log.add_all(actions).await.unwrap();
    let mut seen = Vec::new();
    let read = log.each(Order::Added, |entry| {
        seen.push(entry.meta.added);
        if entry.meta.added == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    read.await.unwrap();
    assert!(seen.iter().rev().copied().eq(3..=(PAGE as u64 + 10)));
}

#[tokio::test]
async fn entries_are_found_by_their_index_the_newest_first() {
    let log = Log::new("a", MemoryStore::new()).unwrap();
    for n in 0..600 {
        let index = if n % 2 == 0 { "even" } else { "odd" };
        log.add(Action::new("a").with("n", n), Fields::reason("r").and_index(index)).await.unwrap();
    }
    let mut found = Vec::new();
    let visit = |entry: &Arc<Entry>| {
        found.push(entry.action.get("n").and_then(serde_json::Value::as_u64).unwrap());
        if found.len() == 290 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    log.each_in("odd", crate::store::Order::Created, visit).await.unwrap();
    assert!(found.into_iter().eq((0..600).rev().filter(|n| n % 2 == 1).take(290)));
}
