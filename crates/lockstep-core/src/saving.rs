//! One topic's place among those that are saved.
//!
//! ```text
//!            a write at t             the saver takes it
//!   saved ──────────────► unsaved(t) ─────────────────► being saved ──► saved = r
//!                          │      ▲                          │
//!          a write at t'   ▼      │   the disk failed        │
//!                    unsaved(t, t')◄─────────────────────────┘
//! ```

use crate::{
    persist::Record,
    persisted::{Durability, Persisted},
    revision::Revision,
    sync::Mutex,
};
use std::{mem, time::Duration};

/// How a topic is saved, and how far that has come.
pub(crate) struct Saving {
    pub(crate) options: Persisted,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    saved: Revision,
    /// Of the writes that are not saved, when the first and the last was made.
    unsaved: Option<(Duration, Duration)>,
    /// The last revision that it has got together with other topics.
    shared: Revision,
    /// What is saved must stay as it is.
    left_alone: bool,
    /// To be set aside with the next save.
    backup: Option<Record>,
}

/// What came of a record at a topic's creation.
#[derive(Default)]
pub(crate) struct Restored {
    /// The record is the topic's first state, as it stands.
    pub(crate) as_it_was: bool,
    pub(crate) left_alone: bool,
    pub(crate) backup: Option<Record>,
}

impl Saving {
    pub(crate) fn new(options: Persisted) -> Self {
        Self { options, state: Mutex::default() }
    }

    /// Begins with what was restored, at the topic's first revision.
    pub(crate) fn begin(&self, restored: Restored, first: Revision) {
        let mut state = self.state.lock();
        let Restored { as_it_was, left_alone, backup } = restored;
        state.saved = if as_it_was { first } else { Revision::ZERO };
        (state.left_alone, state.backup) = (left_alone, backup);
    }

    pub(crate) fn is_immediate(&self) -> bool {
        self.options.durability == Durability::Immediate
    }

    /// A write can be read. Says whether the saver is to be woken.
    pub(crate) fn note(&self, revision: Revision, now: Duration) -> bool {
        let mut state = self.state.lock();
        if revision <= state.saved || state.left_alone {
            return false;
        }
        let first = state.unsaved.map(|(first, _)| first);
        state.unsaved = Some((first.unwrap_or(now), now));
        first.is_none() || self.is_immediate()
    }

    /// The next state, of this revision, will be shown together with other topics'. Called before that.
    pub(crate) fn share(&self, revision: Revision) {
        self.state.lock().shared = revision;
    }

    /// Whether part of what is not saved belongs together with unsaved parts of other topics.
    pub(crate) fn is_shared(&self) -> bool {
        let state = self.state.lock();
        state.shared > state.saved
    }

    /// When it is to be saved.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let (first, last) = self.state.lock().unsaved?;
        if self.is_immediate() {
            return Some(first);
        }
        let quiet = last.saturating_add(self.options.debounce);
        Some(quiet.min(first.saturating_add(self.options.max_wait)))
    }

    /// The saver looks at the topic now; whoever writes from here on, notes it again. Returns since when it was unsaved.
    pub(crate) fn take(&self) -> Option<(Duration, Duration)> {
        mem::take(&mut self.state.lock().unsaved)
    }

    /// The save that [`Saving::take`] began did not happen.
    pub(crate) fn put_back(&self, taken: Option<(Duration, Duration)>, now: Duration) {
        let mut state = self.state.lock();
        let (first, last) = taken.unwrap_or((now, now));
        let later = state.unsaved.map_or(last, |(_, last)| last);
        state.unsaved = Some((first, later));
    }

    pub(crate) fn backup(&self) -> Option<Record> {
        self.state.lock().backup.clone()
    }

    /// The state of this revision is on disk, and so is the backup.
    pub(crate) fn saved(&self, revision: Revision) {
        let mut state = self.state.lock();
        state.saved = state.saved.max(revision);
        state.backup = None;
    }

    /// What was saved is gone.
    pub(crate) fn lost(&self) {
        self.state.lock().saved = Revision::ZERO;
    }

    pub(crate) fn saved_revision(&self) -> Revision {
        self.state.lock().saved
    }

    pub(crate) fn is_left_alone(&self) -> bool {
        self.state.lock().left_alone
    }
}
