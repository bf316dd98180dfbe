//! How two nodes get to know each other.

use super::{
    AuthRequest, NodeError, NodeOptions,
    session::{Done, Phase, Role, Session, hook_error},
};
use crate::wire::{LoguxError, Message, PROTOCOL};
use serde_json::Value;
use std::sync::Arc;

/// What a client begins with.
pub(super) struct Greeting {
    token: Option<Value>,
    received: u64,
}

/// A peer that may come in.
pub(super) struct Admitted {
    /// What of ours it has.
    since: u64,
    /// What proves who this server is, and when its greeting came in.
    answer: Option<(Option<Value>, i64)>,
    /// What the peer has was counted by another: begin anew.
    stranger: bool,
}

impl Session {
    pub fn greet(&mut self) {
        let (log, options) = (self.log.clone(), Arc::clone(&self.options));
        self.inbound.work = Some(Box::pin(async move {
            let greeting = async {
                let token = token(&options).await?;
                let cursors = log.run(|store| store.cursors()).await?;
                Ok(Greeting { token, received: cursors.received })
            };
            Done::Greeting(greeting.await)
        }));
    }

    pub fn say_greeting(&mut self, greeting: Greeting) {
        self.inbound.received = greeting.received;
        self.say_headers();
        self.greeted = self.log.clock().now();
        self.say(&Message::Connect {
            protocol: PROTOCOL,
            node_id: self.log.node_id().as_ref().to_owned(),
            synced: greeting.received,
            token: greeting.token,
            subprotocol: self.options.subprotocol,
        });
    }

    fn say_headers(&mut self) {
        let headers = self.handle.headers();
        if !headers.is_empty() {
            self.say(&Message::Headers(headers));
        }
    }

    /// The server's side.
    pub fn greeted_by(&mut self, synced: u64, proof: Option<Value>) -> Result<(), NodeError> {
        let start = self.log.clock().now();
        self.check_remote()?;
        let (log, options) = (self.log.clone(), Arc::clone(&self.options));
        let request = AuthRequest { remote: self.remote.clone(), token: proof };
        self.inbound.work = Some(Box::pin(async move {
            let admitted = async {
                authenticate(&options, request).await?;
                let last = log.run(|store| store.last_added()).await?;
                // A number that this log never gave out was given out by an earlier log, which is gone.
                let since = if synced > last { 0 } else { synced };
                Ok(Admitted { since, answer: Some((token(&options).await?, start)), stranger: false })
            };
            Done::Admitted(admitted.await)
        }));
        Ok(())
    }

    /// The client's side.
    pub fn answered(&mut self, start: i64, end: i64, proof: Option<Value>) -> Result<(), NodeError> {
        self.check_remote()?;
        self.base.time = end;
        if self.options.fix_time {
            let now = self.log.clock().now();
            let round_trip = now.saturating_sub(self.greeted).saturating_sub(end.saturating_sub(start));
            self.base.fix = self.greeted.saturating_sub(start).saturating_add(round_trip.div_euclid(2));
        }
        let (log, options) = (self.log.clone(), Arc::clone(&self.options));
        let request = AuthRequest { remote: self.remote.clone(), token: proof };
        self.inbound.work = Some(Box::pin(async move {
            let admitted = async {
                let peer = request.remote.node_id.clone();
                authenticate(&options, request).await?;
                let cursors = log.run(|store| store.cursors()).await?;
                if cursors.peer.as_ref() == Some(&peer) {
                    return Ok(Admitted { since: cursors.sent, answer: None, stranger: false });
                }
                log.run(move |store| store.reset_cursors(&peer)).await?;
                Ok(Admitted { since: 0, answer: None, stranger: cursors.received > 0 })
            };
            Done::Admitted(admitted.await)
        }));
        Ok(())
    }

    fn check_remote(&mut self) -> Result<(), NodeError> {
        self.phase = Phase::Authenticating;
        if self.remote.protocol < PROTOCOL {
            let (supported, used) = (PROTOCOL, self.remote.protocol);
            return Err(NodeError::Sent(LoguxError::WrongProtocol { supported, used }));
        }
        match &self.options.on_connect {
            Some(on_connect) => on_connect(&self.remote).map_err(NodeError::Sent),
            None => Ok(()),
        }
    }

    /// Both know each other now.
    pub fn admitted(&mut self, admitted: Admitted) -> Result<(), NodeError> {
        if admitted.stranger {
            self.begins_anew = true;
            self.handle.disconnect();
            return Ok(());
        }
        if let Some((token, start)) = admitted.answer {
            self.base.time = self.log.clock().now();
            self.say_headers();
            self.say(&Message::Connected {
                protocol: PROTOCOL,
                node_id: self.log.node_id().as_ref().to_owned(),
                start,
                end: self.base.time,
                token,
                subprotocol: self.options.subprotocol,
            });
        }
        self.phase = Phase::Live;
        self.must_know = None;
        self.was_live = true;
        debug_assert!(self.role == Role::Client || self.base.fix == 0, "a server's clock is right");
        self.start_outbound(admitted.since);
        // Whoever hears of it can send.
        self.watched.remote.send_replace(Some(self.remote.clone()));
        self.update_state();
        while let Some(message) = self.unauthenticated.pop_front() {
            self.handle_message(message)?;
        }
        Ok(())
    }
}

async fn token(options: &NodeOptions) -> Result<Option<Value>, NodeError> {
    match &options.token {
        Some(token) => token.get().await.map(Some).map_err(hook_error),
        None => Ok(None),
    }
}

async fn authenticate(options: &NodeOptions, request: AuthRequest) -> Result<(), NodeError> {
    match &options.auth {
        Some(auth) => match auth(request).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(NodeError::Sent(LoguxError::WrongCredentials)),
            Err(error) => Err(NodeError::Sent(error)),
        },
        None => Ok(()),
    }
}
