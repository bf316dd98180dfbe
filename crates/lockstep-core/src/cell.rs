//! The cell that holds one topic: its state, the lock of its writers, and what its sessions wrote last.

use crate::{
    announce::{Announced, Slot},
    change::Change,
    error::{AccessError, WriteError},
    revision::{Exhausted, Revision, RevisionCounter},
    sequence::{Admission, Sequences},
    session::{SessionKey, Sessions},
    snapshot::{AnyVersion, Version},
    sync::{Mutex, MutexGuard, thread_local},
    topic::TopicName,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, cell::Cell as Flag, mem, sync::Arc, time::Duration};

/// What a topic's value has to be.
pub trait State: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> State for T {}

thread_local! {
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's thread-locals have no const form")]
    static INSIDE_WRITE: Flag<bool> = Flag::new(false);
}

/// Refuses calls from inside a write: its thread holds the topic's lock (**I4**).
pub(crate) fn not_inside_write() -> Result<(), AccessError> {
    if INSIDE_WRITE.with(Flag::get) { Err(AccessError::InsideWrite) } else { Ok(()) }
}

/// Marks this thread as inside a write, also while a panic unwinds.
struct InsideWrite;

impl InsideWrite {
    fn enter() -> Self {
        INSIDE_WRITE.with(|inside| inside.set(true));
        Self
    }
}

impl Drop for InsideWrite {
    fn drop(&mut self) {
        INSIDE_WRITE.with(|inside| inside.set(false));
    }
}

/// One topic.
///
/// - **I1 pair**: value and revision live in one [`Version`], and are replaced by one swap of a pointer.
/// - **I4**: only the write itself runs under the topic's lock; `current` is locked for a clone or a swap.
/// - **I10 all or nothing**: the next value is made beside the current one; whatever fails before the swap leaves
///   everything as it was.
pub(crate) struct TopicCell<T> {
    name: TopicName,
    writers: Mutex<Sequences>,
    current: Mutex<Arc<Version<T>>>,
    slot: Slot,
}

/// A write by a window, as the engine takes it.
#[derive(Clone, Debug)]
pub struct ClientWrite {
    /// Who writes.
    pub session: SessionKey,
    /// The write's number among those of its session to its topic; it only goes up.
    pub seq: u64,
    /// Apply only if the topic is at exactly this revision.
    pub expected: Option<Revision>,
    /// What to change.
    pub change: Change,
}

/// What became of a window's write, beside its outcome.
pub(crate) struct Taken {
    pub(crate) outcome: Result<Revision, WriteError>,
    /// It was applied by this very call.
    pub(crate) applied_now: bool,
    /// A session whose place was needed.
    pub(crate) evicted: Option<SessionKey>,
}

impl<T: State> TopicCell<T> {
    pub(crate) fn new(name: TopicName, revision: Revision, value: T) -> Self {
        Self {
            name,
            writers: Mutex::default(),
            current: Mutex::new(Arc::new(Version::new(revision, value))),
            slot: Slot::default(),
        }
    }

    pub(crate) fn current(&self) -> Arc<Version<T>> {
        Arc::clone(&self.current.lock())
    }

    /// Replaces the state by what `next` makes of it, under the writers' lock.
    pub(crate) fn write<E: From<Exhausted>>(
        &self,
        revisions: &RevisionCounter,
        next: impl FnOnce(&Version<T>) -> Result<T, E>,
    ) -> Result<Revision, E> {
        let writers = self.writers.lock();
        let replaced = self.replace_while_locked(revisions, next);
        drop(writers);
        // The old state may be dropped here, with code of the app's: every lock is released.
        replaced.map(|(revision, _old)| revision)
    }

    fn replace_while_locked<E: From<Exhausted>>(
        &self,
        revisions: &RevisionCounter,
        next: impl FnOnce(&Version<T>) -> Result<T, E>,
    ) -> Result<(Revision, Arc<Version<T>>), E> {
        let value = {
            let _inside = InsideWrite::enter();
            next(&self.current())?
        };
        let revision = revisions.next()?;
        let version = Arc::new(Version::new(revision, value));
        let old = mem::replace(&mut *self.current.lock(), version);
        Ok((revision, old))
    }
}

/// A [`TopicCell`] whose type is not known.
pub(crate) trait AnyTopic: Announced + Any {
    fn current_version(&self) -> Arc<dyn AnyVersion>;

    /// Holds back the swap of this topic's state until the guard is dropped.
    fn hold(&self) -> Box<dyn Held + '_>;

    fn write_from_client(
        &self,
        write: ClientWrite,
        revisions: &RevisionCounter,
        sessions: &Sessions,
        now: Duration,
    ) -> Taken;

    fn forget(&self, sessions: &[SessionKey]);

    fn remembered_writers(&self) -> usize;
}

/// A topic whose state cannot be swapped just now.
pub(crate) trait Held {
    fn version(&self) -> Arc<dyn AnyVersion>;
}

impl<T: State> Held for MutexGuard<'_, Arc<Version<T>>> {
    fn version(&self) -> Arc<dyn AnyVersion> {
        Arc::clone(&**self) as Arc<dyn AnyVersion>
    }
}

impl<T: State> Announced for TopicCell<T> {
    fn name(&self) -> &TopicName {
        &self.name
    }

    fn slot(&self) -> &Slot {
        &self.slot
    }
}

impl<T: State> AnyTopic for TopicCell<T> {
    fn current_version(&self) -> Arc<dyn AnyVersion> {
        self.current()
    }

    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.current.lock())
    }

    fn write_from_client(
        &self,
        write: ClientWrite,
        revisions: &RevisionCounter,
        sessions: &Sessions,
        now: Duration,
    ) -> Taken {
        let mut writers = self.writers.lock();
        // Met while the lock is held: a session that is forgotten from here on is forgotten by this cell after this
        // write, so no outcome outlives its session.
        let evicted = sessions.meet(&write.session, now);
        let ClientWrite { session, seq, expected, change } = write;
        match writers.admit(&self.name, &session, seq) {
            Err(error) => Taken { outcome: Err(error), applied_now: false, evicted },
            Ok(Admission::Repeated(outcome)) => Taken { outcome, applied_now: false, evicted },
            Ok(Admission::New) => {
                let replaced = self.replace_while_locked::<ClientError>(revisions, |current| {
                    if let Some(expected) = expected.filter(|expected| *expected != current.revision) {
                        let topic = self.name.clone();
                        return Err(ClientError::Write(WriteError::Conflict {
                            topic,
                            expected,
                            current: current.revision,
                        }));
                    }
                    Ok(change.apply(&self.name, &*current.value)?)
                });
                let (outcome, _old) = match replaced {
                    Ok((revision, old)) => (Ok(revision), Some(old)),
                    Err(error) => (Err(error.of(&self.name)), None),
                };
                writers.record(session, seq, outcome.clone());
                drop(writers);
                Taken { applied_now: outcome.is_ok(), outcome, evicted }
            }
        }
    }

    fn forget(&self, sessions: &[SessionKey]) {
        let mut writers = self.writers.lock();
        for session in sessions {
            writers.forget(session);
        }
    }

    fn remembered_writers(&self) -> usize {
        self.writers.lock().len()
    }
}

/// A [`WriteError`], or the engine's own that does not name the topic yet.
enum ClientError {
    Write(WriteError),
    Exhausted,
}

impl ClientError {
    fn of(self, topic: &TopicName) -> WriteError {
        match self {
            Self::Write(error) => error,
            Self::Exhausted => WriteError::Exhausted(topic.clone()),
        }
    }
}

impl From<WriteError> for ClientError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl From<Exhausted> for ClientError {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}
