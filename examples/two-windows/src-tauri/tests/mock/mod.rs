//! The app on Tauri's mock runtime: no window is shown, but commands, capabilities and scopes are the real ones.

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use tauri::{
    App, Context, Manager, WebviewWindow, WebviewWindowBuilder,
    ipc::{CallbackFn, InvokeBody, InvokeResponseBody},
    test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder},
    webview::InvokeRequest,
};
use tauri_plugin_lockstep::Builder;

/// Long enough for a busy machine; Tauri itself would wait for ever.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The app as it is shipped.
pub fn app() -> App<MockRuntime> {
    built(two_windows_lib::context()).unwrap()
}

/// The app with `plugins.lockstep` of `tauri.conf.json` set to this.
pub fn configured(lockstep: Value) -> tauri::Result<App<MockRuntime>> {
    let mut context = two_windows_lib::context();
    context.config_mut().plugins.0.insert("lockstep".to_owned(), lockstep);
    built(context)
}

fn built(context: Context<MockRuntime>) -> tauri::Result<App<MockRuntime>> {
    let topics = two_windows_lib::topics::lockstep().persist_in(data_dir());
    two_windows_lib::app(mock_builder(), topics).build(context)
}

/// A folder that is empty, and that nobody else has.
pub fn data_dir() -> PathBuf {
    static ALL: LazyLock<PathBuf> = LazyLock::new(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two-windows");
        let _ = fs::remove_dir_all(&all);
        all
    });
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    ALL.join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// An app with the capabilities of this one, and other topics.
pub fn with_topics(topics: Builder) -> App<MockRuntime> {
    started(topics).unwrap()
}

/// The same, where it may fail.
pub fn started(topics: Builder) -> tauri::Result<App<MockRuntime>> {
    mock_builder().plugin(topics.build()).build(two_windows_lib::context())
}

/// Returns when the condition holds: for what happens in the background.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it was still not so that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A window that `lockstep:admin` grants every topic.
pub fn admin(app: &App<MockRuntime>, label: &str) -> Window {
    window_with(app, label, &json!([{ "identifier": "lockstep:admin", "allow": [{ "topic": "*" }] }]))
}

/// A window; which capabilities it has is a question of its label.
pub fn window(app: &App<MockRuntime>, label: &str) -> Window {
    Window(WebviewWindowBuilder::new(app, label, tauri::WebviewUrl::default()).build().unwrap())
}

/// A window with a capability of its own: these permissions, and nothing of what the app ships.
pub fn window_with(app: &App<MockRuntime>, label: &str, permissions: &Value) -> Window {
    let capability = json!({ "identifier": label, "windows": [label], "permissions": permissions });
    app.add_capability(capability.to_string()).unwrap();
    window(app, label)
}

#[derive(Clone)]
pub struct Window(WebviewWindow<MockRuntime>);

impl Window {
    /// What `invoke` resolves with, or rejects with, in this window.
    pub fn invoke(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        self.invoke_from(if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" }, command, arguments)
    }

    /// The same for a page from this address.
    pub fn invoke_from(&self, url: &str, command: &str, arguments: Value) -> Result<Value, Value> {
        let request = InvokeRequest {
            cmd: command.to_owned(),
            callback: CallbackFn(0),
            error: CallbackFn(1),
            url: url.parse().unwrap(),
            body: InvokeBody::Json(arguments),
            headers: Default::default(),
            invoke_key: INVOKE_KEY.to_owned(),
        };
        let (answer, answered) = mpsc::channel();
        let webview = self.0.clone();
        thread::spawn(move || answer.send(get_ipc_response(&webview, request)));
        answered.recv_timeout(PATIENCE).expect("no answer in time").map(|body| match body {
            InvokeResponseBody::Json(text) => serde_json::from_str(&text).unwrap(),
            InvokeResponseBody::Raw(bytes) => panic!("{} bytes, not JSON", bytes.len()),
        })
    }

    /// A command of the plugin.
    pub fn lockstep(&self, command: &str, arguments: Value) -> Result<Value, Value> {
        self.invoke(&format!("plugin:lockstep|{command}"), arguments)
    }

    pub fn get_snapshot(&self, topic: &str) -> Result<Value, Value> {
        self.lockstep("get_snapshot", json!({ "topic": topic }))
    }

    /// `create_topic` by the session `s1`: of a topic or a family, with or without a first value.
    pub fn create(&self, mut arguments: Value) -> Result<Value, Value> {
        arguments["session"] = json!("s1");
        self.lockstep("create_topic", arguments)
    }

    /// What the session `s1` reads, or reads no more; what it joins, or leaves.
    pub fn session(&self, command: &str, topic: &str) -> Result<Value, Value> {
        self.lockstep(command, json!({ "topic": topic, "session": "s1" }))
    }

    /// A write of the session `s1`, with further arguments.
    pub fn write(&self, topic: &str, seq: u64, operation: Value) -> Result<Value, Value> {
        let mut arguments = json!({ "topic": topic, "session": "s1", "seq": seq });
        arguments.as_object_mut().unwrap().extend(operation.as_object().unwrap().clone());
        self.lockstep("write", arguments)
    }
}
