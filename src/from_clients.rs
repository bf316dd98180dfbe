//! What windows write, create and remove: in its turn, after asking the topic's asynchronous hook, and on disk where the
//! topic's writes wait for that.

use crate::{
    Lockstep,
    lockstep::hook,
    options::{AsyncContext, AsyncIntercept},
    wire::Operation,
};
use lockstep_core::{
    AccessError, Change, Client, ClientCreate, ClientWrite, CreateError, Door, HeldNews, Proposal, Reject, Revision,
    SessionKey, TopicName, WriteError,
};
use serde_json::Value;
use std::{panic::resume_unwind, sync::Arc, time::Duration};
use tauri::async_runtime;
use tokio::time::sleep;

/// What became of each write of a batch; or why none was looked at.
type Outcomes = Result<Arc<[Result<Revision, WriteError>]>, WriteError>;

impl Lockstep {
    /// Applies a window's batch: in its turn, where the topic has an asynchronous hook, and after asking that.
    pub(crate) async fn write_from_client(
        &self,
        door: &Door,
        session: SessionKey,
        client: Arc<Client>,
        seq: u64,
        operations: Vec<Operation>,
    ) -> Result<(Outcomes, Option<AnswerGoesAhead>), WriteError> {
        let hook = hook(door)?;
        let _turn = match &hook {
            Some(hook) => Some(hook.turn().await),
            None => None,
        };
        // A repeated batch is answered from memory: nobody is asked again. Should the memory be gone when the engine
        // looks, or the hook have come only now, it refuses a batch that was not asked about.
        let asking = match &hook {
            Some(hook) => {
                let (door, session) = (door.clone(), session.clone());
                let was_taken = aside(move || door.was_taken(&session, seq)).await?;
                (!was_taken).then(|| (hook, hook.limit_from_now()))
            }
            None => None,
        };
        let mut writes = Vec::with_capacity(operations.len());
        for Operation { expected, change, forbidden } in operations {
            let change = match asking {
                _ if forbidden => Err(Reject::new("denied", "the window may not do this")),
                Some((hook, until)) => {
                    let revision = door.revision()?;
                    let (session, client) = (Some(session.clone()), Some(Arc::clone(&client)));
                    let cx = AsyncContext { session, client, revision };
                    hook.ask(door.name(), change, cx, until).await
                }
                None => Ok(change),
            };
            writes.push(Proposal { expected, change });
        }
        let asked = asking.is_some();
        let topic = door.name();
        let (entered, write) = (door.clone(), ClientWrite { session, client: Some(client), seq, asked, writes });
        let (outcomes, held) = aside(move || entered.write_first(write)).await;
        if !self.store.is_immediate(topic).unwrap_or(false) {
            return Ok((outcomes, Some(AnswerGoesAhead(Some(held)))));
        }
        // The others do not wait for the disk.
        drop(held);
        let outcomes = outcomes?;
        let Some(newest) = outcomes.iter().flatten().max() else { return Ok((Ok(outcomes), None)) };
        let Err(reason) = self.settled(topic, *newest).await else { return Ok((Ok(outcomes), None)) };
        let not_saved = |outcome: &Result<Revision, WriteError>| {
            let revision = outcome.clone()?;
            Err(WriteError::NotSaved { topic: topic.clone(), revision, reason: reason.clone() })
        };
        Ok((Ok(outcomes.iter().map(not_saved).collect()), None))
    }

    /// Creates a topic for a window, after asking its family's asynchronous hook about the value that the window gives.
    pub(crate) async fn create_from_client(
        &self,
        topic: TopicName,
        session: SessionKey,
        client: Arc<Client>,
        initial: Option<Value>,
    ) -> Result<Revision, CreateError> {
        let mut initial = initial.map(Change::Set);
        let hook = self.store.asker_of_family(&topic).and_then(AsyncIntercept::of);
        if let (Some(change), Some(hook)) = (initial.take_if(|_| hook.is_some()), hook) {
            let cx = AsyncContext {
                session: Some(session.clone()),
                client: Some(Arc::clone(&client)),
                revision: Revision::ZERO,
            };
            let asked = hook.ask(&topic, change, cx, hook.limit_from_now()).await;
            let refused = |reject: Reject| CreateError::Change { topic: topic.clone(), source: reject.into() };
            initial = Some(asked.map_err(refused)?);
        }
        let create = ClientCreate { topic, session, initial };
        let store = self.store.clone();
        aside(move || store.create_from_client(create, Some(&client))).await
    }

    /// Removes a topic for a window.
    pub(crate) async fn remove_from_client(&self, door: Door, window: Arc<str>) -> Result<bool, AccessError> {
        aside(move || door.remove(Some(window))).await
    }
}

/// How long the others wait when a write is answered: until the timer's next tick, which is about a ms away. All pages
/// share the machine's processors, and the writer's needs them for about as long to take its answer in.
const ANSWER_GOES_AHEAD: Duration = Duration::from_micros(100);

/// The others hear of a window's write a moment after this is dropped: when the answer is with its page, or nearly.
#[must_use = "the others hear of the write when this is dropped"]
pub(crate) struct AnswerGoesAhead(Option<HeldNews>);

impl Drop for AnswerGoesAhead {
    fn drop(&mut self) {
        let held = self.0.take();
        async_runtime::spawn(async move {
            sleep(ANSWER_GOES_AHEAD).await;
            drop(held);
        });
    }
}

/// Does what runs the app's hooks, or waits for a write that does, on a thread that can be spared: a hook that takes
/// long would hold up the commands of all windows.
async fn aside<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let done = async_runtime::spawn_blocking(work).await;
    done.unwrap_or_else(|error| resume_unwind(Box::new(error.to_string())))
}
