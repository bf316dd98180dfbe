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
    outbox::Outbox,
    pages::{self, Pages},
    wire,
};
use lockstep_core::{DeliveriesDue, Delivery, Store};
use std::{sync::Arc, time::Duration};
use tauri::{AppHandle, Runtime, async_runtime};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What the receiver answers. Whatever else comes back, such as nothing after an exception, says that it did not run.
const TAKEN: &str = "true";

/// How many deliver side by side, so that one page whose state takes long to write down does not hold up the others.
const DELIVERERS: usize = 2;

/// Delivers for as long as the app runs.
pub(crate) fn start<R: Runtime>(app: &AppHandle<R>, store: &Store, wake: &Arc<Notify>, known: &Arc<Pages<R>>) {
    let outbox = Outbox::new(app.clone());
    for _ in 0..DELIVERERS {
        let deliverer =
            Deliverer { app: app.clone(), store: store.clone(), known: Arc::clone(known), outbox: Arc::clone(&outbox) };
        async_runtime::spawn(deliverer.run(Arc::clone(wake)));
    }
}

struct Deliverer<R: Runtime> {
    app: AppHandle<R>,
    store: Store,
    known: Arc<Pages<R>>,
    outbox: Arc<Outbox<R>>,
}

impl<R: Runtime> Deliverer<R> {
    async fn run(self, wake: Arc<Notify>) {
        loop {
            let DeliveriesDue { ready, late, next } = self.store.deliveries_due();
            for session in late {
                tracing::debug!(window = %session.label(), "late: it gets no deliveries until it answers");
                if let Some(webview) = self.known.webview(session.label()) {
                    pages::wake(&webview);
                }
            }
            // Another helps.
            if ready.len() > 1 {
                wake.notify_one();
            }
            for label in &ready {
                self.deliver(label);
            }
            match next {
                // When what has just gone is late is known only now.
                _ if !ready.is_empty() => {}
                Some(at) => tokio::select! {
                    () = wake.notified() => {}
                    () = sleep_until(Instant::now() + at.saturating_sub(self.store.now()).max(Duration::from_micros(1))) => {}
                },
                None => wake.notified().await,
            }
        }
    }

    fn deliver(&self, label: &str) {
        let lockstep = self.app.lockstep();
        let delivery = self.store.take_delivery(label, |session, door| {
            lockstep.clients.has_admitted(session.label(), door)
                && lockstep.read_scopes.is_known_to_read(session, door.name())
        });
        let Some(Delivery { session, id, entries }) = delivery else { return };
        let Some(webview) = self.known.webview(label) else {
            self.store.not_delivered(label, id);
            return;
        };
        tracing::debug!(window = label, id, topics = entries.len(), "deliver");
        let (store, page) = (self.store.clone(), webview.clone());
        self.outbox.post(webview, wire::delivery(&session, &entries), move |value| match value.as_deref() {
            Some(TAKEN) => store.acknowledged(page.label(), id),
            value => {
                store.not_delivered(page.label(), id);
                if value.is_some() {
                    let page = page.clone();
                    async_runtime::spawn(async move { pages::wake(&page) });
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Builder;
    use lockstep_core::{DELIVERY_TIMEOUT, SessionKey, Topic};
    use std::thread;
    use tauri::{
        WebviewWindowBuilder,
        test::{mock_builder, mock_context, noop_assets},
    };

    #[test]
    fn i8_a_page_that_does_not_acknowledge_is_late_though_nothing_else_happens() {
        const TOPIC: Topic<u32> = Topic::new("topic");
        let plugin = Builder::new().topic(TOPIC, 0).build();
        let app = mock_builder().plugin(plugin).build(mock_context(noop_assets())).unwrap();
        WebviewWindowBuilder::new(&app, "main", Default::default()).build().unwrap();
        let (lockstep, page) = (app.lockstep(), SessionKey::new("main", "p".parse().unwrap()));
        let door = lockstep.store.door(TOPIC.name()).unwrap();
        assert!(door.subscribe_to_deliveries(&page, &|| true, false).unwrap());

        // Tauri's mock runs no script.
        lockstep.set(TOPIC, 1).unwrap();
        let written = Instant::now();
        while !lockstep.store.deliveries_of("main").unwrap().stopped {
            assert!(written.elapsed() < DELIVERY_TIMEOUT * 6);
            thread::sleep(Duration::from_millis(10));
        }
        assert!(written.elapsed() >= DELIVERY_TIMEOUT);
    }
}
