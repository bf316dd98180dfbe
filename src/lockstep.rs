//! The app's own way to its topics.

use crate::{config::Settings, scopes::ReadScopes};
use lockstep_core::{
    AccessError, CompareAndSetError, RegisterError, Revision, Snapshot, State, Store, StoreStats, Topic, TopicName,
    TryUpdateError, UpdateError,
};
use std::sync::Arc;
use tauri::{Manager, Runtime};

/// The topics of this app: `app.lockstep()`.
///
/// Every method is synchronous, quick, and safe to call from any thread, but for one place: the inside of a write (the
/// closure of [`update`](Lockstep::update), or a `Deserialize` of the topic's type). There each of them is an error.
/// A write tells the windows after it is done, from another thread.
pub struct Lockstep {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) read_scopes: ReadScopes,
}

impl Lockstep {
    /// Adds a topic at run time; those that are known from the start belong into the
    /// [`Builder`](crate::Builder::topic), where the bindings generator sees them.
    ///
    /// # Errors
    /// [`RegisterError`] if the name is taken.
    pub fn register<T: State>(&self, topic: Topic<T>, initial: T) -> Result<Revision, RegisterError> {
        self.store.register(topic, initial)
    }

    /// The topic's value. It is shared, not copied; a later write makes a new one.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered, or with another type.
    pub fn get<T: State>(&self, topic: Topic<T>) -> Result<Arc<T>, AccessError> {
        self.store.get(topic)
    }

    /// The topic's value with its revision, as one pair.
    ///
    /// # Errors
    /// As [`Lockstep::get`].
    pub fn snapshot<T: State>(&self, topic: Topic<T>) -> Result<Snapshot<T>, AccessError> {
        self.store.snapshot(topic)
    }

    /// Changes the topic's value in place, on a copy: if the closure panics, nothing has changed.
    ///
    /// # Errors
    /// [`UpdateError`] if the topic can't be reached.
    pub fn update<T: State>(&self, topic: Topic<T>, change: impl FnOnce(&mut T)) -> Result<Revision, UpdateError> {
        self.store.update(topic, change)
    }

    /// Like [`Lockstep::update`], but the closure may refuse: then nothing has changed.
    ///
    /// # Errors
    /// [`TryUpdateError::Refused`] with what the closure returned, or as [`Lockstep::update`].
    pub fn try_update<T: State, E>(
        &self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T) -> Result<(), E>,
    ) -> Result<Revision, TryUpdateError<E>> {
        self.store.try_update(topic, change)
    }

    /// Replaces the topic's value.
    ///
    /// # Errors
    /// As [`Lockstep::update`].
    pub fn set<T: State>(&self, topic: Topic<T>, value: T) -> Result<Revision, UpdateError> {
        self.store.set(topic, value)
    }

    /// Replaces the topic's value if the topic is at exactly this revision.
    ///
    /// # Errors
    /// [`CompareAndSetError::Conflict`] with the current revision if it is not, or as [`Lockstep::update`].
    pub fn compare_and_set<T: State>(
        &self,
        topic: Topic<T>,
        expected: Revision,
        value: T,
    ) -> Result<Revision, CompareAndSetError> {
        self.store.compare_and_set(topic, expected, value)
    }

    /// The names of all topics, in order.
    pub fn topics(&self) -> Vec<TopicName> {
        self.store.topics()
    }

    /// How many pages read the topic through the guest just now.
    pub fn readers(&self, topic: &TopicName) -> usize {
        self.store.readers(topic)
    }

    /// How much the plugin remembers, to see that it does not grow.
    pub fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// The label's page has gone.
    pub(crate) fn drop_label(&self, label: &str) {
        self.store.drop_label(label);
        self.read_scopes.forget(label);
    }
}

/// Gives every Tauri manager (an app, its handle, a window) the app's topics.
pub trait LockstepExt<R: Runtime> {
    /// The topics of this app.
    ///
    /// # Panics
    /// If the plugin was not added to the app: `tauri::Builder::default().plugin(…)`.
    fn lockstep(&self) -> &Lockstep;
}

impl<R: Runtime, M: Manager<R>> LockstepExt<R> for M {
    fn lockstep(&self) -> &Lockstep {
        self.state::<Lockstep>().inner()
    }
}
