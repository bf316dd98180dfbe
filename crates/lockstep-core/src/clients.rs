//! The store as windows use it: pulls, writes, and who reads what.

use crate::{
    announce::Wake,
    cell::{ClientWrite, not_inside_write},
    client::Client,
    error::{AccessError, PullError, WriteError, panic_text},
    options::{Allow, Asker},
    revision::Revision,
    role::PRIMARY,
    session::{Departure, TopicsLeft},
    session_key::SessionKey,
    snapshot::{Answer, AnyVersion},
    store::Store,
    topic::TopicName,
};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

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

    /// Who is asked about every write of the topic before it is made, where somebody is.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn asker(&self, topic: &TopicName) -> Result<Option<Asker>, AccessError> {
        Ok(self.entry(topic)?.topic.asker())
    }

    /// Who may read and write the topic, where it has a say in that beside the capabilities' scopes.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn door(&self, topic: &TopicName) -> Result<Option<Door>, AccessError> {
        let entry = self.entry(topic)?;
        let born = entry.topic.life().born();
        Ok(entry.topic.allow().map(|allow| Door { born, allow }))
    }

    /// Gives a new revision to every topic that has a say in who may read it: all windows ask again. To be called when
    /// that may have changed.
    ///
    /// # Errors
    /// [`AccessError::InsideWrite`] from inside a write.
    pub fn touch_doors(&self) -> Result<(), AccessError> {
        not_inside_write()?;
        let topics: Vec<_> = self.shared.topics.read().values().map(|entry| Arc::clone(&entry.topic)).collect();
        for topic in topics.into_iter().filter(|topic| topic.allow().is_some()) {
            if let Some(revision) = topic.touch(&self.shared.revisions) {
                self.note_readable(&*topic, revision);
            }
        }
        Ok(())
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
        self.write_first(topic, write).0
    }

    /// As [`Store::write`], but nobody is woken to deliver what was written until the second value is dropped: so that
    /// the writer is answered before everybody else is told.
    pub fn write_first(
        &self,
        topic: &TopicName,
        write: ClientWrite,
    ) -> (Result<Arc<[Result<Revision, WriteError>]>, WriteError>, HeldDeliveries) {
        let mut held = HeldDeliveries { store: self.clone(), wake: Wake::default() };
        let entry = match self.entry(topic) {
            Ok(entry) => entry,
            Err(error) => return (Err(error.into()), held),
        };
        let writer = Arc::clone(write.session.label());
        let taken = entry.topic.write_from_client(write, self.shared.engine());
        if let Some(revision) = taken.made {
            held.wake = self.shared.announcements.note(entry.topic.slot(), revision, Some(writer));
            held.wake.announcer(&self.shared.announcements);
        }
        if let Some(evicted) = taken.evicted {
            self.forget(vec![evicted]);
        }
        (taken.outcomes, held)
    }

    /// Notes that a session reads a topic. Subscribing twice is the same as once.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn subscribe(&self, topic: &TopicName, session: &SessionKey) -> Result<(), AccessError> {
        let entry = self.entry(topic)?;
        let joined = self.shared.sessions.subscribe(session, topic, entry.topic.life(), self.now());
        if let Some(evicted) = joined.evicted {
            self.forget(vec![evicted]);
        }
        self.shared.deliveries.close(&self.shared.sessions, session.label());
        self.left(joined.left);
        if joined.too_late { Err(AccessError::UnknownTopic(topic.clone())) } else { Ok(()) }
    }

    /// Notes that a session does not read a topic any more.
    pub fn unsubscribe(&self, topic: &TopicName, session: &SessionKey) {
        let did = self.shared.sessions.unsubscribe(session, topic);
        self.shared.deliveries.forget(&self.shared.sessions, session.label(), topic);
        if did {
            self.left(vec![[topic.clone()].into()]);
        }
    }

    /// The page of this label has gone: its sessions end now, and are forgotten after
    /// [`SESSION_GRACE`](crate::SESSION_GRACE).
    pub fn drop_label(&self, label: &str, departure: Departure) {
        let left = self.shared.sessions.drop_label(label, departure, self.now());
        self.shared.deliveries.close(&self.shared.sessions, label);
        self.left(left);
        self.shared.announcements.wake_reaper();
    }

    /// The label's page may not read the topic any more.
    pub fn dismiss(&self, label: &str, topic: &TopicName) {
        let left = self.shared.sessions.dismiss(label, topic);
        self.shared.deliveries.forget(&self.shared.sessions, label, topic);
        self.left(left);
    }

    /// Pages have stopped reading topics: what hangs on that is seen to.
    fn left(&self, left: Vec<TopicsLeft>) {
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

/// The deliveries of a write, held back until this is dropped. See [`Store::write_first`].
#[must_use = "the write is delivered when this is dropped"]
pub struct HeldDeliveries {
    store: Store,
    wake: Wake,
}

impl Drop for HeldDeliveries {
    fn drop(&mut self) {
        self.wake.deliverer(&self.store.shared.announcements);
    }
}

/// Who may read and write a topic.
#[derive(Clone)]
pub struct Door {
    /// The revision of the topic's creation: it tells the doors of one name apart.
    pub born: Revision,
    allow: Allow,
}

impl Door {
    /// Asks the app.
    ///
    /// # Errors
    /// What it panicked with: then nobody may.
    pub fn admits(&self, client: &Client) -> Result<bool, String> {
        catch_unwind(AssertUnwindSafe(|| (self.allow)(client))).map_err(|panic| panic_text(&*panic))
    }
}

fn encode(topic: &TopicName, version: &dyn AnyVersion, since: Option<Revision>) -> Result<Answer, PullError> {
    version.answer(since).map_err(|source| PullError::Encode { topic: topic.clone(), source })
}
