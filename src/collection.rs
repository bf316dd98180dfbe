//! The app's own way to its collections.

use crate::Lockstep;
use lockstep_core::{Collection, CollectionRef, CreateError, Entities, Revision, State};

impl Lockstep {
    /// Creates a collection at run time, with its first entities.
    ///
    /// # Errors
    /// As [`Lockstep::create`].
    pub fn create_collection<V: State>(
        &self,
        collection: Collection<V>,
        initial: Entities<V>,
    ) -> Result<Revision, CreateError> {
        self.store.create_collection(collection, initial)
    }

    /// The entities of a collection, to read and write one by one.
    ///
    /// ```no_run
    /// # use tauri_plugin_lockstep::{Collection, LockstepExt};
    /// # const STOCK: Collection<u32> = Collection::new("stock");
    /// # fn run(app: tauri::AppHandle) -> Result<(), Box<dyn std::error::Error>> {
    /// let stock = app.lockstep().collection(STOCK);
    /// stock.upsert("apples", 3)?;
    /// stock.update("apples", |count| *count += 1)?;
    /// stock.batch(|all| {
    ///     all.upsert("pears", 1);
    ///     all.remove("apples");
    /// })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn collection<V: State>(&self, collection: Collection<V>) -> CollectionRef<'_, V> {
        self.store.collection(collection)
    }
}
