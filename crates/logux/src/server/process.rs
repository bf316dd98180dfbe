//! What happens to one action.

use super::{ActionType, Channel, Context, Failure, NotFound, Server, peers::end, queues::is_subscription};
use crate::{
    action::{Action, Entry, Fields, Meta, Status},
    id::client_of,
    log::NewMeta,
    store::{MetaChange, Outcome, StoreError},
};
use serde_json::Map;
use std::{collections::HashMap, sync::Arc};

/// How long to wait for a store that fails.
const AGAIN: std::time::Duration = std::time::Duration::from_secs(1);

fn undone(reason: &str) -> Outcome {
    Outcome::Undone(reason.to_owned())
}

impl Server {
    /// What it does. `None` where its end is somebody else's.
    pub(super) async fn process_entry(&self, entry: &Arc<Entry>) -> Option<Outcome> {
        match entry.action.kind() {
            "logux/subscribe" => Some(self.subscribe(entry).await),
            "logux/unsubscribe" => Some(self.unsubscribe(entry)),
            kind => {
                let Some(definition) = self.0.types.find(kind) else { return Some(undone("unknownType")) };
                let context = Context::new(self, entry, HashMap::new());
                let outcome = self.process_as(definition, &context).await;
                if let Some(finally) = &definition.finally {
                    finally(context);
                }
                outcome
            }
        }
    }

    /// `None` where it was begun before.
    async fn process_as(&self, definition: &ActionType, context: &Context) -> Option<Outcome> {
        let result = self.try_process(definition, context).await;
        result.unwrap_or_else(|error| Some(self.failed(context.entry(), &error)))
    }

    async fn try_process(&self, definition: &ActionType, context: &Context) -> Result<Option<Outcome>, Failure> {
        let begin = || {
            let id = context.entry().meta.id.clone();
            self.ledger(move |ledger| ledger.begin(&id))
        };
        if definition.is_together && !begin().await? {
            return Ok(None);
        }
        if !(definition.access)(context.clone()).await? {
            return Ok(Some(undone("denied")));
        }
        let fields = definition.fields(context).await?;
        if !definition.is_together && !begin().await? {
            return Ok(None);
        }
        self.carry_out(definition, context, fields).await?;
        Ok(Some(Outcome::Processed))
    }

    /// Sends it to whom it goes, then processes it.
    pub(super) async fn carry_out(
        &self,
        definition: &ActionType,
        context: &Context,
        mut fields: Fields,
    ) -> Result<(), Failure> {
        let entry = context.entry();
        fields.subprotocol = entry.meta.subprotocol;
        fields.status = Some(if definition.process.is_some() { Status::Waiting } else { Status::Processed });
        let is_kept = !fields.reasons.is_empty() || fields.keep_last.is_some();
        let meta = Meta { id: entry.meta.id.clone(), time: entry.meta.time, added: 0, fields };
        self.0.log.add(entry.action.clone(), meta).await?;
        let Some(process) = &definition.process else { return Ok(()) };
        let result = process(context.clone()).await;
        if is_kept {
            let status = if result.is_ok() { Status::Processed } else { Status::Error };
            if let Err(error) = self.0.log.change_meta(&entry.meta.id, MetaChange::status(status)).await {
                tracing::error!(%error, id = %entry.meta.id, "a status could not be noted");
            }
        }
        result
    }

    fn failed(&self, entry: &Entry, error: &Failure) -> Outcome {
        if error.is::<NotFound>() {
            return undone("notFound");
        }
        tracing::error!(%error, id = %entry.meta.id, kind = entry.action.kind(), "an action is undone");
        if self.0.development
            && let Some(peer) = self.0.router.peer(client_of(&entry.meta.id.node))
        {
            peer.handle.debug(&error.to_string());
        }
        undone("error")
    }

    async fn subscribe(&self, entry: &Arc<Entry>) -> Outcome {
        let name = entry.action.text("channel");
        let Some((channel, params)) = name.and_then(|name| self.0.channels.find(name)) else {
            return undone("wrongChannel");
        };
        let context = Context::new(self, entry, params);
        let outcome = match self.subscribe_to(channel, &context).await {
            Ok(outcome) => outcome,
            Err(error) => {
                end(vec![self.forget_subscription(entry)]);
                self.failed(entry, &error)
            }
        };
        if let Some(finally) = &channel.finally {
            finally(context);
        }
        outcome
    }

    async fn subscribe_to(&self, channel: &Channel, context: &Context) -> Result<Outcome, Failure> {
        if !(channel.access)(context.clone()).await? {
            return Ok(undone("denied"));
        }
        let filter = match &channel.filter {
            Some(filter) => Some(filter(context.clone()).await?),
            None => None,
        };
        let name = context.action().text("channel").unwrap_or_default();
        let at_the_end = channel.unsubscribe.clone().map(|unsubscribe| (unsubscribe, context.clone()));
        let filter_id = filter_id(context.action());
        if !self.0.router.subscribe(context.node_id(), name, &filter_id, filter, at_the_end) {
            // The connection has ended, and the subscription with it. Nobody is there to be told.
            return Ok(Outcome::Processed);
        }
        // After the subscription has begun: what happens meanwhile is not missed.
        if let Some(load) = &channel.load {
            for action in load(context.clone()).await? {
                context.send_back(action).await?;
            }
        }
        Ok(Outcome::Processed)
    }

    fn unsubscribe(&self, entry: &Arc<Entry>) -> Outcome {
        if entry.action.text("channel").is_none() {
            return undone("wrongChannel");
        }
        end(vec![self.forget_subscription(entry)]);
        Outcome::Processed
    }

    fn forget_subscription(&self, entry: &Entry) -> super::router::End {
        let channel = entry.action.text("channel")?;
        self.0.router.unsubscribe(&entry.meta.id.node, channel, &filter_id(&entry.action))
    }

    /// Notes how actions have ended, then says it: an answer that is lost is given again when it is asked for.
    pub(super) async fn finish(&self, ended: Vec<(Arc<Entry>, Outcome)>) {
        let ended = Arc::new(ended);
        while let Err(error) = self.try_finish(&ended).await {
            tracing::error!(%error, "the end of actions could not be noted");
            if self.is_stopping() {
                return;
            }
            // Clients wait for an answer, and what waits behind would fare no better.
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn try_finish(&self, ended: &Arc<Vec<(Arc<Entry>, Outcome)>>) -> Result<(), StoreError> {
        let (noted, keep) = (Arc::clone(ended), self.0.keep_finished);
        self.ledger(move |ledger| {
            let actions = noted.iter().filter(|(entry, _)| !is_subscription(entry));
            let actions: Vec<_> = actions.map(|(entry, outcome)| (entry.meta.id.clone(), outcome.clone())).collect();
            if actions.is_empty() { Ok(()) } else { ledger.finish(&actions, keep) }
        })
        .await?;
        let mut answers = Vec::with_capacity(ended.len());
        for (entry, outcome) in ended.iter() {
            answers.push(self.answer(entry, outcome).await?);
        }
        self.0.log.add_all(answers).await.map(|_| ())
    }

    /// Gives an answer, perhaps not for the first time.
    pub(super) async fn say(&self, entry: &Entry, outcome: &Outcome) -> Result<(), StoreError> {
        let answer = self.answer(entry, outcome).await?;
        self.0.log.add_all(vec![answer]).await.map(|_| ())
    }

    async fn answer(&self, entry: &Entry, outcome: &Outcome) -> Result<(Action, NewMeta), StoreError> {
        let client = client_of(&entry.meta.id.node);
        let (action, mut to) = match outcome {
            Outcome::Processed => (Action::processed(&entry.meta.id), Fields::default()),
            Outcome::Undone(reason) => {
                // Whoever got the action hears that it is undone.
                let known = self.0.log.by_id(&entry.meta.id).await?;
                let fields = known.as_deref().unwrap_or(entry).meta.fields.clone();
                let (indexes, extra) = (Vec::new(), Map::new());
                let to = Fields { keep_last: None, indexes, subprotocol: None, sync: false, extra, ..fields };
                (undo(entry, reason), to)
            }
        };
        to.clients.push(client.to_owned());
        to.status = Some(Status::Processed);
        Ok((action, to.into()))
    }

    /// Denies a client what is not its own.
    pub(super) async fn deny_to(&self, client: &str, entry: &Entry) -> Result<(), StoreError> {
        self.0.log.add(undo(entry, "denied"), Fields::to_client(client)).await.map(|_| ())
    }
}

fn undo(entry: &Entry, reason: &str) -> Action {
    Action::new("logux/undo")
        .with("id", entry.meta.id.to_string())
        .with("reason", reason)
        .with("action", entry.action.clone().into_value())
}

/// Subscriptions to a channel with other filters are others.
fn filter_id(action: &Action) -> String {
    action.get("filter").map_or_else(|| "{}".to_owned(), ToString::to_string)
}
