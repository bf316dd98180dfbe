//! The app's own way to its topics.

use crate::{
    clients::Clients,
    config::Settings,
    error::CommandError,
    in_flight::InFlight,
    options::{AsyncContext, AsyncIntercept, TopicOptions},
    saver::Saver,
    scopes::ReadScopes,
    wire,
};
use lockstep_core::{
    AccessError, Change, CompareAndSetError, CreateError, Departure, Door, Holder, PullError, Reject, Revision,
    Snapshot, State, Store, StoreStats, Topic, TopicName, TopicPattern, Transaction, TransactionError, TryUpdateError,
    UpdateError,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use tauri::{Manager, Runtime, ipc::Response};
use tokio::sync::Notify;

/// The topics of this app: `app.lockstep()`.
///
/// Every method that is not `async` is quick, and all are safe to call from any
/// thread, but for one place: the inside of a write (the closure of [`update`](Lockstep::update) or of a transaction, a
/// reducer, a hook, a `Deserialize` of the topic's type). There each that reads or writes a topic is an error.
/// A write tells the windows after it is done, from another thread.
pub struct Lockstep {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) read_scopes: ReadScopes,
    pub(crate) clients: Clients,
    /// Where topics are saved.
    pub(crate) saver: Option<Saver>,
    pub(crate) in_flight: InFlight,
    /// What the windows lack may have changed.
    pub(crate) undelivered: Arc<Notify>,
    /// The app says of each page whether it may have anything.
    has_authorize: bool,
}

impl Lockstep {
    pub(crate) fn new(
        store: Store,
        settings: Settings,
        has_authorize: bool,
        saver: Option<Saver>,
        undelivered: Arc<Notify>,
    ) -> Self {
        let (read_scopes, clients, in_flight) = (ReadScopes::default(), Clients::default(), InFlight::default());
        Self { store, settings, read_scopes, clients, saver, in_flight, undelivered, has_authorize }
    }

    /// Creates a topic at run time; those that are there from the start belong into the
    /// [`Builder`](crate::Builder::topic). A topic of a family that the builder was given gets the family's options.
    ///
    /// ```no_run
    /// # use tauri_plugin_lockstep::{LockstepExt, TopicFamily};
    /// # const DOWNLOADS: TopicFamily<u64> = TopicFamily::new("downloads");
    /// # fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let download = DOWNLOADS.unique();
    /// app.lockstep().create(download.clone(), 0)?;
    /// app.lockstep().update(download.clone(), |bytes| *bytes += 1024)?;
    /// app.lockstep().remove(download.name())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`CreateError`] if the name is taken or reserved, its family is of another type, it is called from inside a write, or no
    /// revision is left.
    pub fn create<T: State>(&self, topic: Topic<T>, initial: T) -> Result<Revision, CreateError> {
        self.store.create(topic, initial)
    }

    /// Like [`Lockstep::create`], with options of its own.
    ///
    /// # Errors
    /// As [`Lockstep::create`].
    pub fn create_with<T: State>(
        &self,
        topic: Topic<T>,
        initial: T,
        options: TopicOptions<T>,
    ) -> Result<Revision, CreateError> {
        self.store.create_with(topic, initial, options.engine)
    }

    /// The topic's value with its revision; where there is no such topic, creates it first. `initial` may be called more
    /// than once, when others create and remove the topic at the same time.
    ///
    /// # Errors
    /// As [`Lockstep::create`], but for a name that is taken by a topic of this type.
    pub fn get_or_create<T: State>(
        &self,
        topic: Topic<T>,
        initial: impl Fn() -> T,
    ) -> Result<Snapshot<T>, CreateError> {
        self.store.get_or_create(topic, initial)
    }

    /// Like [`Lockstep::get_or_create`], with options of its own.
    ///
    /// # Errors
    /// As [`Lockstep::get_or_create`].
    pub fn get_or_create_with<T: State>(
        &self,
        topic: Topic<T>,
        initial: impl Fn() -> T,
        options: TopicOptions<T>,
    ) -> Result<Snapshot<T>, CreateError> {
        self.store.get_or_create_with(topic, initial, options.engine)
    }

    /// Removes a topic; says whether it was there. Its windows are told, and their writes refused. A topic that is
    /// created under the same name later has higher revisions.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write; [`AccessError::Reserved`] of [`PRIMARY`](crate::PRIMARY), which
    /// moves by what pages do alone.
    pub fn remove(&self, topic: &TopicName) -> Result<bool, AccessError> {
        self.store.remove(topic)
    }

    /// Removes every topic that the pattern covers, but for [`PRIMARY`](crate::PRIMARY); returns the names of those that
    /// were there.
    ///
    /// ```no_run
    /// # fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// # use tauri_plugin_lockstep::LockstepExt;
    /// app.lockstep().remove_all(&"downloads/*".parse()?)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn remove_all(&self, pattern: &TopicPattern) -> Result<Vec<TopicName>, AccessError> {
        self.store.remove_all(pattern)
    }

    /// Whether there is such a topic.
    pub fn contains(&self, topic: &TopicName) -> bool {
        self.store.contains(topic)
    }

    /// The names of all topics, in order.
    pub fn list(&self) -> Vec<TopicName> {
        self.store.list()
    }

    /// The topic's value as JSON, for code that does not know its type.
    ///
    /// # Errors
    /// [`PullError`] if there is no such topic, or its value cannot be turned into JSON.
    pub fn value_of(&self, topic: &TopicName) -> Result<Value, PullError> {
        self.store.value_of(topic)
    }

    /// Which page is the primary: held by at most one live page, of those that want to be. See
    /// [`PRIMARY`](crate::PRIMARY) for the topic that says so.
    pub fn primary(&self) -> Option<Holder> {
        self.store.primary()
    }

    /// Forgets what [`Builder::authorize`](crate::Builder::authorize) and the topics'
    /// [`allow`](TopicOptions::allow) said: every page is asked about again with its next call. So that windows call at
    /// once, their topics are announced anew, with a new revision each: all topics where there is an `authorize`, else
    /// those with an `allow`. A window finds `denied` what it may not have by now, and counts as its reader no more.
    ///
    /// A primary that is refused gives the role up when it has stopped what that entails, and the next page gets it then.
    /// One that runs no guest of ours may keep it for as long as it lives: see the `term` of a [`Holder`].
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn reauthorize(&self) -> Result<(), AccessError> {
        self.clients.forget_answers();
        self.store.touch_doors(self.has_authorize)
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

    /// What `get_snapshot` answers, for a command of the app's own, such as one without arguments that clients of another
    /// library call. Whoever may call that command may read the topic: no scope is asked.
    ///
    /// ```no_run
    /// use tauri::{AppHandle, ipc::Response};
    /// use tauri_plugin_lockstep::{CommandError, LockstepExt, Topic};
    ///
    /// const SETTINGS: Topic<String> = Topic::new("settings");
    ///
    /// #[tauri::command]
    /// async fn get_settings(app: AppHandle) -> Result<Response, CommandError> {
    ///     app.lockstep().answer(SETTINGS)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`CommandError`], which the window gets as `{ kind, message, … }`, as of `get_snapshot`.
    pub fn answer<T: State>(&self, topic: Topic<T>) -> Result<Response, CommandError> {
        Ok(Response::new(wire::answer(&self.store.pull(topic.name(), None)?)))
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

    /// Like [`Lockstep::update`], for a topic with an asynchronous hook: waits for its turn, and asks the hook. Where the
    /// topic's writes wait for the disk, it waits for that. Works for every other topic, too.
    ///
    /// # Errors
    /// As [`Lockstep::update`]; [`UpdateError::NotSaved`] if it was applied and is not on disk; a hook that refuses,
    /// panics or takes too long is a `ChangeError::Rejected`; from within the topic's own hook it is
    /// [`AccessError::InsideWrite`].
    pub async fn update_async<T: State>(
        &self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T) + Send,
    ) -> Result<Revision, UpdateError> {
        let name = topic.name().clone();
        let revision = self.update_in_turn(topic, change).await?;
        let saved = self.settled(&name, revision).await;
        saved.map_err(|reason| UpdateError::NotSaved { topic: name, revision, reason })?;
        Ok(revision)
    }

    async fn update_in_turn<T: State>(
        &self,
        topic: Topic<T>,
        change: impl FnOnce(&mut T) + Send,
    ) -> Result<Revision, UpdateError> {
        let door = self.store.door(topic.name())?;
        let Some(hook) = hook(&door)? else { return self.store.update_asked(topic, &door, Change::Rust, change) };
        if AsyncIntercept::is_asking_about(topic.name()) {
            // It would wait for itself.
            return Err(AccessError::InsideWrite.into());
        }
        let _turn = hook.turn().await;
        let cx = AsyncContext { session: None, client: None, revision: door.revision()? };
        let refused = |reject: Reject| UpdateError::Change { topic: topic.name().clone(), source: reject.into() };
        let until = hook.limit_from_now();
        let asked = hook.ask(topic.name(), Change::Rust, cx, until).await.map_err(refused)?;
        self.store.update_asked(topic, &door, asked, change)
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

    /// How many pages read the topic through the guest just now.
    pub fn readers(&self, topic: &TopicName) -> usize {
        self.store.readers(topic)
    }

    /// How much the plugin remembers, to see that it does not grow.
    pub fn stats(&self) -> StoreStats {
        self.store.stats()
    }

    /// The label's page has gone.
    pub(crate) fn drop_label(&self, label: &str, departure: Departure) {
        self.clients.end(label);
        self.store.drop_label(label, departure);
        self.read_scopes.forget(label);
    }
}

/// The topic's asynchronous hook.
pub(crate) fn hook(door: &Door) -> Result<Option<Arc<AsyncIntercept>>, AccessError> {
    Ok(door.asker()?.and_then(AsyncIntercept::of))
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
