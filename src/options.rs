//! What a topic is declared with, beside its first value.

use crate::bindings::Bindings;
use lockstep_core::{Change, Reject, Revision, SessionKey, State, TopicName, WriteContext};
use serde::de::DeserializeOwned;
use std::{future::Future, pin::Pin, sync::Arc, time::Duration};
use tauri::async_runtime;
use tokio::{
    sync::Mutex,
    task_local,
    time::{Instant, timeout_at},
};
use ts_rs::TS;

type AsyncHook =
    Arc<dyn Fn(Change, AsyncContext) -> Pin<Box<dyn Future<Output = Result<Change, Reject>> + Send>> + Send + Sync>;

/// What an asynchronous hook is told of a write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AsyncContext {
    /// The page that writes; `None` when the app's own Rust code does.
    pub session: Option<SessionKey>,
    /// The topic's revision when the hook was asked. It may be higher when the write is applied.
    pub revision: Revision,
}

impl AsyncContext {
    /// The label of the window that writes; `None` when the app's own Rust code does.
    pub fn window(&self) -> Option<&str> {
        self.session.as_ref().map(|session| &**session.label())
    }
}

/// A topic's asynchronous hook, with the queue that keeps its writes in order.
pub(crate) struct AsyncIntercept {
    hook: AsyncHook,
    limit: Duration,
    queue: Mutex<()>,
}

impl AsyncIntercept {
    /// Waits until the writes before this one are done. The queue is fair; the next write waits until the guard is
    /// dropped.
    pub(crate) async fn turn(&self) -> impl Drop + Send + '_ {
        self.queue.lock().await
    }

    /// Until when the hook may take for a batch that it is asked about from now on.
    pub(crate) fn limit_from_now(&self) -> Instant {
        Instant::now() + self.limit
    }

    /// Whether this code runs in the topic's hook.
    pub(crate) fn is_asking_about(topic: &TopicName) -> bool {
        ASKED_ABOUT.try_with(|asked| asked == topic).unwrap_or(false)
    }

    /// Asks the hook. One that panics or takes too long refuses.
    pub(crate) async fn ask(
        &self,
        topic: &TopicName,
        change: Change,
        cx: AsyncContext,
        until: Instant,
    ) -> Result<Change, Reject> {
        let (hook, limit) = (Arc::clone(&self.hook), self.limit);
        let asking = ASKED_ABOUT.scope(topic.clone(), async move { hook(change, cx).await });
        // On Tauri's runtime, so that any executor may wait for it. A task of its own, so that a panic ends there, and
        // so that one that blocks its thread is not waited for.
        let asked = async_runtime::spawn(async move {
            let asked = tokio::spawn(asking);
            let abort = asked.abort_handle();
            let answer = timeout_at(until, asked).await;
            abort.abort();
            answer
        });
        match asked.await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Err(_)) => Err(Reject::new("timeout", format!("the topic's hook did not answer within {limit:?}"))),
            Ok(Ok(Err(_))) | Err(_) => Err(Reject::new("panicked", "the topic's asynchronous hook panicked")),
        }
    }
}

task_local! {
    /// The topic whose hook this task runs.
    static ASKED_ABOUT: TopicName;
}

/// What a topic is declared with, beside its first value: a reducer for its actions, and hooks. They see every write,
/// in this order: `intercept_async`, `intercept`, the change itself, `validate`.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use tauri_plugin_lockstep::{Builder, Reject, Topic, TopicOptions};
/// use ts_rs::TS;
///
/// #[derive(Deserialize, TS)]
/// #[serde(tag = "type", rename_all = "camelCase")]
/// enum TodoAction {
///     Add { title: String },
///     Clear,
/// }
///
/// const TODOS: Topic<Vec<String>> = Topic::new("todos");
///
/// let builder = Builder::new().topic_with(
///     TODOS,
///     vec![],
///     TopicOptions::new()
///         .action(|todos: &mut Vec<String>, action: TodoAction, _| {
///             match action {
///                 TodoAction::Add { title } if title.is_empty() => {
///                     return Err(Reject::new("empty", "a task needs a title"));
///                 }
///                 TodoAction::Add { title } => todos.push(title),
///                 TodoAction::Clear => todos.clear(),
///             }
///             Ok(())
///         })
///         .validate(|_, next, _| match next.len() {
///             0..=100 => Ok(()),
///             _ => Err(Reject::new("full", "the list holds at most 100 tasks")),
///         }),
/// );
/// ```
pub struct TopicOptions<T> {
    pub(crate) engine: lockstep_core::TopicOptions<T>,
    pub(crate) intercept_async: Option<Arc<AsyncIntercept>>,
    pub(crate) bind_action: Option<fn(&mut Bindings, &TopicName)>,
}

impl<T: State> Default for TopicOptions<T> {
    fn default() -> Self {
        Self { engine: lockstep_core::TopicOptions::new(), intercept_async: None, bind_action: None }
    }
}

impl<T: State> TopicOptions<T> {
    /// No reducer, no hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// How actions change the state. It runs inside the write, under the topic's lock: it must be quick, and must not
    /// call the store. What it changes before it refuses or panics is undone. The action's type is in the generated
    /// bindings. A topic has one type of actions: the last reducer given counts.
    #[must_use]
    pub fn action<A: DeserializeOwned + TS + 'static>(
        mut self,
        reducer: impl Fn(&mut T, A, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    ) -> Self {
        self.engine = self.engine.action(reducer);
        self.bind_action = Some(Bindings::add_action::<A>);
        self
    }

    /// Looks at every write before it is applied, and lets it pass, changes it, or refuses it, inside the write. A
    /// write by the app's own code is [`Change::Rust`]: it can pass, be refused, or be replaced by another kind.
    #[must_use]
    pub fn intercept(
        mut self,
        intercept: impl Fn(Change, &WriteContext<'_>) -> Result<Change, Reject> + Send + Sync + 'static,
    ) -> Self {
        self.engine = self.engine.intercept(intercept);
        self
    }

    /// Like [`TopicOptions::intercept`], but may wait, for a database, say: before the write, under no lock. The writes
    /// of the topic wait for one another meanwhile, so they apply in order. A hook that takes longer than `limit` (for
    /// all writes of a batch together) or panics refuses, with the code `timeout` or `panicked`. It must not write its
    /// own topic. The app's own code writes such a topic by
    /// [`update_async`](crate::Lockstep::update_async); its synchronous writes are an error.
    #[must_use]
    pub fn intercept_async<F>(
        mut self,
        limit: Duration,
        intercept: impl Fn(Change, AsyncContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Change, Reject>> + Send + 'static,
    {
        let hook: AsyncHook = Arc::new(move |change, cx| Box::pin(intercept(change, cx)));
        self.intercept_async = Some(Arc::new(AsyncIntercept { hook, limit, queue: Mutex::new(()) }));
        self.engine = self.engine.asynchronous();
        self
    }

    /// Looks at the state before and after every write, inside the write, and may refuse it.
    #[must_use]
    pub fn validate(
        mut self,
        validate: impl Fn(&T, &T, &WriteContext<'_>) -> Result<(), Reject> + Send + Sync + 'static,
    ) -> Self {
        self.engine = self.engine.validate(validate);
        self
    }
}
