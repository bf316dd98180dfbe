//! A chat's client: `cargo run -p logux --example client`, best beside the example `server`. What is said while there is no
//! server arrives when there is one, even if this program was restarted meanwhile.

use logux::{Action, Client, DispatchError, Failure, RedbStore, WsConnector, client_id_at};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let folder = std::env::temp_dir().join("logux-example");
    std::fs::create_dir_all(&folder)?;
    let client = Client::builder("ada")
        .client_id(&client_id_at(folder.join("client-id"))?)
        .store(Arc::new(RedbStore::open(folder.join("log"))?))
        .token("open sesame")
        .subprotocol(1)
        .connector(WsConnector::insecure("ws://127.0.0.1:31337")?)?;
    let client = Arc::new(client);
    let _listening = client.on_action("chat/say", |entry| {
        println!("{}: {}", entry.meta.id.parsed().client_id, entry.action.text("text").unwrap_or_default());
    });
    let mut status = client.status();
    tokio::spawn(async move {
        while status.changed().await.is_ok() {
            println!("({:?})", *status.borrow_and_update());
        }
    });
    client.start();
    let _chat = client.subscribe("chat");
    println!("Say something; end with Ctrl-D.");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(text) = lines.next_line().await? {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            match client.dispatch(Action::new("chat/say").with("text", text)).await {
                Err(DispatchError::Undone { reason, .. }) => println!("(the server refuses: {reason:?})"),
                Err(error) => println!("({error})"),
                Ok(()) => {}
            }
        });
    }
    Ok(())
}
