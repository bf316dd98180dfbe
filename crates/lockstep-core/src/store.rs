//! The store: all topics of an app.

use crate::{
    announce::{Announce, Announcements},
    cell::{AnyTopic, Engine, State, TopicCell, not_inside_write},
    change::Change,
    clock::{Clock, SystemClock},
    context::WriteContext,
    deliveries::Deliveries,
    door::Door,
    error::{AccessError, ChangeError, CompareAndSetError, TryUpdateError, UpdateError},
    family::AnyFamily,
    revision::{Exhausted, Revision, RevisionCounter},
    role::unreserved,
    saver::{Persistence, Saver},
    sequence::Removed,
    session::Sessions,
    snapshot::{Snapshot, Version},
    sync::{Mutex, RwLock},
    topic::{Topic, TopicName},
};
use serde::de::DeserializeOwned;
use std::{any::Any, collections::BTreeMap, convert::Infallible, fmt, sync::Arc, time::Duration};

/// How often one topic is announced at most, unless said otherwise.
pub const DEFAULT_ANNOUNCE_INTERVAL: Duration = Duration::from_millis(16);

/// The owner of all topics: one value, one revision and one way in for each.
///
/// A store is cheap to clone; all clones are the same store. Its calls never block on the outside, and none may be
/// made from inside a write: that is [`AccessError::InsideWrite`].
///
/// ```
/// use lockstep_core::{NoAnnounce, Store, Topic};
///
/// const COUNTER: Topic<u32> = Topic::new("counter");
///
/// let store = Store::new(NoAnnounce);
/// store.create(COUNTER, 0)?;
/// let revision = store.update(COUNTER, |count| *count += 1)?;
/// let snapshot = store.snapshot(COUNTER)?;
/// assert_eq!((snapshot.revision, *snapshot.value), (revision, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) topics: RwLock<BTreeMap<TopicName, Entry>>,
    pub(crate) families: RwLock<BTreeMap<TopicName, Arc<dyn AnyFamily>>>,
    /// The topics that may end by themselves.
    pub(crate) mortal: Mutex<Vec<Arc<dyn AnyTopic>>>,
    pub(crate) revisions: RevisionCounter,
    pub(crate) sessions: Sessions,
    pub(crate) removed: Removed,
    pub(crate) announcements: Announcements,
    pub(crate) saver: Saver,
    pub(crate) deliveries: Deliveries,
    /// The topics that remember sessions which are forgotten, since a write was under way. **I14** Each stands here once,
    /// however many are forgotten while its write takes its time.
    pub(crate) unforgotten: Mutex<Vec<Arc<dyn AnyTopic>>>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Shared {
    pub(crate) fn engine(&self) -> Engine<'_> {
        Engine { revisions: &self.revisions, sessions: &self.sessions, clock: &*self.clock }
    }
}

/// A topic as the registry holds it: once for those who know its type, once for those who don't.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) typed: Arc<dyn Any + Send + Sync>,
    pub(crate) topic: Arc<dyn AnyTopic>,
}

/// What a new store is made of.
pub struct StoreOptions {
    /// How often one topic is announced at most. Default: [`DEFAULT_ANNOUNCE_INTERVAL`].
    pub announce_interval: Duration,
    /// The source of time. Default: the system's.
    pub clock: Arc<dyn Clock>,
    /// The highest revision that earlier lives of this store may have used; new ones are higher (**I5**).
    /// Default: none.
    pub last_revision: Revision,
    /// Where topics that are [`persisted`](crate::TopicOptions::persisted) are kept. Default: nowhere.
    pub persistence: Option<Persistence>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            announce_interval: DEFAULT_ANNOUNCE_INTERVAL,
            clock: Arc::new(SystemClock::default()),
            last_revision: Revision::ZERO,
            persistence: None,
        }
    }
}

/// How much a store remembers, to see that it does not grow (**I14**).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Registered topics.
    pub topics: usize,
    /// Sessions, those in their grace included.
    pub sessions: usize,
    /// Remembered last writes, over all topics.
    pub remembered_writes: usize,
    /// Topics that may end by themselves.
    pub mortal_topics: usize,
    /// Announcements that wait.
    pub announcements: usize,
    /// Pages that get deliveries.
    pub delivered_pages: usize,
    /// Topics, over all of these pages, of which is kept what the page has, is to have, or is being given.
    pub delivered_topics: usize,
    /// Revisions whose JSON is kept to make deltas from, over all topics.
    pub delta_bases: usize,
    /// Topics in which a long write keeps what is to be forgotten.
    pub unforgotten_topics: usize,
}

impl Store {
    /// A store without topics, with the default options.
    pub fn new(announce: impl Announce) -> Self {
        Self::with_options(announce, StoreOptions::default())
    }

    /// A store without topics.
    pub fn with_options(announce: impl Announce, options: StoreOptions) -> Self {
        let StoreOptions { announce_interval, clock, last_revision, persistence } = options;
        let revisions = match &persistence {
            Some(persistence) => persistence.counter(last_revision),
            None => RevisionCounter::new(last_revision, Revision::MAX),
        };
        Self {
            shared: Arc::new(Shared {
                topics: RwLock::new(BTreeMap::new()),
                families: RwLock::new(BTreeMap::new()),
                mortal: Mutex::default(),
                revisions,
                saver: Saver::new(persistence),
                sessions: Sessions::default(),
                removed: Removed::default(),
                unforgotten: Mutex::default(),
                deliveries: Deliveries::new(announce_interval),
                announcements: Announcements::new(announce_interval, Arc::clone(&clock), Arc::new(announce)),
                clock,
            }),
        }
    }

    /// The topic's value.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered, or with another type.
    pub fn get<T: State>(&self, topic: Topic<T>) -> Result<Arc<T>, AccessError> {
        self.snapshot(topic).map(|snapshot| snapshot.value)
    }

    /// The topic's value with its revision.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn snapshot<T: State>(&self, topic: Topic<T>) -> Result<Snapshot<T>, AccessError> {
        let current = self.cell(&topic)?.current();
        Ok(Snapshot { revision: current.revision, value: Arc::clone(&current.value) })
    }

    /// Changes the topic's value in place, on a copy: a closure that panics has changed nothing, and its panic goes
    /// on to the caller.
    ///
    /// # Errors
    /// [`UpdateError`] if the topic can't be reached, a hook of the topic's refuses or has to be asked first, or no
    /// revision is left.
    pub fn update<T: State>(&self, topic: Topic<T>, change: impl FnOnce(&mut T)) -> Result<Revision, UpdateError> {
        self.try_update(topic, |value| {
            change(value);
            Ok::<(), Infallible>(())
        })
        .map_err(|error| match error {
            TryUpdateError::Update(error) => error,
            TryUpdateError::Refused(never) => match never {},
        })
    }

    /// Like [`Store::update`], but the closure may refuse: then nothing has changed.
    ///
    /// # Errors
    /// [`TryUpdateError::Refused`] with what the closure returned, or as [`Store::update`].
    pub fn try_update<T: State, E>(
        &self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<Revision, TryUpdateError<E>> {
        self.write_cell(&topic, |current, _| {
            let mut value = T::clone(&current.value);
            change(&mut value).map_err(TryUpdateError::Refused)?;
            Ok(value)
        })
    }

    /// Replaces the topic's value.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn set<T: State>(&self, topic: Topic<T>, value: T) -> Result<Revision, UpdateError> {
        self.write_cell(&topic, |_, _| Ok(value))
    }

    /// Replaces the topic's value if the topic is at exactly this revision.
    ///
    /// # Errors
    /// [`CompareAndSetError::Conflict`] with the current revision if it is not, or as [`Store::update`].
    pub fn compare_and_set<T: State>(
        &self,
        topic: Topic<T>,
        expected: Revision,
        value: T,
    ) -> Result<Revision, CompareAndSetError> {
        let name = topic.name().clone();
        self.write_cell(&topic, |current, _| {
            if current.revision == expected {
                Ok(value)
            } else {
                Err(CompareAndSetError::Conflict { topic: name, expected, current: current.revision })
            }
        })
    }

    /// Applies an action by the topic's reducer.
    ///
    /// # Errors
    /// [`UpdateError::Change`] if the reducer or a hook refuses, or the topic takes no actions;
    /// [`AccessError::WrongType`] if it takes actions of another type; or as [`Store::update`].
    pub fn dispatch<T: State, A: DeserializeOwned + 'static>(
        &self,
        topic: Topic<T>,
        action: A,
    ) -> Result<Revision, UpdateError> {
        let cell = self.cell(&topic)?;
        let reduce = cell.reducer::<A>()?;
        self.write_cell(&topic, |current, cx| {
            let mut value = T::clone(&current.value);
            reduce(&mut value, action, cx)
                .map_err(|reject| UpdateError::Change { topic: topic.name().clone(), source: reject.into() })?;
            Ok(value)
        })
    }

    /// Like [`Store::update`], after the asynchronous hook of the door's topic was asked about [`Change::Rust`] and
    /// answered `asked`: where that is another change, it takes the place of the closure.
    ///
    /// # Errors
    /// As [`Store::update`]; [`AccessError::UnknownTopic`] also where the topic is another than the door's by now.
    pub fn update_asked<T: State>(
        &self,
        topic: Topic<T>,
        door: &Door,
        asked: Change,
        change: impl FnOnce(&mut T),
    ) -> Result<Revision, UpdateError> {
        unreserved(topic.name())?;
        let cell = self.cell(&topic)?;
        if Some(cell.life().born()) != door.born() {
            return Err(AccessError::UnknownTopic(topic.name().clone()).into());
        }
        self.write_to(cell, asked, |current, _| {
            let mut value = T::clone(&current.value);
            change(&mut value);
            Ok(value)
        })
    }

    /// Announces what is due. Returns when, on the store's clock, this has to run again if nothing wakes it before;
    /// `None` is never.
    pub fn announce_due(&self) -> Option<Duration> {
        self.shared.announcements.announce_due()
    }

    /// Time on the store's clock, to compare a deadline with.
    pub fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    /// How much the store remembers.
    pub fn stats(&self) -> StoreStats {
        let topics: Vec<_> = self.shared.topics.read().values().cloned().collect();
        let (delivered_pages, delivered_topics) = self.shared.deliveries.size();
        StoreStats {
            delivered_pages,
            delivered_topics,
            topics: topics.len(),
            sessions: self.shared.sessions.len(),
            remembered_writes: topics.iter().map(|entry| entry.topic.remembered_writers() as usize).sum(),
            mortal_topics: self.shared.mortal.lock().len(),
            announcements: self.shared.announcements.waiting(),
            delta_bases: topics.iter().map(|entry| entry.topic.deltas().bases()).sum(),
            unforgotten_topics: self.shared.unforgotten.lock().len(),
        }
    }

    pub(crate) fn write_cell<T: State, E: From<UpdateError>>(
        &self,
        topic: &Topic<T>,
        next: impl FnOnce(&Version<T>, &WriteContext<'_>) -> Result<T, E>,
    ) -> Result<Revision, E> {
        let cell = self.cell(topic).map_err(UpdateError::from)?;
        cell.synchronous()?;
        self.write_to(cell, Change::Rust, next)
    }

    pub(crate) fn write_to<T: State, E: From<UpdateError>>(
        &self,
        cell: Arc<TopicCell<T>>,
        asked: Change,
        next: impl FnOnce(&Version<T>, &WriteContext<'_>) -> Result<T, E>,
    ) -> Result<Revision, E> {
        let revision = cell
            .write(self.shared.engine(), asked, |current, cx| next(current, cx).map_err(Unnamed::Named))
            .map_err(|error| error.of(cell.name()));
        let (revision, old) = revision?;
        self.note_readable(&*cell, revision);
        drop(old);
        Ok(revision)
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    pub(crate) fn next_revision(&self) -> Result<Revision, Exhausted> {
        self.shared.revisions.next()
    }

    /// Notes a write by the backend that can be read already.
    pub(crate) fn note_readable(&self, topic: &dyn AnyTopic, revision: Revision) {
        self.note_readable_by(topic, revision, None);
    }

    /// Notes a write that can be read already: it is to be announced, and to be saved.
    pub(crate) fn note_readable_by(&self, topic: &dyn AnyTopic, revision: Revision, writer: Option<Arc<str>>) {
        self.shared.announcements.note_readable(topic.slot(), revision, writer);
        self.note_unsaved(topic, revision);
    }

    pub(crate) fn entry(&self, topic: &TopicName) -> Result<Entry, AccessError> {
        not_inside_write()?;
        self.registered(topic)
    }

    /// As [`Store::entry`], for a transaction, which is itself a write.
    pub(crate) fn registered(&self, topic: &TopicName) -> Result<Entry, AccessError> {
        let topics = self.shared.topics.read();
        topics.get(topic).cloned().ok_or_else(|| AccessError::UnknownTopic(topic.clone()))
    }

    pub(crate) fn cell<T: State>(&self, topic: &Topic<T>) -> Result<Arc<TopicCell<T>>, AccessError> {
        let entry = self.entry(topic.name())?;
        entry.typed.downcast().map_err(|_| AccessError::WrongType(topic.name().clone()))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("topics", &self.list()).finish_non_exhaustive()
    }
}

/// An error of the caller's, or one of the engine's that does not name the topic yet.
enum Unnamed<E> {
    Named(E),
    Access(AccessError),
    Change(ChangeError),
    Exhausted,
}

impl<E: From<UpdateError>> Unnamed<E> {
    fn of(self, topic: &TopicName) -> E {
        match self {
            Self::Named(error) => error,
            Self::Access(error) => UpdateError::Access(error).into(),
            Self::Change(source) => UpdateError::Change { topic: topic.clone(), source }.into(),
            Self::Exhausted => UpdateError::Exhausted(topic.clone()).into(),
        }
    }
}

impl<E> From<AccessError> for Unnamed<E> {
    fn from(error: AccessError) -> Self {
        Self::Access(error)
    }
}

impl<E> From<ChangeError> for Unnamed<E> {
    fn from(source: ChangeError) -> Self {
        Self::Change(source)
    }
}

impl<E> From<Exhausted> for Unnamed<E> {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}
