//! What a topic is declared with, beside its first value: a reducer for actions, and hooks.

use crate::{
    cell::State,
    change::Change,
    context::{Reject, WriteContext},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{any::Any, sync::Arc};

/// A reducer as it was given.
pub(crate) type TypedReducer<T, A> = Arc<dyn Fn(&mut T, A, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync>;

type JsonReducer<T> = Box<dyn Fn(&mut T, Value, &WriteContext<'_>) -> Result<(), ActionError> + Send + Sync>;
type Intercept = Box<dyn Fn(Change, &WriteContext<'_>) -> Result<Change, Reject> + Send + Sync>;
type Validate<T> = Box<dyn Fn(&T, &T, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync>;

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

/// What a topic is declared with, beside its first value.
///
/// All of it runs inside the write, under the topic's lock: it must be quick, and must not call the store.
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
/// store.register_with(COUNTER, 0, options)?;
/// store.dispatch(COUNTER, CounterAction::Add { by: 5 })?;
/// assert!(store.dispatch(COUNTER, CounterAction::Add { by: 500 }).is_err());
/// assert_eq!(*store.get(COUNTER)?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TopicOptions<T> {
    pub(crate) reducer: Option<Reducer<T>>,
    intercept: Option<Intercept>,
    validate: Option<Validate<T>>,
    pub(crate) asynchronous: bool,
}

impl<T> Default for TopicOptions<T> {
    fn default() -> Self {
        Self { reducer: None, intercept: None, validate: None, asynchronous: false }
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
        self.reducer = Some(Reducer { json: Box::new(json), typed: Box::new(typed) });
        self
    }

    /// Looks at every write before it is applied, and lets it pass, changes it, or refuses it. A write by the app's own
    /// code is [`Change::Rust`], which can pass or be refused, or be replaced by a change of another kind.
    #[must_use]
    pub fn intercept(
        mut self,
        intercept: impl Fn(Change, &WriteContext<'_>) -> Result<Change, Reject> + Send + Sync + 'static,
    ) -> Self {
        self.intercept = Some(Box::new(intercept));
        self
    }

    /// Looks at the state before and after every write, and may refuse it.
    #[must_use]
    pub fn validate(
        mut self,
        validate: impl Fn(&T, &T, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    ) -> Self {
        self.validate = Some(Box::new(validate));
        self
    }

    /// Declares that somebody outside is asked about every write first, and may take its time: a write that comes
    /// without an answer is [`UpdateError::NotAsked`](crate::UpdateError::NotAsked).
    #[must_use]
    pub fn asynchronous(mut self) -> Self {
        self.asynchronous = true;
        self
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
