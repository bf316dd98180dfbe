//! Who lacks a revision, for those who wait until nobody does.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Announce, AnnounceError, Departure, Invalidation, Revision, SessionKey, Store, Topic,
};
use std::sync::{Arc, Mutex, OnceLock};

const A: Topic<u32> = Topic::new("a");

type Lacking = Result<Vec<String>, AccessError>;

/// Looks at who lacks the revision whenever it is woken.
#[derive(Clone)]
struct Waiter {
    waits: Arc<OnceLock<(Store, Revision)>>,
    saw: Arc<Mutex<Lacking>>,
}

impl Waiter {
    fn look(&self) -> Option<Lacking> {
        let (store, revision) = self.waits.get()?;
        let mut lacking = store.undelivered(A.name(), *revision);
        if let Ok(lacking) = &mut lacking {
            lacking.sort_by(|one, other| one.label().cmp(other.label()));
        }
        Some(lacking.map(|lacking| lacking.iter().map(|page| page.label().to_string()).collect()))
    }
}

impl Announce for Waiter {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn wake_undelivered(&self) {
        if let Some(lacking) = self.look() {
            *self.saw.lock().unwrap() = lacking;
        }
    }

    fn announce(&self, _: &Invalidation) -> Result<(), AnnounceError> {
        Ok(())
    }
}

#[test]
fn i12_who_lacks_a_revision_is_seen_until_it_has_it_rests_or_is_gone() {
    let waiter = Waiter { waits: Arc::default(), saw: Arc::new(Mutex::new(Ok(Vec::new()))) };
    let store = Store::new(waiter.clone());
    store.create(A, 0).unwrap();
    let labels = ["answered", "goes", "main", "rests", "unsubscribes"];
    let pages = labels.map(|label| SessionKey::new(label, "p".parse().unwrap()));
    let subscribe = |page, rests| store.door(A.name()).unwrap().subscribe_to_deliveries(page, &|| true, rests);
    let created = store.revision(A.name()).unwrap();
    for page in &pages {
        assert!(subscribe(page, false).unwrap());
    }
    assert_eq!(store.undelivered(A.name(), created).unwrap().len(), pages.len(), "nobody has pulled it yet");
    pages.iter().for_each(|page| store.gave(page, A.name(), created));
    let [answered, _, _, rests, unsubscribes] = &pages;
    let revision = store.set(A, 1).unwrap();
    waiter.waits.set((store.clone(), revision)).map_err(drop).unwrap();
    let all = labels.map(str::to_owned).to_vec();
    assert_eq!(waiter.look().unwrap(), Ok(all.clone()));
    assert_eq!(store.undelivered(A.name(), created).unwrap(), [], "they have what was before");
    store.deliveries_due();
    let delivery = store.take_delivery("main", |_, _| true).unwrap();
    assert_eq!(waiter.look().unwrap(), Ok(all.clone()), "it is only under way");

    let mut expected = all;
    let mut until = |label: &str, work: &dyn Fn()| {
        work();
        expected.retain(|other| other != label);
        assert_eq!(*waiter.saw.lock().unwrap(), Ok(expected.clone()));
    };
    until("main", &|| store.acknowledged("main", delivery.id));
    until("answered", &|| store.gave(answered, A.name(), revision));
    until("rests", &|| assert!(subscribe(rests, true).unwrap()));
    until("goes", &|| store.drop_label("goes", Departure::Ended));
    until("unsubscribes", &|| store.unsubscribe(A.name(), unsubscribes));
    assert_eq!(expected, [] as [String; 0]);

    store.set(A, 2).unwrap();
    store.remove(A.name()).unwrap();
    assert_eq!(*waiter.saw.lock().unwrap(), Err(AccessError::UnknownTopic(A.name().clone())));
}
