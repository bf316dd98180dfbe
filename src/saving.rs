//! What the app's Rust code asks about what is saved.

use crate::Lockstep;
use lockstep_core::{AccessError, ImportError, NotSaved, PersistError, PullError, Record, Revision, Save, TopicName};

impl Lockstep {
    /// Saves everything that has changed, and waits until it is on disk.
    ///
    /// ```no_run
    /// # async fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// # use tauri_plugin_lockstep::LockstepExt;
    /// app.lockstep().flush().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotSaved`] with the topics that are not on disk, and why. Those that the disk refused are tried again.
    pub async fn flush(&self) -> Result<(), NotSaved> {
        match &self.saver {
            Some(saver) => saver.save(Save::All).await.map_or(Ok(()), Err),
            None => Ok(()),
        }
    }

    /// The revision of the topic that is on disk, or one above it with the same state. `None` where nothing is on disk,
    /// or the topic is not persisted.
    ///
    /// # Errors
    /// [`AccessError`] if there is no such topic.
    pub fn saved_revision(&self, topic: &TopicName) -> Result<Option<Revision>, AccessError> {
        self.store.saved_revision(topic)
    }

    /// All persisted topics as JSON that people can read, in their present state and as of one moment. Topics that are
    /// encrypted on disk are left out. The format is in `docs/persistence.md`.
    ///
    /// # Errors
    /// [`PullError`] if a topic's value cannot be turned into JSON.
    pub fn export_json(&self) -> Result<String, PullError> {
        self.store.export_json()
    }

    /// Replaces the states of topics by those that [`Lockstep::export_json`] has put into this text, in one transaction:
    /// all or none; then saves them, and waits until they are on disk. States of older versions are migrated; keys that
    /// are not saved stay as they are; `intercept` and `validate` see each state. Topics that the text lacks stay as they
    /// are. Returns the new revision; a text without topics has none.
    ///
    /// ```no_run
    /// # async fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// # use tauri_plugin_lockstep::LockstepExt;
    /// let text = std::fs::read_to_string("settings.json")?;
    /// app.lockstep().import_json(&text).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ImportError`] if the text is not an export, has a topic that is not there, not persisted, of a newer version, or
    /// with an asynchronous hook, or a hook or the type refuses a state: nothing has changed then.
    /// [`ImportError::NotSaved`] if it **was imported**, and the disk fails.
    ///
    /// # Panics
    /// If a hook does; nothing has changed then.
    pub async fn import_json(&self, text: &str) -> Result<Option<Revision>, ImportError> {
        let revision = self.store.import_json(text)?;
        self.flush().await.map_err(ImportError::NotSaved)?;
        Ok(revision)
    }

    /// What migrations, and states that did not fit their type, have left behind: one for each topic and schema version.
    /// It waits for the disk.
    ///
    /// # Errors
    /// [`PersistError`] if nothing is saved in this run of the app, or the disk fails.
    pub fn backups(&self) -> Result<Vec<(TopicName, Record)>, PersistError> {
        self.store.backups()
    }

    /// Waits until this revision of the topic is on disk, where the topic's writes do that.
    pub(crate) async fn settled(&self, topic: &TopicName, revision: Revision) -> Result<(), String> {
        if self.store.is_immediate(topic).unwrap_or(false) {
            self.saved(topic, revision, Save::Waiting).await
        } else {
            Ok(())
        }
    }

    /// Saves, and waits until this revision of the topic is on disk.
    pub(crate) async fn saved(&self, topic: &TopicName, revision: Revision, what: Save) -> Result<(), String> {
        let Some(saver) = &self.saver else { return Err("the app saves no topics".to_owned()) };
        let not_saved = saver.save(what).await;
        match self.store.saved_revision(topic) {
            Ok(saved) if saved.is_some_and(|saved| saved >= revision) => Ok(()),
            Ok(_) => Err(not_saved.map_or_else(|| "the topic is not persisted".to_owned(), |error| error.reason)),
            Err(error) => Err(error.to_string()),
        }
    }
}
