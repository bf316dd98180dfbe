//! The store as windows use it: a topic as a window has found it.

use crate::{
    cell::{AnyTopic, not_inside_write},
    client::Client,
    deliver::HeldNews,
    error::{AccessError, PullError, SubscribeError, WriteError, panic_text},
    options::{Allow, Asker},
    proposal::ClientWrite,
    revision::Revision,
    role::unreserved,
    sequence::Outcomes,
    session_key::SessionKey,
    snapshot::{Answer, AnyVersion},
    store::Store,
    topic::TopicName,
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// One life of a topic, or the lack of one, as [`Store::door`] found it, with the rule about who may use it.
///
/// Who was admitted by a door has to go through that same door: where the topic has been removed since, every call
/// says [`AccessError::UnknownTopic`], also when another topic has taken its name.
#[derive(Clone)]
pub struct Door {
    pub(crate) store: Store,
    pub(crate) name: TopicName,
    pub(crate) found: Option<Arc<dyn AnyTopic>>,
    allow: Option<Allow>,
}

impl Store {
    /// The topic that has this name now. Where none has, the door has the rule of the family that would cover it.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn door(&self, topic: &TopicName) -> Result<Door, AccessError> {
        not_inside_write()?;
        let found = self.registered(topic).ok().map(|entry| entry.topic);
        let allow = match &found {
            Some(topic) => topic.allow(),
            None => self.allow_of_family(topic),
        };
        Ok(Door { store: self.clone(), name: topic.clone(), found, allow })
    }
}

impl Door {
    /// The topic's name.
    pub fn name(&self) -> &TopicName {
        &self.name
    }

    /// The revision of the topic's creation, which tells the lives of one name apart; `None` where there was no topic.
    pub fn born(&self) -> Option<Revision> {
        self.found.as_ref().map(|topic| topic.life().born())
    }

    /// Whether somebody has to be asked by [`Door::admits`].
    pub fn has_rule(&self) -> bool {
        self.allow.is_some()
    }

    /// Asks the app whether this page may use the topic. Without a rule, everybody may.
    ///
    /// # Errors
    /// What the rule panicked with: then nobody may.
    pub fn admits(&self, client: &Client) -> Result<bool, String> {
        let Some(allow) = &self.allow else { return Ok(true) };
        catch_unwind(AssertUnwindSafe(|| allow(client))).map_err(|panic| panic_text(&*panic))
    }

    /// What a window that is at `since` needs to be at the newest state.
    ///
    /// # Errors
    /// [`PullError`] if the topic is gone, or its value cannot be turned into JSON.
    pub fn pull(&self, since: Option<Revision>) -> Result<Answer, PullError> {
        let version = self.topic()?.current_version();
        // Whose state was read before its end was there when this was asked.
        self.topic()?;
        self.encode(&*version, since)
    }

    pub(crate) fn encode(&self, version: &dyn AnyVersion, since: Option<Revision>) -> Result<Answer, PullError> {
        let answer = self.topic()?.deltas().answer(version, since);
        answer.map_err(|source| PullError::Encode { topic: self.name.clone(), source })
    }

    /// Whether the topic is a collection.
    pub fn is_collection(&self) -> bool {
        self.found.as_ref().is_some_and(|topic| topic.current_version().is_incremental())
    }

    /// The topic's revision.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is gone.
    pub fn revision(&self) -> Result<Revision, AccessError> {
        Ok(self.topic()?.current_version().revision())
    }

    /// Who is asked about every write of the topic before it is made, where somebody is.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is gone.
    pub fn asker(&self) -> Result<Option<Asker>, AccessError> {
        unreserved(&self.name)?;
        Ok(self.topic()?.asker())
    }

    /// Whether a window's batch was taken already, so that nobody has to be asked about it again.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is gone.
    pub fn was_taken(&self, session: &SessionKey, seq: u64) -> Result<bool, AccessError> {
        Ok(self.topic()?.was_taken(session, seq))
    }

    /// Applies a window's batch of writes, at most once and in order (**I11**). Returns what became of each: the
    /// revision that it made, or, in a repeated batch, had made; or why nothing was changed by it.
    ///
    /// # Errors
    /// [`WriteError::Access`], [`WriteError::NotAsked`] and [`WriteError::OutOfOrder`], which stand for the whole batch.
    pub fn write(&self, write: ClientWrite) -> Result<Outcomes, WriteError> {
        self.write_first(write).0
    }

    /// As [`Door::write`], but nobody is woken to deliver or to announce what was written until the second value is
    /// dropped: so that the writer is answered before everybody else is told.
    pub fn write_first(&self, write: ClientWrite) -> (Result<Outcomes, WriteError>, HeldNews) {
        let mut held = HeldNews::new(&self.store);
        (self.write_holding(write, &mut held), held)
    }

    fn write_holding(&self, write: ClientWrite, held: &mut HeldNews) -> Result<Outcomes, WriteError> {
        unreserved(&self.name)?;
        let topic = self.topic()?;
        let shared = &self.store.shared;
        let writer = Arc::clone(write.session.label());
        let taken = topic.write_from_client(write, shared.engine());
        if let Some(revision) = taken.made {
            held.of(shared.announcements.note(topic.slot(), revision, Some(writer)));
            self.store.note_unsaved(&**topic, revision);
        }
        if let Some(evicted) = taken.evicted {
            self.store.evict(evicted);
        }
        taken.outcomes
    }

    /// Notes that a session reads the topic. Subscribing twice is the same as once. A session that is not known yet
    /// takes the place of its label's others; so a call that may have waited has to say whether its page still `lives`:
    /// that has to be false before [`Store::drop_label`] is called for the page. It is asked under a lock, and must do
    /// nothing else.
    ///
    /// # Errors
    /// [`SubscribeError`] if the topic is gone, or the page.
    pub fn subscribe(&self, session: &SessionKey, lives: &dyn Fn() -> bool) -> Result<(), SubscribeError> {
        let topic = self.topic()?;
        let joined = self.store.shared.sessions.subscribe(session, lives, &self.name, topic.life(), self.store.now());
        if joined.ended {
            return Err(SubscribeError::SessionEnded(session.clone()));
        }
        if let Some(evicted) = joined.evicted {
            self.store.evict(evicted);
        }
        self.store.follow(session.label());
        self.store.left(joined.left);
        if joined.too_late { Err(self.unknown().into()) } else { Ok(()) }
    }

    /// Removes the topic, for a window where one is named; says whether this call did.
    ///
    /// # Errors
    /// As [`Store::remove`].
    pub fn remove(&self, window: Option<Arc<str>>) -> Result<bool, AccessError> {
        not_inside_write()?;
        unreserved(&self.name)?;
        let found = self.found.clone();
        Ok(found.is_some_and(|topic| self.store.end(topic, &|| true, window)))
    }

    /// The topic, if its life is not over.
    pub(crate) fn topic(&self) -> Result<&Arc<dyn AnyTopic>, AccessError> {
        not_inside_write()?;
        self.found.as_ref().filter(|topic| !topic.is_removed()).ok_or_else(|| self.unknown())
    }

    fn unknown(&self) -> AccessError {
        AccessError::UnknownTopic(self.name.clone())
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.name).field("born", &self.born()).finish_non_exhaustive()
    }
}
