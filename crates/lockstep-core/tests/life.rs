//! How topics end by themselves, and how pages end.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, Change, ClientWrite, Departure, Proposal, Revision, SELF_DESTRUCT_INTERVAL, SESSION_GRACE,
    SESSIONS_PER_LABEL, SessionKey, Store, StoreOptions, SubscribeError, Topic, TopicName, TopicOptions, UpdateError,
    testing::{ManualClock, Recorder, TestStore},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::{Duration, SystemTime},
};

const DRAFT: Topic<u32> = Topic::new("draft");
const OTHER: Topic<u32> = Topic::new("other");
const TTL: Duration = Duration::from_secs(60);

struct Bench {
    store: Store,
    clock: Arc<ManualClock>,
    recorder: Recorder,
}

fn bench() -> Bench {
    let options = StoreOptions { announce_interval: Duration::ZERO, ..StoreOptions::default() };
    let TestStore { store, clock, recorder } = TestStore::with_options(options);
    Bench { store, clock, recorder }
}

impl Bench {
    fn with(options: TopicOptions<u32>) -> Self {
        let b = bench();
        b.store.create_with(DRAFT, 0, options).unwrap();
        b
    }

    fn is_there(&self) -> bool {
        self.store.contains(DRAFT.name())
    }

    /// Lets time pass, and says whether the topic is still there.
    fn after(&self, by: Duration) -> bool {
        self.clock.advance(by);
        self.store.reap_due();
        self.is_there()
    }

    fn subscribe(&self, label: &str, id: &str) {
        self.store.subscribe(DRAFT.name(), &page(label, id)).unwrap();
    }
}

fn page(label: &str, id: &str) -> SessionKey {
    SessionKey::new(label, id.parse().unwrap())
}

fn second() -> Duration {
    Duration::from_secs(1)
}

fn write(store: &Store, change: Change) -> bool {
    let writes = vec![Proposal { expected: None, change: Ok(change) }];
    let write =
        ClientWrite { session: page("main", "p"), client: None, seq: store.now().as_secs(), asked: false, writes };
    store.write(DRAFT.name(), write).unwrap()[0].is_ok()
}

#[test]
fn a_topic_lives_for_its_time_and_its_end_is_announced() {
    let b = Bench::with(TopicOptions::new().ttl(TTL));
    b.store.announce_due();
    assert_eq!((b.recorder.take().len(), b.recorder.take_reaper_wakes()), (1, 1), "the reaper learns of it");
    assert_eq!(b.store.reap_due().next, Some(TTL));
    assert!(b.after(TTL - second()));
    let last = b.store.set(DRAFT, 1).unwrap();
    b.store.announce_due();
    b.recorder.take();
    assert!(!b.after(second()), "a write does not renew it, unless it is told to");
    b.store.announce_due();
    assert!(b.recorder.take()[0].revision > last);
    assert_eq!(b.store.reap_due().next, None);
}

#[test]
fn each_kind_of_write_renews_a_topic_that_is_told_so_and_a_refused_one_does_not() {
    let options = || {
        let add = |count: &mut u32, by: u32, _: &lockstep_core::WriteContext<'_>| {
            *count += by;
            Ok(())
        };
        TopicOptions::new().ttl(TTL).renewed_by_writes().action(add)
    };
    let writes: [fn(&Store) -> bool; 6] = [
        |store| store.set(DRAFT, 1).is_ok(),
        |store| store.dispatch(DRAFT, 1u32).is_ok(),
        |store| write(store, Change::Set(json!(2))),
        |store| store.transaction(|tx| tx.set(DRAFT, 3)).is_ok(),
        |store| write(store, Change::Set(json!("x"))),
        |store| store.transaction(|tx| tx.get(DRAFT).map(drop)).is_err(),
    ];
    for (n, writes) in writes.into_iter().enumerate() {
        let b = Bench::with(options());
        assert!(b.after(TTL - second()));
        let written = writes(&b.store);
        assert_eq!(written, n < 4);
        assert_eq!(b.after(second()), written, "{n}");
        assert_eq!(b.after(TTL - second() * 2), written, "{n}");
        assert!(!b.after(second()), "{n}");
    }
}

/// What a topic was asked: how many read it, and when it was created.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<(usize, SystemTime)>>>);

impl Asked {
    fn answering(&self, wants: impl Fn(usize) -> bool + Send + Sync + 'static) -> TopicOptions<u32> {
        let asked = self.clone();
        TopicOptions::new().self_destruct(move |readers, created| {
            asked.0.lock().unwrap().push((readers, created));
            wants(readers)
        })
    }

    fn take(&self) -> Vec<usize> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().map(|(readers, _)| readers).collect()
    }
}

#[test]
fn a_topic_is_asked_whether_it_wants_to_go_whenever_a_page_stops_reading_it() {
    let asked = Asked::default();
    let b = Bench::with(asked.answering(|readers| readers == 0));
    for (label, id) in [("a", "1"), ("b", "1"), ("c", "1"), ("d", "1")] {
        b.subscribe(label, id);
    }
    b.store.reap_due();
    b.recorder.take_reaper_wakes();
    assert_eq!(asked.take(), [] as [usize; 0], "nobody has left");

    let told = |what: &str, readers: &[usize]| {
        assert!(b.recorder.take_reaper_wakes() > 0, "{what} wakes the reaper");
        assert_eq!(b.store.reap_due().panicked, []);
        assert_eq!(asked.take(), readers, "{what}");
    };
    b.store.unsubscribe(DRAFT.name(), &page("a", "1"));
    told("unsubscribing", &[3]);
    b.store.create(OTHER, 0).unwrap();
    b.store.subscribe(OTHER.name(), &page("b", "2")).unwrap();
    told("a reload", &[2]);
    b.store.dismiss("c", DRAFT.name(), &|| true);
    told("being sent away", &[1]);
    assert!(b.is_there());
    b.store.drop_label("d", Departure::Silent);
    told("silence", &[0]);
    assert!(!b.is_there());

    b.store.unsubscribe(DRAFT.name(), &page("a", "1"));
    assert_eq!(b.recorder.take_reaper_wakes(), 0, "it did not read it");
}

#[test]
fn a_topic_is_asked_every_ten_seconds_and_told_when_it_was_created() {
    let asked = Asked::default();
    let b = bench();
    b.clock.advance(second());
    b.store.create_with(DRAFT, 0, asked.answering(|_| false)).unwrap();
    assert_eq!(b.store.reap_due().next, Some(second() + SELF_DESTRUCT_INTERVAL));
    for _ in 0..3 {
        b.after(SELF_DESTRUCT_INTERVAL - second());
        assert_eq!(asked.0.lock().unwrap().len(), 0);
        assert!(b.after(second()));
        let created = SystemTime::UNIX_EPOCH + second();
        assert_eq!(std::mem::take(&mut *asked.0.lock().unwrap()), [(0, created)]);
    }
}

#[test]
fn a_topic_that_panics_when_it_is_asked_stays_and_is_reported() {
    let b = Bench::with(TopicOptions::new().self_destruct(|_, _| panic!("boom")));
    let wants_to_go = TopicOptions::new().self_destruct(|_, _| true);
    b.store.create_with(OTHER, 0, wants_to_go).unwrap();
    b.clock.advance(SELF_DESTRUCT_INTERVAL);
    let reaped = b.store.reap_due();
    assert_eq!(reaped.panicked, [(DRAFT.name().clone(), "boom".to_owned())]);
    assert_eq!(reaped.next, Some(SELF_DESTRUCT_INTERVAL * 2), "it is asked again");
    assert_eq!(b.store.list(), vec![DRAFT.name().clone()], "the others are seen to all the same");
}

#[test]
fn i4_a_page_that_comes_while_the_topic_is_asked_keeps_it() {
    for elsewhere in [true, false] {
        let slot: Arc<OnceLock<Store>> = Arc::default();
        let (inner, asked) = (Arc::clone(&slot), Asked::default());
        let b = Bench::with(asked.answering(move |readers| {
            let store = inner.get().unwrap().clone();
            let join = move || store.subscribe(DRAFT.name(), &page("late", "1")).unwrap();
            match readers {
                0 if elsewhere => thread::spawn(join).join().unwrap(),
                0 => join(),
                _ => {}
            }
            true
        }));
        assert!(slot.set(b.store.clone()).is_ok());
        assert!(b.after(SELF_DESTRUCT_INTERVAL));
        assert_eq!((asked.take(), b.store.readers(DRAFT.name())), (vec![0], 1));
        b.store.reap_due();
        assert_eq!((asked.take(), b.is_there()), (vec![1], false), "asked again at once, with who reads it now");
    }
}

#[test]
fn a_topic_may_remove_itself_when_it_is_asked() {
    let slot: Arc<OnceLock<Store>> = Arc::default();
    let inner = Arc::clone(&slot);
    let b = Bench::with(TopicOptions::new().self_destruct(move |_, _| {
        inner.get().unwrap().remove(DRAFT.name()).unwrap();
        inner.get().unwrap().create(DRAFT, 7).unwrap();
        true
    }));
    assert!(slot.set(b.store.clone()).is_ok());
    assert!(b.after(SELF_DESTRUCT_INTERVAL), "the one that came meanwhile is another");
    assert_eq!(*b.store.get(DRAFT).unwrap(), 7);
}

#[test]
fn a_page_that_has_ended_never_lives_again_under_its_id_and_a_silent_one_does() {
    let b = Bench::with(TopicOptions::new());
    b.subscribe("main", "1");
    b.store.drop_label("main", Departure::Silent);
    assert_eq!(b.store.readers(DRAFT.name()), 0);
    b.subscribe("main", "1");
    assert_eq!(b.store.readers(DRAFT.name()), 1, "it was only silent");

    b.store.drop_label("main", Departure::Silent);
    b.store.drop_label("main", Departure::Ended);
    let has_ended = |id: &str| {
        let told = b.store.subscribe(DRAFT.name(), &page("main", id));
        assert_eq!(told, Err(SubscribeError::SessionEnded(page("main", id))));
    };
    has_ended("1");
    assert_eq!(b.store.readers(DRAFT.name()), 0, "Tauri has run its command again");
    b.store.drop_label("main", Departure::Silent);
    has_ended("1");
    assert_eq!(b.store.readers(DRAFT.name()), 0, "an end is for good");
    b.subscribe("main", "2");
    assert_eq!(b.store.readers(DRAFT.name()), 1);

    b.store.drop_label("main", Departure::Silent);
    b.subscribe("main", "3");
    has_ended("2");
    assert_eq!(b.store.readers(DRAFT.name()), 1);
    b.store.unsubscribe(DRAFT.name(), &page("main", "3"));
    assert_eq!(b.store.readers(DRAFT.name()), 0, "a newer one has taken the silent one's place");
}

#[test]
fn i14_labels_that_come_too_late_leave_nothing_behind() {
    let b = Bench::with(TopicOptions::new());
    b.subscribe("main", "1");
    b.store.drop_label("main", Departure::Ended);
    b.store.drop_label("never-seen", Departure::Ended);
    b.store.remove(DRAFT.name()).unwrap();
    assert!(b.store.subscribe(DRAFT.name(), &page("other", "1")).is_err());
    assert_eq!(b.store.stats().sessions, 1);
    b.clock.advance(SESSION_GRACE);
    assert_eq!(b.store.reap_due().next, None);
    assert_eq!(b.store.stats().sessions, 0);
}

#[test]
fn i10_a_topic_whose_time_is_over_takes_no_write_once_it_is_gone() {
    let b = Bench::with(TopicOptions::new().ttl(TTL).renewed_by_writes());
    assert!(!b.after(TTL));
    let gone = UpdateError::Access(AccessError::UnknownTopic(DRAFT.name().clone()));
    assert_eq!(b.store.set(DRAFT, 1), Err(gone));
    assert!(b.store.create(DRAFT, 1).unwrap() > Revision::from_u64(2));
    assert!(b.after(TTL * 100), "the one that came then has no end");
}

#[test]
fn a_topic_that_is_written_while_its_end_waits_for_that_write_lives_on() {
    let b = Bench::with(TopicOptions::new().ttl(TTL).renewed_by_writes());
    b.clock.advance(TTL);
    let mut reaper = None;
    b.store
        .update(DRAFT, |_| {
            let store = b.store.clone();
            reaper = Some(thread::spawn(move || store.reap_due()));
            // The reaper finds its time over, and waits for this write.
            thread::sleep(Duration::from_millis(20));
        })
        .unwrap();
    reaper.unwrap().join().unwrap();
    assert!(b.is_there(), "its time has begun anew");
}

#[test]
fn i14_sessions_that_come_and_go_while_a_write_hangs_cost_a_constant_and_are_forgotten_after_it() {
    let (begun, hangs) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (begun, released) = (Mutex::new(begun), Mutex::new(released));
    let options = TopicOptions::new().validate(move |_, next: &u32, _| {
        if *next == 7 {
            begun.lock().unwrap().send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
        }
        Ok(())
    });
    let b = Bench::with(options);
    b.store.create(OTHER, 0).unwrap();
    let write = |topic: &TopicName, id: &str, value: u32| {
        let writes = vec![Proposal { expected: None, change: Ok(Change::Set(json!(value))) }];
        let write = ClientWrite { session: page("main", id), client: None, seq: 1, asked: false, writes };
        b.store.write(topic, write).unwrap();
    };
    b.subscribe("main", "first");
    write(DRAFT.name(), "first", 1);
    b.store.drop_label("main", Departure::Ended);
    b.recorder.take_reaper_wakes();
    thread::scope(|scope| {
        // Gone with this closure, so that a failure ends the write, too.
        let release = release;
        scope.spawn(|| b.store.set(DRAFT, 7).unwrap());
        hangs.recv().unwrap();
        for n in 0..100 {
            write(OTHER.name(), &format!("p{n}"), n);
        }
        assert_eq!(b.recorder.take_reaper_wakes(), 1, "the reaper looks after it, and is told once");
        for _ in 0..3 {
            let stats = b.store.stats();
            assert_eq!((stats.unforgotten_topics, stats.remembered_writes), (1, 1 + SESSIONS_PER_LABEL));
            assert!(b.store.reap_due().next.is_some_and(|next| next <= b.store.now() + second()));
        }
        assert_eq!(b.recorder.take_reaper_wakes(), 0, "it does not wake itself");
        release.send(()).unwrap();
    });
    b.store.reap_due();
    let stats = b.store.stats();
    assert_eq!((stats.unforgotten_topics, stats.remembered_writes), (0, SESSIONS_PER_LABEL));
}
