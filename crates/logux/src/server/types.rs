//! What a server does with actions of a type.

use super::{Context, Failure, pattern::Pattern};
use crate::action::Fields;
use futures_util::future::BoxFuture;
use std::{collections::HashMap, sync::Arc};

pub(super) type Access = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<bool, Failure>> + Send + Sync>;
type Resend = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<Fields, Failure>> + Send + Sync>;
type Process = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;
pub(super) type Finally = Arc<dyn Fn(Context) + Send + Sync>;

/// What a server does with the actions of a type: *access*, then *resend*, then *process*, and *finally* in any case.
#[derive(Clone)]
pub struct ActionType {
    pub(super) access: Access,
    /// `access` does it all.
    pub(super) is_together: bool,
    pub(super) resend: Option<Resend>,
    pub(super) process: Option<Process>,
    pub(super) finally: Option<Finally>,
    pub(super) queue: Arc<str>,
}

impl ActionType {
    /// Who may do it. False undoes the action as `denied`.
    pub fn new<F>(access: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, Failure>> + Send + 'static,
    {
        let access: Access = Arc::new(move |context| Box::pin(access(context)));
        Self { access, is_together: false, resend: None, process: None, finally: None, queue: MAIN.into() }
    }

    /// Who may do it is known only while it is done, such as by a request to another server that checks both. True: it is
    /// done; false undoes it as `denied`, and then nothing of it may be done. At most once for each action, whatever
    /// happens. *Resend* comes after it; [`process`](Self::process) after that, if there is one.
    pub fn access_and_process<F>(work: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, Failure>> + Send + 'static,
    {
        Self { is_together: true, ..Self::new(work) }
    }

    /// To whom else it goes, before it is processed: channels, users, clients, nodes. Reasons keep it in the log.
    #[must_use]
    pub fn resend<F>(mut self, resend: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Fields, Failure>> + Send + 'static,
    {
        self.resend = Some(Arc::new(move |context| Box::pin(resend(context))));
        self
    }

    /// What it does. At most once for each action, whatever happens.
    #[must_use]
    pub fn process<F>(mut self, process: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        self.process = Some(Arc::new(move |context| Box::pin(process(context))));
        self
    }

    /// Called at the end, whatever the end was.
    #[must_use]
    pub fn finally(mut self, finally: impl Fn(Context) + Send + Sync + 'static) -> Self {
        self.finally = Some(Arc::new(finally));
        self
    }

    /// In which of a client's queues it waits for its turn. `main` by default.
    #[must_use]
    pub fn queue(mut self, name: &str) -> Self {
        self.queue = name.into();
        self
    }
}

impl ActionType {
    /// To whom else an action goes.
    pub(super) async fn fields(&self, context: &Context) -> Result<Fields, Failure> {
        match &self.resend {
            Some(resend) => resend(context.clone()).await,
            None => Ok(Fields::default()),
        }
    }
}

pub(super) const MAIN: &str = "main";

#[derive(Default)]
pub(super) struct Types {
    known: HashMap<String, ActionType>,
    matching: Vec<(Pattern, ActionType)>,
    other: Option<ActionType>,
}

impl Types {
    /// False where it is defined already.
    pub fn define(&mut self, kind: &str, definition: ActionType) -> bool {
        self.known.insert(kind.to_owned(), definition).is_none()
    }

    pub fn define_matching(&mut self, pattern: Pattern, definition: ActionType) -> bool {
        let is_new = self.matching.iter().all(|(other, _)| *other != pattern);
        self.matching.push((pattern, definition));
        is_new
    }

    pub fn define_other(&mut self, definition: ActionType) -> bool {
        self.other.replace(definition).is_none()
    }

    pub fn find(&self, kind: &str) -> Option<&ActionType> {
        let matching = || self.matching.iter().find(|(pattern, _)| pattern.is_match(kind));
        self.known.get(kind).or_else(|| matching().map(|(_, definition)| definition)).or(self.other.as_ref())
    }
}
