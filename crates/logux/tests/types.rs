//! Which definition an action or a channel finds, and the server's own actions, on virtual time.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use logux::{
    Action, ActionType, BuildError, Channel, Client, Context, DispatchError, Fields, MemoryStore, NotFound, Order,
    ProcessError, Server, ServerBuilder, Status, UndoReason, testing::TestPair,
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Duration};

type Said = Arc<Mutex<Vec<String>>>;

fn builder() -> ServerBuilder {
    Server::builder(MemoryStore::new()).auth(|_| async { true })
}

/// A type whose actions say who has processed them.
fn says(said: &Said, name: &'static str) -> ActionType {
    let said = Arc::clone(said);
    ActionType::new(|_| async { Ok(true) }).process(move |context| {
        said.lock().push(format!("{name} {}", context.action().kind()));
        async { Ok(()) }
    })
}

/// A channel that says what it finds in the name.
fn finds(said: &Said, name: &'static str, params: &'static [&'static str]) -> Channel {
    let said = Arc::clone(said);
    Channel::new(move |context: Context| {
        let found: Vec<_> = params.iter().map(|param| context.param(param).unwrap_or("-")).collect();
        said.lock().push(format!("{name} {}", found.join(" ")));
        async { Ok(true) }
    })
}

fn client(server: &Server) -> Client {
    let pair = TestPair::new();
    let client = Client::builder("10").client_id("client").connector(pair.connector()).unwrap();
    let server = server.clone();
    tokio::spawn(async move { server.serve(pair.accept().await, None).await });
    client.start();
    client
}

fn reason(result: Result<(), DispatchError>) -> UndoReason {
    match result {
        Err(DispatchError::Undone { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_type_is_found_by_name_then_by_expression_then_by_default() {
    let said = Said::default();
    let server = builder()
        .actions_matching("^user/", says(&said, "first"))
        .actions_matching("rename$", says(&said, "second"))
        .action("user/rename", says(&said, "exact"))
        .build()
        .unwrap();
    let client = client(&server);
    for kind in ["user/rename", "user/add", "user/x/rename", "post/rename"] {
        client.dispatch(Action::new(kind)).await.unwrap();
    }
    let expected = ["exact user/rename", "first user/add", "first user/x/rename", "second post/rename"];
    assert_eq!(*said.lock(), expected);
    assert_eq!(reason(client.dispatch(Action::new("post/add")).await), UndoReason::UnknownType);
}

#[tokio::test(start_paused = true)]
async fn a_channel_is_found_by_the_first_pattern_and_says_what_is_in_its_name() {
    let said = Said::default();
    let server = builder()
        .channel("user/:id", finds(&said, "parts", &["id", "*"]))
        .channels_matching("^user/(?<id>[0-9]+)/(.*)$", finds(&said, "expression", &["id", "1", "2", "0"]))
        .channel("posts/*", finds(&said, "rest", &["*"]))
        .other_channels(finds(&said, "other", &["0"]))
        .build()
        .unwrap();
    let client = client(&server);
    for channel in ["user/10", "user/10/posts", "posts/1/2", "user/x/posts"] {
        client.subscribe(channel).ready().await.unwrap();
    }
    let expected = ["parts 10 -", "expression 10 10 posts user/10/posts", "rest 1/2", "other user/x/posts"];
    assert_eq!(*said.lock(), expected);
}

#[tokio::test]
async fn definitions_that_are_wrong_are_named() {
    let free = || ActionType::new(|_| async { Ok(true) });
    let open = || Channel::new(|_| async { Ok(true) });
    let twice = |name: &str| BuildError::Twice(name.to_owned());
    let error = |builder: ServerBuilder| builder.build().map(|_| ()).unwrap_err();
    assert_eq!(error(builder().actions_matching("a", free()).actions_matching("a", free())), twice("a"));
    assert_eq!(error(builder().channels_matching("a", open()).channels_matching("a", open())), twice("a"));
    assert_eq!(error(builder().channel("a/*", open()).channel("a/*", open())), twice("a/*"));
    assert_eq!(error(builder().other_channels(open()).other_channels(open())), twice("other_channels"));
    for broken in [builder().actions_matching("(", free()), builder().channels_matching("(", open())] {
        assert!(matches!(error(broken), BuildError::Pattern { pattern, .. } if pattern == "("));
    }
}

#[tokio::test(start_paused = true)]
async fn access_and_process_in_one_are_called_once_and_may_refuse() {
    let said = Said::default();
    let says = Arc::clone(&said);
    let together = ActionType::access_and_process(move |context| {
        let kind = context.action().kind().to_owned();
        says.lock().push(kind.clone());
        async move {
            match &*kind {
                "refused" => Ok(false),
                "fails" => Err("it failed".into()),
                _ => Ok(true),
            }
        }
    });
    let server = builder().other_actions(together.resend(|_| async { Ok(Fields::to_user("11")) })).build().unwrap();
    let sent: Said = Said::default();
    let sends = Arc::clone(&sent);
    let _listening = server.log().on_add(logux::Filter::all(), move |entry| {
        if entry.meta.users == ["11"] {
            sends.lock().push(entry.action.kind().to_owned());
        }
    });
    let client = client(&server);
    client.dispatch(Action::new("done")).await.unwrap();
    assert_eq!(reason(client.dispatch(Action::new("refused")).await), UndoReason::Denied);
    assert_eq!(reason(client.dispatch(Action::new("fails")).await), UndoReason::Error);
    assert_eq!(*said.lock(), ["done", "refused", "fails"]);
    assert_eq!(*sent.lock(), ["done"], "what is refused or fails goes to nobody");
    assert!(matches!(server.process(Action::new("refused"), Fields::default()).await, Err(ProcessError::Denied)));
}

#[tokio::test(start_paused = true)]
async fn the_server_s_own_action_goes_to_its_clients_and_settles_when_it_is_processed() {
    let said = Said::default();
    let (says, ends) = (Arc::clone(&said), Arc::clone(&said));
    let slow = ActionType::new(|_| async { panic!("nobody asks whether a server may do it") })
        .resend(|_| async { Ok(Fields::to_user("10")) })
        .process(move |context| {
            let says = Arc::clone(&says);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                says.lock().push(format!("processed {}", context.user_id().unwrap()));
                match context.action().text("n") {
                    Some("fails") => Err("it failed".into()),
                    Some("none") => Err(NotFound.into()),
                    _ => Ok(()),
                }
            }
        })
        .finally(move |_| ends.lock().push("finally".to_owned()));
    let server = builder().action("slow", slow).build().unwrap();
    let client = client(&server);
    client.node().wait_for(logux::State::Synchronized).await;
    let hears = Arc::clone(&said);
    let _slow = client.on_action("slow", move |_| hears.lock().push("heard".to_owned()));
    let undone = Said::default();
    let hears = Arc::clone(&undone);
    let _undo = client.on_action("logux/undo", move |entry| {
        hears.lock().push(entry.action.text("reason").unwrap().to_owned());
    });
    let entry = server.process(Action::new("slow"), Fields::reason("kept")).await.unwrap();
    assert_eq!(*said.lock(), ["heard", "processed server", "finally"]);
    let kept = server.log().entries(Order::Added).await.unwrap();
    assert_eq!((kept.len(), kept[0].meta.status), (1, Some(Status::Processed)));
    assert_eq!(kept[0].meta.id, entry.meta.id);
    for (n, reason) in [("fails", "error"), ("none", "notFound")] {
        let result = server.process(Action::new("slow").with("n", n), Fields::default()).await;
        assert!(matches!(result, Err(ProcessError::Failed(_))), "{result:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(undone.lock().pop().as_deref(), Some(reason), "whoever got it hears that it is undone");
    }
    let unknown = server.process(Action::new("what"), Fields::default()).await;
    assert!(matches!(unknown, Err(ProcessError::UnknownType(kind)) if kind == "what"));
    // A stop waits for it.
    said.lock().clear();
    let (processed, ()) = tokio::join!(server.process(Action::new("slow"), Fields::default()), async {
        tokio::task::yield_now().await;
        server.stop().await;
        assert!(said.lock().ends_with(&["processed server".into(), "finally".into()]), "{:?}", said.lock());
    });
    processed.unwrap();
}
