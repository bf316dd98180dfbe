//! The store as it delivers: who gets what, and when.

use crate::{
    announce::{Latest, Wake},
    cell::not_inside_write,
    deliveries::{DeliveriesDue, DeliveriesOf, Delivery, DeliveryEntry},
    door::Door,
    error::{AccessError, SubscribeError},
    revision::Revision,
    session_key::SessionKey,
    store::Store,
    topic::TopicName,
};

impl Door {
    /// As [`Door::subscribe`], for a page that wants to be told what has changed: what a [`Store::take_delivery`] brings.
    /// Says whether it will be; a page that has gone just now is not. To be asked again is harmless, and lets a page that
    /// was late have deliveries again.
    ///
    /// A page that `rests`, such as a hidden one, reads the topic and is told nothing of it: that costs nothing, however
    /// much is written. When it asks again and does not rest any more, it is told once what it has missed.
    ///
    /// # Errors
    /// As [`Door::subscribe`].
    pub fn subscribe_to_deliveries(
        &self,
        session: &SessionKey,
        lives: &dyn Fn() -> bool,
        rests: bool,
    ) -> Result<bool, SubscribeError> {
        self.subscribe(session, lives)?;
        let shared = &self.store.shared;
        let Some(topic) = &self.found else { return Ok(false) };
        let Some(waits) = shared.deliveries.open(&shared.sessions, session, topic.slot(), rests) else {
            return Ok(false);
        };
        if rests {
            shared.announcements.wake_undelivered();
        }
        // Marked for others: this page is to be marked with the next change. What was before, it pulls.
        topic.slot().unmark();
        if waits {
            shared.announcements.wake_deliveries();
        }
        Ok(true)
    }
}

impl Store {
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
    /// `may` is asked, under no lock (**I4**), whether the page may still read the topic behind a door. It gets what is
    /// behind that door, or nothing (**I13**).
    pub fn take_delivery(&self, label: &str, may: impl Fn(&SessionKey, &Door) -> bool) -> Option<Delivery> {
        not_inside_write().ok()?;
        loop {
            let begun = self.shared.deliveries.begin(label, self.now())?;
            let session = begun.session;
            let mut entries = Vec::new();
            for (slot, given) in begun.topics {
                if !self.shared.sessions.follows(&session, slot.topic()) {
                    continue;
                }
                // From here on a change marks the page again; what has changed before is in what is read now (I3).
                slot.unmark();
                entries.extend(self.entry_of(slot.topic(), given, &slot.latest(), |door| may(&session, door)));
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
        latest: &Latest,
        may: impl Fn(&Door) -> bool,
    ) -> Option<DeliveryEntry> {
        let nothing = |revision| DeliveryEntry { topic: topic.clone(), revision, source_id: None, answer: None };
        let door = self.door(topic).ok()?;
        let Ok(revision) = door.revision() else { return Some(nothing(latest.revision)) };
        if given == Some(revision) {
            return None;
        }
        let answer = if may(&door) { door.pull(given).ok() } else { None };
        let Some(answer) = answer else { return Some(nothing(revision)) };
        let revision = answer.revision();
        let source_id = latest.source(given, revision);
        Some(DeliveryEntry { topic: topic.clone(), revision, source_id, answer: Some(answer) })
    }

    /// The page of this label has this delivery: the next may go.
    pub fn acknowledged(&self, label: &str, id: u64) {
        if self.shared.deliveries.acknowledged(label, id, self.now()) {
            self.shared.announcements.wake_deliveries();
        }
        self.shared.announcements.wake_undelivered();
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
        self.shared.announcements.wake_undelivered();
    }

    /// The pages that are delivered the topic, do not rest from that, and are not known to have it at this revision or a
    /// later one: they have neither acknowledged it nor been answered with it, or a delivery after that was lost. To be
    /// asked again when [`Announce::wake_undelivered`] says so.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    ///
    /// [`Announce::wake_undelivered`]: crate::Announce::wake_undelivered
    pub fn undelivered(&self, topic: &TopicName, revision: Revision) -> Result<Vec<SessionKey>, AccessError> {
        self.door(topic)?.revision()?;
        Ok(self.shared.deliveries.lacking(&self.shared.sessions, topic, revision))
    }

    /// The label's page may have gone, or read less than before.
    pub(crate) fn follow(&self, label: &str) {
        self.shared.deliveries.follow(&self.shared.sessions, label);
        self.shared.announcements.wake_undelivered();
    }
}

/// What a write means to the others, held back until this is dropped: nobody is woken to deliver or to announce it. See
/// [`Door::write_first`].
#[must_use = "the others hear of the write when this is dropped"]
pub struct HeldNews {
    store: Store,
    wake: Wake,
}

impl HeldNews {
    pub(crate) fn new(store: &Store) -> Self {
        Self { store: store.clone(), wake: Wake::default() }
    }

    pub(crate) fn of(&mut self, wake: Wake) {
        self.wake = wake;
    }
}

impl Drop for HeldNews {
    fn drop(&mut self) {
        self.store.shared.announcements.wake(self.wake);
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::{testing::TestStore, topic::Topic};
    use std::time::Duration;

    #[test]
    fn i3_a_write_that_is_noted_after_its_topic_was_removed_and_made_again_hides_no_change_of_the_next() {
        const A: Topic<u32> = Topic::new("a");
        let store = TestStore::new();
        let written = store.create(A, 0).unwrap();
        let page = SessionKey::new("main", "p".parse().unwrap());
        store.door(A.name()).unwrap().subscribe_to_deliveries(&page, &|| true, false).unwrap();
        let take = || {
            store.deliveries_due();
            let delivery = store.take_delivery("main", |_, _| true)?;
            store.acknowledged("main", delivery.id);
            Some(delivery.entries[0].revision)
        };
        let earlier = store.registered(A.name()).unwrap().topic;
        store.remove(A.name()).unwrap();
        while take().is_some() {}
        store.clock.advance(Duration::from_secs(1));
        store.announce_due();

        let created = store.create(A, 1).unwrap();
        // The writer's thread was held up between its write and this.
        store.shared.announcements.note_readable(earlier.slot(), written, None);
        assert_eq!(take(), Some(created));
        let last = store.set(A, 2).unwrap();
        assert_eq!(take(), Some(last));
    }
}
