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
