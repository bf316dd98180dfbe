//! Who the windows are: the app is asked once for each page, and its answers are kept.

use crate::{
    background::{BackgroundError, Reporter},
    error::CommandError,
};
use lockstep_core::{Client, Door, Reject, Revision, Store, TopicName};
use parking_lot::Mutex;
use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};
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

/// What is known of each label's page. It is forgotten with the page, and when the app wants to be asked again.
#[derive(Default)]
pub(crate) struct Clients(Mutex<HashMap<String, Arc<Known>>>);

#[derive(Default)]
struct Known {
    /// Who it is, or why it is refused. One caller asks the app; those that come meanwhile wait.
    client: OnceCell<Result<Arc<Client>, Reject>>,
    /// What the doors of topics said, by the birth of the topic.
    answers: Mutex<HashMap<TopicName, (Revision, bool)>>,
}

/// The app's part in who may do what.
pub(crate) struct Authority<R: Runtime> {
    pub(crate) authorize: Option<Authorize<R>>,
    pub(crate) reporter: Reporter,
}

impl Clients {
    /// Who calls; the app is asked the first time.
    pub(crate) async fn client<R: Runtime>(
        &self,
        webview: &Webview<R>,
        authority: &Authority<R>,
    ) -> Result<Arc<Client>, Reject> {
        let known = self.known(webview.label());
        known.client.get_or_try_init(|| authority.ask(webview)).await?.clone()
    }

    /// Lets a call pass if the topic admits the client. A topic that is not there admits everybody: that it is not
    /// there is said by whoever looks for it next.
    pub(crate) fn admit<R: Runtime>(
        &self,
        client: &Arc<Client>,
        topic: &TopicName,
        store: &Store,
        authority: &Authority<R>,
    ) -> Result<(), CommandError> {
        let Ok(Some(door)) = store.door(topic) else { return Ok(()) };
        if self.admits(client, topic, &door, authority) {
            return Ok(());
        }
        store.dismiss(client.label(), topic);
        let reject = Reject::new("notAllowed", "the topic's own rule does not allow this window");
        Err(CommandError::refused(client.label(), topic, &reject))
    }

    fn admits<R: Runtime>(
        &self,
        client: &Arc<Client>,
        topic: &TopicName,
        door: &Door,
        authority: &Authority<R>,
    ) -> bool {
        let known = self.known(client.label());
        // The app may have been told to ask anew, or the page be another: an answer about that client is not this one's.
        let is_same = matches!(known.client.get(), Some(Ok(present)) if Arc::ptr_eq(present, client));
        if is_same
            && let Some((born, admits)) = known.answers.lock().get(topic)
            && *born == door.born
        {
            return *admits;
        }
        let admits = door.admits(client).unwrap_or_else(|panic| {
            let window = client.label().to_owned();
            authority.reporter.report(&BackgroundError::AllowPanicked { topic: topic.clone(), window, panic });
            false
        });
        if !is_same {
            return admits;
        }
        let mut answers = known.answers.lock();
        if answers.len() >= MAX_ANSWERS {
            answers.clear();
        }
        answers.insert(topic.clone(), (door.born, admits));
        admits
    }

    /// Whether the label's page was let in to this topic before, so that nobody has to be asked. `door` is the birth of
    /// a topic that has a say in that.
    pub(crate) fn has_admitted(&self, label: &str, topic: &TopicName, door: Option<Revision>) -> bool {
        let Some(known) = self.0.lock().get(label).cloned() else { return false };
        let let_in = |door| known.answers.lock().get(topic).is_some_and(|answer| *answer == (door, true));
        matches!(known.client.get(), Some(Ok(_))) && door.is_none_or(let_in)
    }

    fn known(&self, label: &str) -> Arc<Known> {
        let mut all = self.0.lock();
        if let Some(known) = all.get(label) {
            return Arc::clone(known);
        }
        Arc::clone(all.entry(label.to_owned()).or_default())
    }

    pub(crate) fn forget(&self, label: &str) {
        self.0.lock().remove(label);
    }

    pub(crate) fn forget_all(&self) {
        self.0.lock().clear();
    }
}

impl<R: Runtime> Authority<R> {
    /// `Err` is not kept: with its next call, the page is asked about again.
    async fn ask(&self, webview: &Webview<R>) -> Result<Result<Arc<Client>, Reject>, Reject> {
        let url = webview.url().map(|url| url.to_string()).unwrap_or_default();
        let client = Client::new(webview.label(), url);
        let Some(authorize) = &self.authorize else { return Ok(Ok(Arc::new(client))) };
        let (authorize, asked_about) = (Arc::clone(authorize), webview.clone());
        // A task of its own, so that a panic ends there.
        let asking = async_runtime::spawn(async move { authorize(asked_about).await });
        let failed = |code, reason: String| {
            let window = webview.label().to_owned();
            self.reporter.report(&BackgroundError::NotAuthorized { window, reason: reason.clone() });
            Reject::new(code, reason)
        };
        match timeout(AUTHORIZE_TIMEOUT, asking).await {
            Ok(Ok(answer)) => Ok(answer.map(|introduce| Arc::new(introduce(client)))),
            Ok(Err(_)) => Err(failed("panicked", "the app's own code panicked".to_owned())),
            Err(_) => Err(failed("timeout", format!("the app did not answer within {AUTHORIZE_TIMEOUT:?}"))),
        }
    }
}
