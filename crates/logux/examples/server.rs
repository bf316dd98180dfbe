//! A chat's server, for development: `cargo run -p logux --example server`. The example `client` talks to it.

use logux::{Action, ActionType, Channel, Failure, Fields, ListenOptions, MemoryStore, Server};
use std::sync::{Arc, Mutex, PoisonError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let said: Arc<Mutex<Vec<Action>>> = Arc::default();
    let (keeps, loads) = (Arc::clone(&said), said);
    let server = Server::builder(MemoryStore::new())
        .subprotocol(1, 1)
        .development()
        .auth(|attempt| async move { attempt.token == Some("open sesame".into()) })
        .action(
            "chat/say",
            ActionType::new(|context| async move { Ok(context.action().text("text").is_some()) })
                .resend(|_| async { Ok(Fields::to_channel("chat")) })
                .process(move |context| {
                    println!("{}: {}", context.client_id(), context.action().text("text").unwrap_or_default());
                    keeps.lock().unwrap_or_else(PoisonError::into_inner).push(context.action().clone());
                    async { Ok(()) }
                }),
        )
        .channel(
            "chat",
            Channel::new(|_| async { Ok(true) }).load(move |_| {
                let said = loads.lock().unwrap_or_else(PoisonError::into_inner).clone();
                async move { Ok(said) }
            }),
        )
        .build()?;
    let listener = server.listen("127.0.0.1:31337", ListenOptions::default()).await?;
    println!("listening on ws://{}; stop with Ctrl-C", listener.address());
    tokio::signal::ctrl_c().await?;
    drop(listener);
    server.stop().await;
    Ok(())
}
