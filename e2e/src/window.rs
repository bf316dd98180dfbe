//! One window of a running app.

use crate::wait::wait_until;
use anyhow::{Context, Result, anyhow, bail};
use fantoccini::{Client, Locator, elements::Element, wd::WindowHandle};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::HashMap, fmt};
use tokio::sync::{Mutex, MutexGuard};

const LABEL: &str = "return window.__TAURI_INTERNALS__?.metadata?.currentWebview?.label ?? null";

/// The WebDriver session. It looks at one window at a time, so whoever uses it holds it until done.
pub(crate) struct Page(Mutex<Session>);

struct Session {
    client: Client,
    /// Where each label was found last. Handles come in any order, and a label is used again by a later window.
    handles: HashMap<String, WindowHandle>,
}

impl Page {
    pub(crate) fn new(client: Client) -> Self {
        Self(Mutex::new(Session { client, handles: HashMap::new() }))
    }

    pub(crate) async fn forget(&self, label: &str) {
        self.0.lock().await.handles.remove(label);
    }

    /// The labels of all windows.
    pub(crate) async fn labels(&self) -> Vec<String> {
        let mut session = self.0.lock().await;
        session.look_around().await;
        let mut labels: Vec<String> = session.handles.keys().cloned().collect();
        labels.sort();
        labels
    }

    /// The session, looking at the window with this label.
    async fn looking_at(&self, label: &str) -> Result<MutexGuard<'_, Session>> {
        let mut session = self.0.lock().await;
        if !session.turns_to(label).await {
            session.look_around().await;
            if !session.turns_to(label).await {
                bail!("there is no window {label:?}, only {:?}", session.handles.keys());
            }
        }
        Ok(session)
    }
}

impl Session {
    async fn turns_to(&mut self, label: &str) -> bool {
        let Some(handle) = self.handles.get(label) else { return false };
        if self.client.switch_to_window(handle.clone()).await.is_ok() {
            return true;
        }
        self.handles.remove(label);
        false
    }

    /// Asks every window that is not known for its label. One that cannot say it yet is asked the next time.
    async fn look_around(&mut self) {
        let handles = self.client.windows().await.unwrap_or_default();
        self.handles.retain(|_, known| handles.contains(known));
        for handle in handles {
            if self.handles.values().any(|known| *known == handle)
                || self.client.switch_to_window(handle.clone()).await.is_err()
            {
                continue;
            }
            if let Ok(Value::String(label)) = self.client.execute(LABEL, vec![]).await {
                self.handles.insert(label, handle);
            }
        }
    }
}

/// What a page's script threw.
#[derive(Clone, Debug)]
pub struct ScriptError {
    /// As much of it as is JSON; a `LockstepError` keeps its kind and fields.
    pub thrown: Value,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the script threw {}", self.thrown)
    }
}

impl std::error::Error for ScriptError {}

/// A window, by its label.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    page: &'a Page,
    label: &'a str,
}

impl<'a> Window<'a> {
    pub(crate) fn new(page: &'a Page, label: &'a str) -> Self {
        Self { page, label }
    }

    /// Its label.
    pub fn label(&self) -> &'a str {
        self.label
    }

    /// Runs the body of an async function, and returns what that resolves with.
    ///
    /// # Errors
    /// [`ScriptError`] if it throws; another error if the window is not there, or its page goes away meanwhile.
    pub async fn run<T: DeserializeOwned>(&self, body: &str) -> Result<T> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            (async () => {{ {body} }})().then(
                (value) => done({{ value: value === undefined ? null : value }}),
                (error) => done({{ thrown: {{ text: String(error), ...error, cause: String(error?.cause) }} }}),
            );"
        );
        let session = self.page.looking_at(self.label).await?;
        let answer = session.client.execute_async(&script, vec![]).await;
        drop(session);
        let mut answer = answer.with_context(|| format!("window {:?}, {body}", self.label))?;
        if let Some(thrown) = answer.get_mut("thrown") {
            let error = anyhow!(ScriptError { thrown: thrown.take() });
            return Err(error.context(format!("window {:?}, {body}", self.label)));
        }
        let value = answer.get_mut("value").map(Value::take).unwrap_or_default();
        serde_json::from_value(value).with_context(|| format!("window {:?}, {body}", self.label))
    }

    /// The value of an expression, awaited.
    ///
    /// # Errors
    /// As [`Window::run`].
    pub async fn eval<T: DeserializeOwned>(&self, expression: &str) -> Result<T> {
        self.run(&format!("return ({expression});")).await
    }

    /// Runs what is of no further interest.
    ///
    /// # Errors
    /// As [`Window::run`].
    pub async fn does(&self, body: &str) -> Result<()> {
        self.run::<Value>(&format!("{body}; return null;")).await.map(drop)
    }

    /// Begins an async job in the test app's page, and does not wait for it.
    ///
    /// # Errors
    /// As [`Window::run`].
    pub async fn begins(&self, body: &str) -> Result<()> {
        self.does(&format!("begin(async () => {{ {body} }})")).await
    }

    /// Waits for what [`Window::begins`] has begun.
    ///
    /// # Errors
    /// If the job has thrown, or is not done in time.
    pub async fn is_done(&self) -> Result<()> {
        wait_until(&format!("window {:?} has done its job", self.label), async || {
            Ok(self.eval::<String>("outcome").await? != "pending")
        })
        .await?;
        match self.eval::<String>("outcome").await? {
            done if done == "done" => Ok(()),
            other => bail!("window {:?}: {other}", self.label),
        }
    }

    /// Waits until an expression has this value.
    ///
    /// # Errors
    /// If it has not in time, with what it was instead.
    pub async fn shows(&self, expression: &str, expected: impl Into<Value>) -> Result<()> {
        let expected = expected.into();
        wait_until(&format!("window {:?} shows {expected} for {expression}", self.label), async || {
            let shown: Value = self.eval(expression).await?;
            if shown == expected { Ok(true) } else { bail!("it shows {shown}") }
        })
        .await
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// If it is not in time.
    pub async fn holds(&self, condition: &str) -> Result<()> {
        self.shows(condition, json!(true)).await
    }

    /// Waits until the test app's page has run its script and its counter shows something.
    pub(crate) async fn is_ready(&self) -> Result<()> {
        self.holds("isReady && counter.get() !== undefined").await
    }

    /// Waits until the element with this `data-testid` is there.
    ///
    /// # Errors
    /// If it is not in time.
    pub async fn has(&self, test_id: &str) -> Result<()> {
        self.holds(&format!("document.querySelector({:?}) !== null", selector(test_id))).await
    }

    /// Waits until an element reads so.
    ///
    /// # Errors
    /// If it does not in time, with what it reads.
    pub async fn reads(&self, test_id: &str, text: &str) -> Result<()> {
        self.shows(&format!("document.querySelector({:?})?.textContent.trim()", selector(test_id)), text).await
    }

    /// Clicks an element, as a person does.
    ///
    /// # Errors
    /// If there is none, or it cannot be clicked.
    pub async fn click(&self, test_id: &str) -> Result<()> {
        self.with_element(test_id, async |element| element.click().await).await
    }

    /// Types into an element, in the place of what is there.
    ///
    /// # Errors
    /// If there is none, or it cannot be typed into.
    pub async fn types(&self, test_id: &str, text: &str) -> Result<()> {
        self.with_element(test_id, async |element| {
            element.clear().await?;
            element.send_keys(text).await
        })
        .await
    }

    async fn with_element(
        &self,
        test_id: &str,
        act: impl AsyncFnOnce(Element) -> Result<(), fantoccini::error::CmdError>,
    ) -> Result<()> {
        self.has(test_id).await?;
        let session = self.page.looking_at(self.label).await?;
        let element = session.client.find(Locator::Css(&selector(test_id))).await?;
        act(element).await.with_context(|| format!("window {:?}, {test_id}", self.label))
    }

    /// What it shows, for people.
    pub(crate) async fn describe(&self) -> Result<String> {
        let shown: Value = self.eval("typeof describe === 'function' ? describe() : document.body.innerText").await?;
        Ok(shown.as_str().map_or_else(|| shown.to_string(), |text| text.replace('\n', " | ")))
    }
}

fn selector(test_id: &str) -> String {
    format!("[data-testid={test_id:?}]")
}
