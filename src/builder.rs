//! Puts the plugin together.

use crate::{
    announcer::{self, EventAnnouncer, Signal},
    background::{BackgroundError, Reporter},
    bindings::Bindings,
    clients::{Authority, Authorize, authorize_by},
    commands,
    config::{Config, Settings},
    deliverer, first_paint,
    lockstep::Lockstep,
    options::TopicOptions,
    pages::Pages,
    reaper,
    saver::{Requests, Saver},
};
use lockstep_core::{
    Collection, CreateError, Entities, Persistence, Reject, State, Store, StoreOptions, Topic, TopicFamily,
};
use lockstep_persist::RedbPersist;
use std::{any::Any, future::Future, path::PathBuf, sync::Arc, time::Duration};
use tauri::{
    AppHandle, Manager, RunEvent, Runtime, Webview, WindowEvent,
    plugin::{self, TauriPlugin},
};
use ts_rs::TS;

/// Where topics are saved, in the app's data directory.
const FOLDER: &str = "lockstep";

type Registration = Box<dyn FnOnce(&Store) -> Result<(), CreateError> + Send>;

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
    reporter: Reporter,
    /// A topic is to be saved.
    is_persisted: bool,
    folder: Option<PathBuf>,
    /// An [`Authorize`] of a runtime that is known when the plugin is built.
    authorize: Option<Box<dyn Any + Send>>,
}

/// What was given to the builder does not fit the app.
#[derive(Debug, thiserror::Error)]
#[error(
    "`authorize` was given a closure for another Tauri runtime than the app's: let it take a `Webview<R>` of the same `R`"
)]
struct WrongRuntime;

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
        self.is_persisted |= options.engine.is_persisted();
        let register = |store: &Store| store.create_with(topic, initial, options.engine).map(drop);
        self.registrations.push(Box::new(register));
        self
    }

    /// Adds a collection: a topic whose entities are written and sent one by one. A name that is added twice stops the
    /// app at its start.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use tauri_plugin_lockstep::{Builder, Collection, Entities};
    /// use ts_rs::TS;
    ///
    /// #[derive(Clone, Serialize, Deserialize, TS)]
    /// pub struct Task {
    ///     title: String,
    ///     done: bool,
    /// }
    ///
    /// pub const TASKS: Collection<Task> = Collection::new("tasks");
    ///
    /// let builder = Builder::new().collection(TASKS, Entities::new());
    /// ```
    pub fn collection<V: State + TS>(self, collection: Collection<V>, initial: Entities<V>) -> Self {
        self.collection_with(collection, initial, TopicOptions::new())
    }

    /// Like [`Builder::collection`], with a reducer for the collection's actions, and hooks.
    pub fn collection_with<V: State + TS>(
        mut self,
        collection: Collection<V>,
        initial: Entities<V>,
        options: TopicOptions<Entities<V>>,
    ) -> Self {
        self.bindings.add_collection::<V>(collection.name());
        if let Some(bind_action) = options.bind_action {
            bind_action(&mut self.bindings, collection.name());
        }
        self.is_persisted |= options.engine.is_persisted();
        let register = |store: &Store| store.create_collection_with(collection, initial, options.engine).map(drop);
        self.registrations.push(Box::new(register));
        self
    }

    /// Adds a family of topics, none of which is there yet: the app creates them by
    /// [`Lockstep::create`](crate::Lockstep::create), and windows that `lockstep:admin` grants them by
    /// `defineTopicFamily`. `initial` makes a topic's first value from its id.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use tauri_plugin_lockstep::{Builder, TopicFamily};
    /// use ts_rs::TS;
    ///
    /// #[derive(Clone, Serialize, Deserialize, TS)]
    /// pub struct Download {
    ///     url: String,
    ///     percent: u8,
    /// }
    ///
    /// pub const DOWNLOADS: TopicFamily<Download> = TopicFamily::new("downloads");
    ///
    /// let builder = Builder::new().family(DOWNLOADS, |_id| Download { url: String::new(), percent: 0 });
    /// ```
    pub fn family<T: State + TS>(
        self,
        family: TopicFamily<T>,
        initial: impl Fn(&str) -> T + Send + Sync + 'static,
    ) -> Self {
        self.family_with(family, initial, TopicOptions::new())
    }

    /// Like [`Builder::family`], with options that each of its topics gets.
    ///
    /// Where a window creates the topic, `initial` runs as part of a write, like a hook: it must be quick, must not call
    /// the plugin (that is [`AccessError::InsideWrite`](crate::AccessError::InsideWrite)), and a panic of it is told to
    /// the window.
    pub fn family_with<T: State + TS>(
        mut self,
        family: TopicFamily<T>,
        initial: impl Fn(&str) -> T + Send + Sync + 'static,
        options: TopicOptions<T>,
    ) -> Self {
        self.bindings.add_family::<T>(family.name());
        if let Some(bind_action) = options.bind_action {
            bind_action(&mut self.bindings, family.name());
        }
        self.is_persisted |= options.engine.is_persisted();
        self.registrations.push(Box::new(|store: &Store| store.declare(family, initial, options.engine)));
        self
    }

    /// Asks the app who a page is, or refuses it, before its first call: once for each page, until
    /// [`Lockstep::reauthorize`](crate::Lockstep::reauthorize). What it returns is the `info` of the page's
    /// [`Client`](crate::Client), which every hook and every topic's `allow` sees. A page that it refuses has no topic,
    /// whatever its capabilities say. It may take 30 s; where it takes longer or panics, the call is refused, and the
    /// app asked again with the next one.
    ///
    /// It judges a webview and the page at its top, [`Webview::url`]. Tauri tells a command not which frame calls: where
    /// a capability lets addresses from elsewhere in (`"remote": { "urls": […] }`), a frame of such a page inside one of
    /// yours has what yours was granted here, as far as that capability goes. Without `remote`, no frame from elsewhere
    /// reaches the plugin.
    ///
    /// ```
    /// use tauri::Webview;
    /// use tauri_plugin_lockstep::{Builder, Reject};
    ///
    /// struct Account {
    ///     admin: bool,
    /// }
    ///
    /// let builder = Builder::new().authorize(|webview: Webview| async move {
    ///     match webview.label() {
    ///         "help" => Err(Reject::new("anonymous", "the help window shows nobody's data")),
    ///         label => Ok(Account { admin: label == "admin" }),
    ///     }
    /// });
    /// ```
    pub fn authorize<R, I, F>(mut self, authorize: impl Fn(Webview<R>) -> F + Send + Sync + 'static) -> Self
    where
        R: Runtime,
        I: Send + Sync + 'static,
        F: Future<Output = Result<I, Reject>> + Send + 'static,
    {
        self.authorize = Some(Box::new(authorize_by(authorize)));
        self
    }

    /// Hears of failures that no call returns. They are logged through `tracing` in any case. The handler is called on
    /// whatever thread the failure happened; it must be quick.
    ///
    /// ```
    /// let builder = tauri_plugin_lockstep::Builder::new().on_error(|error| eprintln!("lockstep: {error}"));
    /// ```
    pub fn on_error(mut self, handler: impl Fn(&BackgroundError) + Send + Sync + 'static) -> Self {
        self.reporter = Reporter::new(handler);
        self
    }

    /// The folder in which topics are saved. Default: `lockstep` in the app's data directory, used where a topic or family
    /// of the builder is [`persisted`](TopicOptions::persisted). Two apps must not share one.
    pub fn persist_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self.is_persisted = true;
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
        let Self { registrations, settings, reporter, authorize, is_persisted, folder, .. } = self;
        let pages = Arc::new(Pages::<R>::default());
        let at_exit = reporter.clone();
        let (managed, readied, loaded) = (Arc::clone(&pages), Arc::clone(&pages), Arc::clone(&pages));
        plugin::Builder::<R, Option<Config>>::new("lockstep")
            .invoke_handler(tauri::generate_handler![
                commands::get_snapshot,
                commands::get_snapshots,
                commands::write,
                commands::subscribe,
                commands::unsubscribe,
                commands::list_topics,
                commands::create_topic,
                commands::remove_topic,
                commands::join_role,
                commands::leave_role,
                commands::flush,
            ])
            .setup(move |app, api| {
                let settings = match api.config() {
                    Some(config) => settings.overridden_by(config),
                    None => settings,
                };
                let authorize = match authorize {
                    Some(given) => Some(*given.downcast::<Authorize<R>>().map_err(|_| WrongRuntime)?),
                    None => None,
                };
                let signal = Arc::new(Signal::default());
                let requests = Arc::new(Requests::default());
                let persistence = match folder {
                    Some(folder) => Some(folder),
                    None if is_persisted => Some(app.path().app_data_dir()?.join(FOLDER)),
                    None => None,
                };
                let persistence = persistence.map(|folder| {
                    let woken = Arc::clone(&requests);
                    Persistence::open(Arc::new(RedbPersist::in_folder(folder)), move || woken.wake())
                });
                let is_saved = persistence.is_some();
                let store = Store::with_options(
                    EventAnnouncer { app: app.clone(), signal: Arc::clone(&signal), reporter: reporter.clone() },
                    StoreOptions {
                        announce_interval: settings.announce_interval,
                        persistence,
                        ..StoreOptions::default()
                    },
                );
                for register in registrations {
                    register(&store)?;
                }
                let start = || Saver::start(store.clone(), requests, reporter.clone());
                let saver = is_saved.then(start).transpose()?;
                let undelivered = Arc::clone(&signal.undelivered);
                app.manage(Lockstep::new(store.clone(), settings, authorize.is_some(), saver, undelivered));
                app.manage(Arc::clone(&managed));
                app.manage(Authority { authorize, reporter: reporter.clone() });
                tauri::async_runtime::spawn(reaper::run(store.clone(), Arc::clone(&signal.reap), reporter));
                deliverer::start(app, &store, &signal.deliver, &managed);
                tauri::async_runtime::spawn(announcer::run(app.clone(), store, signal, managed));
                Ok(())
            })
            .register_asynchronous_uri_scheme_protocol(first_paint::SCHEME, first_paint::respond)
            .on_webview_ready(move |webview| readied.on_webview_ready(&webview))
            .on_page_load(move |webview, payload| loaded.on_page_load(webview, payload))
            .on_event(move |app, event| {
                pages.on_event(app, event);
                save_on_event(app, event, &at_exit);
            })
            .build()
    }
}

/// Saves everything when the last window is gone, and before the app is.
fn save_on_event<R: Runtime>(app: &AppHandle<R>, event: &RunEvent, reporter: &Reporter) {
    let Some(lockstep) = app.try_state::<Lockstep>() else { return };
    let Some(saver) = &lockstep.saver else { return };
    match event {
        RunEvent::WindowEvent { event: WindowEvent::Destroyed, .. } if app.webview_windows().is_empty() => {
            saver.save_soon();
        }
        RunEvent::Exit => {
            if let Some(not_saved) = saver.save_at_exit() {
                reporter.report(&BackgroundError::NotSavedAtExit(not_saved));
            }
        }
        _ => {}
    }
}

/// The plugin without topics: add them with [`Lockstep::create`](crate::Lockstep::create) while the app runs.
pub fn init<R: Runtime>() -> TauriPlugin<R, Option<Config>> {
    Builder::new().build()
}
