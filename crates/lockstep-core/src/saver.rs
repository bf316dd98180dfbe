//! Saves what has changed, and knows what is saved.

use crate::{
    cell::{AnyTopic, not_inside_write},
    error::{AccessError, panic_text},
    persist::{Batch, Loaded, Persist, PersistError, PersistIssue, Record},
    revision::{Revision, RevisionCounter},
    saving::Saving,
    snapshot::AnyVersion,
    store::Store,
    sync::Mutex,
    topic::TopicName,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How many revisions are reserved at once: so many that a disk that fails stops no app for a long time, and so few that
/// there are billions of them.
pub const REVISION_BLOCK: u64 = 1 << 32;

/// How long to wait before a failed save is tried again, at first; the time doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(500);

const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// How many issues wait for somebody to take them.
const MOST_ISSUES: usize = 100;

/// A database, opened for a store: see [`StoreOptions::persistence`](crate::StoreOptions::persistence).
pub struct Persistence {
    persist: Arc<dyn Persist>,
    wake: Arc<dyn Fn() + Send + Sync>,
    block: u64,
    loaded: Loaded,
    /// The first block could be reserved.
    reserved: Option<Revision>,
    unavailable: Option<PersistError>,
}

impl Persistence {
    /// Reads the database, and reserves the first revisions in it. Where it cannot be read, the store runs without. `wake`
    /// is called on the writer's thread when something is to be saved: it sees to it that [`Store::save`] runs, and must
    /// be quick.
    pub fn open(persist: Arc<dyn Persist>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::open_with_block(persist, wake, REVISION_BLOCK)
    }

    /// As [`Persistence::open`], reserving `block` revisions at once instead of [`REVISION_BLOCK`].
    pub fn open_with_block(persist: Arc<dyn Persist>, wake: impl Fn() + Send + Sync + 'static, block: u64) -> Self {
        let (loaded, unavailable) = match guarded(|| persist.load()) {
            Ok(loaded) => (loaded, None),
            Err(error) => (Loaded::default(), Some(error)),
        };
        let mut this = Self { persist, wake: Arc::new(wake), block: block.max(2), loaded, reserved: None, unavailable };
        if let Some(error) = this.unavailable.clone() {
            this.loaded.issues.push(PersistIssue::Unavailable { error });
            return this;
        }
        let reserve = above(this.loaded.reserved, this.block);
        let batch = Batch { reserve: Some(reserve), ..Batch::default() };
        match guarded(|| this.persist.commit(&batch)) {
            Ok(()) => this.reserved = Some(reserve),
            Err(error) => this.loaded.issues.push(PersistIssue::NotSaved { topics: Vec::new(), error }),
        }
        this
    }

    /// The counter that begins where all earlier runs have ended.
    ///
    /// **I5 never again**: what is handed out has been reserved on disk before. Where the disk does not let itself be
    /// written, the store runs on all the same, and nothing that it hands out is saved before more is reserved.
    pub(crate) fn counter(&self, last: Revision) -> RevisionCounter {
        RevisionCounter::new(self.loaded.reserved.max(last), self.reserved.unwrap_or(Revision::MAX))
    }
}

fn above(revision: Revision, block: u64) -> Revision {
    Revision::from_u64(revision.as_u64().saturating_add(block))
}

fn guarded<T>(call: impl FnOnce() -> Result<T, PersistError>) -> Result<T, PersistError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(PersistError::Io(format!("the database panicked: {}", panic_text(&*panic)))))
}

/// What is to be saved by [`Store::save`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// What is due.
    Due,
    /// What is due, and every topic whose writes wait for the disk, even if the last try has only just failed.
    Waiting,
    /// Everything.
    All,
}

/// What came of [`Store::save`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// When, on the store's clock, it has to run again if nothing wakes it before; `None` is never.
    pub next: Option<Duration>,
    /// What went wrong since the last call.
    pub issues: Vec<PersistIssue>,
    /// What has changed and is not on disk, though it was to be saved, and why.
    pub not_saved: Option<NotSaved>,
}

/// Topics that are not on disk in their present state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} not saved: {reason}", list(.topics))]
pub struct NotSaved {
    /// Which.
    pub topics: Vec<TopicName>,
    /// Why the last of them is not.
    pub reason: String,
}

fn list(topics: &[TopicName]) -> String {
    match topics {
        [] => "nothing".to_owned(),
        [one] => format!("topic {one:?}"),
        [first, rest @ ..] => format!("topic {first:?} and {} more", rest.len()),
    }
}

/// What the store knows of its database.
pub(crate) struct Saver {
    outside: Option<Outside>,
    /// One save at a time. Nobody who reads or writes a topic waits for it.
    round: Mutex<()>,
    state: Mutex<State>,
}

struct Outside {
    persist: Arc<dyn Persist>,
    wake: Arc<dyn Fn() + Send + Sync>,
    block: u64,
    unavailable: Option<PersistError>,
    /// The first commit of this run has succeeded.
    began: bool,
}

#[derive(Default)]
struct State {
    /// What was loaded of topics that have not come yet.
    records: BTreeMap<TopicName, Record>,
    /// Topics that were removed, and are still kept.
    removed: BTreeSet<TopicName>,
    issues: Vec<PersistIssue>,
    /// When the next try may be made, and how many have failed.
    retry: Option<(Duration, u32)>,
}

impl Saver {
    pub(crate) fn new(persistence: Option<Persistence>) -> Self {
        let Some(persistence) = persistence else {
            return Self { outside: None, round: Mutex::default(), state: Mutex::default() };
        };
        let Persistence { persist, wake, block, loaded, reserved, unavailable } = persistence;
        let state = State { records: loaded.records, issues: loaded.issues, ..State::default() };
        let outside = Outside { persist, wake, block, unavailable, began: reserved.is_some() };
        Self { outside: Some(outside), round: Mutex::default(), state: Mutex::new(state) }
    }

    pub(crate) fn record(&self, topic: &TopicName) -> Option<Record> {
        self.state.lock().records.get(topic).cloned()
    }

    /// Whether what was loaded is on disk for certain: after a sync that failed, an earlier run may have left what can be
    /// read, and does not survive a power cut.
    pub(crate) fn is_known_on_disk(&self) -> bool {
        self.outside.as_ref().is_some_and(|outside| outside.began)
    }

    /// The names of topics that are kept and have not come yet.
    pub(crate) fn kept(&self) -> Vec<TopicName> {
        self.state.lock().records.keys().cloned().collect()
    }

    /// The topic has come, and has taken its record.
    pub(crate) fn came(&self, topic: &TopicName) {
        self.state.lock().records.remove(topic);
    }

    /// The topic is removed. Called under the registry's lock, so that a save sees either the topic or this.
    pub(crate) fn removed(&self, topic: &TopicName) {
        if self.unavailable().is_none() {
            self.state.lock().removed.insert(topic.clone());
        }
    }

    pub(crate) fn report(&self, issue: PersistIssue) {
        let mut state = self.state.lock();
        if state.issues.len() < MOST_ISSUES {
            state.issues.push(issue);
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(outside) = &self.outside {
            (outside.wake)();
        }
    }

    /// Why nothing is saved, where that is so.
    pub(crate) fn unavailable(&self) -> Option<PersistError> {
        match &self.outside {
            Some(outside) => outside.unavailable.clone(),
            None => Some(PersistError::Unavailable("the store was given no database".to_owned())),
        }
    }
}

/// A topic that takes part in a save.
struct Part {
    topic: Arc<dyn AnyTopic>,
    version: Arc<dyn AnyVersion>,
    taken: Option<(Duration, Duration)>,
}

impl Part {
    fn saving(&self) -> Option<&Saving> {
        self.topic.saving()
    }
}

impl Store {
    /// A change can be read: the saver looks at it, and reserves more revisions where they run short.
    pub(crate) fn note_unsaved(&self, topic: &dyn AnyTopic, revision: Revision) {
        let saver = &self.shared.saver;
        let Some(outside) = &saver.outside else { return };
        let changed = topic.saving().is_some_and(|saving| saving.note(revision, self.now()));
        if changed || self.shared.revisions.runs_short(outside.block) {
            saver.wake();
        }
    }

    /// Saves what has changed, and returns when there is something to do next. It calls code of the app's and waits for
    /// the disk, under no lock that a reader or writer waits for (**I4**): it belongs on a thread of its own.
    ///
    /// - **I15 durable**: a revision counts as saved only when the database has said so.
    /// - What a transaction has written together is saved together: all topics are looked at in one moment.
    /// - What could not be saved is saved again, with a pause that grows from 0.5 s to 30 s.
    pub fn save(&self, what: Save) -> Saved {
        if not_inside_write().is_err() {
            return Saved { next: Some(self.now()), ..Saved::default() };
        }
        let _round = self.shared.saver.round.lock();
        let saver = &self.shared.saver;
        let not_saved = match (&saver.outside, saver.unavailable()) {
            (Some(Outside { persist, block, .. }), None) => self.save_to(&**persist, *block, what),
            (_, error) => self.all_unsaved(&error.map(|error| error.to_string()).unwrap_or_default()),
        };
        let issues = mem::take(&mut self.shared.saver.state.lock().issues);
        Saved { next: self.next_save(), issues, not_saved }
    }

    fn save_to(&self, persist: &dyn Persist, block: u64, what: Save) -> Option<NotSaved> {
        let (saver, now) = (&self.shared.saver, self.now());
        let retry = saver.state.lock().retry;
        if what == Save::Due && retry.is_some_and(|(at, _)| at > now) {
            return None;
        }
        let (parts, removes) = self.cut(what, now);
        let mut batch = Batch { removes, ..Batch::default() };
        if self.shared.revisions.runs_short(block) || self.shared.revisions.is_unreserved() {
            batch.reserve = Some(above(self.shared.revisions.last(), block));
        }
        let (mut not_saved, mut saved) = (Vec::new(), Vec::new());
        for part in parts {
            match encode(&part) {
                Ok(record) => {
                    let name = part.topic.name();
                    let backup = part.saving().and_then(Saving::backup);
                    batch.backups.extend(backup.map(|backup| (name.clone(), backup)));
                    batch.puts.push((name.clone(), record));
                    saved.push(part);
                }
                Err(reason) => {
                    let topic = part.topic.name().clone();
                    saver.report(PersistIssue::NotEncoded { topic: topic.clone(), reason: reason.clone() });
                    not_saved.push((topic, reason));
                }
            }
        }
        let outcome = if batch.is_empty() { Ok(()) } else { guarded(|| persist.commit(&batch)) };
        match outcome {
            Ok(()) => {
                if let Some(reserved) = batch.reserve {
                    self.shared.revisions.reserve(reserved);
                }
                for part in &saved {
                    part.saving().into_iter().for_each(|saving| saving.saved(part.version.revision()));
                }
                saver.state.lock().retry = None;
            }
            Err(error) => {
                self.put_back(&saved, &batch, &error, now);
                let topics: Vec<_> = batch.puts.into_iter().map(|(topic, _)| topic).chain(batch.removes).collect();
                not_saved.extend(topics.iter().map(|topic| (topic.clone(), error.to_string())));
                saver.report(PersistIssue::NotSaved { topics, error });
            }
        }
        if what == Save::All {
            let left_alone =
                self.persisted().into_iter().filter(|topic| topic.saving().is_some_and(Saving::is_left_alone));
            let reason = "what was saved of it cannot be used, and is left as it is";
            not_saved.extend(left_alone.map(|topic| (topic.name().clone(), reason.to_owned())));
        }
        let reason = not_saved.last()?.1.clone();
        Some(NotSaved { topics: not_saved.into_iter().map(|(topic, _)| topic).collect(), reason })
    }

    /// What is to be saved, and no more kept, as it was in one moment: no write and no transaction lies between any two
    /// of the states.
    fn cut(&self, what: Save, now: Duration) -> (Vec<Part>, Vec<TopicName>) {
        let topics = self.shared.topics.read();
        let persisted: Vec<_> = topics
            .values()
            .filter_map(|entry| {
                entry.topic.saving().filter(|saving| !saving.is_left_alone()).map(|saving| (entry, saving))
            })
            .collect();
        let held: Vec<_> = persisted.iter().map(|(entry, _)| entry.topic.hold()).collect();
        let is_due = |saving: &Saving| match what {
            Save::All => true,
            Save::Waiting if saving.is_immediate() => true,
            Save::Waiting | Save::Due => saving.deadline().is_some_and(|at| at <= now),
        };
        // Asked once: writers note what they have written meanwhile.
        let due: Vec<_> = persisted.iter().map(|(_, saving)| is_due(saving)).collect();
        // What has got a revision together is saved together.
        let together = persisted.iter().zip(&due).any(|((_, saving), due)| *due && saving.is_shared());
        let mut parts = Vec::new();
        for (((entry, saving), held), due) in persisted.iter().zip(&held).zip(due) {
            if !(due || together && saving.is_shared()) {
                continue;
            }
            let taken = saving.take();
            let version = held.version();
            if version.revision() > saving.saved_revision() {
                parts.push(Part { topic: Arc::clone(&entry.topic), version, taken });
            }
        }
        let mut removes: Vec<_> = mem::take(&mut self.shared.saver.state.lock().removed).into_iter().collect();
        removes.retain(|name| topics.get(name).is_none_or(|entry| entry.topic.saving().is_none()));
        (parts, removes)
    }

    fn put_back(&self, parts: &[Part], batch: &Batch, error: &PersistError, now: Duration) {
        let saver = &self.shared.saver;
        for part in parts {
            part.saving().into_iter().for_each(|saving| saving.put_back(part.taken, now));
        }
        if matches!(error, PersistError::Damaged(_)) {
            for topic in self.persisted() {
                if let Some(saving) = topic.saving().filter(|saving| !saving.is_left_alone()) {
                    saving.lost();
                    saving.put_back(None, now);
                }
            }
        }
        let mut state = saver.state.lock();
        state.removed.extend(batch.removes.iter().cloned());
        let failures = state.retry.map_or(0, |(_, failures)| failures.saturating_add(1));
        let pause = FIRST_RETRY.saturating_mul(1 << failures.min(6)).min(LONGEST_RETRY);
        state.retry = Some((now.saturating_add(pause), failures));
    }

    fn next_save(&self) -> Option<Duration> {
        let saver = &self.shared.saver;
        let outside = saver.outside.as_ref().filter(|outside| outside.unavailable.is_none())?;
        let now = self.now();
        let topics = self.persisted().into_iter().filter_map(|topic| topic.saving().and_then(Saving::deadline)).min();
        let state = saver.state.lock();
        let revisions = &self.shared.revisions;
        let at_once = !state.removed.is_empty() || revisions.runs_short(outside.block) || revisions.is_unreserved();
        let next = [topics, at_once.then_some(now)].into_iter().flatten().min()?;
        Some(state.retry.map_or(next, |(at, _)| next.max(at)))
    }

    fn persisted(&self) -> Vec<Arc<dyn AnyTopic>> {
        let topics = self.shared.topics.read();
        topics.values().filter(|entry| entry.topic.saving().is_some()).map(|entry| Arc::clone(&entry.topic)).collect()
    }

    fn all_unsaved(&self, reason: &str) -> Option<NotSaved> {
        let topics: Vec<_> = self.persisted().iter().map(|topic| topic.name().clone()).collect();
        (!topics.is_empty()).then(|| NotSaved { topics, reason: reason.to_owned() })
    }

    /// The revision of the topic that is on disk (**I15**), or a newer one with the same state; `None` where nothing is,
    /// or the topic is not persisted.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn saved_revision(&self, topic: &TopicName) -> Result<Option<Revision>, AccessError> {
        let entry = self.entry(topic)?;
        let saved = entry.topic.saving().map(Saving::saved_revision);
        Ok(saved.filter(|saved| *saved > Revision::ZERO))
    }

    /// Whether the topic's writes are acknowledged only when they are on disk.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn is_immediate(&self, topic: &TopicName) -> Result<bool, AccessError> {
        Ok(self.entry(topic)?.topic.saving().is_some_and(Saving::is_immediate))
    }

    /// The states that migrations and states that did not fit have left behind.
    ///
    /// # Errors
    /// [`PersistError`] if there is no database, or it cannot be read.
    pub fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError> {
        match &self.shared.saver.outside {
            Some(Outside { persist, unavailable: None, .. }) => guarded(|| persist.backups()),
            _ => Err(self.shared.saver.unavailable().unwrap_or(PersistError::InUse)),
        }
    }
}

fn encode(part: &Part) -> Result<Record, String> {
    let json = part.version.json().map_err(|error| error.to_string())?;
    let saving = part.saving().ok_or_else(|| "it is not persisted".to_owned())?;
    let data = saving.options.encode(part.topic.name(), &json)?;
    Ok(Record { revision: part.version.revision(), version: saving.options.version, data })
}
