//! When a page is gone: its sessions end.
//!
//! What tells: a page load that begins (navigation, reload), a window that is destroyed, a web process that dies. What
//! does not tell (a child webview that is closed, a crash on a platform without a signal for it) is found by
//! [`Pages::probe`].

use crate::{Lockstep, LockstepExt};
use lockstep_core::Departure;
use parking_lot::Mutex;
use std::{collections::HashMap, mem, sync::Arc};
use tauri::{
    AppHandle, RunEvent, Runtime, Webview, WindowEvent,
    webview::{PageLoadEvent, PageLoadPayload},
};

/// Tells the guest to say again what it reads, and to pull, as if the page had woken up.
const WAKE: &str = r#"dispatchEvent(new Event("tauri-plugin-lockstep:wake"))"#;

/// Wakes the page: it was dropped, or gets no deliveries any more.
pub(crate) fn wake<R: Runtime>(webview: &Webview<R>) {
    if let Err(error) = webview.eval(WAKE) {
        tracing::debug!(window = webview.label(), %error, "could not be woken");
    }
}

/// The webviews there are. Tauri tells of each when it is ready, child webviews included; of their end it tells only
/// by their window's.
pub(crate) struct Pages<R: Runtime>(Mutex<HashMap<String, Known<R>>>);

struct Known<R: Runtime> {
    webview: Webview<R>,
    /// It was asked whether it is there, and has not answered.
    silent: bool,
}

impl<R: Runtime> Default for Pages<R> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<R: Runtime> Pages<R> {
    pub(crate) fn on_webview_ready(&self, webview: &Webview<R>) {
        drop_when_process_dies(webview);
        self.seen(webview);
    }

    /// The webview's page has just shown that it lives.
    pub(crate) fn seen(&self, webview: &Webview<R>) {
        let known = Known { webview: webview.clone(), silent: false };
        self.0.lock().insert(webview.label().to_owned(), known);
    }

    pub(crate) fn webview(&self, label: &str) -> Option<Webview<R>> {
        self.0.lock().get(label).map(|known| known.webview.clone())
    }

    pub(crate) fn on_page_load(&self, webview: &Webview<R>, payload: &PageLoadPayload<'_>) {
        if payload.event() == PageLoadEvent::Started {
            webview.lockstep().drop_label(webview.label(), Departure::Ended);
            // An answer of the old page's that is still awaited must not count against the new one.
            self.seen(webview);
        }
    }

    pub(crate) fn on_event(&self, app: &AppHandle<R>, event: &RunEvent) {
        if let RunEvent::WindowEvent { label: window, event: WindowEvent::Destroyed, .. } = event {
            let gone: Vec<_> = {
                let mut known = self.0.lock();
                known.extract_if(|_, known| known.webview.window().label() == window).collect()
            };
            for (label, _) in gone {
                app.lockstep().drop_label(&label, Departure::Ended);
            }
            // Its own webview may have been taken for dead before, and so not be known any more.
            let is_elsewhere = self.0.lock().contains_key(window);
            if !is_elsewhere {
                app.lockstep().drop_label(window, Departure::Ended);
            }
        }
    }

    /// Asks every page whether it is there; one that has not answered by the next time is taken for dead. A page that
    /// was only asleep or busy lives again by subscribing: when it wakes up, or when its late answer arrives.
    pub(crate) fn probe(self: &Arc<Self>, lockstep: &Lockstep) {
        let (silent, asked): (Vec<_>, Vec<_>) = {
            let mut known = self.0.lock();
            let silent = known.extract_if(|_, known| mem::replace(&mut known.silent, true)).collect();
            (silent, known.values().map(|known| known.webview.clone()).collect())
        };
        for (label, _) in silent {
            tracing::debug!(window = label, "no answer: its sessions end");
            lockstep.drop_label(&label, Departure::Silent);
            // It subscribed just before that.
            if let Some(webview) = self.webview(&label) {
                wake(&webview);
            }
        }
        for webview in asked {
            let (pages, store, asked) = (Arc::clone(self), lockstep.store.clone(), webview.clone());
            let answered = move |_| {
                let known = pages.0.lock().get_mut(asked.label()).map(|known| known.silent = false).is_some();
                // Taken for dead by now, or too late with a delivery: it has to say again what it reads. Not from within
                // the callback.
                if !known || store.deliveries_of(asked.label()).is_some_and(|of| of.stopped) {
                    let webview = asked.clone();
                    tauri::async_runtime::spawn(async move { wake(&webview) });
                }
            };
            if let Err(error) = webview.eval_with_callback("0", answered) {
                tracing::debug!(window = webview.label(), %error, "could not be asked");
            }
        }
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
))]
fn drop_when_process_dies<R: Runtime>(webview: &Webview<R>) {
    use tauri::Manager as _;
    use webkit2gtk::WebViewExt;

    let (app, label) = (webview.app_handle().clone(), webview.label().to_owned());
    let asked = webview.with_webview(move |platform| {
        platform.inner().connect_web_process_terminated(move |_, reason| {
            tracing::warn!(window = label, ?reason, "the web process died");
            app.lockstep().drop_label(&label, Departure::Ended);
        });
    });
    if let Err(error) = asked {
        tracing::warn!(window = webview.label(), %error, "a dying web process will be noticed late");
    }
}

/// Here only the probe notices.
#[cfg(not(any(
    target_os = "linux",
    target_os = "dragonfly",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
fn drop_when_process_dies<R: Runtime>(_: &Webview<R>) {}
