//! What a topic is declared with, beside its first value.

use crate::bindings::Bindings;
use lockstep_core::{Asker, Change, Client, Persisted, Reject, Revision, SessionKey, State, TopicName, WriteContext};
use serde::de::DeserializeOwned;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};
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
    /// What the app knows of that page.
    pub client: Option<Arc<Client>>,
    /// The topic's revision when the hook was asked. It may be higher when the write is applied. Zero for the value that
    /// a window gives to a topic that it creates.
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
    /// The hook, where it is what the engine has kept for it.
    pub(crate) fn of(asker: Asker) -> Option<Arc<Self>> {
        asker.downcast().ok()
    }

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

/// What a topic is declared with, beside its first value: a reducer for its actions, hooks, how long it lives, and who
/// may use it. Hooks see every write,
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
    pub(crate) bind_action: Option<fn(&mut Bindings, &TopicName)>,
}

impl<T: State> Default for TopicOptions<T> {
    fn default() -> Self {
        Self { engine: lockstep_core::TopicOptions::new(), bind_action: None }
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
        let asker = move || Arc::new(AsyncIntercept { hook: Arc::clone(&hook), limit, queue: Mutex::new(()) }) as Asker;
        self.engine = self.engine.asynchronous(asker);
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

    /// Saves the topic in the app's data directory, and begins it with what was saved. A topic that is removed is kept no
    /// more.
    ///
    /// ```
    /// # use tauri_plugin_lockstep::{Persisted, TopicOptions};
    /// let options = TopicOptions::<String>::new().persisted(Persisted::new());
    /// ```
    #[must_use]
    pub fn persisted(mut self, persisted: Persisted) -> Self {
        self.engine = self.engine.persisted(persisted);
        self
    }

    /// How long the topic lives: it is removed when this has passed since its creation. Default: until it is removed.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.engine = self.engine.ttl(ttl);
        self
    }

    /// Every write lets the time of [`TopicOptions::ttl`] begin anew.
    #[must_use]
    pub fn renewed_by_writes(mut self) -> Self {
        self.engine = self.engine.renewed_by_writes();
        self
    }

    /// Removes the topic when `wanted` says so. It is told how many pages read the topic, and when the topic was
    /// created. It is asked whenever a page stops reading it (closes, reloads, crashes, unsubscribes), and every 10 s. A
    /// page that subscribes while it is asked keeps the topic alive. It is asked on a thread of its own, under no lock;
    /// where it panics, the topic stays.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tauri_plugin_lockstep::TopicOptions;
    /// // When nobody looks any more; but leave the first window the time to open.
    /// let options = TopicOptions::<String>::new().self_destruct(|clients_left, created_at| {
    ///     clients_left == 0 && created_at.elapsed().is_ok_and(|age| age > Duration::from_secs(5))
    /// });
    /// ```
    #[must_use]
    pub fn self_destruct(mut self, wanted: impl Fn(usize, SystemTime) -> bool + Send + Sync + 'static) -> Self {
        self.engine = self.engine.self_destruct(wanted);
        self
    }

    /// Who may read and write the topic, beside what the capabilities' scopes say; in a family, also who may create it.
    /// It is asked on a thread of its own, under no lock, and its answer kept for as long as the page lives, or until
    /// [`Lockstep::reauthorize`](crate::Lockstep::reauthorize). Where it panics, nobody may.
    ///
    /// ```
    /// # use tauri_plugin_lockstep::TopicOptions;
    /// struct Account {
    ///     admin: bool,
    /// }
    ///
    /// let options = TopicOptions::<String>::new()
    ///     .allow(|client| client.info::<Account>().is_some_and(|account| account.admin));
    /// ```
    #[must_use]
    pub fn allow(mut self, allow: impl Fn(&Client) -> bool + Send + Sync + 'static) -> Self {
        self.engine = self.engine.allow(allow);
        self
    }
}
