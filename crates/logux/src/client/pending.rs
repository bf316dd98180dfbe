//! Who waits for the server's answer.

use super::DispatchError;
use crate::{action::Action, id::ActionId};
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::oneshot;

pub(super) type Answer = Result<(), DispatchError>;

/// What an action says about another: that it is processed, or undone.
pub(super) fn answer_in(action: &Action) -> Option<(ActionId, Answer)> {
    let answer = match action.kind() {
        "logux/processed" => Ok(()),
        "logux/undo" => {
            let reason = action.text("reason").unwrap_or("error").into();
            Err(DispatchError::Undone { reason, undo: action.clone() })
        }
        _ => return None,
    };
    Some((action.about()?, answer))
}

/// Those who wait, by the action's id.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<ActionId, oneshot::Sender<Answer>>>);

impl Pending {
    pub fn wait_for(&self, id: &ActionId) -> oneshot::Receiver<Answer> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().insert(id.clone(), sender);
        receiver
    }

    pub fn forget(&self, id: &ActionId) {
        self.0.lock().remove(id);
    }

    /// Tells whoever waits. The id that the action is about.
    pub fn settle(&self, action: &Action) -> Option<ActionId> {
        let (id, answer) = answer_in(action)?;
        if let Some(sender) = self.0.lock().remove(&id) {
            // Nobody may wait any more.
            let _ = sender.send(answer);
        }
        Some(id)
    }
}
