//! Channels that clients subscribe to.

use super::{
    Context, Failure,
    pattern::Pattern,
    types::{Access, Finally, MAIN},
};
use crate::action::{Action, Entry};
use futures_util::future::BoxFuture;
use std::{collections::HashMap, sync::Arc};

/// Whether a subscriber gets an action of its channel.
pub type ChannelFilter = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;

type Load = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<Vec<Action>, Failure>> + Send + Sync>;
type MakeFilter = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<ChannelFilter, Failure>> + Send + Sync>;

/// What a server does with subscriptions to channels of a pattern: *access*, then *filter*, then *load*; *unsubscribe* at
/// the end, and also when the connection ends.
#[derive(Clone)]
pub struct Channel {
    pub(super) access: Access,
    pub(super) load: Option<Load>,
    pub(super) filter: Option<MakeFilter>,
    pub(super) unsubscribe: Option<Finally>,
    pub(super) finally: Option<Finally>,
    pub(super) queue: Arc<str>,
}

impl Channel {
    /// Who may subscribe. False undoes the subscription as `denied`.
    pub fn new<F>(access: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<bool, Failure>> + Send + 'static,
    {
        let access: Access = Arc::new(move |context| Box::pin(access(context)));
        Self { access, load: None, filter: None, unsubscribe: None, finally: None, queue: MAIN.into() }
    }

    /// The actions that a new subscriber begins with. See [`Context::since`]. [`NotFound`](super::NotFound) undoes the
    /// subscription as `notFound`.
    #[must_use]
    pub fn load<F>(mut self, load: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Action>, Failure>> + Send + 'static,
    {
        self.load = Some(Arc::new(move |context| Box::pin(load(context))));
        self
    }

    /// What of the channel this subscriber gets. All of it by default.
    #[must_use]
    pub fn filter<F>(mut self, filter: impl Fn(Context) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ChannelFilter, Failure>> + Send + 'static,
    {
        self.filter = Some(Arc::new(move |context| Box::pin(filter(context))));
        self
    }

    /// Called when a subscription ends, with the action that began it.
    #[must_use]
    pub fn unsubscribe(mut self, unsubscribe: impl Fn(Context) + Send + Sync + 'static) -> Self {
        self.unsubscribe = Some(Arc::new(unsubscribe));
        self
    }

    /// Called when subscribing has come to its end, whatever the end was.
    #[must_use]
    pub fn finally(mut self, finally: impl Fn(Context) + Send + Sync + 'static) -> Self {
        self.finally = Some(Arc::new(finally));
        self
    }

    /// In which of a client's queues subscriptions wait for their turn. `main` by default.
    #[must_use]
    pub fn queue(mut self, name: &str) -> Self {
        self.queue = name.into();
        self
    }
}

#[derive(Default)]
pub(super) struct Channels {
    known: Vec<(Pattern, Channel)>,
    other: Option<Channel>,
}

impl Channels {
    /// False where the pattern is defined already.
    pub fn define(&mut self, pattern: Pattern, channel: Channel) -> bool {
        let is_new = self.known.iter().all(|(other, _)| *other != pattern);
        self.known.push((pattern, channel));
        is_new
    }

    pub fn define_other(&mut self, channel: Channel) -> bool {
        self.other.replace(channel).is_none()
    }

    pub fn find(&self, name: &str) -> Option<(&Channel, HashMap<String, String>)> {
        let found = self.known.iter().find_map(|(pattern, channel)| Some((channel, pattern.fit(name)?)));
        found.or_else(|| Some((self.other.as_ref()?, Pattern::Any.fit(name)?)))
    }
}
