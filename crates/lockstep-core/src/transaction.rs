//! Several topics in one step: all of it or nothing, with one revision for all.

use crate::{
    cell::{AnyTopic, InsideWrite, State, TopicCell, not_inside_write},
    change::Change,
    clock::Clock,
    context::WriteContext,
    error::{AccessError, ChangeError, TransactionError, UpdateError},
    import::ImportError,
    persisted::Persisted,
    revision::{Exhausted, Revision},
    snapshot::{AnyVersion, Version},
    store::Store,
    topic::{Topic, TopicName},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{any::Any, collections::BTreeMap, sync::Arc};

/// How often a transaction that others overtake is tried without holding their writers back.
const FREE_ATTEMPTS: usize = 3;

/// What a transaction reads and writes: see [`Store::transaction`].
///
/// It sees its own writes, and of everything else one moment. Nobody sees any of it before all of it is there.
pub struct Transaction<'a> {
    store: &'a Store,
    staged: BTreeMap<TopicName, Box<dyn Staged>>,
}

impl Transaction<'_> {
    /// The topic's value, with what this transaction has written to it.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered, or with another type.
    pub fn get<T: State>(&mut self, topic: Topic<T>) -> Result<Arc<T>, AccessError> {
        let staged = self.stage(&topic)?;
        Ok(Arc::clone(staged.next.as_ref().unwrap_or(&staged.base.value)))
    }

    /// Changes the topic's value in place, on a copy. The topic's hooks see each such step.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn update<T: State>(&mut self, topic: Topic<T>, change: impl FnOnce(&mut T)) -> Result<(), UpdateError> {
        self.write(topic, |value, _| {
            change(value);
            Ok(())
        })
    }

    /// Replaces the topic's value.
    ///
    /// # Errors
    /// As [`Store::update`].
    pub fn set<T: State>(&mut self, topic: Topic<T>, value: T) -> Result<(), UpdateError> {
        self.update(topic, |present| *present = value)
    }

    /// Applies an action by the topic's reducer.
    ///
    /// # Errors
    /// As [`Store::dispatch`].
    pub fn dispatch<T: State, A: DeserializeOwned + 'static>(
        &mut self,
        topic: Topic<T>,
        action: A,
    ) -> Result<(), UpdateError> {
        let cell = Arc::clone(&self.stage(&topic)?.cell);
        let reduce = cell.reducer::<A>()?;
        self.write(topic, |value, cx| reduce(value, action, cx).map_err(ChangeError::from))
    }

    fn write<T: State>(
        &mut self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T, &WriteContext<'_>) -> Result<(), ChangeError>,
    ) -> Result<(), UpdateError> {
        let clock = Arc::clone(self.store.clock());
        let staged = self.stage(&topic)?;
        staged.cell.synchronous()?;
        let present = Arc::clone(staged.next.as_ref().unwrap_or(&staged.base.value));
        let cx = WriteContext { writer: None, revision: staged.base.revision, clock: &*clock };
        let next = staged.cell.checked(Change::Rust, &present, &cx, |cx| {
            let mut value = T::clone(&present);
            change(&mut value, cx)?;
            Ok::<_, ChangeError>(value)
        });
        let next = next.map_err(|source| UpdateError::Change { topic: topic.name().clone(), source })?;
        staged.next = Some(Arc::new(next));
        Ok(())
    }

    /// Replaces the value of a topic, whatever its type, by what `next` makes of its options and the present one, as JSON.
    /// The topic's hooks see it. It is on disk later, also where the topic's writes wait for that.
    pub(crate) fn replace(
        &mut self,
        topic: &TopicName,
        next: &dyn Fn(&Persisted, &Value) -> Result<Value, ImportError>,
    ) -> Result<(), ImportError> {
        let clock = Arc::clone(self.store.clock());
        self.stage_any(topic)?.replace(next, &*clock)
    }

    fn stage<T: State>(&mut self, topic: &Topic<T>) -> Result<&mut StagedTopic<T>, AccessError> {
        let staged: &mut dyn Any = self.stage_any(topic.name())?.as_any();
        staged.downcast_mut().ok_or_else(|| AccessError::WrongType(topic.name().clone()))
    }

    fn stage_any(&mut self, name: &TopicName) -> Result<&mut dyn Staged, AccessError> {
        let unknown = || AccessError::UnknownTopic(name.clone());
        if !self.staged.contains_key(name) {
            let topic = self.store.registered(name)?.topic;
            // Else the closure ran again and again until the topic is out of the registry.
            if topic.is_removed() {
                return Err(unknown());
            }
            self.staged.insert(name.clone(), topic.staged());
        }
        Ok(&mut **self.staged.get_mut(name).ok_or_else(unknown)?)
    }
}

/// One topic of a transaction.
pub(crate) struct StagedTopic<T> {
    cell: Arc<TopicCell<T>>,
    base: Arc<Version<T>>,
    next: Option<Arc<T>>,
    ready: Option<Arc<Version<T>>>,
}

impl<T: State> StagedTopic<T> {
    pub(crate) fn new(cell: Arc<TopicCell<T>>) -> Self {
        Self { base: cell.current(), cell, next: None, ready: None }
    }
}

/// A [`StagedTopic`] whose type is not known.
pub(crate) trait Staged: Any {
    fn as_any(&mut self) -> &mut dyn Any;
    fn replace(
        &mut self,
        next: &dyn Fn(&Persisted, &Value) -> Result<Value, ImportError>,
        clock: &dyn Clock,
    ) -> Result<(), ImportError>;
    fn topic(&self) -> Arc<dyn AnyTopic>;
    fn is_current(&self) -> bool;
    fn is_written(&self) -> bool;
    fn prepare(&mut self, revision: Revision);
    fn renew(&self, clock: &dyn Clock);
    /// It will show a state of this revision together with the other topics of the transaction.
    fn share(&self, revision: Revision);
    /// Holds back this topic's readers until all topics of the transaction are swapped.
    fn publish(&self) -> Option<Box<dyn Publish + '_>>;
}

impl<T: State> Staged for StagedTopic<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn replace(
        &mut self,
        next: &dyn Fn(&Persisted, &Value) -> Result<Value, ImportError>,
        clock: &dyn Clock,
    ) -> Result<(), ImportError> {
        let topic = self.cell.name();
        let saving = self.cell.saving().ok_or_else(|| ImportError::NotPersisted(topic.clone()))?;
        if self.cell.asker().is_some() {
            return Err(UpdateError::NotAsked(topic.clone()).into());
        }
        let present = Arc::clone(self.next.as_ref().unwrap_or(&self.base.value));
        let present_json = serde_json::to_value(&*present).unwrap_or(Value::Null);
        let set = Change::Set(next(&saving.options, &present_json)?);
        let cx = WriteContext { writer: None, revision: self.base.revision, clock };
        let next = self.cell.checked(set, &present, &cx, |_| Ok(T::clone(&present)));
        let next = next.map_err(|source| UpdateError::Change { topic: topic.clone(), source })?;
        self.next = Some(Arc::new(next));
        Ok(())
    }

    fn topic(&self) -> Arc<dyn AnyTopic> {
        self.cell.clone()
    }

    fn is_current(&self) -> bool {
        !self.cell.is_removed() && Arc::ptr_eq(&self.base, &self.cell.current())
    }

    fn is_written(&self) -> bool {
        self.next.is_some()
    }

    fn prepare(&mut self, revision: Revision) {
        self.ready = self.next.take().map(|value| Arc::new(self.base.next(revision, value)));
    }

    fn renew(&self, clock: &dyn Clock) {
        self.cell.renew(clock);
    }

    fn share(&self, revision: Revision) {
        self.cell.saving().into_iter().for_each(|saving| saving.share(revision));
    }

    fn publish(&self) -> Option<Box<dyn Publish + '_>> {
        let ready = Arc::clone(self.ready.as_ref()?);
        Some(Box::new(Publication { held: self.cell.hold_current(), ready }))
    }
}

struct Publication<G, T> {
    held: G,
    ready: Arc<Version<T>>,
}

/// A topic that is about to show its new state.
pub(crate) trait Publish {
    /// Shows it, to be seen when the guard is dropped. Returns the old one.
    fn swap(&mut self) -> Arc<dyn AnyVersion>;
}

impl<T: State, G: std::ops::DerefMut<Target = Arc<Version<T>>>> Publish for Publication<G, T> {
    fn swap(&mut self) -> Arc<dyn AnyVersion> {
        let next = Arc::clone(&self.ready);
        let old: Arc<Version<T>> = std::mem::replace(&mut *self.held, next);
        old
    }
}

impl Store {
    /// Changes several topics in one step: all or nothing, with one revision for all of them. Nobody who reads them
    /// together (in a transaction, or by [`Store::pull_many`]) sees some of it without the rest.
    ///
    /// The closure may run more than once, when others write what it has read: it must have no effect but on the
    /// transaction. As inside any write, it must not call the store; it reads through the transaction. A closure that
    /// fails or panics has changed nothing. A transaction that writes nothing returns no revision.
    ///
    /// ```
    /// # use lockstep_core::{NoAnnounce, Store, Topic, UpdateError};
    /// const OPEN: Topic<Vec<String>> = Topic::new("open");
    /// const DONE: Topic<Vec<String>> = Topic::new("done");
    ///
    /// # let store = Store::new(NoAnnounce);
    /// # store.create(OPEN, vec!["write".into()])?;
    /// # store.create(DONE, vec![])?;
    /// store.transaction(|tx| {
    ///     let item = tx.get(OPEN)?[0].clone();
    ///     tx.update(OPEN, |open| drop(open.remove(0)))?;
    ///     tx.update(DONE, |done| done.push(item))?;
    ///     Ok::<(), UpdateError>(())
    /// })?;
    /// assert_eq!(store.snapshot(OPEN)?.revision, store.snapshot(DONE)?.revision);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::Refused`] with what the closure returned; or that no revision is left.
    pub fn transaction<R, E>(
        &self,
        mut body: impl FnMut(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<(Option<Revision>, R), TransactionError<E>> {
        not_inside_write()?;
        let mut known: BTreeMap<TopicName, Arc<dyn AnyTopic>> = BTreeMap::new();
        let mut attempt = 0;
        loop {
            // Who is overtaken again and again holds the writers of its topics back while it runs. The topics are
            // locked in the order of their names, so that two such transactions do not wait for one another.
            attempt += 1;
            let before = if attempt > FREE_ATTEMPTS { known.clone() } else { BTreeMap::new() };
            // Dropped after the locks, since dropping states may be code of the app's.
            let mut tx = Transaction { store: self, staged: BTreeMap::new() };
            let ahead: Vec<_> = before.values().map(|topic| topic.lock()).collect();
            let result = {
                let _inside = InsideWrite::enter();
                body(&mut tx).map_err(TransactionError::Refused)?
            };
            known.extend(tx.staged.iter().map(|(name, staged)| (name.clone(), staged.topic())));
            let held = |staged: &dyn Staged| before.values().any(|topic| Arc::ptr_eq(topic, &staged.topic()));
            if !ahead.is_empty() && !tx.staged.values().all(|staged| held(&**staged)) {
                // It went on to a topic that is not held, or to one that has taken another's name: again, with that.
                continue;
            }
            let locked: Vec<_> = match ahead.is_empty() {
                true => tx.staged.values().map(|staged| staged.topic()).collect(),
                false => Vec::new(),
            };
            let guards: Vec<_> = locked.iter().map(|topic| topic.lock()).collect();
            // One that was removed meanwhile is not found any more, and the closure is told so.
            if !tx.staged.values().all(|staged| staged.is_current()) {
                continue;
            }
            tx.staged.retain(|_, staged| staged.is_written());
            if tx.staged.is_empty() {
                return Ok((None, result));
            }
            let revision = self.next_revision().map_err(|Exhausted| TransactionError::Exhausted)?;
            tx.staged.values().for_each(|staged| staged.share(revision));
            let old = publish(&mut tx.staged, revision);
            tx.staged.values().for_each(|staged| staged.renew(&**self.clock()));
            drop((guards, ahead));
            for staged in tx.staged.values() {
                self.note_readable(&*staged.topic(), revision);
            }
            drop(old);
            return Ok((Some(revision), result));
        }
    }
}

/// Shows all states at once: each is swapped while all are held (**I1**, over several topics).
fn publish(staged: &mut BTreeMap<TopicName, Box<dyn Staged>>, revision: Revision) -> Vec<Arc<dyn AnyVersion>> {
    for staged in staged.values_mut() {
        staged.prepare(revision);
    }
    let mut held: Vec<_> = staged.values().filter_map(|staged| staged.publish()).collect();
    held.iter_mut().map(|publication| publication.swap()).collect()
}
