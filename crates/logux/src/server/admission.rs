//! Who is let in.

use super::Address;
use crate::node::Remote;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::{collections::HashMap, net::IpAddr, time::Duration};
use tokio::time::Instant;

/// Who wants to be let in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AuthAttempt {
    /// The node.
    pub remote: Remote,
    /// The user in its id.
    pub user_id: Option<String>,
    /// The client in its id.
    pub client_id: String,
    /// What it proves with who it is.
    pub token: Option<Value>,
    /// From where it connects.
    pub address: Option<IpAddr>,
}

type Auth = Box<dyn Fn(AuthAttempt) -> BoxFuture<'static, bool> + Send + Sync>;

pub(super) struct Admission {
    pub auth: Auth,
    pub min_subprotocol: u32,
}

impl Admission {
    pub fn new<F>(auth: impl Fn(AuthAttempt) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        Self { auth: Box::new(move |attempt| Box::pin(auth(attempt))), min_subprotocol: 0 }
    }
}

/// So many failures may be remembered of an address before it has to wait.
const MAX_FAILURES: usize = 3;
/// So long each is remembered.
const REMEMBERED: Duration = Duration::from_secs(3);

/// Failed attempts to log in, by address.
#[derive(Default)]
pub(super) struct Attempts(HashMap<IpAddr, Vec<Instant>>);

impl Attempts {
    pub fn is_blocked(&mut self, address: Address) -> bool {
        let Some(failures) = address.and_then(|address| self.0.get_mut(&address)) else { return false };
        let now = Instant::now();
        failures.retain(|failure| *failure + REMEMBERED > now);
        failures.len() >= MAX_FAILURES
    }

    pub fn failed(&mut self, address: Address) {
        let Some(address) = address else { return };
        let now = Instant::now();
        // What is forgotten takes no room.
        self.0.retain(|_, failures| {
            failures.retain(|failure| *failure + REMEMBERED > now);
            !failures.is_empty()
        });
        self.0.entry(address).or_default().push(now);
    }
}
