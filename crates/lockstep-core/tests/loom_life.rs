//! Every interleaving of what ends with what begins, over the shipped store (`RUSTFLAGS="--cfg loom"`).
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Announce, AnnounceError, Change, ClientWrite, Clock, Departure, Invalidation, JoinError, PRIMARY,
    Proposal, Revision, SELF_DESTRUCT_INTERVAL, SessionKey, Store, StoreOptions, SubscribeError, Topic, TopicOptions,
    UpdateError, WriteError,
};
use loom::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

const CHAT: Topic<u64> = Topic::new("chat");
const TTL: Duration = Duration::from_secs(60);

/// What is announced, and the time. What it keeps is only read when all threads are done, so `loom` need not know of
/// its locks.
#[derive(Clone, Default)]
struct Outside {
    heard: Arc<Mutex<Vec<Revision>>>,
    now: Arc<Mutex<Duration>>,
}

impl Outside {
    fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }
}

impl Clock for Outside {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }

    fn unix_ms(&self) -> u64 {
        0
    }
}

impl Announce for Outside {
    fn wake(&self) {}

    fn wake_reaper(&self) {}

    fn announce(&self, invalidation: &Invalidation) -> Result<(), AnnounceError> {
        self.heard.lock().unwrap().push(invalidation.revision);
        Ok(())
    }
}

fn model(topic: fn() -> TopicOptions<u64>, check: impl Fn(Store, Outside) + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let outside = Outside::default();
        let clock = Arc::new(outside.clone());
        let options = StoreOptions { announce_interval: Duration::ZERO, clock, ..Default::default() };
        let store = Store::with_options(outside.clone(), options);
        store.create_with(CHAT, 0, topic()).unwrap();
        store.announce_due();
        check(store, outside);
    });
}

fn spawn<R: 'static>(store: &Store, body: impl FnOnce(Store) -> R + 'static) -> thread::JoinHandle<R> {
    let store = store.clone();
    thread::spawn(move || body(store))
}

fn page(label: &str, id: &str) -> SessionKey {
    SessionKey::new(label, id.parse().unwrap())
}

fn unknown() -> AccessError {
    AccessError::UnknownTopic(CHAT.name().clone())
}

#[test]
fn i10_i11_i14_a_window_s_write_comes_before_the_removal_or_not_at_all() {
    model(TopicOptions::new, |store, outside| {
        let writer = spawn(&store, |store| {
            let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(7))) }];
            let write = ClientWrite { session: page("main", "p"), client: None, seq: 1, asked: false, writes };
            match store.write(CHAT.name(), write.clone()) {
                Ok(outcomes) => {
                    assert_eq!(outcomes[0].as_ref().unwrap().as_u64(), 2, "before the end");
                    Some(write)
                }
                Err(error) => {
                    assert_eq!(error, WriteError::Access(unknown()));
                    None
                }
            }
        });
        assert_eq!(store.remove(CHAT.name()), Ok(true));
        let taken = writer.join().unwrap();
        assert_eq!(store.stats().remembered_writes, 0);
        assert!(store.create(CHAT, 0).unwrap().as_u64() <= 4);
        assert_eq!(store.stats().remembered_writes, usize::from(taken.is_some()));
        if let Some(repeated) = taken {
            let outcomes = store.write(CHAT.name(), repeated).unwrap();
            assert_eq!(outcomes[0].as_ref().unwrap().as_u64(), 2, "it is answered again, not applied again");
            assert_eq!(*store.get(CHAT).unwrap(), 0);
        }
        store.announce_due();
        assert_eq!(outside.heard.lock().unwrap().last(), Some(&store.revision(CHAT.name()).unwrap()), "I3");
    });
}

#[test]
fn i10_a_write_by_the_backend_comes_before_the_removal_or_not_at_all() {
    model(TopicOptions::new, |store, _| {
        let writer = spawn(&store, |store| match store.set(CHAT, 7) {
            Ok(revision) => assert_eq!(revision.as_u64(), 2, "before the end"),
            Err(error) => assert_eq!(error, UpdateError::Access(unknown())),
        });
        assert_eq!(store.remove(CHAT.name()), Ok(true));
        writer.join().unwrap();
    });
}

#[test]
fn i10_a_transaction_comes_before_the_removal_or_not_at_all() {
    model(TopicOptions::new, |store, outside| {
        let writer = spawn(&store, |store| {
            if let Ok((revision, ())) = store.transaction(|tx| tx.update(CHAT, |count| *count += 1)) {
                assert_eq!(revision.unwrap().as_u64(), 2, "before the end");
            }
        });
        assert_eq!(store.remove(CHAT.name()), Ok(true));
        writer.join().unwrap();
        store.announce_due();
        let heard = outside.heard.lock().unwrap();
        assert_eq!(heard.len(), 2, "the creation and the removal: {heard:?}");
    });
}

#[test]
fn i14_no_page_reads_a_topic_that_was_removed_before() {
    model(TopicOptions::new, |store, _| {
        let reader = spawn(&store, |store| {
            let told = store.subscribe(CHAT.name(), &page("main", "p"));
            assert!(told.is_ok() || told == Err(unknown().into()));
            told.is_ok()
        });
        assert_eq!(store.remove(CHAT.name()), Ok(true));
        let read_it = reader.join().unwrap();
        assert_eq!(store.readers(CHAT.name()), 0);
        store.create(CHAT, 0).unwrap();
        assert_eq!(store.readers(CHAT.name()), usize::from(read_it), "it goes on with the next one of that name");
    });
}

#[test]
fn i10_a_topic_never_ends_itself_while_somebody_begins_to_read_it() {
    let options = || TopicOptions::new().self_destruct(|readers, _| readers == 0);
    model(options, |store, outside| {
        outside.advance(SELF_DESTRUCT_INTERVAL);
        let told = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&told);
        let reader = spawn(&store, move |store| {
            *tell.lock().unwrap() = Some(store.subscribe(CHAT.name(), &page("main", "p")));
        });
        store.reap_due();
        reader.join().unwrap();
        let told = told.lock().unwrap().take().unwrap();
        let end = (store.contains(CHAT.name()), store.readers(CHAT.name()));
        assert_eq!(end, if told.is_ok() { (true, 1) } else { (false, 0) });
        assert!(told.is_ok() || told == Err(unknown().into()));
    });
}

#[test]
fn i5_a_page_that_ends_while_it_joins_does_not_hold_the_role() {
    model(TopicOptions::new, |store, _| {
        // It is known, so that its end is for good.
        store.subscribe(CHAT.name(), &page("a", "1")).unwrap();
        let joining = spawn(&store, |store| {
            let told = store.join_role(&page("a", "1"), &|| true);
            assert!(matches!(told, Ok(()) | Err(JoinError::Subscribe(SubscribeError::SessionEnded(_)))), "{told:?}");
        });
        store.drop_label("a", Departure::Ended);
        joining.join().unwrap();
        assert_eq!((store.primary(), store.readers(PRIMARY.name())), (None, 0));
    });
}

#[test]
fn i5_i14_a_page_s_late_first_call_does_not_take_the_place_of_the_page_that_came_after_it() {
    model(TopicOptions::new, |store, _| {
        let lives = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&lives);
        // Nobody knew of it, so only its own word says that it has ended.
        let late = spawn(&store, move |store| {
            store.door(CHAT.name()).unwrap().subscribe(&page("a", "1"), &|| still.load(Ordering::SeqCst)).ok();
            store.join_role(&page("a", "1"), &|| still.load(Ordering::SeqCst)).ok();
        });
        lives.store(false, Ordering::SeqCst);
        store.drop_label("a", Departure::Ended);
        store.subscribe(CHAT.name(), &page("a", "2")).unwrap();
        late.join().unwrap();
        assert_eq!((store.primary(), store.readers(CHAT.name()), store.readers(PRIMARY.name())), (None, 1, 0));
        store.join_role(&page("a", "2"), &|| true).unwrap();
        assert_eq!(store.primary().unwrap().session, *page("a", "2").page());
    });
}

#[test]
fn i5_a_page_that_is_sent_away_while_the_role_passes_on_has_it_or_waits_no_more() {
    model(TopicOptions::new, |store, _| {
        store.join_role(&page("a", "1"), &|| true).unwrap();
        store.join_role(&page("b", "1"), &|| true).unwrap();
        let sent = spawn(&store, |store| store.dismiss_from_all("b", &|| true));
        store.leave_role(&page("a", "1"));
        let before = store.primary();
        sent.join().unwrap();
        // Who had it when it was sent away has it still: it may do what the role entails.
        assert_eq!(store.primary(), before);
        assert_eq!(store.readers(PRIMARY.name()), 1 + usize::from(before.is_some()));
    });
}

#[test]
fn i5_a_page_that_comes_back_while_its_silence_is_noted_is_a_candidate_all_the_same() {
    model(TopicOptions::new, |store, _| {
        store.join_role(&page("a", "1"), &|| true).unwrap();
        let term = store.primary().unwrap().term;
        let silence = spawn(&store, |store| store.drop_label("a", Departure::Silent));
        store.join_role(&page("a", "1"), &|| true).unwrap();
        silence.join().unwrap();
        let holder = store.primary();
        assert_eq!(holder.is_some(), store.readers(PRIMARY.name()) == 1, "{holder:?}");
        assert!(holder.is_none_or(|holder| holder.term >= term));
    });
}

#[test]
fn i3_i5_a_name_that_comes_and_goes_is_announced_in_order_and_never_twice() {
    model(TopicOptions::new, |store, outside| {
        let creator = spawn(&store, |store| {
            store.create(CHAT, 1).ok();
        });
        store.remove(CHAT.name()).unwrap();
        store.announce_due();
        creator.join().unwrap();
        store.announce_due();
        let heard = outside.heard.lock().unwrap();
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
        let last = heard.last().unwrap();
        match store.revision(CHAT.name()) {
            Ok(revision) => assert_eq!(*last, revision),
            Err(_) => assert_eq!(last.as_u64(), 2, "its end"),
        }
    });
}

#[test]
fn i3_a_removal_is_not_announced_after_what_came_in_its_place() {
    model(TopicOptions::new, |store, outside| {
        let remover = spawn(&store, |store| {
            store.remove(CHAT.name()).unwrap();
        });
        if store.create(CHAT, 1).is_ok() {
            store.announce_due();
        }
        remover.join().unwrap();
        store.announce_due();
        let heard = outside.heard.lock().unwrap();
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
    });
}

#[test]
fn i5_two_removals_and_a_creation_use_no_revision_twice() {
    model(TopicOptions::new, |store, outside| {
        let remover = spawn(&store, |store| {
            store.remove(CHAT.name()).unwrap();
        });
        store.remove(CHAT.name()).unwrap();
        let again = store.create(CHAT, 1);
        remover.join().unwrap();
        store.announce_due();
        let heard = outside.heard.lock().unwrap();
        assert!(heard.is_sorted_by(|a, b| a < b), "{heard:?}");
        assert!(again.is_err() || heard.last() >= again.as_ref().ok());
    });
}

#[test]
fn i10_a_write_that_renews_a_topic_is_made_before_its_end_or_keeps_it() {
    let options = || TopicOptions::new().ttl(TTL).renewed_by_writes();
    model(options, |store, outside| {
        outside.advance(TTL);
        let kept = Arc::new(Mutex::new(false));
        let keep = Arc::clone(&kept);
        let writer = spawn(&store, move |store| *keep.lock().unwrap() = store.set(CHAT, 1).is_ok());
        store.reap_due();
        writer.join().unwrap();
        assert_eq!(store.contains(CHAT.name()), *kept.lock().unwrap());
    });
}

#[test]
fn i10_a_transaction_that_renews_a_topic_keeps_it() {
    let options = || TopicOptions::new().ttl(TTL).renewed_by_writes();
    model(options, |store, outside| {
        outside.advance(TTL);
        let kept = Arc::new(Mutex::new(false));
        let keep = Arc::clone(&kept);
        let writer = spawn(&store, move |store| {
            *keep.lock().unwrap() = store.transaction(|tx| tx.set(CHAT, 1)).is_ok();
        });
        store.reap_due();
        writer.join().unwrap();
        assert_eq!(store.contains(CHAT.name()), *kept.lock().unwrap());
    });
}
