//! The cell that holds one topic: its state, the lock of its writers, and what its sessions wrote last.

use crate::{
    announce::Slot,
    change::Change,
    clock::Clock,
    context::{Reject, WriteContext, Writer},
    deltas::Deltas,
    error::{AccessError, ChangeError, UpdateError, WriteError, panic_text},
    life::{Life, Lifespan},
    options::{Allow, Asker, TopicOptions, TypedReducer},
    proposal::{ClientWrite, Proposal, Taken},
    revision::{Exhausted, Revision, RevisionCounter},
    role::unreserved,
    saving::Saving,
    sequence::{Admission, Outcomes, Sequences},
    session::Sessions,
    session_key::SessionKey,
    snapshot::{AnyVersion, Version},
    sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, thread_local},
    topic::TopicName,
    transaction::{Staged, StagedTopic},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    any::Any,
    cell::Cell as Flag,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

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
pub(crate) struct InsideWrite;

impl InsideWrite {
    pub(crate) fn enter() -> Self {
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
    options: TopicOptions<T>,
    asker: Option<Asker>,
    life: Life,
    writers: Mutex<Sequences>,
    /// Set under the writers' lock, for good: whoever had found it before must not write what nobody will see.
    removed: AtomicBool,
    /// How many sessions `writers` remembers, for those who must not wait for it.
    remembered: AtomicU64,
    current: Mutex<Arc<Version<T>>>,
    saving: Option<Saving>,
    deltas: Deltas,
    slot: Arc<Slot>,
}

/// The state that a write has replaced. It is dropped when the change has been announced, under no lock: dropping may
/// be code of the app's.
pub(crate) type Old<T> = Arc<Version<T>>;

/// What the engine lends a topic for a write.
#[derive(Clone, Copy)]
pub(crate) struct Engine<'a> {
    pub(crate) revisions: &'a RevisionCounter,
    pub(crate) sessions: &'a Sessions,
    pub(crate) clock: &'a dyn Clock,
}

impl<T: State> TopicCell<T> {
    pub(crate) fn new(
        slot: Arc<Slot>,
        revision: Revision,
        value: T,
        options: TopicOptions<T>,
        asker: Option<Asker>,
        clock: &dyn Clock,
    ) -> Self {
        let lifespan = Lifespan { ttl: options.ttl, self_destruct: options.self_destruct.clone() };
        Self {
            asker,
            life: Life::new(revision, lifespan, clock),
            current: Mutex::new(Arc::new(Version::first(revision, value, options.incremental))),
            saving: options.persisted.clone().map(Saving::new),
            options,
            writers: Mutex::default(),
            removed: AtomicBool::new(false),
            remembered: AtomicU64::new(0),
            deltas: Deltas::default(),
            slot,
        }
    }

    /// Refuses writes by the app's own code that nobody was asked about, where somebody has to be, or that nobody makes.
    pub(crate) fn synchronous(&self) -> Result<(), UpdateError> {
        unreserved(self.name())?;
        if self.saving().is_some_and(Saving::is_immediate) {
            return Err(UpdateError::NotSynchronous(self.name().clone()));
        }
        if self.options.is_asynchronous() { Err(UpdateError::NotAsked(self.name().clone())) } else { Ok(()) }
    }

    /// The reducer, for actions of this type.
    pub(crate) fn reducer<A: 'static>(&self) -> Result<TypedReducer<T, A>, UpdateError> {
        let no_actions = || UpdateError::Change { topic: self.name().clone(), source: ChangeError::NoActions };
        let reducer = self.options.reducer.as_ref().ok_or_else(no_actions)?;
        let typed = reducer.typed.downcast_ref::<TypedReducer<T, A>>();
        Ok(Arc::clone(typed.ok_or_else(|| AccessError::WrongType(self.name().clone()))?))
    }

    pub(crate) fn current(&self) -> Arc<Version<T>> {
        Arc::clone(&self.current.lock())
    }

    /// Holds back the readers and the swap of this topic until the guard is dropped.
    pub(crate) fn hold_current(&self) -> MutexGuard<'_, Arc<Version<T>>> {
        self.current.lock()
    }

    /// Replaces the state by what `next` makes of it, under the writers' lock and the topic's hooks.
    /// `asked` is [`Change::Rust`], or what an asynchronous hook has made of it.
    pub(crate) fn write<E: From<AccessError> + From<ChangeError> + From<Exhausted>>(
        &self,
        engine: Engine<'_>,
        asked: Change,
        next: impl FnOnce(&Version<T>, &WriteContext<'_>) -> Result<T, E>,
    ) -> Result<(Revision, Old<T>), E> {
        let writers = self.writers.lock();
        if self.is_removed() {
            return Err(AccessError::UnknownTopic(self.name().clone()).into());
        }
        let current = self.current();
        let cx = WriteContext { writer: None, revision: current.revision, clock: engine.clock };
        let value = {
            let _inside = InsideWrite::enter();
            self.checked(asked, &current.value, &cx, |cx| next(&current, cx))?
        };
        let revision = engine.revisions.next()?;
        let old = self.swap_while_locked(revision, value);
        self.renew(engine.clock);
        drop(writers);
        drop(current);
        Ok((revision, old))
    }

    /// What a write by the app's own code makes, once it has passed the hooks.
    pub(crate) fn checked<E: From<ChangeError>>(
        &self,
        asked: Change,
        current: &T,
        cx: &WriteContext<'_>,
        next: impl FnOnce(&WriteContext<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let value = match self.options.intercepted(asked, cx).map_err(ChangeError::from)? {
            Change::Rust => next(cx)?,
            other => self.options.applied(other, current, cx)?,
        };
        self.options.validated(current, &value, cx).map_err(ChangeError::from)?;
        Ok(value)
    }

    /// Takes over what the sessions wrote to an earlier topic of this name.
    pub(crate) fn remember(&self, sequences: Sequences) {
        let mut writers = self.writers.lock();
        *writers = sequences;
        self.count(&writers);
    }

    fn count(&self, writers: &Sequences) {
        self.remembered.store(writers.len() as u64, Ordering::Relaxed);
    }

    /// A write was made.
    pub(crate) fn renew(&self, clock: &dyn Clock) {
        if self.options.renewed_by_writes {
            self.life.renew(clock.now());
        }
    }

    fn swap_while_locked(&self, revision: Revision, value: T) -> Arc<Version<T>> {
        let version = Arc::new(self.current().next(revision, Arc::new(value)));
        mem::replace(&mut *self.current.lock(), version)
    }

    /// Whether a write, for which the topic is to be as it was at `expected`, comes too late.
    fn conflicts(&self, current: &Version<T>, expected: Revision, change: &Result<Change, Reject>) -> bool {
        match (self.options.incremental, change) {
            _ if expected == current.revision => false,
            (Some(incremental), Ok(change)) if expected < current.revision => {
                (incremental.conflicts)(&current.value, expected, change)
            }
            _ => true,
        }
    }

    fn propose(&self, current: &Version<T>, proposal: Proposal, cx: &WriteContext<'_>) -> Result<T, WriteError> {
        let Proposal { expected, change } = proposal;
        if let Some(expected) = expected.filter(|expected| self.conflicts(current, *expected, &change)) {
            return Err(WriteError::Conflict { topic: self.name().clone(), expected, current: current.revision });
        }
        let _inside = InsideWrite::enter();
        // What panics here has made nothing but a value of its own (I10).
        let made = catch_unwind(AssertUnwindSafe(|| self.options.proposed(change?, &current.value, cx)));
        made.unwrap_or_else(|panic| Err(ChangeError::Panicked(panic_text(&*panic))))
            .map_err(|source| WriteError::Change { topic: self.name().clone(), source })
    }
}

/// A [`TopicCell`] whose type is not known.
pub(crate) trait AnyTopic: Any + Send + Sync {
    fn name(&self) -> &TopicName;

    /// Its place among the announcements.
    fn slot(&self) -> &Arc<Slot>;

    fn current_version(&self) -> Arc<dyn AnyVersion>;

    /// What its deltas are made from.
    fn deltas(&self) -> &Deltas;

    /// Holds back the swap of this topic's state until the guard is dropped.
    fn hold(&self) -> Box<dyn Held + '_>;

    /// Itself, for a transaction.
    fn staged(self: Arc<Self>) -> Box<dyn Staged>;

    /// Holds back the writers of this topic until the guard is dropped.
    fn lock(&self) -> Box<dyn Locked + '_>;

    /// How long it lives, and how it is saved, where it is.
    fn life(&self) -> &Life;
    fn saving(&self) -> Option<&Saving>;

    /// Whether it has ended. It stays so.
    fn is_removed(&self) -> bool;

    /// Ends it for all who hold it, once the write that is under way is done: nobody can write it any more. Says no
    /// where that was so before, or where `still` does, under the writers' lock; else returns the revision of its end.
    fn end(&self, revisions: &RevisionCounter, still: &dyn Fn() -> bool) -> Option<End>;

    /// Gives the state a new revision, so that everybody asks again; `None` where it was removed, or none is left.
    fn touch(&self, revisions: &RevisionCounter) -> Option<Revision>;

    /// Who may read and write it, beside what scopes say.
    fn allow(&self) -> Option<Allow>;

    /// Who is asked about every write before it is made.
    fn asker(&self) -> Option<Asker>;

    /// Whether this batch of the session's was taken already.
    fn was_taken(&self, session: &SessionKey, seq: u64) -> bool;

    fn write_from_client(&self, write: ClientWrite, engine: Engine<'_>) -> Taken;

    /// Forgets what those sessions wrote, unless a write is under way: then it says no.
    fn forget(&self, which: &dyn Fn(&SessionKey) -> bool) -> bool;

    fn remembered_writers(&self) -> u64;
}

/// The revision of a topic's end, and what its sessions wrote last.
pub(crate) type End = (Result<Revision, Exhausted>, Sequences);

/// A topic that nobody else can write just now.
pub(crate) trait Locked {}

impl Locked for MutexGuard<'_, Sequences> {}

/// A topic whose state cannot be swapped just now.
pub(crate) trait Held {
    fn version(&self) -> Arc<dyn AnyVersion>;
}

impl<T: State> Held for MutexGuard<'_, Arc<Version<T>>> {
    fn version(&self) -> Arc<dyn AnyVersion> {
        Arc::clone(&**self) as Arc<dyn AnyVersion>
    }
}

impl<T: State> AnyTopic for TopicCell<T> {
    fn name(&self) -> &TopicName {
        self.slot.topic()
    }

    fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    fn current_version(&self) -> Arc<dyn AnyVersion> {
        self.current()
    }

    fn deltas(&self) -> &Deltas {
        &self.deltas
    }

    fn hold(&self) -> Box<dyn Held + '_> {
        Box::new(self.hold_current())
    }

    fn staged(self: Arc<Self>) -> Box<dyn Staged> {
        Box::new(StagedTopic::new(self))
    }

    fn lock(&self) -> Box<dyn Locked + '_> {
        Box::new(self.writers.lock())
    }

    fn was_taken(&self, session: &SessionKey, seq: u64) -> bool {
        !matches!(self.writers.lock().admit(self.name(), session, seq), Ok(Admission::New))
    }

    fn life(&self) -> &Life {
        &self.life
    }

    fn saving(&self) -> Option<&Saving> {
        self.saving.as_ref()
    }

    fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Relaxed)
    }

    fn end(&self, revisions: &RevisionCounter, still: &dyn Fn() -> bool) -> Option<End> {
        let mut writers = self.writers.lock();
        if self.is_removed() || !still() {
            return None;
        }
        self.removed.store(true, Ordering::Relaxed);
        let sequences = mem::take(&mut *writers);
        self.count(&writers);
        Some((revisions.next(), sequences))
    }

    fn touch(&self, revisions: &RevisionCounter) -> Option<Revision> {
        let _writers = self.writers.lock();
        if self.is_removed() {
            return None;
        }
        let revision = revisions.next().ok()?;
        let current = self.current();
        let version = Arc::new(current.next(revision, Arc::clone(&current.value)));
        *self.current.lock() = version;
        Some(revision)
    }

    fn allow(&self) -> Option<Allow> {
        self.options.allow.clone()
    }

    fn asker(&self) -> Option<Asker> {
        self.asker.clone()
    }

    fn write_from_client(&self, write: ClientWrite, engine: Engine<'_>) -> Taken {
        let Engine { revisions, sessions, clock } = engine;
        let ClientWrite { session, client, seq, asked, writes } = write;
        let mut taken = Taken { outcomes: Ok(Arc::new([])), made: None, old: None, evicted: None };
        let mut writers = self.writers.lock();
        if self.is_removed() {
            taken.outcomes = Err(AccessError::UnknownTopic(self.name().clone()).into());
            return taken;
        }
        // Noted while the lock is held: a session that is forgotten from here on is forgotten by this cell after this
        // write, so no outcome outlives its session.
        taken.evicted = sessions.wrote(&session, clock.now());
        match writers.admit(self.name(), &session, seq) {
            Err(error) => {
                taken.outcomes = Err(error);
                return taken;
            }
            Ok(Admission::Repeated(outcomes)) => {
                taken.outcomes = Ok(outcomes);
                return taken;
            }
            Ok(Admission::New) if self.options.is_asynchronous() && !asked => {
                taken.outcomes = Err(WriteError::NotAsked(self.name().clone()));
                return taken;
            }
            Ok(Admission::New) => {}
        }
        let writer = Writer { session: &session, seq: Some(seq), client: client.as_deref() };
        let outcomes: Outcomes = writes
            .into_iter()
            .map(|proposal| {
                let current = self.current();
                let cx = WriteContext { writer: Some(writer), revision: current.revision, clock };
                let value = self.propose(&current, proposal, &cx)?;
                let revision = revisions.next().map_err(|Exhausted| WriteError::Exhausted(self.name().clone()))?;
                let old = self.swap_while_locked(revision, value);
                taken.made = Some(revision);
                // Of a batch's states only the one before it is kept until the lock is released. Those in between go
                // at once, lest a big state be there 256 times; the app's `Drop`, too, must not call the store then.
                let _inside = InsideWrite::enter();
                drop(current);
                taken.old.get_or_insert(old);
                Ok(revision)
            })
            .collect();
        if taken.made.is_some() {
            self.renew(clock);
        }
        writers.record(session, seq, Arc::clone(&outcomes));
        self.count(&writers);
        taken.outcomes = Ok(outcomes);
        taken
    }

    fn forget(&self, which: &dyn Fn(&SessionKey) -> bool) -> bool {
        let Some(mut writers) = self.writers.try_lock() else { return false };
        writers.forget(which);
        self.count(&writers);
        true
    }

    fn remembered_writers(&self) -> u64 {
        self.remembered.load(Ordering::Relaxed)
    }
}
