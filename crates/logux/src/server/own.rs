//! Actions of the server's own that are processed as those of clients are.

use super::{ActionType, Context, Failure, NotFound, Server};
use crate::{
    action::{Action, Entry, Fields, Meta},
    store::StoreError,
};
use std::{collections::HashMap, sync::Arc};
use thiserror::Error;

/// Why an action of the server's own was not processed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// No [`ActionType`] is defined for it. Nobody got it.
    #[error("there is no definition of the type `{0}`: define it with `ServerBuilder::action`")]
    UnknownType(String),
    /// A type that is done together with its access has refused it.
    #[error("it is denied")]
    Denied,
    /// A hook failed. Whoever got the action was told that it is undone.
    #[error("it failed: {0}")]
    Failed(Failure),
    /// The store. Where it could not take the action, nobody got it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Server {
    /// Adds an action of the server's own, to whom the fields and *resend* of its type name, and returns when it is
    /// processed. Nobody is asked for *access*, unless that is done together with the rest. It waits in no queue.
    ///
    /// [`add`](Self::add) sends an action that nothing processes. If the process dies meanwhile, nobody goes on with it:
    /// what must not be lost is for the app to keep.
    ///
    /// # Errors
    /// [`ProcessError`].
    pub async fn process(&self, action: Action, to: Fields) -> Result<Arc<Entry>, ProcessError> {
        let _busy = self.busy();
        let Some(definition) = self.0.types.find(action.kind()) else {
            return Err(ProcessError::UnknownType(action.kind().to_owned()));
        };
        let id = self.0.log.generate_id().await?;
        let entry = Entry { action, meta: Meta { time: id.ms, id, added: 0, fields: to } };
        let context = Context::new(self, &Arc::new(entry), HashMap::new());
        let result = self.process_own(definition, &context).await;
        if let Some(finally) = &definition.finally {
            finally(context.clone());
        }
        result.map(|()| Arc::clone(context.entry()))
    }

    async fn process_own(&self, definition: &ActionType, context: &Context) -> Result<(), ProcessError> {
        if definition.is_together && !(definition.access)(context.clone()).await.map_err(ProcessError::Failed)? {
            return Err(ProcessError::Denied);
        }
        let resent = definition.fields(context).await.map_err(ProcessError::Failed)?;
        let entry = context.entry();
        let fields = both(entry.meta.fields.clone(), resent);
        let Err(error) = self.carry_out(definition, context, fields.clone()).await else { return Ok(()) };
        let reason = if error.is::<NotFound>() { "notFound" } else { "error" };
        let meta = Meta { fields, ..entry.meta.clone() };
        self.undo(&Entry { action: entry.action.clone(), meta }, reason).await?;
        Err(error.downcast::<StoreError>().map_or_else(ProcessError::Failed, |error| ProcessError::Store(*error)))
    }
}

fn both(mut fields: Fields, other: Fields) -> Fields {
    fields.reasons.extend(other.reasons);
    fields.indexes.extend(other.indexes);
    fields.channels.extend(other.channels);
    fields.users.extend(other.users);
    fields.clients.extend(other.clients);
    fields.nodes.extend(other.nodes);
    fields.exclude_clients.extend(other.exclude_clients);
    fields.extra.extend(other.extra);
    fields.keep_last = fields.keep_last.or(other.keep_last);
    fields
}
