//! How many calls of each window are under way that may each hold a thread for long.

use lockstep_core::TopicName;
use parking_lot::Mutex;
use std::collections::HashMap;

/// How many of one window's calls may be under way: what they wait for may be code of the app's that hangs, and Tauri
/// has 512 threads for all windows together.
const MAX_CALLS: usize = 64;

/// How many of those may be for one topic. A guest has one, which it may repeat.
const MAX_CALLS_PER_TOPIC: usize = 16;

/// The calls that are under way: the topics, by the window's label.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<String, Vec<TopicName>>>);

/// The place of one call, until it is dropped.
pub(crate) struct Place<'a> {
    calls: &'a InFlight,
    window: String,
    topic: TopicName,
}

impl InFlight {
    /// **I14 bounded**: `None` where the window has too many calls under way.
    pub(crate) fn enter(&self, window: &str, topic: &TopicName) -> Option<Place<'_>> {
        let mut all = self.0.lock();
        let calls = all.entry(window.to_owned()).or_default();
        let same = calls.iter().filter(|other| *other == topic).count();
        if calls.len() >= MAX_CALLS || same >= MAX_CALLS_PER_TOPIC {
            return None;
        }
        calls.push(topic.clone());
        Some(Place { calls: self, window: window.to_owned(), topic: topic.clone() })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut all = self.calls.0.lock();
        let Some(calls) = all.get_mut(&self.window) else { return };
        if let Some(at) = calls.iter().position(|topic| *topic == self.topic) {
            calls.swap_remove(at);
        }
        if calls.is_empty() {
            all.remove(&self.window);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(n: usize) -> TopicName {
        format!("t{n}").parse().unwrap()
    }

    #[test]
    fn i14_a_window_has_only_so_many_calls_under_way_for_a_topic_and_in_all() {
        let calls = InFlight::default();
        let mut places: Vec<_> = (0..MAX_CALLS_PER_TOPIC).map(|_| calls.enter("a", &name(0)).unwrap()).collect();
        assert!(calls.enter("a", &name(0)).is_none());
        assert!(calls.enter("b", &name(0)).is_some(), "another window is not held up");
        places.pop();
        places.push(calls.enter("a", &name(0)).unwrap());
        places.extend((places.len()..MAX_CALLS).map(|n| calls.enter("a", &name(n)).unwrap()));
        assert!(calls.enter("a", &name(1000)).is_none());
        drop(places);
        assert!(calls.0.lock().is_empty());
    }
}
