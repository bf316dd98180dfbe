//! For tests of what is built on this crate, on virtual time.
//!
//! ```
//! use logux::{ClientNode, NodeOptions, Action, Fields, Reconnect, ServerNode, State, testing::{TestPair, TestTime}};
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let time = TestTime::new();
//! let (client_log, server_log) = (time.log("10:client:tab"), time.log("server:a"));
//! let pair = TestPair::new();
//! let client = ClientNode::new(&client_log, pair.connector(), Reconnect::default(), NodeOptions::default());
//! client.connect();
//! let server = ServerNode::new(&server_log, pair.accept().await, NodeOptions::default());
//! tokio::spawn(server.run());
//! client_log.add(Action::new("a"), Fields::reason("test")).await?;
//! client.wait_for(State::Synchronized).await;
//! assert_eq!(time.actions(&server_log).await, ["a"]);
//! assert_eq!(pair.left_said()[1], r#"["sync",1,{"type":"a"},{"id":0,"time":0,"reasons":["test"]}]"#);
//! # Ok::<(), logux::StoreError>(())
//! # }).unwrap();
//! ```

mod pair;
mod record;
mod time;

pub use crate::store::contract::{check_ledger, check_store};
pub use pair::{Disorder, Side, TestPair};
pub use record::Recorder;
pub use time::TestTime;
