//! The role of the primary, over random histories, against a model: who waits, in order.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Change, ClientCreate, ClientWrite, CreateError, Departure, NoAnnounce, PRIMARY, Primary, Proposal,
    Revision, SessionKey, Store, SubscribeError, Topic, TopicFamily, TopicOptions, TransactionError, UpdateError,
    WriteError,
};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Step {
    Join {
        window: usize,
    },
    /// A command of the page before, run once more.
    JoinLate {
        window: usize,
    },
    Leave {
        window: usize,
    },
    Unsubscribe {
        window: usize,
    },
    Reload {
        window: usize,
    },
    Silent {
        window: usize,
    },
    /// The next page loads, and subscribes before anybody has seen the old one go.
    Overtake {
        window: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let window = 0..4usize;
    prop_oneof![
        6 => window.clone().prop_map(|window| Step::Join { window }),
        1 => window.clone().prop_map(|window| Step::JoinLate { window }),
        3 => window.clone().prop_map(|window| Step::Leave { window }),
        1 => window.clone().prop_map(|window| Step::Unsubscribe { window }),
        2 => window.clone().prop_map(|window| Step::Reload { window }),
        1 => window.clone().prop_map(|window| Step::Silent { window }),
        1 => window.prop_map(|window| Step::Overtake { window }),
    ]
}

struct World {
    store: Store,
    pages: [usize; 4],
    /// Who waits, the holder first.
    waiting: Vec<SessionKey>,
    seen: BTreeSet<SessionKey>,
    /// The last holder, and all terms there were.
    held: Option<SessionKey>,
    terms: Vec<Revision>,
}

impl World {
    fn page(&self, window: usize) -> SessionKey {
        page(window, self.pages[window])
    }

    fn gone(&mut self, window: usize) {
        let page = self.page(window);
        self.waiting.retain(|waiting| *waiting != page);
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Join { window } => {
                let page = self.page(window);
                self.store.join_role(&page, &|| true).unwrap();
                self.seen.insert(page.clone());
                if !self.waiting.contains(&page) {
                    self.waiting.push(page);
                }
            }
            Step::JoinLate { window } => {
                // That a page has ended is known only of one that was there.
                if let Some(before) = self.pages[window].checked_sub(1).map(|before| page(window, before))
                    && self.seen.contains(&before)
                {
                    let ended = SubscribeError::SessionEnded(before.clone());
                    assert_eq!(self.store.join_role(&before, &|| true), Err(ended.into()));
                }
            }
            Step::Leave { window } => {
                self.store.leave_role(&self.page(window));
                self.gone(window);
            }
            Step::Unsubscribe { window } => {
                self.store.unsubscribe(PRIMARY.name(), &self.page(window));
                self.gone(window);
            }
            Step::Reload { window } => {
                self.store.drop_label(&format!("w{window}"), Departure::Ended);
                self.gone(window);
                self.pages[window] += 1;
            }
            Step::Silent { window } => {
                self.store.drop_label(&format!("w{window}"), Departure::Silent);
                self.gone(window);
            }
            Step::Overtake { window } => {
                self.gone(window);
                self.pages[window] += 1;
                self.seen.insert(self.page(window));
                if self.store.contains(PRIMARY.name()) {
                    self.store.subscribe(PRIMARY.name(), &self.page(window)).unwrap();
                } else {
                    self.store.join_role(&self.page(window), &|| true).unwrap();
                    self.store.leave_role(&self.page(window));
                }
            }
        }
    }

    /// The role is held by who waits longest, and a new holder has a higher term than all before.
    fn check(&mut self) {
        let holder = self.store.primary();
        let who = holder.as_ref().map(|holder| SessionKey::new(&*holder.window, holder.session.clone()));
        assert_eq!(who.as_ref(), self.waiting.first());
        if let Some(holder) = holder {
            if who == self.held {
                assert_eq!(self.terms.last(), Some(&holder.term), "a term lasts as long as its holder");
            } else {
                assert!(self.terms.last().is_none_or(|last| holder.term > *last));
                self.terms.push(holder.term);
            }
        }
        self.held = who;
    }
}

fn page(window: usize, page: usize) -> SessionKey {
    SessionKey::new(format!("w{window}"), format!("p{page}").parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn i5_the_longest_waiting_live_page_holds_the_role_and_terms_only_rise(
        steps in proptest::collection::vec(step(), 1..60)
    ) {
        let store = Store::new(NoAnnounce);
        let mut world = World { store, pages: [0; 4], waiting: vec![], seen: BTreeSet::new(), held: None, terms: vec![] };
        for step in &steps {
            world.take(step);
            world.check();
        }
    }
}

#[test]
fn i10_no_window_writes_who_holds_the_role() {
    let store = Store::new(NoAnnounce);
    let holder = page(0, 0);
    store.join_role(&holder, &|| true).unwrap();
    let before = store.primary();
    let thief = json!({ "window": "w1", "session": "p1", "term": "99" });
    for (seq, change) in (1..).zip([
        Change::Set(json!({ "holder": thief })),
        Change::Set(json!({ "holder": null })),
        Change::Merge(json!({ "holder": thief })),
        Change::Patch(
            json!([{ "op": "remove", "path": "/holder" }, { "op": "add", "path": "/holder", "value": thief }]),
        ),
        Change::Merge(json!({})),
    ]) {
        let writes = vec![Proposal { expected: None, change: Ok(change) }];
        let write = ClientWrite { session: page(1, 1), client: None, seq, asked: false, writes };
        assert_eq!(store.write(PRIMARY.name(), write), Err(WriteError::Access(reserved())));
    }
    assert_eq!(store.primary(), before);
    store.leave_role(&holder);
    assert_eq!(store.primary(), None);
}

#[test]
fn what_windows_read_of_the_role_is_its_holder_alone() {
    let store = Store::new(NoAnnounce);
    assert!(store.value_of(PRIMARY.name()).is_err(), "nobody has joined");
    store.join_role(&page(0, 0), &|| true).unwrap();
    store.join_role(&page(1, 0), &|| true).unwrap();
    let term = store.primary().unwrap().term.to_string();
    assert_eq!(
        store.value_of(PRIMARY.name()).unwrap(),
        json!({ "holder": { "window": "w0", "session": "p0", "term": term } })
    );
    assert_eq!(store.readers(PRIMARY.name()), 2, "candidates read the topic");
}

fn reserved() -> AccessError {
    AccessError::Reserved(PRIMARY.name().clone())
}

#[test]
fn i5_i10_the_app_s_own_code_takes_the_role_from_nobody_who_has_not_stopped() {
    let store = Store::new(NoAnnounce);
    let in_the_way = CreateError::Reserved(PRIMARY.name().clone());
    let nobody = Primary::default;
    let by_window = ClientCreate { topic: PRIMARY.name().clone(), session: page(1, 1), initial: None };
    // Whether or not there are such topics.
    assert_eq!(store.create_from_client(by_window.clone(), None), Err(in_the_way.clone()));
    assert_eq!(store.door(PRIMARY.name()).unwrap().asker().err(), Some(reserved()));
    let family = TopicFamily::<u8>::new("lockstep");
    store.declare(family, |_| 0, TopicOptions::new()).unwrap();
    for _ in 0..2 {
        assert_eq!(store.create_with(PRIMARY, nobody(), TopicOptions::new()), Err(in_the_way.clone()));
        assert!(store.create(Topic::<u8>::new("lockstep/primary"), 0).is_err());
        assert_eq!(store.create_from_client(by_window.clone(), None), Err(in_the_way.clone()));
        store.join_role(&page(0, 0), &|| true).unwrap();
    }
    let before = store.primary();
    let refused = UpdateError::Access(reserved());
    assert_eq!(store.update(PRIMARY, |primary| primary.holder = None), Err(refused.clone()));
    assert_eq!(store.set(PRIMARY, nobody()), Err(refused.clone()));
    let door = store.door(PRIMARY.name()).unwrap();
    assert_eq!(store.update_asked(PRIMARY, &door, Change::Rust, |_| {}), Err(refused.clone()));
    assert_eq!(store.transaction(|tx| tx.set(PRIMARY, nobody())), Err(TransactionError::Refused(refused)));
    assert_eq!(store.remove(PRIMARY.name()), Err(reserved()));
    store.create(Topic::<u8>::new("lockstep/other"), 0).unwrap();
    let removed = store.remove_all(&"lockstep/*".parse().unwrap());
    assert_eq!(removed, Ok(vec!["lockstep/other".parse().unwrap()]), "what is covered along with others stays");
    assert_eq!(store.primary(), before);
    assert_eq!(store.transaction(|tx| tx.get(PRIMARY).map(|primary| primary.holder.clone())).unwrap().1, before);
    store.leave_role(&page(0, 0));
    assert_eq!(store.primary(), None);
}

#[test]
fn i14_pages_that_come_and_go_leave_no_candidate_behind() {
    let store = Store::new(NoAnnounce);
    for n in 0..1000 {
        store.join_role(&page(0, n), &|| true).unwrap();
        store.join_role(&page(1 + n % 3, n), &|| true).unwrap();
        store.drop_label(&format!("w{}", 1 + n % 3), Departure::Ended);
    }
    assert_eq!(store.readers(PRIMARY.name()), 1);
    assert_eq!(store.primary().unwrap().session, *page(0, 999).page());
    store.drop_label("w0", Departure::Silent);
    assert_eq!(store.primary(), None);
}
