//! The commands of `PROTOCOL.md`. Each reads its arguments, asks the scope, and lets the engine do the rest.

use crate::{
    Lockstep,
    error::CommandError,
    pages::Pages,
    scopes::{Access, TopicEntry, authorise, topic_scope},
    wire::{self, Fields, WriteRequest, Writes},
};
use lockstep_core::{Change, Revision, SessionKey, TopicName, WriteError};
use std::sync::Arc;
use tauri::{
    Runtime, State, Webview,
    ipc::{CommandScope, Request, Response},
};

type Scope = CommandScope<TopicEntry>;

#[tauri::command]
pub(crate) async fn get_snapshot<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let fields = Fields::of(&request)?;
    let topic = fields.topic()?;
    authorise(webview.label(), &topic, Access::Read, &topic_scope(&scope))?;
    let answer = lockstep.store.pull(&topic, fields.since()?)?;
    Ok(Response::new(wire::answer(&answer)))
}

#[tauri::command]
pub(crate) async fn get_snapshots<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let scope = topic_scope(&scope);
    let mut granted = Vec::new();
    let places: Vec<Result<usize, CommandError>> = wire::pulls(Fields::of(&request)?)?
        .into_iter()
        .map(|pull| {
            let (topic, since) = pull?;
            authorise(webview.label(), &topic, Access::Read, &scope)?;
            granted.push((topic, since));
            Ok(granted.len() - 1)
        })
        .collect();
    let mut answers: Vec<_> = lockstep.store.pull_many(&granted).into_iter().map(Some).collect();
    let results = places.into_iter().map(|place| {
        let answer = match place.map(|at| answers.get_mut(at).and_then(Option::take)) {
            Ok(Some(answer)) => answer.map_err(CommandError::from),
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
    scope: Scope,
    request: Request<'_>,
) -> Result<Response, CommandError> {
    let fields = Fields::of(&request)?;
    let topic = fields.topic()?;
    authorise(webview.label(), &topic, Access::Write, &topic_scope(&scope))?;
    let WriteRequest { page, seq, since, writes } =
        WriteRequest::read(fields, &topic, lockstep.settings.max_payload_bytes)?;
    let session = SessionKey::new(webview.label(), page);
    let may_read = lockstep.read_scopes.may_read(&webview, &session, &topic);
    let (one, mut writes) = match writes {
        Writes::One(operation) => (true, vec![operation]),
        Writes::Batch(operations) => (false, operations),
    };

    // A patch's `test`, and a `copy` that does not fit, would tell what is there.
    for operation in &mut writes {
        operation.forbidden = !may_read && matches!(operation.change, Change::Patch(_));
    }
    let forbidden: Vec<_> = writes.iter().map(|operation| operation.forbidden).collect();

    let outcomes = lockstep.write_from_client(&topic, session, seq, writes).await?;
    // From here on the writes have happened, or have not: what cannot be shown does not make them fail.
    let current = |since| lockstep.store.pull(&topic, since).ok().filter(|_| may_read);
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
                let shown = if conflict && one { current(None) } else { None };
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
        current(since).map_or_else(withheld, |answer| wire::answer(&answer))
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
    pages: State<'_, Arc<Pages<R>>>,
    scope: Scope,
    request: Request<'_>,
) -> Result<(), CommandError> {
    let (topic, session) = reader(&webview, &scope, &request)?;
    pages.seen(&webview);
    Ok(lockstep.store.subscribe(&topic, &session)?)
}

#[tauri::command]
pub(crate) async fn unsubscribe<R: Runtime>(
    webview: Webview<R>,
    lockstep: State<'_, Lockstep>,
    scope: Scope,
    request: Request<'_>,
) -> Result<(), CommandError> {
    let (topic, session) = reader(&webview, &scope, &request)?;
    lockstep.store.unsubscribe(&topic, &session);
    Ok(())
}

/// Who wants to be, or not to be, a reader of what.
fn reader<R: Runtime>(
    webview: &Webview<R>,
    scope: &Scope,
    request: &Request<'_>,
) -> Result<(TopicName, SessionKey), CommandError> {
    let fields = Fields::of(request)?;
    let topic = fields.topic()?;
    authorise(webview.label(), &topic, Access::Read, &topic_scope(scope))?;
    Ok((topic, SessionKey::new(webview.label(), fields.session()?)))
}
