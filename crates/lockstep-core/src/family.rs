//! Families: topics of one type that come and go under one name.

use crate::{
    cell::{InsideWrite, State, not_inside_write},
    change::Change,
    client::Client,
    context::{WriteContext, Writer},
    error::{ChangeError, CreateError, panic_text},
    options::{Allow, Asker, TopicOptions},
    revision::Revision,
    role::unreserved,
    session_key::SessionKey,
    store::Store,
    topic::{InvalidTopicName, Topic, TopicName, is_topic_char},
};
use std::{
    any::Any,
    fmt,
    hash::{BuildHasher, RandomState},
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A set of topics of one type: the family `downloads` has the topics `downloads/<id>`. Declare it once, as a constant:
///
/// ```
/// use lockstep_core::TopicFamily;
///
/// const DOWNLOADS: TopicFamily<u64> = TopicFamily::new("downloads");
///
/// assert_eq!(DOWNLOADS.topic("42")?.name().as_str(), "downloads/42");
/// assert!(DOWNLOADS.topic("4/2").is_err());
/// # Ok::<(), lockstep_core::InvalidTopicName>(())
/// ```
pub struct TopicFamily<T> {
    topic: Topic<T>,
    value: PhantomData<fn() -> T>,
}

impl<T> TopicFamily<T> {
    /// The longest name of a family, in bytes.
    pub const MAX_LEN: usize = 96;

    /// The family with this name.
    ///
    /// # Panics
    /// If the name is no [`TopicName`] of at most [`TopicFamily::MAX_LEN`] bytes; in a constant that is a compile error.
    pub const fn new(name: &'static str) -> Self {
        assert!(name.len() <= Self::MAX_LEN, "the name of a family has at most 96 bytes");
        Self { topic: Topic::new(name), value: PhantomData }
    }

    /// The family's name.
    pub const fn name(&self) -> &TopicName {
        self.topic.name()
    }

    /// The topic with this id.
    ///
    /// # Errors
    /// [`InvalidTopicName`] if the id is empty, too long, or holds other than `A-Z a-z 0-9 - _ :`.
    pub fn topic(&self, id: impl fmt::Display) -> Result<Topic<T>, InvalidTopicName> {
        let name = member(self.name(), &id.to_string())?;
        Ok(Topic::named(name))
    }

    /// A topic with an id of its own.
    pub fn unique(&self) -> Topic<T> {
        Topic::named(unique(self.name()))
    }

    /// The id of a topic of this family.
    pub fn id_of<'a>(&self, topic: &'a TopicName) -> Option<&'a str> {
        split(topic).filter(|(family, _)| *family == self.name().as_str()).map(|(_, id)| id)
    }
}

impl<T> Clone for TopicFamily<T> {
    fn clone(&self) -> Self {
        Self { topic: self.topic.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for TopicFamily<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TopicFamily").field(self.name()).finish()
    }
}

fn member(family: &TopicName, id: &str) -> Result<TopicName, InvalidTopicName> {
    let name = format!("{family}/{id}");
    let valid = !id.is_empty() && id.bytes().all(|byte| byte != b'/' && is_topic_char(byte));
    if valid {
        TopicName::new(name)
    } else {
        Err(InvalidTopicName { name: name.chars().take(TopicName::MAX_LEN).collect() })
    }
}

/// A name in the family that nobody has used; who meets a name that is taken all the same makes another.
pub(crate) fn unique(family: &TopicName) -> TopicName {
    // The standard library's hashes are seeded at random.
    let id = RandomState::new().hash_one(family);
    TopicName::of_family(family, id)
}

/// A name as of [`TopicFamily::unique`], also in a family that was not declared.
///
/// # Errors
/// [`InvalidTopicName`] if the family's name leaves no room for an id.
pub fn unique_topic(family: &TopicName) -> Result<TopicName, InvalidTopicName> {
    unique(family).to_string().parse()
}

fn split(topic: &TopicName) -> Option<(&str, &str)> {
    topic.as_str().rsplit_once('/').filter(|(_, id)| !id.is_empty())
}

/// A family, as the store knows it.
pub(crate) struct Family<T> {
    initial: Box<dyn Fn(&str) -> T + Send + Sync>,
    options: TopicOptions<T>,
}

/// A [`Family`] whose type is not known.
pub(crate) trait AnyFamily: Any + Send + Sync {
    fn asker(&self) -> Option<Asker>;
    fn allow(&self) -> Option<Allow>;
    fn create(
        &self,
        store: &Store,
        topic: &TopicName,
        proposal: Option<Change>,
        by: Writer<'_>,
    ) -> Result<Revision, CreateError>;
}

impl<T: State> AnyFamily for Family<T> {
    fn asker(&self) -> Option<Asker> {
        self.options.asker()
    }

    fn allow(&self) -> Option<Allow> {
        self.options.allow.clone()
    }

    fn create(
        &self,
        store: &Store,
        topic: &TopicName,
        proposal: Option<Change>,
        by: Writer<'_>,
    ) -> Result<Revision, CreateError> {
        let cx = WriteContext { writer: Some(by), revision: Revision::ZERO, clock: &**store.clock() };
        let id = split(topic).map_or("", |(_, id)| id);
        let made = {
            let _inside = InsideWrite::enter();
            catch_unwind(AssertUnwindSafe(|| {
                let initial = (self.initial)(id);
                match proposal {
                    Some(change) => self.options.proposed(change, &initial, &cx),
                    None => Ok(initial),
                }
            }))
        };
        let value = made
            .unwrap_or_else(|panic| Err(ChangeError::Panicked(panic_text(&*panic))))
            .map_err(|source| CreateError::Change { topic: topic.clone(), source })?;
        let writer = Arc::clone(by.session.label());
        store
            .create_by(&Topic::named(topic.clone()), value, self.options.clone(), Some(writer))
            .map(|created| created.revision)
    }
}

/// The topic that a window wants to have created.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientCreate {
    /// Its name.
    pub topic: TopicName,
    /// Who wants it.
    pub session: SessionKey,
    /// The value that takes the place of the family's own, as a [`Change::Set`], or what an asynchronous hook has made
    /// of that.
    pub initial: Option<Change>,
}

impl Store {
    /// Declares a family: from here on, windows can create its topics, and [`Store::create`] gives them its options.
    /// `initial` makes the first value from a topic's id. It runs as part of a write: it must not call the store, and
    /// where it panics, nothing is created. Where the family's topics are persisted, those that were saved are created at
    /// once.
    ///
    /// # Errors
    /// [`CreateError::AlreadyExists`] if the family is declared; or as [`Store::create`], for a topic that was saved.
    pub fn declare<T: State>(
        &self,
        family: TopicFamily<T>,
        initial: impl Fn(&str) -> T + Send + Sync + 'static,
        options: TopicOptions<T>,
    ) -> Result<(), CreateError> {
        let declared = Arc::new(Family { initial: Box::new(initial), options });
        let mut families = self.shared.families.write();
        if families.contains_key(family.name()) {
            return Err(CreateError::AlreadyExists(family.name().clone()));
        }
        families.insert(family.name().clone(), Arc::clone(&declared) as Arc<dyn AnyFamily>);
        drop(families);
        if declared.options.persisted.is_some() {
            self.restore_members(&family, &declared)?;
        }
        Ok(())
    }

    /// Creates the topics of the family that were saved.
    fn restore_members<T: State>(&self, family: &TopicFamily<T>, declared: &Family<T>) -> Result<(), CreateError> {
        for name in self.shared.saver.kept() {
            let Some(id) = family.id_of(&name) else { continue };
            let first = catch_unwind(AssertUnwindSafe(|| (declared.initial)(id))).map_err(|panic| {
                CreateError::Change { topic: name.clone(), source: ChangeError::Panicked(panic_text(&*panic)) }
            })?;
            self.create_by(&Topic::named(name.clone()), first, declared.options.clone(), None)?;
        }
        Ok(())
    }

    /// A name in the family that is not in use; `None` where no such family was declared.
    pub fn unique_name(&self, family: &TopicName) -> Option<TopicName> {
        let declared = self.shared.families.read().contains_key(family);
        let mut names = std::iter::repeat_with(|| unique(family));
        declared.then(|| names.find(|name| !self.contains(name))).flatten()
    }

    /// Creates a topic for a window, in a family that was declared. Whether the window may is a question of the
    /// [`Door`](crate::Door) of the name.
    ///
    /// # Errors
    /// [`CreateError`]: no family covers the name, it is taken, the value does not fit, or a hook refuses it.
    pub fn create_from_client(&self, create: ClientCreate, client: Option<&Client>) -> Result<Revision, CreateError> {
        not_inside_write().map_err(|_| CreateError::InsideWrite)?;
        let ClientCreate { topic, session, initial } = create;
        unreserved(&topic).map_err(|_| CreateError::Reserved(topic.clone()))?;
        let family = self.family_of(&topic).ok_or_else(|| CreateError::NoFamily(topic.clone()))?;
        if self.contains(&topic) {
            // Nobody is asked about what cannot be.
            return Err(CreateError::AlreadyExists(topic));
        }
        family.create(self, &topic, initial, Writer { session: &session, seq: None, client })
    }

    /// Who is to be asked about the value that a window gives to a topic that it creates.
    pub fn asker_of_family(&self, topic: &TopicName) -> Option<Asker> {
        self.family_of(topic)?.asker()
    }

    /// Who may use the topics of its family, where that has a say in it.
    pub(crate) fn allow_of_family(&self, topic: &TopicName) -> Option<Allow> {
        self.family_of(topic)?.allow()
    }

    fn family_of(&self, topic: &TopicName) -> Option<Arc<dyn AnyFamily>> {
        let (family, _) = split(topic)?;
        self.shared.families.read().get(family).cloned()
    }

    /// The options that its family gives to a topic.
    pub(crate) fn family_options<T: State>(&self, topic: &TopicName) -> Result<Option<TopicOptions<T>>, CreateError> {
        let Some(family) = self.family_of(topic) else { return Ok(None) };
        let family: &dyn Any = &*family;
        let family = family.downcast_ref::<Family<T>>().ok_or_else(|| CreateError::WrongType(topic.clone()))?;
        Ok(Some(family.options.clone()))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    const CHATS: TopicFamily<u8> = TopicFamily::new("team/chats");

    #[test]
    fn a_family_knows_its_topics() {
        let topic = CHATS.topic(7).unwrap();
        assert_eq!((topic.name().as_str(), CHATS.id_of(topic.name())), ("team/chats/7", Some("7")));
        for other in ["team/chats/7/8", "team/chats/", "team/chats", "chats/7"] {
            assert_eq!(CHATS.id_of(&TopicName::new(other).unwrap()), None, "{other:?}");
        }
        for id in ["", "a/b", "a b", "*", &"x".repeat(128)] {
            assert!(CHATS.topic(id).is_err(), "{id:?}");
        }
    }

    #[test]
    fn unique_names_differ_and_belong_to_the_family() {
        let (a, b) = (CHATS.unique(), CHATS.unique());
        assert_ne!(a.name(), b.name());
        assert_eq!(CHATS.id_of(a.name()).map(str::len), Some(16));
    }
}
