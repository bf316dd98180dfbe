//! How long a topic lives.

use crate::{clock::Clock, options::SelfDestruct, revision::Revision, sync::Mutex};
use std::time::{Duration, SystemTime};

/// How often a topic that may destruct itself is asked whether it wants to, when nobody leaves.
pub const SELF_DESTRUCT_INTERVAL: Duration = Duration::from_secs(10);

/// When a topic ends by itself.
pub(crate) struct Lifespan {
    pub(crate) ttl: Option<Duration>,
    pub(crate) self_destruct: Option<SelfDestruct>,
}

/// One topic's life, from its creation to its removal.
pub(crate) struct Life {
    born: Revision,
    created_at: SystemTime,
    lifespan: Lifespan,
    now: Mutex<Now>,
}

/// Guarded by a lock that is taken last, after any other.
struct Now {
    expires_at: Option<Duration>,
    /// When it is asked next whether it wants to end.
    ask_at: Option<Duration>,
    /// How often somebody began to read it.
    joins: u64,
    retired: bool,
}

impl Life {
    pub(crate) fn new(born: Revision, lifespan: Lifespan, clock: &dyn Clock) -> Self {
        let now = clock.now();
        let state = Now {
            expires_at: lifespan.ttl.map(|ttl| now.saturating_add(ttl)),
            ask_at: lifespan.self_destruct.as_ref().map(|_| now + SELF_DESTRUCT_INTERVAL),
            joins: 0,
            retired: false,
        };
        let since = Duration::from_millis(clock.unix_ms());
        let created_at = SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH);
        Self { born, created_at, lifespan, now: Mutex::new(state) }
    }

    /// The revision of its creation: it tells the lives of one name apart.
    pub(crate) fn born(&self) -> Revision {
        self.born
    }

    /// Whether it may end by itself.
    pub(crate) fn is_mortal(&self) -> bool {
        self.lifespan.ttl.is_some() || self.lifespan.self_destruct.is_some()
    }

    /// Its time begins anew.
    pub(crate) fn renew(&self, now: Duration) {
        if let Some(ttl) = self.lifespan.ttl {
            self.now.lock().expires_at = Some(now.saturating_add(ttl));
        }
    }

    pub(crate) fn is_expired(&self, now: Duration) -> bool {
        self.now.lock().expires_at.is_some_and(|at| at <= now)
    }

    /// When something is to be done for it next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let now = self.now.lock();
        [now.expires_at, now.ask_at].into_iter().flatten().min()
    }

    /// Somebody begins to read it; says no where it is too late for that. Called under the sessions' lock.
    pub(crate) fn join(&self) -> bool {
        let mut now = self.now.lock();
        now.joins += u64::from(!now.retired);
        !now.retired
    }

    /// Somebody has stopped reading it. Says whether it is to be asked about that.
    pub(crate) fn left(&self, at: Duration) -> bool {
        let asked = self.lifespan.self_destruct.is_some();
        if asked {
            self.now.lock().ask_at = Some(at);
        }
        asked
    }

    /// How often somebody began to read it. Called under the sessions' lock.
    pub(crate) fn joins(&self) -> u64 {
        self.now.lock().joins
    }

    /// Nobody may begin to read it from here on, unless somebody has done so since `joins`. Called under the sessions'
    /// lock. Says whether it worked.
    pub(crate) fn retire_unless_joined(&self, joins: u64) -> bool {
        let mut now = self.now.lock();
        let unchanged = now.joins == joins && !now.retired;
        now.retired |= unchanged;
        unchanged
    }

    /// Nobody may begin to read it from here on. Called under the sessions' lock.
    pub(crate) fn retire(&self) {
        self.now.lock().retired = true;
    }

    /// If it is time to ask, whom, and when it was created; it is asked again after a while.
    pub(crate) fn due(&self, now: Duration) -> Option<(SelfDestruct, SystemTime)> {
        let self_destruct = self.lifespan.self_destruct.as_ref()?;
        let mut state = self.now.lock();
        if state.ask_at.is_none_or(|at| at > now) {
            return None;
        }
        state.ask_at = Some(now + SELF_DESTRUCT_INTERVAL);
        Some((self_destruct.clone(), self.created_at))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use std::sync::Arc;

    struct Late;

    impl Clock for Late {
        fn now(&self) -> Duration {
            Duration::from_secs(100)
        }

        fn unix_ms(&self) -> u64 {
            u64::MAX
        }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn life(ttl: Option<Duration>, self_destruct: bool) -> Life {
        let self_destruct = self_destruct.then(|| -> SelfDestruct { Arc::new(|_, _| true) });
        Life::new(Revision::from_u64(7), Lifespan { ttl, self_destruct }, &Late)
    }

    #[test]
    fn a_life_without_end_has_no_deadline() {
        let life =
            Life::new(Revision::from_u64(7), Lifespan { ttl: None, self_destruct: None }, &SystemClock::default());
        assert!(!life.is_mortal() && !life.is_expired(Duration::MAX) && !life.left(secs(1)));
        life.renew(secs(1));
        assert_eq!(life.next_deadline(), None);
        assert!(life.due(Duration::MAX).is_none());
    }

    #[test]
    fn the_nearer_end_is_the_deadline_and_a_time_beyond_all_times_is_none_that_comes() {
        assert_eq!(life(Some(secs(5)), true).next_deadline(), Some(secs(105)));
        assert_eq!(life(Some(secs(50)), true).next_deadline(), Some(secs(100) + SELF_DESTRUCT_INTERVAL));
        let long = life(Some(Duration::MAX), false);
        assert!(long.is_mortal() && !long.is_expired(secs(u64::MAX)));
        assert!(life(Some(Duration::ZERO), false).is_expired(secs(100)));
    }

    #[test]
    fn it_is_asked_once_each_time_it_is_due() {
        let life = life(None, true);
        assert!(life.due(secs(100)).is_none());
        assert!(life.left(secs(101)));
        assert!(life.due(secs(101)).is_some() && life.due(secs(101)).is_none());
        assert_eq!(life.next_deadline(), Some(secs(101) + SELF_DESTRUCT_INTERVAL));
    }

    #[test]
    fn nobody_joins_what_has_retired_and_nothing_retires_that_was_joined_meanwhile() {
        let life = life(None, true);
        let before = life.joins();
        assert!(life.join() && !life.retire_unless_joined(before) && life.join());
        assert!(life.retire_unless_joined(life.joins()));
        assert!(!life.join() && !life.retire_unless_joined(life.joins()), "it retires once");
    }
}
