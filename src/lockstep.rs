//! The app's own way to its topics.

use crate::{
    config::Settings,
    options::{AsyncContext, AsyncIntercept, TopicOptions},
    scopes::ReadScopes,
    wire::Operation,
};
use lockstep_core::{
    AccessError, Change, ClientWrite, CompareAndSetError, Proposal, CreateError, Reject, Revision, SessionKey,
    Snapshot, State, Store, StoreStats, Topic, TopicName, Transaction, TransactionError, TryUpdateError, UpdateError,
    WriteError,
};
use parking_lot::RwLock;
use serde::de::DeserializeOwned;
use std::{collections::HashMap, sync::Arc};
use tauri::{Manager, Runtime};

/// The topics of this app: `app.lockstep()`.
///
/// Every method but [`update_async`](Lockstep::update_async) is synchronous and quick, and all are safe to call from any
/// thread, but for one place: the inside of a write (the closure of [`update`](Lockstep::update) or of a transaction, a
/// reducer, a hook, a `Deserialize` of the topic's type). There each that reads or writes a topic is an error.
/// A write tells the windows after it is done, from another thread.
pub struct Lockstep {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) read_scopes: ReadScopes,
    hooks: RwLock<HashMap<TopicName, Arc<AsyncIntercept>>>,
}

impl Lockstep {
    pub(crate) fn new(store: Store, settings: Settings) -> Self {
        Self { store, settings, read_scopes: ReadScopes::default(), hooks: RwLock::default() }
    }

    /// Adds a topic at run time; those that are known from the start belong into the
    /// [`Builder`](crate::Builder::topic), where the bindings generator sees them.
    ///
    /// # Errors
    /// [`CreateError`] if the name is taken, it is called from inside a write, or no revision is left.
    pub fn create<T: State>(&self, topic: Topic<T>, initial: T) -> Result<Revision, CreateError> {
        self.create_with(topic, initial, TopicOptions::new())
    }

    /// Like [`Lockstep::create`], with a reducer for the topic's actions, and hooks.
    ///
    /// # Errors
    /// As [`Lockstep::create`].
    pub fn create_with<T: State>(
        &self,
        topic: Topic<T>,
        initial: T,
        options: TopicOptions<T>,
    ) -> Result<Revision, CreateError> {
        let TopicOptions { engine, intercept_async, .. } = options;
        let name = topic.name().clone();
        // Whoever sees the topic waits here for its hook.
        let mut hooks = self.hooks.write();
        let revision = self.store.create_with(topic, initial, engine)?;
        if let Some(hook) = intercept_async {
            hooks.insert(name, hook);
        }
        Ok(revision)
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
    /// [`UpdateError`] if the topic can't be reached, a hook of the topic's refuses, the topic has an asynchronous hook
    /// (then [`update_async`](Lockstep::update_async) is the way), or no revision is left.
    ///
    /// # Panics
    /// If the closure or a hook does; nothing has changed then.
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

    /// Like [`Lockstep::update`], for a topic with an asynchronous hook: waits for its turn, and asks the hook. Works for
    /// every other topic, too.
    ///
    /// # Errors
    /// As [`Lockstep::update`]; a hook that refuses, panics or takes too long is a `ChangeError::Rejected`; from within
    /// the topic's own hook it is [`AccessError::InsideWrite`].
    pub async fn update_async<T: State>(
        &self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T) + Send,
    ) -> Result<Revision, UpdateError> {
        let Some(hook) = self.hook(topic.name()) else { return self.update(topic, change) };
        if AsyncIntercept::is_asking_about(topic.name()) {
            // It would wait for itself.
            return Err(AccessError::InsideWrite.into());
        }
        let _turn = hook.turn().await;
        let cx = AsyncContext { session: None, revision: self.snapshot(topic.clone())?.revision };
        let refused = |reject: Reject| UpdateError::Change { topic: topic.name().clone(), source: reject.into() };
        let until = hook.limit_from_now();
        let asked = hook.ask(topic.name(), Change::Rust, cx, until).await.map_err(refused)?;
        self.store.update_asked(topic, asked, change)
    }

    /// Applies an action by the topic's reducer.
    ///
    /// # Errors
    /// [`UpdateError::Change`] if the reducer or a hook refuses, or the topic takes no actions; or as
    /// [`Lockstep::update`].
    pub fn dispatch<T: State, A: DeserializeOwned + 'static>(
        &self,
        topic: Topic<T>,
        action: A,
    ) -> Result<Revision, UpdateError> {
        self.store.dispatch(topic, action)
    }

    /// Changes several topics in one step: all or nothing, with one revision for all of them. Nobody who reads them
    /// together (in a transaction, or by one `get_snapshots`) sees some of it without the rest. The closure may run more than once, when others write what it has read; it must have no
    /// effect but on the transaction, and reads through it. A transaction that writes nothing has no revision.
    ///
    /// ```no_run
    /// # use tauri_plugin_lockstep::{LockstepExt, Topic, UpdateError};
    /// # const OPEN: Topic<Vec<String>> = Topic::new("open");
    /// # const DONE: Topic<Vec<String>> = Topic::new("done");
    /// # fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// app.lockstep().transaction(|tx| {
    ///     let first = tx.get(OPEN)?.first().cloned();
    ///     tx.update(OPEN, |open| drop(open.drain(..1)))?;
    ///     tx.update(DONE, |done| done.extend(first))?;
    ///     Ok::<(), UpdateError>(())
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TransactionError::Refused`] with what the closure returned, [`TransactionError::Access`] from inside a write, or
    /// [`TransactionError::Exhausted`]; nothing has changed then.
    pub fn transaction<R, E>(
        &self,
        body: impl FnMut(&mut Transaction<'_>) -> Result<R, E>,
    ) -> Result<(Option<Revision>, R), TransactionError<E>> {
        self.store.transaction(body)
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

    /// Applies a window's batch: in its turn, where the topic has an asynchronous hook, and after asking that.
    pub(crate) async fn write_from_client(
        &self,
        topic: &TopicName,
        session: SessionKey,
        seq: u64,
        operations: Vec<Operation>,
    ) -> Result<Arc<[Result<Revision, WriteError>]>, WriteError> {
        let hook = self.hook(topic);
        let _turn = match &hook {
            Some(hook) => Some(hook.turn().await),
            None => None,
        };
        // A repeated batch is answered from memory: nobody is asked again. Should the memory be gone when the engine
        // looks, or the hook have come only now, it refuses a batch that was not asked about.
        let asking = match &hook {
            Some(hook) if !self.store.was_taken(topic, &session, seq)? => Some((hook, hook.limit_from_now())),
            _ => None,
        };
        let mut writes = Vec::with_capacity(operations.len());
        for Operation { expected, change, forbidden } in operations {
            let change = match asking {
                _ if forbidden => Err(Reject::new("denied", "the window may not do this")),
                Some((hook, until)) => {
                    let revision = self.store.revision(topic)?;
                    let cx = AsyncContext { session: Some(session.clone()), revision };
                    hook.ask(topic, change, cx, until).await
                }
                None => Ok(change),
            };
            writes.push(Proposal { expected, change });
        }
        self.store.write(topic, ClientWrite { session, seq, asked: asking.is_some(), writes })
    }

    fn hook(&self, topic: &TopicName) -> Option<Arc<AsyncIntercept>> {
        self.hooks.read().get(topic).cloned()
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
