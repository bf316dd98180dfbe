//! A topic's state for a page that waits for it: so that its first frame is the right one.
//!
//! A command cannot be waited for by a script. A request to a scheme of the plugin's own can, by a synchronous
//! `XMLHttpRequest`, on every platform and for every navigation. It passes where `get_snapshot` would, by the same
//! capabilities and the same app. Tauri's commands carry a key that frames of another origin do not know; here, the
//! request's `Origin` has to be that of the webview's page.

use crate::{
    Lockstep, LockstepExt,
    clients::Authority,
    commands::Caller,
    error::CommandError,
    pages::Pages,
    scopes::{Access, read_scope},
    wire,
};
use lockstep_core::TopicScope;
use std::{sync::Arc, time::Duration};
use tauri::{
    AppHandle, Manager, Runtime, UriSchemeContext, UriSchemeResponder, Url, Webview, async_runtime,
    http::{
        HeaderValue, Request, Response, StatusCode,
        header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ORIGIN},
    },
};
use tokio::time::timeout;

/// The scheme of the requests: `lockstep://localhost/?topic=<topic>`.
pub(crate) const SCHEME: &str = "lockstep";

/// How long a page waits at most, once the main thread has taken its request. It does nothing else meanwhile, so that is
/// less than one notices; after it, it goes on without.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

/// Answers a page that waits.
pub(crate) fn respond<R: Runtime>(
    context: UriSchemeContext<'_, R>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let (app, label) = (context.app_handle().clone(), context.webview_label().to_owned());
    async_runtime::spawn(async move {
        let origin = request.headers().get(ORIGIN).cloned();
        // A task of its own: what it has begun to ask the app goes on when nobody waits for it any more.
        let answering = async_runtime::spawn(async move { answer(&app, &label, &request).await });
        let (status, body) = match timeout(LONGEST_WAIT, answering).await {
            Ok(Ok(Some(Ok(answer)))) => (StatusCode::OK, answer),
            Ok(Ok(Some(Err(error)))) => (StatusCode::UNPROCESSABLE_ENTITY, wire::failed(&error)),
            Ok(Ok(None)) => (StatusCode::FORBIDDEN, String::new()),
            Ok(Err(_)) => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
            Err(_) => (StatusCode::GATEWAY_TIMEOUT, String::new()),
        };
        let mut response = Response::new(body.into_bytes());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(origin) = origin.filter(|_| status != StatusCode::FORBIDDEN) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        responder.respond(response);
    });
}

/// What `get_snapshot` would answer; nothing to whoever is not the webview's own page.
async fn answer<R: Runtime>(
    app: &AppHandle<R>,
    label: &str,
    request: &Request<Vec<u8>>,
) -> Option<Result<String, CommandError>> {
    let webview = app.state::<Arc<Pages<R>>>().webview(label)?;
    let origin = request.headers().get(ORIGIN)?.to_str().ok()?.to_owned();
    let asked = webview.clone();
    // Both wait for the main thread.
    let resolving = async_runtime::spawn_blocking(move || {
        let page = asked.url().ok()?;
        (origin_of(&page) == origin).then(|| read_scope(&asked))
    });
    let scope = resolving.await.ok().flatten()?;
    let uri = Url::parse(&request.uri().to_string()).ok()?;
    let (_, topic) = uri.query_pairs().find(|(name, _)| name == "topic")?;
    Some(snapshot(app.lockstep(), &webview, &scope, &topic).await)
}

async fn snapshot<R: Runtime>(
    lockstep: &Lockstep,
    webview: &Webview<R>,
    scope: &TopicScope,
    topic: &str,
) -> Result<String, CommandError> {
    let authority = webview.state::<Authority<R>>();
    let topic = topic.parse().map_err(|_| CommandError::invalid_topic(topic))?;
    let caller = Caller::new(webview, lockstep, &authority);
    let entered = caller.enter(scope, &topic, Access::Read).await?;
    Ok(wire::answer(&caller.pull(&entered.door, None)?))
}

/// As a page of this address says it in its requests. [`Url::origin`] takes an app's own scheme for none.
fn origin_of(page: &Url) -> String {
    let port = page.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}", page.scheme(), page.host_str().unwrap_or_default())
}
