//! Which pages are delivered what they read.

use super::Sessions;
use crate::{session_key::SessionKey, topic::TopicName};
use std::{collections::BTreeMap, sync::Arc};

impl Sessions {
    /// The page wants to be delivered what it reads of the topic, or to rest from that. Says whether it rested until now;
    /// nothing where it does not read it.
    pub(crate) fn deliver(&self, session: &SessionKey, topic: &TopicName, rests: bool) -> Option<bool> {
        let mut labels = self.labels.lock();
        let mut pages = labels.get_mut(session.label()).into_iter().flatten();
        let page = pages.find(|page| page.id == *session.page() && page.topics.contains(topic));
        page.map(|page| page.delivered.insert(topic.clone(), rests).unwrap_or_default())
    }

    /// Whether the topic is delivered to the session: it reads it, or misses it, and has asked for that.
    pub(crate) fn is_delivered(&self, session: &SessionKey, topic: &TopicName) -> bool {
        self.with_delivered(session, |topics| topics.contains_key(topic)).unwrap_or_default()
    }

    /// Whether the topic is delivered to the session, and it does not rest from that.
    pub(crate) fn follows(&self, session: &SessionKey, topic: &TopicName) -> bool {
        self.with_delivered(session, |topics| topics.get(topic) == Some(&false)).unwrap_or_default()
    }

    /// What is done with the topics that are delivered to the session, under the lock, if there are any.
    pub(crate) fn with_delivered<R>(
        &self,
        session: &SessionKey,
        work: impl FnOnce(&BTreeMap<TopicName, bool>) -> R,
    ) -> Option<R> {
        let labels = self.labels.lock();
        let mut pages = labels.get(session.label()).into_iter().flatten();
        let page = pages.find(|page| page.id == *session.page() && !page.delivered.is_empty());
        page.map(|page| work(&page.delivered))
    }

    /// The sessions to which the topic is delivered, and that do not rest.
    pub(crate) fn following(&self, topic: &TopicName) -> Vec<SessionKey> {
        let labels = self.labels.lock();
        let pages = labels.iter().flat_map(|(label, pages)| pages.iter().map(move |page| (label, page)));
        pages
            .filter(|(_, page)| page.delivered.get(topic) == Some(&false))
            .map(|(label, page)| SessionKey::new(Arc::clone(label), page.id.clone()))
            .collect()
    }
}
