//! The store as it delivers: who gets what, and when.

use crate::{
    announce::Latest,
    cell::not_inside_write,
    deliveries::{DeliveriesDue, DeliveriesOf, Delivery, DeliveryEntry},
    error::AccessError,
    revision::Revision,
    session_key::SessionKey,
    store::Store,
    topic::TopicName,
};

impl Store {
    /// As [`Store::subscribe`], for a page that wants to be told what has changed: what a
    /// [`take_delivery`](Store::take_delivery) brings. Says whether it will be; a page that has ended is not. To be asked
    /// again is harmless, and lets a page that was late have deliveries again.
    ///
    /// # Errors
    /// As [`Store::subscribe`].
    pub fn subscribe_to_deliveries(&self, topic: &TopicName, session: &SessionKey) -> Result<bool, AccessError> {
        self.subscribe(topic, session)?;
        let shared = &self.shared;
        let Some(waits) = shared.deliveries.open(&shared.sessions, session, topic) else { return Ok(false) };
        // Marked for others: this page is to be marked with the next change. What was before, it pulls.
        if let Ok(entry) = self.registered(topic) {
            entry.topic.slot().unmark();
        }
        if waits {
            shared.announcements.wake_deliveries();
        }
        Ok(true)
    }

    /// What is to be done about deliveries now. To be called when [`Announce::wake_deliveries`] says so, and at the
    /// moment that this returned last.
    ///
    /// [`Announce::wake_deliveries`]: crate::Announce::wake_deliveries
    pub fn deliveries_due(&self) -> DeliveriesDue {
        for slot in self.shared.announcements.take_changed() {
            self.shared.deliveries.mark(&self.shared.sessions, &slot);
        }
        self.shared.deliveries.due(self.now())
    }

    /// Takes what the label's page is to be told: each of its topics that has changed since it was last told, at the
    /// newest state. `None` where that is nothing, the last one was not acknowledged yet, or there is no such page.
    ///
    /// `may` is asked, under no lock (**I4**), whether the page may still read a topic; it is given the revision of the
    /// topic's creation where the topic itself has a say in that.
    pub fn take_delivery(
        &self,
        label: &str,
        may: impl Fn(&SessionKey, &TopicName, Option<Revision>) -> bool,
    ) -> Option<Delivery> {
        not_inside_write().ok()?;
        loop {
            let begun = self.shared.deliveries.begin(label, self.now())?;
            let session = begun.session;
            let mut entries = Vec::new();
            for (slot, given) in begun.topics {
                let topic = slot.topic();
                if !self.shared.sessions.is_delivered(&session, topic) {
                    self.shared.deliveries.forget(&self.shared.sessions, label, topic);
                    continue;
                }
                // From here on a change marks the page again; what has changed before is in what is read now (I3).
                slot.unmark();
                let may = |door| may(&session, topic, door);
                entries.extend(self.entry_of(topic, given, may, &slot.latest()));
            }
            let delivery = Delivery { session, id: begun.id, entries };
            if self.shared.deliveries.made(&delivery, self.now()) {
                return Some(delivery);
            }
        }
    }

    fn entry_of(
        &self,
        topic: &TopicName,
        given: Option<Revision>,
        may: impl Fn(Option<Revision>) -> bool,
        latest: &Latest,
    ) -> Option<DeliveryEntry> {
        let nothing = |revision| Some(DeliveryEntry { topic: topic.clone(), revision, source_id: None, answer: None });
        let Ok(entry) = self.registered(topic) else { return nothing(latest.revision) };
        let revision = entry.topic.current_version().revision();
        if given == Some(revision) {
            return None;
        }
        let (born, has_door) = (entry.topic.life().born(), entry.topic.allow().is_some());
        if !may(has_door.then_some(born)) {
            return nothing(revision);
        }
        let Ok(answer) = self.pull(topic, given) else { return nothing(revision) };
        // Who was asked about one topic must not get another of the same name.
        if self.registered(topic).map(|now| now.topic.life().born()) != Ok(born) {
            return nothing(revision);
        }
        let revision = answer.revision();
        Some(DeliveryEntry {
            topic: topic.clone(),
            revision,
            source_id: latest.source(given, revision),
            answer: Some(answer),
        })
    }

    /// The page of this label has this delivery: the next may go.
    pub fn acknowledged(&self, label: &str, id: u64) {
        if self.shared.deliveries.acknowledged(label, id, self.now()) {
            self.shared.announcements.wake_deliveries();
        }
    }

    /// This delivery did not reach the page of this label: it gets no more until it subscribes again.
    pub fn not_delivered(&self, label: &str, id: u64) {
        self.shared.deliveries.failed(label, id);
    }

    /// The page of this label that gets deliveries.
    pub fn deliveries_of(&self, label: &str) -> Option<DeliveriesOf> {
        self.shared.deliveries.of(label)
    }

    /// The page was answered, or will be in a moment, with the topic's state at this revision: it is not delivered
    /// that again. A page that loses an answer asks again.
    pub fn gave(&self, session: &SessionKey, topic: &TopicName, revision: Revision) {
        self.shared.deliveries.gave(&self.shared.sessions, session, topic, revision);
    }
}
