//! What a collection remembers of its changes.

use crate::revision::Revision;
use rpds::RedBlackTreeMapSync;
use std::sync::Arc;

/// How many entities are remembered to have changed, or to have gone, last; who has not looked for longer gets the
/// whole collection.
pub const COLLECTION_LOG: usize = 4096;

pub(crate) type Key = Arc<str>;

/// What changed, up to the revision that the state was last given.
///
/// **I14 bounded**: [`COLLECTION_LOG`] changes, one for each key.
#[derive(Clone)]
pub(crate) struct History {
    /// What all states have in common that come from one another.
    lineage: Arc<()>,
    pub(crate) at: Revision,
    /// From which revisions on the log is complete.
    pub(crate) since: Revision,
    pub(crate) log: RedBlackTreeMapSync<(Revision, Key), ()>,
    /// Entities that have gone, and are in the log.
    pub(crate) gone: RedBlackTreeMapSync<Key, Gone>,
}

#[derive(Clone, Copy)]
pub(crate) struct Gone {
    pub(crate) at: Revision,
    pub(crate) born: Revision,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            lineage: Arc::new(()),
            at: Revision::ZERO,
            since: Revision::ZERO,
            log: RedBlackTreeMapSync::new_sync(),
            gone: RedBlackTreeMapSync::new_sync(),
        }
    }

    /// Whether a state with the other history was made from the one with this, and not given a revision yet.
    pub(crate) fn is_before(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lineage, &other.lineage) && self.at == other.at
    }

    pub(crate) fn forget_the_oldest(&mut self) {
        while self.log.size() > COLLECTION_LOG {
            let Some((oldest, key)) = self.log.first().map(|(oldest, ())| oldest.clone()) else { return };
            self.log.remove_mut(&(oldest, Arc::clone(&key)));
            self.since = self.since.max(oldest);
            if self.gone.get(&key).is_some_and(|gone| gone.at == oldest) {
                self.gone.remove_mut(&key);
            }
        }
    }
}
