//! The store as windows use it: who reads what, and what they are sent.

use crate::{
    cell::not_inside_write,
    door::Door,
    error::{AccessError, PullError, SubscribeError, WriteError},
    proposal::ClientWrite,
    revision::Revision,
    role::PRIMARY,
    session::{Departure, TopicsLeft},
    session_key::SessionKey,
    snapshot::Answer,
    store::Store,
    topic::TopicName,
};
use std::{collections::BTreeMap, sync::Arc};

impl Store {
    /// As [`Door::pull`], of the topic that has the name now.
    ///
    /// # Errors
    /// As [`Door::pull`].
    pub fn pull(&self, topic: &TopicName, since: Option<Revision>) -> Result<Answer, PullError> {
        self.door(topic)?.pull(since)
    }

    /// As [`Door::write`], to the topic that has the name now.
    ///
    /// # Errors
    /// As [`Door::write`].
    pub fn write(
        &self,
        topic: &TopicName,
        write: ClientWrite,
    ) -> Result<Arc<[Result<Revision, WriteError>]>, WriteError> {
        self.door(topic)?.write(write)
    }

    /// As [`Door::subscribe`], to the topic that has the name now, by a page that lives for all that is known.
    ///
    /// # Errors
    /// As [`Door::subscribe`].
    pub fn subscribe(&self, topic: &TopicName, session: &SessionKey) -> Result<(), SubscribeError> {
        self.door(topic)?.subscribe(session, &|| true)
    }

    /// Answers several pulls at one moment: no write lies between any two of the answers.
    ///
    /// # Errors
    /// One result for each pull, in their order, with errors as of [`Door::pull`].
    pub fn pull_many(&self, pulls: &[(Door, Option<Revision>)]) -> Vec<Result<Answer, PullError>> {
        // Each life of a topic once, in the order of their names and births, so that two such calls cannot wait for one
        // another.
        let topics: BTreeMap<_, _> =
            pulls.iter().map(|(door, _)| ((door.name(), door.born()), door.topic().map_err(PullError::from))).collect();
        let held: Vec<_> = topics.iter().map(|(key, topic)| (*key, topic.as_ref().map(|topic| topic.hold()))).collect();
        let versions: BTreeMap<_, _> = held
            .iter()
            .map(|(key, held)| {
                (*key, held.as_ref().map(|held| held.version()).map_err(|error| PullError::clone(error)))
            })
            .collect();
        drop(held);
        pulls
            .iter()
            .map(|(door, since)| match versions.get(&(door.name(), door.born())) {
                Some(Ok(version)) => {
                    door.topic().map_err(PullError::from).and_then(|_| door.encode(&**version, *since))
                }
                Some(Err(error)) => Err(error.clone()),
                None => Err(AccessError::UnknownTopic(door.name().clone()).into()),
            })
            .collect()
    }

    /// The topic's revision.
    ///
    /// # Errors
    /// [`AccessError`] if the topic is not registered.
    pub fn revision(&self, topic: &TopicName) -> Result<Revision, AccessError> {
        self.door(topic)?.revision()
    }

    /// Gives a new revision to every topic that has a say in who may read it, or to `all`: all windows ask again. To be
    /// called when who may read may have changed.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn touch_doors(&self, all: bool) -> Result<(), AccessError> {
        not_inside_write()?;
        let topics: Vec<_> = self.shared.topics.read().values().map(|entry| Arc::clone(&entry.topic)).collect();
        for topic in topics.into_iter().filter(|topic| all || topic.allow().is_some()) {
            if let Some(revision) = topic.touch(&self.shared.revisions) {
                self.note_readable(&*topic, revision);
            }
        }
        Ok(())
    }

    /// Notes that a session does not read a topic any more.
    pub fn unsubscribe(&self, topic: &TopicName, session: &SessionKey) {
        let did = self.shared.sessions.unsubscribe(session, topic);
        self.follow(session.label());
        if did {
            self.left(vec![[topic.clone()].into()]);
        }
    }

    /// The page of this label has gone: its sessions end now, and are forgotten after
    /// [`SESSION_GRACE`](crate::SESSION_GRACE).
    pub fn drop_label(&self, label: &str, departure: Departure) {
        let left = self.shared.sessions.drop_label(label, departure, self.now());
        self.follow(label);
        self.left(left);
        self.shared.announcements.wake_reaper();
    }

    /// The label's page may not read the topic any more, if it still `lives`, as of [`Door::subscribe`].
    pub fn dismiss(&self, label: &str, topic: &TopicName, lives: &dyn Fn() -> bool) {
        let left = self.shared.sessions.dismiss(label, lives, &|other| other == topic);
        self.follow(label);
        self.left(left);
    }

    /// The label's page may read nothing any more, if it still `lives`. Where it holds the role, it keeps that until it
    /// leaves or ends: it may not have heard yet, and nobody else may begin before it has stopped.
    pub fn dismiss_from_all(&self, label: &str, lives: &dyn Fn() -> bool) {
        let left = self.shared.sessions.dismiss(label, lives, &|topic| topic != PRIMARY.name());
        self.follow(label);
        self.left(left);
        // Candidates no more: so it does not get the role from here on.
        self.stand_down(label, lives);
        if self.primary().is_none_or(|holder| *holder.window != *label) {
            self.dismiss(label, PRIMARY.name(), lives);
        }
    }

    /// Pages have stopped reading topics: what hangs on that is seen to.
    pub(crate) fn left(&self, left: Vec<TopicsLeft>) {
        for topics in left {
            for topic in topics {
                if topic == *PRIMARY.name() {
                    self.settle_role();
                } else if let Ok(entry) = self.registered(&topic)
                    && entry.topic.life().left(self.now())
                {
                    self.shared.announcements.wake_reaper();
                }
            }
        }
    }

    /// How many live sessions read the topic.
    pub fn readers(&self, topic: &TopicName) -> usize {
        self.shared.sessions.readers(topic)
    }
}
