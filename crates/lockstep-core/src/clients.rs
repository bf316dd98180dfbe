//! The store as windows use it: pulls, writes, and who reads what.

use crate::{
    cell::{AnyTopic, ClientWrite},
    error::{AccessError, PullError, WriteError},
    revision::Revision,
    session::SessionKey,
    snapshot::{Answer, AnyVersion},
    store::{Forget, Store},
    topic::TopicName,
};
use std::{collections::BTreeMap, sync::Arc};

impl Store {
    /// What a window that is at `since` needs to be at the newest state.
    ///
    /// # Errors
    /// [`PullError`] if the topic is not registered, or its value cannot be turned into JSON.
    pub fn pull(&self, topic: &TopicName, since: Option<Revision>) -> Result<Answer, PullError> {
        let version = self.entry(topic)?.topic.current_version();
        encode(topic, &*version, since)
    }

    /// Answers several pulls at one moment: no write lies between any two of the answers.
    ///
    /// # Errors
    /// One result for each pull, in their order, with errors as of [`Store::pull`].
    pub fn pull_many(&self, pulls: &[(TopicName, Option<Revision>)]) -> Vec<Result<Answer, PullError>> {
        // Each topic once, in the order of their names, so that two such calls cannot wait for one another.
        let entries: BTreeMap<_, _> =
            pulls.iter().map(|(topic, _)| (topic, self.entry(topic).map_err(PullError::from))).collect();
        let held: Vec<_> =
            entries.iter().map(|(topic, entry)| (*topic, entry.as_ref().map(|entry| entry.topic.hold()))).collect();
        let versions: BTreeMap<_, _> = held
            .iter()
            .map(|(topic, held)| {
                (*topic, held.as_ref().map(|held| held.version()).map_err(|error| PullError::clone(error)))
            })
            .collect();
        drop(held);
        pulls
            .iter()
            .map(|(topic, since)| match versions.get(topic) {
                Some(Ok(version)) => encode(topic, &**version, *since),
                Some(Err(error)) => Err(error.clone()),
                None => Err(AccessError::UnknownTopic(topic.clone()).into()),
            })
            .collect()
    }

    /// The topic's revision.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered.
    pub fn revision(&self, topic: &TopicName) -> Result<Revision, AccessError> {
        Ok(self.entry(topic)?.topic.current_version().revision())
    }

    /// Whether a window's batch was taken already, so that nobody has to be asked about it again.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered.
    pub fn was_taken(&self, topic: &TopicName, session: &SessionKey, seq: u64) -> Result<bool, AccessError> {
        Ok(self.entry(topic)?.topic.was_taken(session, seq))
    }

    /// Applies a window's batch of writes, at most once and in order (**I11**). Returns what became of each: the
    /// revision that it made, or, in a repeated batch, had made; or why nothing was changed by it.
    ///
    /// # Errors
    /// [`WriteError::Access`] and [`WriteError::OutOfOrder`], which stand for the whole batch.
    pub fn write(
        &self,
        topic: &TopicName,
        write: ClientWrite,
    ) -> Result<Arc<[Result<Revision, WriteError>]>, WriteError> {
        let entry = self.entry(topic)?;
        let writer = Arc::clone(write.session.label());
        let taken = entry.topic.write_from_client(write, self.shared.engine());
        if let Some(revision) = taken.made {
            self.shared.announcements.note_readable(entry.topic, revision, Some(writer));
        }
        if let Some(evicted) = taken.evicted {
            self.forget(vec![evicted]);
        }
        taken.outcomes
    }

    /// Notes that a session reads a topic. Subscribing twice is the same as once.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered.
    pub fn subscribe(&self, topic: &TopicName, session: &SessionKey) -> Result<(), AccessError> {
        self.entry(topic)?;
        let evicted = self.shared.sessions.subscribe(session, topic, self.shared.clock.now());
        if let Some(evicted) = evicted {
            self.forget(vec![evicted]);
        }
        Ok(())
    }

    /// Notes that a session does not read a topic any more.
    pub fn unsubscribe(&self, topic: &TopicName, session: &SessionKey) {
        self.shared.sessions.unsubscribe(session, topic);
    }

    /// The page of this label has gone: its sessions end now, and are forgotten after
    /// [`SESSION_GRACE`](crate::SESSION_GRACE).
    pub fn drop_label(&self, label: &str) {
        self.shared.sessions.drop_label(label, self.shared.clock.now());
    }

    /// How many live sessions read the topic.
    pub fn readers(&self, topic: &TopicName) -> usize {
        self.shared.sessions.readers(topic)
    }

    /// Forgets what the sessions wrote. It waits for no write: one that takes long must not hold up the others.
    pub(crate) fn forget(&self, sessions: Vec<SessionKey>) {
        let sessions: Arc<[SessionKey]> = sessions.into();
        let topics: Vec<_> = self.shared.topics.read().values().cloned().collect();
        for entry in topics {
            self.forget_in(entry.topic, Arc::clone(&sessions));
        }
    }

    pub(crate) fn forget_in(&self, topic: Arc<dyn AnyTopic>, sessions: Arc<[SessionKey]>) {
        if !topic.forget(&sessions) {
            self.shared.unforgotten.lock().push(Forget { topic, sessions });
        }
    }
}

fn encode(topic: &TopicName, version: &dyn AnyVersion, since: Option<Revision>) -> Result<Answer, PullError> {
    version.answer(since).map_err(|source| PullError::Encode { topic: topic.clone(), source })
}
