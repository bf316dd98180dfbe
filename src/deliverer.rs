//! Delivers: each page is told what has changed by one script at a time, whose value is its acknowledgement.
//!
//! The script is a call of the page's receiver with one string and nothing else. A string, so that what a page is told
//! is data whatever is in it: as an object literal, a key `__proto__` would set a prototype. One call, since WebKit then
//! reads the argument with its JSON parser and compiles nothing.
//!
//! The receiver's name has the session in it, which the page has made up: a script that meets another page than it was
//! meant for, after a reload, finds no receiver there. Of a page that does not answer hears
//! [`Store::deliveries_due`](lockstep_core::Store::deliveries_due), by its time-out; of one that has gone, `pages.rs`.

use crate::{
    LockstepExt,
    pages::{self, Pages},
    wire,
};
use lockstep_core::{DeliveriesDue, Delivery, Store};
use std::{sync::Arc, time::Duration};
use tauri::{AppHandle, Runtime, Webview, async_runtime};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What the receiver answers. Whatever else comes back, such as nothing after an exception, says that it did not run.
const TAKEN: &str = "true";

/// Delivers for as long as the app runs. Each page is seen to by a task of its own, so that one whose state takes long
/// to write down holds up no other.
pub(crate) async fn run<R: Runtime>(app: AppHandle<R>, store: Store, wake: Arc<Notify>, known: Arc<Pages<R>>) {
    loop {
        let DeliveriesDue { ready, late, next } = store.deliveries_due();
        for label in ready {
            let Some(webview) = known.webview(&label) else { continue };
            let (app, store) = (app.clone(), store.clone());
            async_runtime::spawn(async move { deliver(&app, store, webview) });
        }
        for session in late {
            tracing::debug!(window = %session.label(), "late: it gets no deliveries until it answers");
            if let Some(webview) = known.webview(session.label()) {
                pages::wake(&webview);
            }
        }
        match next {
            Some(at) => tokio::select! {
                () = wake.notified() => {}
                () = sleep_until(Instant::now() + at.saturating_sub(store.now()).max(Duration::from_micros(1))) => {}
            },
            None => wake.notified().await,
        }
    }
}

fn deliver<R: Runtime>(app: &AppHandle<R>, store: Store, webview: Webview<R>) {
    let lockstep = app.lockstep();
    let delivery = store.take_delivery(webview.label(), |session, door| {
        lockstep.clients.has_admitted(session.label(), door)
            && lockstep.read_scopes.is_known_to_read(session, door.name())
    });
    let Some(Delivery { session, id, entries }) = delivery else { return };
    tracing::debug!(window = %session.label(), id, topics = entries.len(), "deliver");
    let script = wire::delivery(&session, &entries);
    // Called on the main thread, so it does little.
    let answered = {
        let (store, webview, session) = (store.clone(), webview.clone(), session.clone());
        move |value: String| {
            if value == TAKEN {
                store.acknowledged(session.label(), id);
            } else {
                store.not_delivered(session.label(), id);
                let webview = webview.clone();
                async_runtime::spawn(async move { pages::wake(&webview) });
            }
        }
    };
    if let Err(error) = webview.eval_with_callback(script, answered) {
        tracing::debug!(window = %session.label(), %error, "could not be reached");
        store.not_delivered(session.label(), id);
    }
}
