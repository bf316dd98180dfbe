//! Topics come and go: their creation, their removal, and their ends by themselves.

use crate::{
    cell::{AnyTopic, State, TopicCell, not_inside_write},
    error::{AccessError, CreateError, PullError, panic_text},
    options::TopicOptions,
    policy::TopicPattern,
    revision::{Exhausted, Revision},
    role::unreserved,
    session_key::SessionKey,
    snapshot::Snapshot,
    store::{Entry, Store},
    topic::{Topic, TopicName},
};
use serde_json::Value;
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

/// How long to wait before sessions are forgotten again where a write was under way.
const FORGET_AGAIN: Duration = Duration::from_secs(1);

/// What came of a round of the reaper's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reaped {
    /// When, on the store's clock, [`Store::reap_due`] has to run again if nothing wakes it before; `None` is never.
    pub next: Option<Duration>,
    /// The topics whose self-destruction panicked, and with what.
    pub panicked: Vec<(TopicName, String)>,
}

impl Store {
    /// Creates a topic with its first value. In a family that was declared, it gets the family's options.
    ///
    /// # Errors
    /// [`CreateError`] if the name is taken; the topic that has it stays as it is.
    pub fn create<T: State>(&self, topic: Topic<T>, initial: T) -> Result<Revision, CreateError> {
        let options = self.family_options(topic.name())?.unwrap_or_default();
        self.create_with(topic, initial, options)
    }

    /// Creates a topic with its first value, and options of its own.
    ///
    /// # Errors
    /// As [`Store::create`].
    pub fn create_with<T: State>(
        &self,
        topic: Topic<T>,
        initial: T,
        options: TopicOptions<T>,
    ) -> Result<Revision, CreateError> {
        not_inside_write().map_err(|_| CreateError::InsideWrite)?;
        self.create_by(&topic, initial, options, None).map(|created| created.revision)
    }

    pub(crate) fn create_by<T: State>(
        &self,
        topic: &Topic<T>,
        initial: T,
        options: TopicOptions<T>,
        by: Option<Arc<str>>,
    ) -> Result<Snapshot<T>, CreateError> {
        unreserved(topic.name()).map_err(|_| CreateError::Reserved(topic.name().clone()))?;
        self.create_unreserved(topic, initial, options, by)
    }

    /// **I5**: the revision is taken while the name is, so it is higher than that of an earlier topic's end.
    pub(crate) fn create_unreserved<T: State>(
        &self,
        topic: &Topic<T>,
        initial: T,
        options: TopicOptions<T>,
        by: Option<Arc<str>>,
    ) -> Result<Snapshot<T>, CreateError> {
        let name = topic.name();
        // Code of the app's, and so before the lock.
        let (value, restored) = self.restore(name, initial, &options);
        let asker = options.asker();
        let mut topics = self.shared.topics.write();
        if topics.contains_key(name) {
            return Err(CreateError::AlreadyExists(name.clone()));
        }
        let revision = self.shared.revisions.next().map_err(|Exhausted| CreateError::Exhausted(name.clone()))?;
        let slot = self.shared.announcements.slot(name);
        let cell = Arc::new(TopicCell::new(slot, revision, value, options, asker, &*self.shared.clock));
        cell.remember(self.shared.removed.take(name));
        self.shared.sessions.revive(name, cell.life());
        let created = Snapshot { revision, value: Arc::clone(&cell.current().value) };
        topics.insert(name.clone(), Entry { typed: cell.clone(), topic: cell.clone() });
        if let Some(saving) = cell.saving() {
            saving.begin(restored, revision);
            self.shared.saver.came(name);
        }
        let mortal = cell.life().is_mortal();
        if mortal {
            // Before anybody can find it, and so end it.
            self.shared.mortal.lock().push(cell.clone());
        }
        drop(topics);
        if mortal {
            self.shared.announcements.wake_reaper();
        }
        self.note_readable_by(&*cell, revision, by);
        Ok(created)
    }

    /// The topic's value with its revision; where there is no such topic, creates it first. `initial` may be called more
    /// than once, when others create and remove the topic at the same time.
    ///
    /// # Errors
    /// [`CreateError::WrongType`] if there is one of another type; or as [`Store::create`], but for a name that is taken.
    pub fn get_or_create<T: State>(
        &self,
        topic: Topic<T>,
        initial: impl Fn() -> T,
    ) -> Result<Snapshot<T>, CreateError> {
        let options = self.family_options(topic.name())?.unwrap_or_default();
        self.get_or_create_with(topic, initial, options)
    }

    /// As [`Store::get_or_create`], with options of its own.
    ///
    /// # Errors
    /// As [`Store::get_or_create`].
    pub fn get_or_create_with<T: State>(
        &self,
        topic: Topic<T>,
        initial: impl Fn() -> T,
        options: TopicOptions<T>,
    ) -> Result<Snapshot<T>, CreateError> {
        not_inside_write().map_err(|_| CreateError::InsideWrite)?;
        loop {
            match self.snapshot(topic.clone()) {
                Ok(snapshot) => return Ok(snapshot),
                Err(AccessError::WrongType(name)) => return Err(CreateError::WrongType(name)),
                Err(AccessError::InsideWrite) => return Err(CreateError::InsideWrite),
                Err(AccessError::Reserved(name)) => return Err(CreateError::Reserved(name)),
                Err(AccessError::UnknownTopic(_)) => {}
            }
            match self.create_by(&topic, initial(), options.clone(), None) {
                Ok(created) => return Ok(created),
                // Somebody else was faster.
                Err(CreateError::AlreadyExists(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether there is such a topic.
    pub fn contains(&self, topic: &TopicName) -> bool {
        self.shared.topics.read().contains_key(topic)
    }

    /// The names of all topics, in order.
    pub fn list(&self) -> Vec<TopicName> {
        self.shared.topics.read().keys().cloned().collect()
    }

    /// The topic's value as JSON, for code that does not know its type.
    ///
    /// # Errors
    /// [`PullError`] if there is no such topic, or its value cannot be turned into JSON.
    pub fn value_of(&self, topic: &TopicName) -> Result<Value, PullError> {
        let version = self.entry(topic)?.topic.current_version();
        let encoded = version.json().and_then(|json| {
            serde_json::from_str(&json).map_err(|error| crate::EncodeError::Unserializable(error.to_string()))
        });
        encoded.map_err(|source| PullError::Encode { topic: topic.clone(), source })
    }

    /// Removes a topic; says whether it was there. A write to it that is under way ends first; none comes after. Its
    /// windows are told.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write; [`AccessError::Reserved`] of [`PRIMARY`](crate::PRIMARY): its
    /// holder would not have stopped yet when another page joins.
    pub fn remove(&self, topic: &TopicName) -> Result<bool, AccessError> {
        self.door(topic)?.remove(None)
    }

    /// Removes every topic that the pattern covers, but for [`PRIMARY`](crate::PRIMARY); returns the names of those that
    /// were there.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn remove_all(&self, pattern: &TopicPattern) -> Result<Vec<TopicName>, AccessError> {
        let mut removed = Vec::new();
        let covered = self.list().into_iter().filter(|name| pattern.matches(name) && unreserved(name).is_ok());
        for name in covered {
            if self.remove(&name)? {
                removed.push(name);
            }
        }
        Ok(removed)
    }

    /// Ends a topic's life. Writers find out first, then those who would read it, then everybody.
    pub(crate) fn end(&self, topic: Arc<dyn AnyTopic>, still: &dyn Fn() -> bool, by: Option<Arc<str>>) -> bool {
        let Some((revision, sequences)) = topic.end(&self.shared.revisions, still) else { return false };
        self.shared.removed.keep(topic.name(), sequences, self.now());
        self.shared.sessions.retire(topic.name(), topic.life());
        let mut topics = self.shared.topics.write();
        let entry = topics.remove(topic.name());
        // Noted before the name can be used again, so that it is not announced after what comes then.
        let wake = revision.map(|revision| self.shared.announcements.note(topic.slot(), revision, by));
        let kept = topic.saving().is_some_and(|saving| !saving.is_left_alone());
        if kept {
            self.shared.saver.removed(topic.name());
        }
        drop(topics);
        if kept {
            self.shared.saver.wake();
        }
        if topic.life().is_mortal() {
            self.shared.mortal.lock().retain(|mortal| !Arc::ptr_eq(mortal, &topic));
        }
        if let Ok(wake) = wake {
            self.shared.announcements.wake(wake);
        }
        self.shared.announcements.wake_undelivered();
        // The cell goes when its last user lets go of it: its value's `Drop`, which is the app's, runs under no lock.
        drop(entry);
        true
    }

    /// Forgets sessions whose grace is over, and removes topics whose time is, or who want to go. It calls code of the
    /// app's, under no lock (**I4**), and waits for writes that are under way: it belongs on a thread of its own. From
    /// inside a write it does nothing, and has to run again.
    pub fn reap_due(&self) -> Reaped {
        let now = self.now();
        if not_inside_write().is_err() {
            return Reaped { next: Some(now), panicked: Vec::new() };
        }
        let forgotten = self.shared.sessions.expire(now);
        if !forgotten.is_empty() {
            self.forget(&forgotten);
        }
        let kept = mem::take(&mut *self.shared.unforgotten.lock());
        for topic in kept {
            if !topic.forget(&|session| !self.shared.sessions.knows(session)) {
                self.keep_unforgotten(topic);
            }
        }
        self.shared.removed.expire(now);
        let mut panicked = Vec::new();
        let mortal = self.shared.mortal.lock().clone();
        for topic in mortal {
            if topic.life().is_expired(now) {
                self.end(Arc::clone(&topic), &|| topic.life().is_expired(now), None);
            } else if let Err(panic) = self.ask_to_go(&topic, now) {
                panicked.push((topic.name().clone(), panic));
            }
        }
        let again = (!self.shared.unforgotten.lock().is_empty()).then(|| now + FORGET_AGAIN);
        let mortal = self.shared.mortal.lock().iter().filter_map(|topic| topic.life().next_deadline()).min();
        let removed = self.shared.removed.next_deadline();
        let next = [self.shared.sessions.next_deadline(), removed, again, mortal].into_iter().flatten().min();
        Reaped { next, panicked }
    }

    /// Asks a topic whether it wants to go, if that is due. A page that begins to read it meanwhile keeps it.
    fn ask_to_go(&self, topic: &Arc<dyn AnyTopic>, now: Duration) -> Result<(), String> {
        let life = topic.life();
        let Some((wanted, created_at)) = life.due(now) else { return Ok(()) };
        let audience = self.shared.sessions.audience(topic.name(), life);
        let wants_to = catch_unwind(AssertUnwindSafe(|| wanted(audience.readers, created_at)));
        if !wants_to.map_err(|panic| panic_text(&*panic))? {
            return Ok(());
        }
        if self.shared.sessions.retire_unless_joined(audience, life) {
            self.end(Arc::clone(topic), &|| true, None);
        } else {
            life.left(now);
        }
        Ok(())
    }

    /// Forgets what the session wrote, whose place was needed.
    pub(crate) fn evict(&self, session: SessionKey) {
        if self.forget(&[session]) {
            self.shared.announcements.wake_reaper();
        }
    }

    /// Forgets what the sessions wrote. It waits for no write: one that takes long must not hold up the others. Says
    /// whether there is one that the reaper does not know of yet.
    fn forget(&self, sessions: &[SessionKey]) -> bool {
        self.shared.removed.forget(sessions);
        let topics: Vec<_> = self.shared.topics.read().values().cloned().collect();
        let busy = topics.into_iter().filter(|entry| !entry.topic.forget(&|session| sessions.contains(session)));
        busy.filter(|entry| self.keep_unforgotten(Arc::clone(&entry.topic))).count() > 0
    }

    fn keep_unforgotten(&self, topic: Arc<dyn AnyTopic>) -> bool {
        let mut kept = self.shared.unforgotten.lock();
        let is_news = !kept.iter().any(|other| Arc::ptr_eq(other, &topic));
        if is_news {
            kept.push(topic);
        }
        is_news
    }
}
