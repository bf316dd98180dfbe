//! What was saved becomes a topic's first state.

use crate::{
    cell::State,
    error::panic_text,
    options::TopicOptions,
    persist::Record,
    persisted::{Persisted, Refused},
    saving::Restored,
    store::Store,
    topic::TopicName,
};
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Store {
    /// The first state of a topic: what was saved of it, else `initial`. It calls code of the app's: migrations, and
    /// what reads and writes the type as JSON.
    pub(crate) fn restore<T: State>(&self, name: &TopicName, initial: T, options: &TopicOptions<T>) -> (T, Restored) {
        let Some(persisted) = &options.persisted else { return (initial, Restored::default()) };
        let Some(record) = self.shared.saver.record(name) else { return (initial, Restored::default()) };
        match restored(persisted, name, &record, &initial) {
            Ok(value) if record.version == persisted.version => {
                // What could be read is known to be on disk once something could be written after it.
                (value, Restored { as_it_was: self.shared.saver.is_known_on_disk(), ..Restored::default() })
            }
            Ok(value) => (value, Restored { backup: Some(record), ..Restored::default() }),
            Err(Refused::LeftAlone(issue)) => {
                self.shared.saver.report(issue);
                (initial, Restored { left_alone: true, ..Restored::default() })
            }
            Err(Refused::SetAside(issue)) => {
                self.shared.saver.report(issue);
                (initial, Restored { backup: Some(record), ..Restored::default() })
            }
        }
    }
}

fn restored<T: State>(persisted: &Persisted, name: &TopicName, record: &Record, initial: &T) -> Result<T, Refused> {
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        let first = serde_json::to_value(initial).unwrap_or(Value::Null);
        let value = persisted.decode(name, record, &first)?;
        serde_path_to_error::deserialize(value).map_err(|error| Refused::not_decoded(name, &error))
    }));
    decoded.unwrap_or_else(|panic| Err(Refused::not_decoded(name, &panic_text(&*panic))))
}
