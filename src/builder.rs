//! Puts the plugin together.

use crate::{
    announcer::{self, EventAnnouncer, Signal},
    bindings::Bindings,
    commands,
    config::{Config, Settings},
    lockstep::Lockstep,
    options::TopicOptions,
    pages::Pages,
};
use lockstep_core::{CreateError, State, Store, StoreOptions, Topic};
use std::{sync::Arc, time::Duration};
use tauri::{
    Manager, Runtime,
    plugin::{self, TauriPlugin},
};
use ts_rs::TS;

type Registration = Box<dyn FnOnce(&Lockstep) -> Result<(), CreateError> + Send>;

/// Builds the plugin from the app's topics.
///
/// ```no_run
/// use serde::{Deserialize, Serialize};
/// use tauri_plugin_lockstep::Topic;
/// use ts_rs::TS;
///
/// #[derive(Clone, Default, Serialize, Deserialize, TS)]
/// pub struct Settings {
///     dark: bool,
/// }
///
/// pub const SETTINGS: Topic<Settings> = Topic::new("settings");
///
/// # fn run(context: tauri::Context) -> tauri::Result<()> {
/// tauri::Builder::default()
///     .plugin(tauri_plugin_lockstep::Builder::new().topic(SETTINGS, Settings::default()).build())
///     .run(context)
/// # }
/// ```
#[must_use = "build the plugin with `.build()`"]
#[derive(Default)]
pub struct Builder {
    registrations: Vec<Registration>,
    bindings: Bindings,
    settings: Settings,
}

impl Builder {
    /// A plugin without topics, with the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a topic with its first value. A name that is added twice stops the app at its start.
    pub fn topic<T: State + TS>(self, topic: Topic<T>, initial: T) -> Self {
        self.topic_with(topic, initial, TopicOptions::new())
    }

    /// Like [`Builder::topic`], with a reducer for the topic's actions, and hooks.
    pub fn topic_with<T: State + TS>(mut self, topic: Topic<T>, initial: T, options: TopicOptions<T>) -> Self {
        self.bindings.add::<T>(topic.name());
        if let Some(bind_action) = options.bind_action {
            bind_action(&mut self.bindings, topic.name());
        }
        let register = |lockstep: &Lockstep| lockstep.create_with(topic, initial, options).map(drop);
        self.registrations.push(Box::new(register));
        self
    }

    /// How often one topic is announced at most. Default: 16 ms. `announceIntervalMs` in the configuration wins.
    pub fn announce_interval(mut self, interval: Duration) -> Self {
        self.settings.announce_interval = interval;
        self
    }

    /// The biggest payload of a window's write, in bytes of JSON. Default: 16 MiB. `maxPayloadBytes` in the
    /// configuration wins.
    pub fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_payload_bytes = bytes;
        self
    }

    /// The TypeScript bindings of the topics added so far.
    pub fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// The plugin.
    pub fn build<R: Runtime>(self) -> TauriPlugin<R, Option<Config>> {
        let Self { registrations, settings, .. } = self;
        let pages = Arc::new(Pages::<R>::default());
        let (managed, readied, loaded) = (Arc::clone(&pages), Arc::clone(&pages), Arc::clone(&pages));
        plugin::Builder::<R, Option<Config>>::new("lockstep")
            .invoke_handler(tauri::generate_handler![
                commands::get_snapshot,
                commands::get_snapshots,
                commands::write,
                commands::subscribe,
                commands::unsubscribe,
            ])
            .setup(move |app, api| {
                let settings = match api.config() {
                    Some(config) => settings.overridden_by(config),
                    None => settings,
                };
                let signal = Arc::new(Signal::default());
                let store = Store::with_options(
                    EventAnnouncer { app: app.clone(), signal: Arc::clone(&signal) },
                    StoreOptions { announce_interval: settings.announce_interval, ..StoreOptions::default() },
                );
                let lockstep = Lockstep::new(store.clone(), settings);
                for register in registrations {
                    register(&lockstep)?;
                }
                app.manage(lockstep);
                app.manage(Arc::clone(&managed));
                tauri::async_runtime::spawn(announcer::run(app.clone(), store, signal, managed));
                Ok(())
            })
            .on_webview_ready(move |webview| readied.on_webview_ready(&webview))
            .on_page_load(move |webview, payload| loaded.on_page_load(webview, payload))
            .on_event(move |app, event| pages.on_event(app, event))
            .build()
    }
}

/// The plugin without topics: add them with [`Lockstep::create`](crate::Lockstep::create) while the app runs.
pub fn init<R: Runtime>() -> TauriPlugin<R, Option<Config>> {
    Builder::new().build()
}
