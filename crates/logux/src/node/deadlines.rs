//! What takes too long, and when to ask whether the peer is there.

use super::{
    NodeError,
    session::{Phase, Session},
};
use crate::wire::Message;
use tokio::time::Instant;

impl Session {
    /// There was traffic: no need to ping.
    pub fn touch(&mut self) {
        self.touched = true;
    }

    pub fn delay_ping(&mut self) {
        if std::mem::take(&mut self.touched) {
            self.next_ping = Instant::now() + self.options.ping;
        }
    }

    pub fn check_deadlines(&mut self) -> Result<(), NodeError> {
        let now = Instant::now();
        let oldest_sync = self.outbound.outstanding.front().map(|sync| sync.answer_by);
        let deadlines = [self.must_know, self.must_pong, oldest_sync];
        if deadlines.iter().flatten().any(|&deadline| deadline <= now) {
            return Err(NodeError::Timeout(u64::try_from(self.options.timeout.as_millis()).unwrap_or(u64::MAX)));
        }
        if self.next_ping <= now {
            if self.phase == Phase::Live && self.must_pong.is_none() {
                self.must_pong = Some(now + self.options.timeout);
                self.say(&Message::Ping(self.outbound.handled));
            }
            self.touch();
            self.delay_ping();
        }
        // Anything that comes up later takes at least as long as the shorter of the two.
        let at_latest = now + self.options.ping.min(self.options.timeout);
        let next = deadlines.into_iter().flatten().chain([self.next_ping, at_latest]).min().unwrap_or(at_latest);
        self.timer.as_mut().reset(next);
        Ok(())
    }
}
