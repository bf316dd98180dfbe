//! What a topic is declared with, beside its first value: a reducer for actions, and hooks.

use crate::{
    cell::State,
    change::Change,
    client::Client,
    collection::Incremental,
    context::{Reject, WriteContext},
    error::ChangeError,
    persisted::Persisted,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    any::Any,
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A reducer as it was given.
pub(crate) type TypedReducer<T, A> = Arc<dyn Fn(&mut T, A, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync>;

type JsonReducer<T> = Box<dyn Fn(&mut T, Value, &WriteContext<'_>) -> Result<(), ActionError> + Send + Sync>;
type Intercept = Arc<dyn Fn(Change, &WriteContext<'_>) -> Result<Change, Reject> + Send + Sync>;
type Validate<T> = Arc<dyn Fn(&T, &T, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync>;
pub(crate) type SelfDestruct = Arc<dyn Fn(usize, SystemTime) -> bool + Send + Sync>;
pub(crate) type Allow = Arc<dyn Fn(&Client) -> bool + Send + Sync>;

/// Who is asked about every write of a topic before it is made: the engine only keeps it.
pub type Asker = Arc<dyn Any + Send + Sync>;
type MakeAsker = Arc<dyn Fn() -> Asker + Send + Sync>;

/// Why an action was not taken.
pub(crate) enum ActionError {
    Invalid { path: String, reason: String },
    Rejected(Reject),
}

/// One reducer, for those who know the action's type and for those who don't.
pub(crate) struct Reducer<T> {
    pub(crate) json: JsonReducer<T>,
    /// A [`TypedReducer`].
    pub(crate) typed: Box<dyn Any + Send + Sync>,
}

/// What a topic is declared with, beside its first value. Its clones share what was given.
///
/// Reducer and hooks run inside the write, under the topic's lock: they must be quick, and must not call the store.
///
/// ```
/// use lockstep_core::{NoAnnounce, Reject, Store, Topic, TopicOptions};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(tag = "type", rename_all = "camelCase")]
/// enum CounterAction {
///     Add { by: u32 },
/// }
///
/// const COUNTER: Topic<u32> = Topic::new("counter");
///
/// let store = Store::new(NoAnnounce);
/// let options = TopicOptions::new()
///     .action(|count: &mut u32, CounterAction::Add { by }, _| {
///         *count += by;
///         Ok(())
///     })
///     .validate(|_, next, _| match next {
///         0..=100 => Ok(()),
///         _ => Err(Reject::new("limit", "a counter goes to 100")),
///     });
/// store.create_with(COUNTER, 0, options)?;
/// store.dispatch(COUNTER, CounterAction::Add { by: 5 })?;
/// assert!(store.dispatch(COUNTER, CounterAction::Add { by: 500 }).is_err());
/// assert_eq!(*store.get(COUNTER)?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TopicOptions<T> {
    pub(crate) reducer: Option<Arc<Reducer<T>>>,
    intercept: Option<Intercept>,
    validate: Option<Validate<T>>,
    make_asker: Option<MakeAsker>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) renewed_by_writes: bool,
    pub(crate) self_destruct: Option<SelfDestruct>,
    pub(crate) allow: Option<Allow>,
    /// How a state that knows what changed in it is dealt with.
    pub(crate) incremental: Option<Incremental<T>>,
    pub(crate) persisted: Option<Persisted>,
}

impl<T> Default for TopicOptions<T> {
    fn default() -> Self {
        Self {
            reducer: None,
            intercept: None,
            validate: None,
            make_asker: None,
            ttl: None,
            renewed_by_writes: false,
            self_destruct: None,
            allow: None,
            incremental: None,
            persisted: None,
        }
    }
}

impl<T> Clone for TopicOptions<T> {
    fn clone(&self) -> Self {
        Self {
            reducer: self.reducer.clone(),
            intercept: self.intercept.clone(),
            validate: self.validate.clone(),
            make_asker: self.make_asker.clone(),
            ttl: self.ttl,
            renewed_by_writes: self.renewed_by_writes,
            self_destruct: self.self_destruct.clone(),
            allow: self.allow.clone(),
            incremental: self.incremental,
            persisted: self.persisted.clone(),
        }
    }
}

impl<T: State> TopicOptions<T> {
    /// No reducer, no hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// How actions change the state. What the reducer changes before it refuses is undone. A topic has one type of
    /// actions: the last reducer given counts.
    #[must_use]
    pub fn action<A: DeserializeOwned + 'static>(
        mut self,
        reducer: impl Fn(&mut T, A, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    ) -> Self {
        let typed: TypedReducer<T, A> = Arc::new(reducer);
        let reduce = Arc::clone(&typed);
        let json = move |state: &mut T, action: Value, cx: &WriteContext<'_>| {
            let action: A = serde_path_to_error::deserialize(action).map_err(|error| ActionError::Invalid {
                path: error.path().to_string(),
                reason: error.inner().to_string(),
            })?;
            reduce(state, action, cx).map_err(ActionError::Rejected)
        };
        self.reducer = Some(Arc::new(Reducer { json: Box::new(json), typed: Box::new(typed) }));
        self
    }

    /// Looks at every write before it is applied, and lets it pass, changes it, or refuses it. A write by the app's own
    /// code is [`Change::Rust`], which can pass or be refused, or be replaced by a change of another kind.
    #[must_use]
    pub fn intercept(
        mut self,
        intercept: impl Fn(Change, &WriteContext<'_>) -> Result<Change, Reject> + Send + Sync + 'static,
    ) -> Self {
        self.intercept = Some(Arc::new(intercept));
        self
    }

    /// Looks at the state before and after every write, and may refuse it.
    #[must_use]
    pub fn validate(
        mut self,
        validate: impl Fn(&T, &T, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Arc::new(validate));
        self
    }

    /// Declares that somebody outside is asked about every write first, and may take its time: a write that comes
    /// without an answer is [`UpdateError::NotAsked`](crate::UpdateError::NotAsked). Each topic gets an asker of its own,
    /// see [`Door::asker`](crate::Door::asker).
    #[must_use]
    pub fn asynchronous(mut self, make_asker: impl Fn() -> Asker + Send + Sync + 'static) -> Self {
        self.make_asker = Some(Arc::new(make_asker));
        self
    }

    /// How long the topic lives: it is removed when this has passed since its creation. Default: until it is removed.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Every write lets the time of [`TopicOptions::ttl`] begin anew.
    #[must_use]
    pub fn renewed_by_writes(mut self) -> Self {
        self.renewed_by_writes = true;
        self
    }

    /// Removes the topic when `wanted` says so. It is told how many pages read the topic, and when the topic was
    /// created; it is asked whenever a page stops reading it (closes, reloads, crashes, unsubscribes), and every
    /// [`SELF_DESTRUCT_INTERVAL`](crate::SELF_DESTRUCT_INTERVAL). A page that subscribes while it is being asked keeps
    /// the topic alive. It is asked under no lock; where it panics, the topic stays.
    #[must_use]
    pub fn self_destruct(mut self, wanted: impl Fn(usize, SystemTime) -> bool + Send + Sync + 'static) -> Self {
        self.self_destruct = Some(Arc::new(wanted));
        self
    }

    /// Who may read and write the topic, beside what the capabilities' scopes say. Where it panics, nobody may.
    #[must_use]
    pub fn allow(mut self, allow: impl Fn(&Client) -> bool + Send + Sync + 'static) -> Self {
        self.allow = Some(Arc::new(allow));
        self
    }

    /// Saves the topic, and begins it with what was saved of it, where the store was given a database (see
    /// [`StoreOptions::persistence`](crate::StoreOptions::persistence)). A topic that is removed is kept no more.
    #[must_use]
    pub fn persisted(mut self, persisted: Persisted) -> Self {
        self.persisted = Some(persisted);
        self
    }

    /// Whether it is saved.
    pub fn is_persisted(&self) -> bool {
        self.persisted.is_some()
    }

    pub(crate) fn asker(&self) -> Option<Asker> {
        self.make_asker.as_ref().map(|make| make())
    }

    pub(crate) fn is_asynchronous(&self) -> bool {
        self.make_asker.is_some()
    }

    /// What a window's change makes of the value, once it has passed the hooks.
    pub(crate) fn proposed(&self, change: Change, current: &T, cx: &WriteContext<'_>) -> Result<T, ChangeError> {
        let change = self.intercepted(change, cx)?;
        let next = self.applied(change, current, cx)?;
        self.validated(current, &next, cx)?;
        Ok(next)
    }

    pub(crate) fn applied(&self, change: Change, current: &T, cx: &WriteContext<'_>) -> Result<T, ChangeError> {
        match (self.incremental, change) {
            (Some(incremental), change @ (Change::Set(_) | Change::Merge(_) | Change::Patch(_))) => {
                (incremental.apply)(current, change)
            }
            (_, change) => change.apply(current, self.reducer.as_deref(), cx),
        }
    }

    pub(crate) fn intercepted(&self, change: Change, cx: &WriteContext<'_>) -> Result<Change, Reject> {
        match &self.intercept {
            Some(intercept) => intercept(change, cx),
            None => Ok(change),
        }
    }

    pub(crate) fn validated(&self, current: &T, next: &T, cx: &WriteContext<'_>) -> Result<(), Reject> {
        self.validate.as_ref().map_or(Ok(()), |validate| validate(current, next, cx))
    }
}
