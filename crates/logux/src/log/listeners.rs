//! Whom a log tells what.

use crate::action::{Action, Entry, Meta};
use parking_lot::RwLock;
use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Which actions a listener hears of. All conditions must hold; none: all actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only this `type`.
    pub kind: Option<String>,
    /// Only where the action's `id` field is this.
    pub id: Option<String>,
}

impl Filter {
    /// All actions.
    pub fn all() -> Self {
        Self::default()
    }

    /// One `type`.
    pub fn kind(kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), id: None }
    }

    /// Also only where the action's `id` field is this.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    fn lets_through(&self, action: &Action) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == action.kind())
            && self.id.as_deref().is_none_or(|id| action.text("id") == Some(id))
    }
}

type OnEntry = Box<dyn Fn(&Arc<Entry>) + Send + Sync>;
type OnPreadd = Box<dyn Fn(&Action, &mut Meta) + Send + Sync>;

/// A list that is read often and changed seldom. Each reading works on the list as it was when it began.
struct List<T> {
    len: AtomicUsize,
    items: RwLock<Numbered<T>>,
}

type Numbered<T> = Arc<Vec<(u64, Arc<T>)>>;

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { len: AtomicUsize::new(0), items: RwLock::default() }
    }
}

impl<T> List<T> {
    /// `None` where there is none, as in most lists.
    fn all(&self) -> Option<Numbered<T>> {
        (self.len.load(Ordering::Acquire) > 0).then(|| Arc::clone(&self.items.read()))
    }

    fn push(&self, number: u64, item: T) {
        self.change(|list| list.push((number, Arc::new(item))));
    }

    fn remove(&self, number: u64) {
        self.change(|list| list.retain(|(other, _)| *other != number));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(u64, Arc<T>)>)) {
        let mut items = self.items.write();
        let mut changed = Vec::clone(&items);
        change(&mut changed);
        self.len.store(changed.len(), Ordering::Release);
        *items = Arc::new(changed);
    }
}

#[derive(Default)]
pub struct Listeners {
    last: AtomicU64,
    preadd: List<OnPreadd>,
    add: List<(Filter, OnEntry)>,
    clean: List<(Filter, OnEntry)>,
}

impl Listeners {
    fn register<T>(self: &Arc<Self>, list: &List<T>, item: T) -> Listening {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        list.push(number, item);
        Listening { number, listeners: Arc::downgrade(self) }
    }

    pub fn on_preadd(self: &Arc<Self>, listener: OnPreadd) -> Listening {
        self.register(&self.preadd, listener)
    }

    pub fn on_add(self: &Arc<Self>, filter: Filter, listener: OnEntry) -> Listening {
        self.register(&self.add, (filter, listener))
    }

    pub fn on_clean(self: &Arc<Self>, filter: Filter, listener: OnEntry) -> Listening {
        self.register(&self.clean, (filter, listener))
    }

    pub fn preadd(&self, action: &Action, meta: &mut Meta) {
        for (_, listener) in self.preadd.all().iter().flat_map(|list| list.iter()) {
            listener(action, meta);
        }
    }

    pub fn add(&self, entry: &Arc<Entry>) {
        emit(&self.add, entry);
    }

    pub fn clean(&self, entry: &Arc<Entry>) {
        emit(&self.clean, entry);
    }
}

fn emit(list: &List<(Filter, OnEntry)>, entry: &Arc<Entry>) {
    for (_, item) in list.all().iter().flat_map(|list| list.iter()) {
        let (filter, listener) = &**item;
        if filter.lets_through(&entry.action) {
            listener(entry);
        }
    }
}

/// A listener of a log's. Dropping it ends the listening.
#[must_use = "dropping it ends the listening"]
pub struct Listening {
    number: u64,
    listeners: Weak<Listeners>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners.preadd.remove(self.number);
            listeners.add.remove(self.number);
            listeners.clean.remove(self.number);
        }
    }
}
