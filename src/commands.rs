//! The commands of `PROTOCOL.md`. Each reads its arguments, asks the scope, and lets the engine do the rest.

use crate::{
    Lockstep,
    background::BackgroundError,
    clients::{Authority, Known, Page},
    error::CommandError,
    in_flight::Place,
    pages::Pages,
    scopes::{Access, TopicEntry, authorise, topic_scope},
    wire::{self, Fields, WriteRequest, Writes},
};
use lockstep_core::{
    Answer, Change, Client, CreateError, Door, PRIMARY, PullError, Reject, Revision, Save, SessionKey, TopicName,
    TopicScope, WriteError,
};
use std::{sync::Arc, time::Instant};
use tauri::{
    Runtime, State, Webview,
    ipc::{CommandScope, Request, Response},
};
use tokio::sync::OnceCell;

type Scope = CommandScope<TopicEntry>;

/// A window that calls, and whom it has to get past.
pub(crate) struct Caller<'a, R: Runtime> {
    webview: &'a Webview<R>,
    lockstep: &'a Lockstep,
    authority: &'a Authority<R>,
    page: Arc<Page>,
    known: Arc<Known>,
    /// Who it is: a call about many topics asks once, also where the answer is not kept.
    client: OnceCell<Result<Arc<Client>, Reject>>,
}

/// A call that may pass: who makes it, and the topic that it is let in to.
pub(crate) struct Entered {
    pub(crate) client: Arc<Client>,
    pub(crate) door: Door,
}

impl<'a, R: Runtime> Caller<'a, R> {
    pub(crate) fn new(webview: &'a Webview<R>, lockstep: &'a Lockstep, authority: &'a Authority<R>) -> Self {
        let page = lockstep.clients.page(webview.label());
        let known = page.known();
        Self { webview, lockstep, authority, page, known, client: OnceCell::new() }
    }

    /// Lets a call pass: first the scope of its capabilities says so, then the app of the page, then the topic itself.
    pub(crate) async fn enter(
        &self,
        scope: &TopicScope,
        topic: &TopicName,
        access: Access,
    ) -> Result<Entered, CommandError> {
        authorise(self.webview.label(), topic, access, scope)?;
        let refused = |reject: Reject| CommandError::refused(self.webview.label(), topic.as_str(), &reject);
        let client = self.client().await.map_err(refused)?;
        let door = self.lockstep.store.door(topic)?;
        if !self.known.admits(&client, &door, &self.authority.reporter).await {
            self.lockstep.store.dismiss(self.webview.label(), topic, &|| self.page.lives());
            let reject = Reject::new("notAllowed", "the topic's own rule does not allow this window");
            return Err(refused(reject));
        }
        Ok(Entered { client, door })
    }

    /// Who the page is. One that the app refuses reads nothing any more.
    async fn client(&self) -> Result<Arc<Client>, Reject> {
        let ask = || self.known.client(self.webview, self.authority);
        let client = self.client.get_or_init(ask).await.clone();
        client.inspect_err(|_| self.lockstep.store.dismiss_from_all(self.webview.label(), &|| self.page.lives()))
    }

    /// For what runs the app's hooks, or waits for what does.
    fn place(&self, topic: &TopicName) -> Result<Place<'_>, CommandError> {
        let label = self.webview.label();
        self.lockstep.in_flight.enter(label, topic).ok_or_else(|| CommandError::busy(label, topic))
    }

    pub(crate) fn pull(&self, door: &Door, since: Option<Revision>) -> Result<Answer, PullError> {
        let began = Instant::now();
        let answer = door.pull(since).inspect_err(|error| self.report(error))?;
        let (window, topic, revision) = (self.webview.label(), door.name(), answer.revision());
        tracing::debug!(window, %topic, %revision, took = ?began.elapsed(), "pull");
        Ok(answer)
    }

    /// Who wrote what cannot be encoded does not hear of it from the window that asks for it.
    fn report(&self, error: &PullError) {
        if let PullError::Encode { topic, source } = error {
            let error = BackgroundError::NotEncoded { topic: topic.clone(), reason: source.to_string() };
            self.authority.reporter.report(&error);
        }
    }
}

#[tauri::command]
pub(crate) async fn get_snapshot<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let fields = Fields::of(&request)?;
    let topic = fields.topic()?;
    let Entered { door, .. } = caller.enter(&topic_scope(&scope), &topic, Access::Read).await?;
    let page = fields.session_if_any()?;
    let answer = caller.pull(&door, fields.since()?)?;
    if let Some(page) = page {
        let session = SessionKey::new(webview.label(), page);
        // Known again, where a dead page's repeated call came between: or it would be told only to pull.
        if lockstep.read_scopes.may_read(&webview, &session, &topic).await {
            lockstep.store.gave(&session, &topic, answer.revision());
        }
    }
    Ok(Response::new(wire::answer(&answer)))
}

#[tauri::command]
pub(crate) async fn get_snapshots<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let scope = topic_scope(&scope);
    let mut granted = Vec::new();
    let mut places = Vec::new();
    for pull in wire::pulls(Fields::of(&request)?)? {
        let entered = match pull {
            Ok((topic, since)) => caller.enter(&scope, &topic, Access::Read).await.map(|entered| (entered.door, since)),
            Err(error) => Err(error),
        };
        places.push(entered.map(|pull| {
            granted.push(pull);
            granted.len() - 1
        }));
    }
    let mut answers: Vec<_> = lockstep.store.pull_many(&granted).into_iter().map(Some).collect();
    let results = places.into_iter().map(|place| {
        let answer = match place.map(|at| answers.get_mut(at).and_then(Option::take)) {
            Ok(Some(answer)) => answer.inspect_err(|error| caller.report(error)).map_err(CommandError::from),
            Ok(None) => Err(CommandError::invalid_request("topics", "a result is missing")),
            Err(error) => Err(error),
        };
        answer.map_or_else(|error| wire::failed(&error), |answer| wire::answer(&answer))
    });
    Ok(Response::new(format!("[{}]", results.collect::<Vec<_>>().join(","))))
}

#[tauri::command]
pub(crate) async fn write<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let fields = Fields::of(&request)?;
    let topic = fields.topic()?;
    let Entered { client, door } = caller.enter(&topic_scope(&scope), &topic, Access::Write).await?;
    let WriteRequest { page, seq, since, writes } =
        WriteRequest::read(fields, &topic, lockstep.settings.max_payload_bytes)?;
    let session = SessionKey::new(webview.label(), page);
    let _place = caller.place(&topic)?;
    let may_read = lockstep.read_scopes.may_read(&webview, &session, &topic).await;
    let (one, mut writes) = match writes {
        Writes::One(operation) => (true, vec![operation]),
        Writes::Batch(operations) => (false, operations),
    };

    // A patch's `test`, and a `copy` that does not fit, would tell what is there.
    for operation in &mut writes {
        operation.forbidden = !may_read && matches!(operation.change, Change::Patch(_));
    }
    let forbidden: Vec<_> = writes.iter().map(|operation| operation.forbidden).collect();

    let began = Instant::now();
    // The others hear of it when this function has ended.
    let (outcomes, _ahead) = lockstep.write_from_client(&door, session.clone(), client, seq, writes).await?;
    let outcomes = outcomes?;
    let (window, applied) = (webview.label(), outcomes.iter().flatten());
    tracing::debug!(window, %topic, revision = ?applied.max(), took = ?began.elapsed(), "write");
    // From here on the writes have happened, or have not: what cannot be shown does not make them fail.
    let current = |since| caller.pull(&door, since).ok().filter(|_| may_read);
    let mut outcomes: Vec<Result<Revision, CommandError>> = outcomes
        .iter()
        .zip(forbidden)
        .map(|(outcome, forbidden)| {
            outcome.clone().map_err(|error| {
                if forbidden {
                    return CommandError::denied(webview.label(), &topic, Access::Read);
                }
                let conflict = matches!(error, WriteError::Conflict { .. });
                let error = CommandError::from(error);
                // In a batch, the answer beside the results has the current state for all of them.
                // A collection is no error's size: who wants it asks what changed.
                let whole = conflict && one && !door.is_collection();
                let shown = if whole { current(None) } else { None };
                match shown {
                    Some(answer) => error.with_current(&answer),
                    None if may_read => error,
                    None => error.without_state(),
                }
            })
        })
        .collect();
    let newest = outcomes.iter().flatten().max().copied();
    let answer = || {
        let withheld = || wire::withheld(newest.unwrap_or(Revision::ZERO));
        current(since).map_or_else(withheld, |answer| {
            lockstep.store.gave(&session, &topic, answer.revision());
            wire::answer(&answer)
        })
    };
    if one && let Some(outcome) = outcomes.pop() {
        return outcome.map(|_| Response::new(answer()));
    }
    Ok(Response::new(wire::with_results(answer(), &outcomes)))
}

#[tauri::command]
pub(crate) async fn subscribe<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    pages: State<'_, Arc<Pages<R>>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Option<wire::Subscribed>, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let (topic, session) = reader(&webview, &request)?;
    let (deliver, rest) = (Fields::of(&request)?.flag("deliver")?, Fields::of(&request)?.flag("rest")?);
    let Entered { door, .. } = caller.enter(&topic_scope(&scope), &topic, Access::Read).await?;
    let lives = || caller.page.lives();
    // First: who delivers looks for it there, and would pass over what it is marked with from here on.
    if lives() {
        pages.seen(&webview);
    }
    // A delivery is a snapshot: the scope of that command is the one that counts.
    let subscribed = if deliver && lockstep.read_scopes.may_read(&webview, &session, &topic).await {
        Some(wire::Subscribed { delivers: door.subscribe_to_deliveries(&session, &lives, rest)? })
    } else {
        door.subscribe(&session, &lives)?;
        None
    };
    tracing::debug!(window = webview.label(), %topic, deliver, rest, "subscribe");
    Ok(subscribed)
}

#[tauri::command]
pub(crate) async fn unsubscribe<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    scope: Scope,
    request: Request<'_>,
) -> Result<(), CommandError> {
    let (topic, session) = reader(&webview, &request)?;
    authorise(webview.label(), &topic, Access::Read, &topic_scope(&scope))?;
    lockstep.store.unsubscribe(&topic, &session);
    Ok(())
}

#[tauri::command]
pub(crate) async fn list_topics<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Vec<String>, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let prefix = Fields::of(&request)?.prefix()?.unwrap_or_default();
    let scope = topic_scope(&scope);
    if !scope.allow.is_empty() {
        caller
            .client()
            .await
            .map_err(|reject| CommandError::refused(webview.label(), &format!("{prefix}*"), &reject))?;
    }
    let mut names = Vec::new();
    for topic in lockstep.store.list() {
        if topic.as_str().starts_with(prefix) && caller.enter(&scope, &topic, Access::Read).await.is_ok() {
            names.push(topic.to_string());
        }
    }
    Ok(names)
}

#[tauri::command]
pub(crate) async fn create_topic<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let fields = Fields::of(&request)?;
    let family = fields.family()?;
    let topic = match &family {
        None => fields.topic()?,
        // Where there is no such family, the window learns it only if it is granted one of that name (**I13**).
        Some(family) => match lockstep.store.unique_name(family) {
            Some(topic) => topic,
            None => fields.member_of(family)?,
        },
    };
    let Entered { client, .. } = caller.enter(&topic_scope(&scope), &topic, Access::Create).await?;
    let session = SessionKey::new(webview.label(), fields.session()?);
    let initial = fields.initial(&topic, lockstep.settings.max_payload_bytes)?;
    let _place = caller.place(&topic)?;
    let created = lockstep.create_from_client(topic.clone(), session.clone(), Arc::clone(&client), initial).await;
    let revision = created.map_err(|error| match error {
        CreateError::NoFamily(_) if family.is_some() => CommandError::invalid_request("family", &error.to_string()),
        error => error.into(),
    })?;
    let door = lockstep.store.door(&topic)?;
    let may_read = lockstep.read_scopes.may_read(&webview, &session, &topic).await
        && caller.known.admits(&client, &door, &authority.reporter).await;
    let shown = if may_read { caller.pull(&door, None).ok() } else { None };
    let answer = shown.map_or_else(|| wire::withheld(revision), |answer| wire::answer(&answer));
    Ok(Response::new(wire::created(&topic, &answer)))
}

#[tauri::command]
pub(crate) async fn remove_topic<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<wire::Removed, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let topic = Fields::of(&request)?.topic()?;
    let Entered { door, .. } = caller.enter(&topic_scope(&scope), &topic, Access::Remove).await?;
    let _place = caller.place(&topic)?;
    let removed = lockstep.remove_from_client(door, webview.label().into()).await?;
    Ok(wire::Removed { removed })
}

#[tauri::command]
pub(crate) async fn join_role<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    pages: State<'_, Arc<Pages<R>>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<(), CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let page = Fields::of(&request)?.session()?;
    caller.enter(&topic_scope(&scope), PRIMARY.name(), Access::Join).await?;
    lockstep.store.join_role(&SessionKey::new(webview.label(), page), &|| caller.page.lives())?;
    pages.seen(&webview);
    Ok(())
}

#[tauri::command]
pub(crate) async fn leave_role<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    scope: Scope,
    request: Request<'_>,
) -> Result<(), CommandError> {
    let page = Fields::of(&request)?.session()?;
    authorise(webview.label(), PRIMARY.name(), Access::Join, &topic_scope(&scope))?;
    lockstep.store.leave_role(&SessionKey::new(webview.label(), page));
    Ok(())
}

/// Waits until a topic is saved as it is now, or newer; tells the revision that is.
#[tauri::command]
pub(crate) async fn flush<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    authority: State<'_, Authority<R>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<wire::Flushed, CommandError> {
    let caller = Caller::new(&webview, &lockstep, &authority);
    let topic = Fields::of(&request)?.topic()?;
    caller.enter(&topic_scope(&scope), &topic, Access::Write).await?;
    let revision = lockstep.store.revision(&topic)?;
    match lockstep.saved(&topic, revision, Save::All).await {
        Ok(()) => Ok(wire::Flushed { revision: lockstep.store.saved_revision(&topic)?.unwrap_or(revision) }),
        Err(reason) => Err(WriteError::NotSaved { topic, revision, reason }.into()),
    }
}

/// Who wants to be, or not to be, a reader of what.
fn reader<R: Runtime>(webview: &Webview<R>, request: &Request<'_>) -> Result<(TopicName, SessionKey), CommandError> {
    let fields = Fields::of(request)?;
    Ok((fields.topic()?, SessionKey::new(webview.label(), fields.session()?)))
}
