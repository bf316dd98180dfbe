//! Ids that never repeat.

use crate::{
    clock::Clock,
    id::ActionId,
    store::{Store, StoreError},
};
use std::sync::Arc;

/// How far ahead times are reserved, in milliseconds: one write of the store for so long.
const AHEAD: i64 = 1_000;

/// The last id that was given out.
#[derive(Debug, Default)]
pub struct Ids {
    /// `None` until the store was asked what earlier processes may have given out.
    last: Option<(i64, u64)>,
    reserved: i64,
}

impl Ids {
    pub fn next(&mut self, store: &dyn Store, clock: &dyn Clock, node: &Arc<str>) -> Result<ActionId, StoreError> {
        let (last_ms, last_counter) = match self.last {
            Some(last) => last,
            None => {
                self.reserved = store.reserved_ids()?;
                (self.reserved, u64::MAX)
            }
        };
        let now = clock.now();
        let (ms, counter) = match last_counter.checked_add(1) {
            _ if now > last_ms => (now, 0),
            Some(counter) => (last_ms, counter),
            None => (last_ms + 1, 0),
        };
        if ms > self.reserved {
            store.reserve_ids(ms + AHEAD)?;
            self.reserved = ms + AHEAD;
        }
        self.last = Some((ms, counter));
        Ok(ActionId { ms, node: Arc::clone(node), counter })
    }
}
