//! The role of the primary: held by one live page at a time.
//!
//! ```text
//!   a page joins ──► candidate ── nobody holds the role, or it is the longest waiting ──► holder, a new term
//!                        ▲                                                                  │
//!                        └─── joins again ◄── nobody ◄── leaves (its acknowledgement), or is gone ──┘
//! ```

use crate::{
    change::Change,
    error::{AccessError, CreateError, JoinError, SubscribeError, UpdateError},
    options::TopicOptions,
    revision::Revision,
    session_key::{PageId, SessionKey},
    store::Store,
    topic::{Topic, TopicName},
};
use serde::{Deserialize, Serialize};

/// Who holds the role of the primary; windows and Rust read it like every topic, and nobody creates, writes or removes
/// it: that is [`AccessError::Reserved`]. It comes into being when the first page wants the role.
pub const PRIMARY: Topic<Primary> = Topic::new("lockstep/primary");

/// Refuses what would give the role to somebody, or take it, by the way: only the engine changes [`PRIMARY`].
pub(crate) fn unreserved(topic: &TopicName) -> Result<(), AccessError> {
    if topic == PRIMARY.name() { Err(AccessError::Reserved(topic.clone())) } else { Ok(()) }
}

/// The state of [`PRIMARY`].
///
/// - At most one page holds the role, and it loses it only by leaving, or by its end; only then another gets it.
/// - **I5**: a term is a revision that the topic had before it began, so each is higher than all before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    /// Who holds the role.
    pub holder: Option<Holder>,
    /// Who wants it, the holder included, longest waiting first.
    #[serde(skip)]
    candidates: Vec<SessionKey>,
}

/// A page that holds the role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The label of its webview.
    pub window: String,
    /// The page's own id.
    pub session: PageId,
    /// The number of its term: higher than those of all terms before, so that what the role does outside can be fenced
    /// against a holder that does not know yet that it is none.
    pub term: Revision,
}

impl Primary {
    fn join(&mut self, session: &SessionKey) {
        if !self.candidates.contains(session) {
            self.candidates.push(session.clone());
        }
    }

    fn leave(&mut self, session: &SessionKey) {
        self.candidates.retain(|candidate| candidate != session);
    }

    fn stand_down(&mut self, label: &str) {
        let holds = self.holder.as_ref().is_some_and(|holder| *holder.window == *label);
        if !holds {
            self.candidates.retain(|candidate| **candidate.label() != *label);
        }
    }

    /// Who waits longest holds the role, where nobody does.
    fn settle(&mut self, term: Revision) {
        let holds = |candidate: &SessionKey, holder: &Holder| {
            **candidate.label() == *holder.window && *candidate.page() == holder.session
        };
        if let Some(holder) = &self.holder
            && self.candidates.iter().any(|candidate| holds(candidate, holder))
        {
            return;
        }
        let next = |candidate: &SessionKey| Holder {
            window: candidate.label().to_string(),
            session: candidate.page().clone(),
            term,
        };
        self.holder = self.candidates.first().map(next);
    }
}

/// Nothing has changed.
enum Unchanged {
    AsBefore,
    Failed(UpdateError),
}

impl From<UpdateError> for Unchanged {
    fn from(error: UpdateError) -> Self {
        Self::Failed(error)
    }
}

impl Store {
    /// Makes a page a candidate for the role, and a reader of [`PRIMARY`], as of
    /// [`Door::subscribe`](crate::Door::subscribe).
    ///
    /// # Errors
    /// [`JoinError`] for a page that has ended, from inside a write, or if no revision is left.
    pub fn join_role(&self, session: &SessionKey, lives: &dyn Fn() -> bool) -> Result<(), JoinError> {
        let door = self.door(PRIMARY.name()).map_err(SubscribeError::from)?;
        let door = match door.born() {
            Some(_) => door,
            None => {
                // Somebody else may be faster.
                if let Err(CreateError::Exhausted(topic)) =
                    self.create_unreserved(&PRIMARY, Primary::default(), TopicOptions::new(), None)
                {
                    return Err(UpdateError::Exhausted(topic).into());
                }
                self.door(PRIMARY.name()).map_err(SubscribeError::from)?
            }
        };
        door.subscribe(session, lives)?;
        Ok(self.change_role(|primary| primary.join(session))?)
    }

    /// Makes a page a candidate no more. Where it held the role, this says that it has stopped doing what that entails:
    /// another gets it.
    pub fn leave_role(&self, session: &SessionKey) {
        self.relieve(|primary| primary.leave(session));
    }

    /// The label's pages are no candidates any more, but for the one that holds the role.
    pub(crate) fn stand_down(&self, label: &str, lives: &dyn Fn() -> bool) {
        self.relieve(|primary| {
            if lives() {
                primary.stand_down(label);
            }
        });
    }

    /// Pages have stopped reading [`PRIMARY`]: they are no candidates any more.
    pub(crate) fn settle_role(&self) {
        self.relieve(|_| {});
    }

    fn relieve(&self, change: impl FnOnce(&mut Primary)) {
        match self.change_role(change) {
            Ok(()) | Err(UpdateError::Access(AccessError::UnknownTopic(_))) => {}
            Err(error) => tracing::error!(%error, "the role stays with a page that has left"),
        }
    }

    /// Who holds the role.
    pub fn primary(&self) -> Option<Holder> {
        self.get(PRIMARY).ok()?.holder.clone()
    }

    fn change_role(&self, change: impl FnOnce(&mut Primary)) -> Result<(), UpdateError> {
        let cell = self.cell(&PRIMARY).map_err(UpdateError::from)?;
        let changed = self.write_to(cell, Change::Rust, |current, cx| {
            let mut next = Primary::clone(&current.value);
            change(&mut next);
            // Looked at under the topic's lock, so that whoever comes last sees who is there: a page that ends while it
            // joins gets no role, and one that comes back while its silence is noted keeps its place.
            next.candidates.retain(|candidate| self.shared.sessions.reads(candidate, PRIMARY.name()));
            next.settle(cx.revision());
            if next == *current.value { Err(Unchanged::AsBefore) } else { Ok(next) }
        });
        match changed {
            Ok(_) | Err(Unchanged::AsBefore) => Ok(()),
            Err(Unchanged::Failed(error)) => Err(error),
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::{Departure, NoAnnounce};

    fn page(label: &str, page: &str) -> SessionKey {
        SessionKey::new(label, page.parse().unwrap())
    }

    fn holder(store: &Store) -> Option<(String, Revision)> {
        store.primary().map(|holder| (holder.window, holder.term))
    }

    #[test]
    fn i5_each_term_is_higher_than_the_one_before() {
        let store = Store::new(NoAnnounce);
        let (a, b) = (page("a", "1"), page("b", "2"));
        store.join_role(&a, &|| true).unwrap();
        store.join_role(&b, &|| true).unwrap();
        let (first, term) = holder(&store).unwrap();
        assert_eq!(first, "a");
        store.join_role(&a, &|| true).unwrap();
        assert_eq!(holder(&store).unwrap().1, term, "joining twice changes nothing");

        store.leave_role(&a);
        let (second, next) = holder(&store).unwrap();
        assert_eq!((&*second, next > term), ("b", true));

        store.leave_role(&b);
        assert_eq!(holder(&store), None);
        store.join_role(&b, &|| true).unwrap();
        assert!(holder(&store).unwrap().1 > next);
    }

    #[test]
    fn the_role_goes_on_when_its_holder_is_gone_in_whatever_way() {
        let store = Store::new(NoAnnounce);
        for label in ["a", "b", "c", "d"] {
            store.join_role(&page(label, "1"), &|| true).unwrap();
        }
        store.drop_label("a", Departure::Ended);
        assert_eq!(holder(&store).unwrap().0, "b");
        store.subscribe(PRIMARY.name(), &page("b", "2")).unwrap();
        assert_eq!(holder(&store).unwrap().0, "c", "the page was reloaded");
        store.unsubscribe(PRIMARY.name(), &page("c", "1"));
        assert_eq!(holder(&store).unwrap().0, "d");
        store.drop_label("d", Departure::Silent);
        assert_eq!(holder(&store), None);
    }

    #[test]
    fn a_page_that_has_ended_does_not_get_the_role() {
        let store = Store::new(NoAnnounce);
        let gone = page("a", "1");
        store.join_role(&gone, &|| true).unwrap();
        store.drop_label("a", Departure::Ended);
        let ended = JoinError::Subscribe(SubscribeError::SessionEnded(gone.clone()));
        assert_eq!(store.join_role(&gone, &|| true), Err(ended), "Tauri has run its command again");
        assert_eq!(holder(&store), None);
    }
}
