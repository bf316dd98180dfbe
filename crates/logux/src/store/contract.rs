//! What every store must do, as checks that a store's own tests run.

use super::{Criteria, Cursors, Ledger, MetaChange, Order, Outcome, Position, Progress, Query, Store};
use crate::action::{Action, Created, Entry, Fields, Meta};
use std::sync::Arc;

fn entry(id: &str, time: i64, reasons: &[&str]) -> Entry {
    let id = id.parse().unwrap_or_else(|error| panic!("{error}"));
    let fields = Fields { reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(), ..Fields::default() };
    Entry { action: Action::new("test").with("from", time), meta: Meta { id, time, added: 0, fields } }
}

fn created(entry: &Entry) -> Created {
    entry.meta.created()
}

#[track_caller]
fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn ids(entries: &[Arc<Entry>]) -> Vec<String> {
    entries.iter().map(|entry| entry.meta.id.to_string()).collect()
}

#[track_caller]
fn check_page(store: &impl Store, order: Order, newest_first: bool, expected: &[&str]) {
    check_pages(store, None, order, newest_first, expected);
}

#[track_caller]
fn check_pages(store: &impl Store, index: Option<&str>, order: Order, newest_first: bool, expected: &[&str]) {
    let mut query = Query { order, index: index.map(str::to_owned), newest_first, after: None, limit: 2 };
    let mut found = Vec::new();
    loop {
        let page = done(store.page(&query));
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 2, "a page is longer than the limit");
        query.after = Some(query.position(&last.meta));
        found.extend(ids(&page));
        assert!(found.len() <= expected.len(), "more entries than there are: {found:?}");
    }
    assert_eq!(found, expected, "{order:?}, newest first: {newest_first}, index: {index:?}");
}

/// Checks that a store does what [`Store`] promises. `make` returns a new and empty one each time.
///
/// # Panics
/// Where it does not.
pub fn check_store<S: Store>(make: impl Fn() -> S) {
    orders(&make());
    indexes(&make());
    known_ids(&make());
    changes(&make());
    reasons(&make());
    numbers(&make());
    cursors(&make());
}

fn orders(store: &impl Store) {
    check_page(store, Order::Added, false, &[]);
    let entries = vec![
        entry("1 b 0", 2, &["a"]),
        entry("3 a 1", 2, &["a"]),
        entry("9 a 0", 2, &["a"]),
        entry("1 é 0", -1, &["a"]),
        entry("1 a 1", 2, &["a"]),
    ];
    let added = done(store.add(entries));
    assert_eq!(added.iter().flatten().map(|entry| entry.meta.added).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let by_added = ["1 b 0", "3 a 1", "9 a 0", "1 é 0", "1 a 1"];
    let by_created = ["1 é 0", "9 a 0", "1 a 1", "3 a 1", "1 b 0"];
    let back = |ids: &[&'static str]| ids.iter().rev().copied().collect::<Vec<_>>();
    check_page(store, Order::Added, false, &by_added);
    check_page(store, Order::Added, true, &back(&by_added));
    check_page(store, Order::Created, false, &by_created);
    check_page(store, Order::Created, true, &back(&by_created));
    let query =
        Query { order: Order::Added, index: None, newest_first: false, after: Some(Position::Added(3)), limit: 9 };
    assert_eq!(ids(&done(store.page(&query))), ["1 é 0", "1 a 1"]);
}

fn indexes(store: &impl Store) {
    let entry = |id: &str, time, indexes: &[&str]| {
        let mut entry = entry(id, time, &["a"]);
        entry.meta.indexes = indexes.iter().map(|&index| index.to_owned()).collect();
        entry
    };
    done(store.add(vec![
        entry("1 a 0", 5, &["x", "xx"]),
        entry("2 a 0", 1, &[]),
        entry("3 a 0", 9, &["x"]),
        entry("4 a 0", 2, &["xx", "x"]),
        entry("5 a 0", 3, &["w", "y"]),
    ]));
    // One that is known adds nothing to an index.
    done(store.add(vec![entry("2 a 0", 1, &["x"])]));
    let check = |index: &str, by_added: &[&str], by_created: &[&str]| {
        for (order, expected) in [(Order::Added, by_added), (Order::Created, by_created)] {
            check_pages(store, Some(index), order, false, expected);
            check_pages(store, Some(index), order, true, &expected.iter().rev().copied().collect::<Vec<_>>());
        }
    };
    check("x", &["1 a 0", "3 a 0", "4 a 0"], &["4 a 0", "1 a 0", "3 a 0"]);
    check("xx", &["1 a 0", "4 a 0"], &["4 a 0", "1 a 0"]);
    check("y", &["5 a 0"], &["5 a 0"]);
    check("", &[], &[]);
    check("z", &[], &[]);
    let kept = done(store.by_id(&done("1 a 0".parse())));
    assert_eq!(kept.map(|entry| entry.meta.indexes.clone()).unwrap_or_default(), ["x", "xx"]);
    done(store.remove(&done("3 a 0".parse())));
    check("x", &["1 a 0", "4 a 0"], &["4 a 0", "1 a 0"]);
    done(store.remove_reason("a", &Criteria::id(done("4 a 0".parse()))));
    check("x", &["1 a 0"], &["1 a 0"]);
    check("xx", &["1 a 0"], &["1 a 0"]);
    done(store.clean());
    check("x", &[], &[]);
}

fn known_ids(store: &impl Store) {
    let id = "1 a 0";
    assert!(done(store.add(vec![entry(id, 1, &["a"])]))[0].is_some());
    let again = done(store.add(vec![entry(id, 7, &["b"]), entry("2 a 0", 2, &["a"]), entry("2 a 0", 3, &["a"])]));
    assert_eq!(again.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(again[1].as_ref().map(|entry| entry.meta.added), Some(2), "a known entry has used up a number");
    let kept = done(store.by_id(&done(id.parse())));
    assert_eq!(kept.as_deref().map(|entry| entry.meta.time), Some(1), "a known entry was changed");
    assert_eq!(kept.as_deref().map(|entry| entry.action.clone()), Some(entry(id, 1, &[]).action));
    assert!(done(store.by_id(&done("3 a 0".parse()))).is_none());
}

fn changes(store: &impl Store) {
    done(store.add(vec![entry("1 a 0", 1, &["a"])]));
    let (id, other) = (done("1 a 0".parse()), done("2 a 0".parse()));
    let mut change = MetaChange::status(crate::Status::Processed);
    change.extra.insert("own".into(), 1.into());
    assert!(done(store.change_meta(&id, &change)));
    assert!(!done(store.change_meta(&other, &change)));
    let fields = done(store.by_id(&id)).map(|entry| entry.meta.fields.clone()).unwrap_or_default();
    assert_eq!((fields.status, fields.extra.get("own")), (Some(crate::Status::Processed), Some(&1.into())));
    assert_eq!(fields.reasons, ["a"]);
    assert_eq!(done(store.remove(&id)).map(|entry| entry.meta.added), Some(1));
    assert!(done(store.remove(&id)).is_none());
    check_page(store, Order::Created, false, &[]);
}

fn reasons(store: &impl Store) {
    let entries: Vec<Entry> =
        (1..=4).map(|n| entry(&format!("{n} a 0"), n, if n == 2 { &["a", "b"] } else { &["a"] })).collect();
    done(store.add(entries.clone()));
    let check = |criteria: &Criteria, cleaned: &[&str], left: &[&str]| {
        assert_eq!(ids(&done(store.remove_reason("a", criteria))), cleaned, "{criteria:?}");
        check_page(store, Order::Added, false, left);
        check_page(store, Order::Created, false, left);
    };
    assert!(done(store.remove_reason("c", &Criteria::default())).is_empty());
    check(&Criteria::id(entries[0].meta.id.clone()), &["1 a 0"], &["2 a 0", "3 a 0", "4 a 0"]);
    check(&Criteria::older_than(created(&entries[2])), &[], &["2 a 0", "3 a 0", "4 a 0"]);
    let younger = Criteria { younger_than: Some(created(&entries[2])), ..Criteria::default() };
    check(&younger, &["4 a 0"], &["2 a 0", "3 a 0"]);
    let added = Criteria { min_added: Some(4), max_added: Some(9), ..Criteria::default() };
    check(&added, &[], &["2 a 0", "3 a 0"]);
    check(&Criteria { max_added: Some(3), min_added: Some(3), ..Criteria::default() }, &["3 a 0"], &["2 a 0"]);
    assert_eq!(ids(&done(store.remove_reason("b", &Criteria::default()))), ["2 a 0"]);
    // An id that is gone is new again; its number is not.
    assert_eq!(done(store.add(entries[..1].to_vec()))[0].as_ref().map(|entry| entry.meta.added), Some(5));
}

fn numbers(store: &impl Store) {
    assert_eq!(done(store.last_added()), 0);
    done(store.add(vec![entry("1 a 0", 1, &["a"]), entry("2 a 0", 2, &["a"])]));
    done(store.remove(&done("2 a 0".parse())));
    assert_eq!(done(store.last_added()), 2);
    done(store.reserve_ids(10));
    done(store.reserve_ids(5));
    assert_eq!(done(store.reserved_ids()), 10);
    done(store.clean());
    assert_eq!((done(store.last_added()), done(store.reserved_ids())), (2, 10), "a clean store repeats numbers");
    check_page(store, Order::Added, false, &[]);
    assert_eq!(done(store.add(vec![entry("1 a 0", 1, &["a"])]))[0].as_ref().map(|entry| entry.meta.added), Some(3));
}

/// Hole 5: a stored cursor can go back.
fn cursors(store: &impl Store) {
    assert_eq!(done(store.cursors()), Cursors::default());
    done(store.raise_cursors(5, 7));
    done(store.raise_cursors(0, 3));
    done(store.raise_cursors(6, 0));
    assert_eq!(done(store.cursors()), Cursors { sent: 6, received: 7, peer: None }, "a cursor went back");
    done(store.reset_cursors("server:x"));
    assert_eq!(done(store.cursors()), Cursors { sent: 0, received: 0, peer: Some("server:x".into()) });
    done(store.raise_cursors(1, 0));
    assert_eq!(done(store.cursors()), Cursors { sent: 1, received: 0, peer: Some("server:x".into()) });
}

/// Checks that a ledger does what [`Ledger`] promises. `make` returns a new and empty one each time.
///
/// # Panics
/// Where it does not.
pub fn check_ledger<L: Ledger>(make: impl Fn() -> L) {
    let ledger = make();
    let entries: Vec<Arc<Entry>> = (1..=3).map(|n| Arc::new(entry(&format!("{n} a 0"), n, &[]))).collect();
    let id = |n: usize| &entries[n].meta.id;
    let finish = |n: usize, outcome| ledger.finish(&[(id(n).clone(), outcome)], 2);
    assert_eq!(done(ledger.receive(&entries[..2])), [None, None]);
    assert!(done(ledger.begin(id(1))));
    assert!(!done(ledger.begin(id(1))), "begun twice");
    assert!(!done(ledger.begin(id(2))), "begun without having been received");
    let (received, begun) = (Progress::Received(Arc::clone(&entries[0])), Progress::Begun(Arc::clone(&entries[1])));
    assert_eq!(done(ledger.unfinished()), [received.clone(), begun.clone()]);
    assert_eq!(done(ledger.receive(&entries)), [Some(received), Some(begun), None]);
    done(finish(1, Outcome::Undone("denied".into())));
    done(finish(1, Outcome::Processed));
    assert!(!done(ledger.begin(id(1))), "begun after the end");
    let undone = Some(Progress::Finished(Outcome::Undone("denied".into())));
    assert_eq!(done(ledger.receive(&entries[1..2])), [undone], "the first end stays");
    assert!(done(ledger.begin(id(0))));
    done(ledger.finish(&[0, 2].map(|n| (id(n).clone(), Outcome::Processed)), 2));
    assert!(done(ledger.unfinished()).is_empty());
    let finished = Some(Progress::Finished(Outcome::Processed));
    assert_eq!(done(ledger.receive(&entries)), [finished.clone(), None, finished], "the oldest end is forgotten");
}
