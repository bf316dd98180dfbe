//! The log: actions in an order, listeners, ids.

mod ids;
mod listeners;

pub use listeners::{Filter, Listening};

use crate::{
    action::{Action, Entry, Fields, Meta},
    clock::{Clock, SystemClock},
    id::{ActionId, IdError, check_node_id},
    store::{Criteria, MetaChange, Order, Query, Store, StoreError},
};
use ids::Ids;
use listeners::Listeners;
use parking_lot::{Mutex, RwLock};
use std::{ops::ControlFlow, sync::Arc};
use tokio::sync::oneshot;

/// Actions, each with its meta, over a [`Store`]. A handle: clones are the same log.
///
/// - Listeners hear of actions in the order of their numbers, after the store has them.
/// - An action without reasons is emitted and not stored. Its number is 0.
/// - An action whose id the store has is left alone, and nobody hears of it again.
/// - Ids never repeat, not even where the clock goes back, or the process is killed: a durable store reserves their
///   times up to a second ahead.
/// - An addition that has begun goes on to its end, even if nobody waits for it any more.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use logux::{Action, Fields, Log, MemoryStore, Order};
/// let log = Log::new("10:client:tab", MemoryStore::new())?;
/// log.add(Action::new("user/rename").with("name", "Ada"), Fields::reason("user")).await?;
/// assert_eq!(log.entries(Order::Created).await?[0].action.text("name"), Some("Ada"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    node_id: RwLock<Arc<str>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Held while something is added: additions, and what listeners hear of them, have one order.
    adding: Arc<tokio::sync::Mutex<Ids>>,
    /// What waits for a store that blocks: all of it is added in one step.
    waiting: Mutex<Vec<Waiting>>,
    listeners: Arc<Listeners>,
}

/// The meta of an action that is about to be added.
#[derive(Clone, Debug, Default)]
pub struct NewMeta {
    /// Made by the log where it is not given.
    pub id: Option<ActionId>,
    /// The id's milliseconds where it is not given.
    pub time: Option<i64>,
    /// The rest.
    pub fields: Fields,
}

impl From<Fields> for NewMeta {
    fn from(fields: Fields) -> Self {
        Self { fields, ..Self::default() }
    }
}

impl From<Meta> for NewMeta {
    fn from(meta: Meta) -> Self {
        Self { id: Some(meta.id), time: Some(meta.time), fields: meta.fields }
    }
}

/// What became of an addition.
#[derive(Clone, Debug, PartialEq)]
pub enum Added {
    /// The log has it now (or, without reasons, has emitted it).
    New(Arc<Entry>),
    /// The id is known. Nothing has changed.
    Known,
}

impl Added {
    /// The entry, where it is new.
    pub fn entry(&self) -> Option<&Arc<Entry>> {
        match self {
            Self::New(entry) => Some(entry),
            Self::Known => None,
        }
    }
}

/// How many entries [`Log::each`] reads at once.
const PAGE: usize = 256;

impl Log {
    /// A log of this node, on the system's clock.
    ///
    /// # Errors
    /// [`IdError::Node`], see [`check_node_id`].
    pub fn new(node_id: &str, store: impl Store) -> Result<Self, IdError> {
        Self::with_clock(node_id, Arc::new(store), Arc::new(SystemClock))
    }

    /// A log of this node, on a clock.
    ///
    /// # Errors
    /// [`IdError::Node`], see [`check_node_id`].
    pub fn with_clock(node_id: &str, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, IdError> {
        check_node_id(node_id)?;
        let (node_id, adding) = (RwLock::new(node_id.into()), Arc::default());
        let (waiting, listeners) = (Mutex::default(), Arc::default());
        Ok(Self(Arc::new(Inner { node_id, store, clock, adding, waiting, listeners })))
    }

    /// The node whose log it is.
    pub fn node_id(&self) -> Arc<str> {
        Arc::clone(&self.0.node_id.read())
    }

    pub(crate) fn set_node_id(&self, node_id: &str) {
        *self.0.node_id.write() = node_id.into();
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Adds an action.
    ///
    /// # Errors
    /// [`StoreError`]: it was not added, and nobody hears of it.
    pub async fn add(&self, action: Action, meta: impl Into<NewMeta>) -> Result<Added, StoreError> {
        let action = (action, meta.into());
        if !self.0.store.is_blocking() {
            let mut ids = self.0.adding.lock().await;
            return self.0.add_one(&mut ids, action);
        }
        let added = self.add_all(vec![action]).await?;
        Ok(added.into_iter().next().unwrap_or(Added::Known))
    }

    /// Adds actions in one step of the store.
    ///
    /// # Errors
    /// [`StoreError`]: none was added, and nobody hears of any.
    pub async fn add_all(&self, actions: Vec<(Action, NewMeta)>) -> Result<Vec<Added>, StoreError> {
        if !self.0.store.is_blocking() {
            let mut ids = self.0.adding.lock().await;
            // From here on without an await: nobody can give up in the middle.
            return self.0.add_now(&mut ids, actions);
        }
        let (answer, answered) = oneshot::channel();
        self.0.waiting.lock().push(Waiting { actions, answer });
        // A task of its own, so that whoever gives up waiting does not part the store from the listeners.
        let log = self.clone();
        tokio::spawn(async move {
            let mut ids = Arc::clone(&log.0.adding).lock_owned().await;
            let waiting = std::mem::take(&mut *log.0.waiting.lock());
            // Otherwise somebody has added it along with their own.
            if !waiting.is_empty() {
                let adding = move || {
                    log.0.add_waiting(&mut ids, waiting);
                    Ok(())
                };
                let _ = blocking(adding).await;
            }
        });
        answered.await.unwrap_or_else(|error| Err(interrupted(error)))
    }

    /// An id that was never given out, for an action that is added later.
    ///
    /// # Errors
    /// [`StoreError`]: it could not be reserved.
    pub async fn generate_id(&self) -> Result<ActionId, StoreError> {
        let mut ids = Arc::clone(&self.0.adding).lock_owned().await;
        let log = self.clone();
        self.run(move |store| ids.next(store, &*log.0.clock, &log.node_id())).await
    }

    /// The entry with the id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_id(&self, id: &ActionId) -> Result<Option<Arc<Entry>>, StoreError> {
        let id = id.clone();
        self.run(move |store| store.by_id(&id)).await
    }

    /// All entries, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn entries(&self, order: Order) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.page(Query { order, index: None, newest_first: false, after: None, limit: usize::MAX }).await
    }

    /// Calls for each entry, the newest first, until told to stop. Reads in pages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn each(
        &self,
        order: Order,
        visit: impl FnMut(&Arc<Entry>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.each_of(Query { order, index: None, newest_first: true, after: None, limit: PAGE }, visit).await
    }

    /// As [`each`](Self::each), of the entries with an index ([`Fields::indexes`]): what is not in it is not read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn each_in(
        &self,
        index: &str,
        order: Order,
        visit: impl FnMut(&Arc<Entry>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let index = Some(index.to_owned());
        self.each_of(Query { order, index, newest_first: true, after: None, limit: PAGE }, visit).await
    }

    async fn each_of(
        &self,
        mut query: Query,
        mut visit: impl FnMut(&Arc<Entry>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        loop {
            let page = self.page(query.clone()).await?;
            for entry in &page {
                if visit(entry).is_break() {
                    return Ok(());
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => query.after = Some(query.position(&last.meta)),
                _ => return Ok(()),
            }
        }
    }

    pub(crate) async fn page(&self, query: Query) -> Result<Vec<Arc<Entry>>, StoreError> {
        self.run(move |store| store.page(&query)).await
    }

    /// Changes an entry's meta; without any reasons left it is removed. False where there is no such entry.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was changed.
    pub async fn change_meta(&self, id: &ActionId, change: MetaChange) -> Result<bool, StoreError> {
        let id = id.clone();
        let cleans = change.reasons.as_ref().is_some_and(Vec::is_empty);
        let change_one = move |store: &dyn Store| {
            if !cleans {
                return store.change_meta(&id, &change).map(|found| (found, None));
            }
            let mut removed = store.remove(&id)?;
            if let Some(entry) = &mut removed {
                change.apply(&mut Arc::make_mut(entry).meta.fields);
            }
            Ok((removed.is_some(), removed))
        };
        let (found, removed) = self.run(change_one).await?;
        if let Some(entry) = removed {
            self.0.listeners.clean(&entry);
        }
        Ok(found)
    }

    /// Takes a reason from the entries that meet the criteria, and removes those without any left.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was changed.
    pub async fn remove_reason(&self, reason: &str, criteria: Criteria) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        let cleaned = self.run(move |store| store.remove_reason(&reason, &criteria)).await?;
        cleaned.iter().for_each(|entry| self.0.listeners.clean(entry));
        Ok(())
    }

    /// Calls before each action is added, whether or not it is new; the meta may be changed. Until the guard is dropped.
    ///
    /// The listener must be quick, and must not wait for the log.
    #[must_use = "dropping it ends the listening"]
    pub fn on_preadd(&self, listener: impl Fn(&Action, &mut Meta) + Send + Sync + 'static) -> Listening {
        self.0.listeners.on_preadd(Box::new(listener))
    }

    /// Calls for each new action that the filter lets through, in order. Until the guard is dropped.
    ///
    /// The listener must be quick, and must not wait for the log.
    #[must_use = "dropping it ends the listening"]
    pub fn on_add(&self, filter: Filter, listener: impl Fn(&Arc<Entry>) + Send + Sync + 'static) -> Listening {
        self.0.listeners.on_add(filter, Box::new(listener))
    }

    /// Calls for each action that the filter lets through when it leaves the log, or was emitted without being stored.
    /// Until the guard is dropped.
    ///
    /// The listener must be quick, and must not wait for the log.
    #[must_use = "dropping it ends the listening"]
    pub fn on_clean(&self, filter: Filter, listener: impl Fn(&Arc<Entry>) + Send + Sync + 'static) -> Listening {
        self.0.listeners.on_clean(filter, Box::new(listener))
    }

    #[cfg(all(test, feature = "redb"))]
    pub(crate) fn waiting(&self) -> usize {
        self.0.waiting.lock().len()
    }

    /// A step of the store, where it keeps nobody waiting. It goes on to its end once begun.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.0.store.is_blocking() {
            return step(&*self.0.store);
        }
        let store = Arc::clone(&self.0.store);
        blocking(move || step(&*store)).await
    }
}

async fn blocking<T: Send + 'static>(
    step: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    join(tokio::task::spawn_blocking(step)).await
}

pub(crate) async fn join<T>(task: tokio::task::JoinHandle<Result<T, StoreError>>) -> Result<T, StoreError> {
    task.await.unwrap_or_else(|error| Err(interrupted(error)))
}

fn interrupted(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::failed("go on: the runtime ends, or a listener panicked", error)
}

struct Waiting {
    actions: Vec<(Action, NewMeta)>,
    answer: oneshot::Sender<Result<Vec<Added>, StoreError>>,
}

impl Inner {
    fn add_waiting(&self, ids: &mut Ids, waiting: Vec<Waiting>) {
        let (mut all, mut answers) = (Vec::new(), Vec::with_capacity(waiting.len()));
        for Waiting { actions, answer } in waiting {
            answers.push((actions.len(), answer));
            all.extend(actions);
        }
        let result = self.add_now(ids, all).map(Vec::into_iter);
        match result {
            Ok(mut added) => answers.into_iter().for_each(|(count, answer)| {
                // Whoever gave up waiting need not know.
                let _ = answer.send(Ok(added.by_ref().take(count).collect()));
            }),
            Err(error) => answers.into_iter().for_each(|(_, answer)| {
                let _ = answer.send(Err(error.clone()));
            }),
        }
    }

    fn add_one(&self, ids: &mut Ids, action: (Action, NewMeta)) -> Result<Added, StoreError> {
        let (node_id, mut to_store) = (Arc::clone(&self.node_id.read()), Vec::new());
        let added = match self.prepare(ids, &node_id, action, &mut to_store)? {
            Some(added) => added,
            None => self.store.add(to_store)?.pop().flatten().map_or(Added::Known, Added::New),
        };
        if let Some(entry) = added.entry() {
            self.added(entry);
        }
        Ok(added)
    }

    fn add_now(&self, ids: &mut Ids, actions: Vec<(Action, NewMeta)>) -> Result<Vec<Added>, StoreError> {
        let node_id = Arc::clone(&self.node_id.read());
        let mut places = Vec::with_capacity(actions.len());
        let mut to_store = Vec::new();
        for action in actions {
            places.push(self.prepare(ids, &node_id, action, &mut to_store)?);
        }
        if !to_store.is_empty() {
            let mut stored = self.store.add(to_store)?.into_iter();
            for place in places.iter_mut().filter(|place| place.is_none()) {
                *place = stored.next().flatten().map(Added::New);
            }
        }
        let added: Vec<Added> = places.into_iter().map(|place| place.unwrap_or(Added::Known)).collect();
        for entry in added.iter().filter_map(Added::entry) {
            self.added(entry);
        }
        Ok(added)
    }

    /// `None` where it is to be stored.
    fn prepare(
        &self,
        ids: &mut Ids,
        node_id: &Arc<str>,
        (action, new): (Action, NewMeta),
        to_store: &mut Vec<Entry>,
    ) -> Result<Option<Added>, StoreError> {
        let given = new.id.is_some();
        let id = match new.id {
            Some(id) => id,
            None => ids.next(&*self.store, &*self.clock, node_id)?,
        };
        let mut meta = Meta { time: new.time.unwrap_or(id.ms), id, added: 0, fields: new.fields };
        self.listeners.preadd(&action, &mut meta);
        if let Some(reason) = meta.keep_last.clone().filter(|reason| !meta.reasons.contains(reason)) {
            meta.reasons.push(reason);
        }
        let entry = Entry { action, meta };
        if !entry.meta.reasons.is_empty() {
            to_store.push(entry);
            return Ok(None);
        }
        let comes_along = || to_store.iter().any(|other| other.meta.id == entry.meta.id);
        let is_known = given && (comes_along() || self.store.by_id(&entry.meta.id)?.is_some());
        Ok(Some(if is_known { Added::Known } else { Added::New(Arc::new(entry)) }))
    }

    fn added(&self, entry: &Arc<Entry>) {
        self.listeners.add(entry);
        if entry.meta.added == 0 {
            self.listeners.clean(entry);
        }
        // After the newest is stored: a crash in between leaves two, and not none.
        let Some(reason) = &entry.meta.keep_last else { return };
        match self.store.remove_reason(reason, &Criteria::older_than(entry.meta.created())) {
            Ok(cleaned) => cleaned.iter().for_each(|entry| self.listeners.clean(entry)),
            // It was added all the same. The next one removes both.
            Err(error) => tracing::error!(%error, id = %entry.meta.id, "what is older than it could not be removed"),
        }
    }
}

#[cfg(test)]
mod tests;
