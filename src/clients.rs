//! Who the windows are: the app is asked once for each page, and its answers are kept.

use crate::background::{BackgroundError, Reporter};
use lockstep_core::{Client, Door, Reject, Revision, TopicName};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tauri::{Runtime, Webview, async_runtime};
use tokio::{sync::OnceCell, time::timeout};

/// How long the app may take to authorise a page.
const AUTHORIZE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many topics' answers are kept for one page, so that a page that goes through many costs a constant (**I14**).
const MAX_ANSWERS: usize = 1000;

/// Adds what the app knows to a client.
type Introduce = Box<dyn FnOnce(Client) -> Client + Send>;

/// Asks the app about a page.
pub(crate) type Authorize<R> =
    Arc<dyn Fn(Webview<R>) -> Pin<Box<dyn Future<Output = Result<Introduce, Reject>> + Send>> + Send + Sync>;

/// The closure given to the builder, for a runtime that is known there.
pub(crate) fn authorize_by<R, I, F>(authorize: impl Fn(Webview<R>) -> F + Send + Sync + 'static) -> Authorize<R>
where
    R: Runtime,
    I: Send + Sync + 'static,
    F: Future<Output = Result<I, Reject>> + Send + 'static,
{
    Arc::new(move |webview| {
        let asked = authorize(webview);
        Box::pin(async move {
            let info = asked.await?;
            Ok(Box::new(|client: Client| client.with_info(info)) as Introduce)
        })
    })
}

/// The page of each label, until it is gone.
#[derive(Default)]
pub(crate) struct Clients(Mutex<HashMap<String, Arc<Page>>>);

/// A page. A call holds on to it: its label may have another when the app has answered.
#[derive(Default)]
pub(crate) struct Page {
    has_ended: AtomicBool,
    /// Another one when the app wants to be asked again.
    known: Mutex<Arc<Known>>,
}

/// What the app has said of a page.
#[derive(Default)]
pub(crate) struct Known {
    /// Who it is, or why it is refused. One caller asks the app; those that come meanwhile wait.
    client: OnceCell<Result<Arc<Client>, Reject>>,
    answers: Mutex<HashMap<TopicName, RuleAnswer>>,
}

/// What a topic's own rule said of the page.
struct RuleAnswer {
    /// Tells the rules of one name apart.
    born: Option<Revision>,
    /// As with the client, one caller asks.
    admits: Arc<OnceCell<bool>>,
}

/// The app's part in who may do what.
pub(crate) struct Authority<R: Runtime> {
    pub(crate) authorize: Option<Authorize<R>>,
    pub(crate) reporter: Reporter,
}

impl Clients {
    pub(crate) fn page(&self, label: &str) -> Arc<Page> {
        let mut pages = self.0.lock();
        if let Some(page) = pages.get(label) {
            return Arc::clone(page);
        }
        Arc::clone(pages.entry(label.to_owned()).or_default())
    }

    /// The label's page is gone. To be called before the engine is told.
    pub(crate) fn end(&self, label: &str) {
        let page = self.0.lock().remove(label);
        // What the app knows of it is dropped here, under no lock: that may be code of the app's.
        if let Some(page) = page {
            page.has_ended.store(true, Ordering::SeqCst);
        }
    }

    /// Whether the label's page was let in by this door before, so that nobody has to be asked.
    pub(crate) fn has_admitted(&self, label: &str, door: &Door) -> bool {
        let page = self.0.lock().get(label).cloned();
        page.is_some_and(|page| page.lives() && page.known().has_admitted(door))
    }

    /// Every page is asked about again.
    pub(crate) fn forget_answers(&self) {
        let pages: Vec<_> = self.0.lock().values().cloned().collect();
        for page in pages {
            let forgotten = mem::take(&mut *page.known.lock());
            drop(forgotten);
        }
    }
}

impl Page {
    pub(crate) fn lives(&self) -> bool {
        !self.has_ended.load(Ordering::SeqCst)
    }

    pub(crate) fn known(&self) -> Arc<Known> {
        Arc::clone(&self.known.lock())
    }
}

impl Known {
    /// Who the page is; the app is asked the first time.
    pub(crate) async fn client<R: Runtime>(
        &self,
        webview: &Webview<R>,
        authority: &Authority<R>,
    ) -> Result<Arc<Client>, Reject> {
        self.client.get_or_try_init(|| authority.ask(webview)).await?.clone()
    }

    /// Whether the topic's own rule admits the page; the app is asked the first time.
    pub(crate) async fn admits(&self, client: &Arc<Client>, door: &Door, reporter: &Reporter) -> bool {
        if !door.has_rule() {
            return true;
        }
        let answer = self.answer(door);
        let ask = || async {
            let (asked, client) = (door.clone(), Arc::clone(client));
            let label = client.label().to_owned();
            // It is code of the app's, and may take its time.
            let admits = async_runtime::spawn_blocking(move || asked.admits(&client)).await;
            admits.unwrap_or_else(|error| Err(error.to_string())).unwrap_or_else(|panic| {
                let topic = door.name().clone();
                reporter.report(&BackgroundError::AllowPanicked { topic, window: label, panic });
                false
            })
        };
        *answer.get_or_init(ask).await
    }

    fn has_admitted(&self, door: &Door) -> bool {
        matches!(self.client.get(), Some(Ok(_))) && (!door.has_rule() || self.answer(door).get() == Some(&true))
    }

    fn answer(&self, door: &Door) -> Arc<OnceCell<bool>> {
        let mut answers = self.answers.lock();
        if let Some(known) = answers.get(door.name()).filter(|known| known.born == door.born()) {
            return Arc::clone(&known.admits);
        }
        if answers.len() >= MAX_ANSWERS {
            answers.clear();
        }
        let answer = RuleAnswer { born: door.born(), admits: Arc::default() };
        let admits = Arc::clone(&answer.admits);
        answers.insert(door.name().clone(), answer);
        admits
    }
}

impl<R: Runtime> Authority<R> {
    /// `Err` is not kept: with its next call, the page is asked about again.
    async fn ask(&self, webview: &Webview<R>) -> Result<Result<Arc<Client>, Reject>, Reject> {
        let asked = webview.clone();
        // It waits for the main thread.
        let url = async_runtime::spawn_blocking(move || asked.url().map(|url| url.to_string()).unwrap_or_default());
        let client = Client::new(webview.label(), url.await.unwrap_or_default());
        let Some(authorize) = &self.authorize else { return Ok(Ok(Arc::new(client))) };
        let (authorize, asked_about) = (Arc::clone(authorize), webview.clone());
        // A task of its own, so that a panic ends there.
        let mut asking = async_runtime::spawn(async move { authorize(asked_about).await });
        let failed = |code, reason: String| {
            let window = webview.label().to_owned();
            self.reporter.report(&BackgroundError::NotAuthorized { window, reason: reason.clone() });
            Reject::new(code, reason)
        };
        match timeout(AUTHORIZE_TIMEOUT, &mut asking).await {
            Ok(Ok(answer)) => Ok(answer.map(|introduce| Arc::new(introduce(client)))),
            Ok(Err(_)) => Err(failed("panicked", "the app's own code panicked".to_owned())),
            Err(_) => {
                asking.abort();
                Err(failed("timeout", format!("the app did not answer within {AUTHORIZE_TIMEOUT:?}")))
            }
        }
    }
}
