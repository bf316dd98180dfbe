//! What the app's Rust code asks about what its windows have.

use crate::Lockstep;
use lockstep_core::{AccessError, DELIVERY_TIMEOUT, Revision, SessionKey, TopicName};
use tokio::time::{Instant, timeout_at};

/// Why it is not known that every window has a state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// There is no such topic, or it was removed meanwhile.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The pages of these windows have not confirmed it in time. They go on being told: each has the newest state as soon
    /// as it answers again.
    #[error(
        "the windows {windows:?} have not confirmed topic {topic:?} at revision {revision} within 5 s: they are busy, suspended, or may not read it any more; each has the newest state when it answers again"
    )]
    Late {
        /// The topic.
        topic: TopicName,
        /// The revision that was waited for.
        revision: Revision,
        /// The labels of the webviews, in order.
        windows: Vec<String>,
    },
}

impl Lockstep {
    /// Waits until every window has this revision of the topic, or a later one: before a hidden one is shown, say, or in a
    /// test that drives real ones.
    ///
    /// A page has it when it has acknowledged a delivery of it: its stores show it then, and have called their
    /// listeners; what these change is painted with the page's next frame. A store that has a write of its own under way
    /// shows it with the answer to that, or after 250 ms. A page that wrote it itself, or has pulled it, counts when the
    /// answer is on its way.
    ///
    /// Waited for are the pages that read the topic by the guest's stores (**I12**). Not waited for are those that have not
    /// begun to, such as one that loads; those that rest while they are hidden (`whenHidden: 'rest'`); those that go, or
    /// have been silent for a minute or two; and clients that have no deliveries, such as listeners of the event.
    ///
    /// The pages are told by the main thread: one that blocks on this waits in vain.
    ///
    /// ```no_run
    /// # async fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// # use tauri_plugin_lockstep::{LockstepExt, Topic};
    /// # const THEME: Topic<String> = Topic::new("theme");
    /// let revision = app.lockstep().set(THEME, "dark".to_owned())?;
    /// app.lockstep().delivered(THEME.name(), revision).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DeliveryError::Late`] after 5 s ([`DELIVERY_TIMEOUT`]), with the windows that have not got it;
    /// [`DeliveryError::Access`] if there is no such topic.
    pub async fn delivered(&self, topic: &TopicName, revision: Revision) -> Result<(), DeliveryError> {
        let until = Instant::now() + DELIVERY_TIMEOUT;
        loop {
            // From here on a change is noticed, also one that comes before it is waited for.
            let changed = self.undelivered.notified();
            let lacking = self.store.undelivered(topic, revision)?;
            if lacking.is_empty() {
                return Ok(());
            }
            if timeout_at(until, changed).await.is_err() {
                return Err(DeliveryError::late(topic, revision, &lacking));
            }
        }
    }
}

impl DeliveryError {
    fn late(topic: &TopicName, revision: Revision, lacking: &[SessionKey]) -> Self {
        let mut windows: Vec<_> = lacking.iter().map(|page| page.label().to_string()).collect();
        windows.sort();
        Self::Late { topic: topic.clone(), revision, windows }
    }
}
