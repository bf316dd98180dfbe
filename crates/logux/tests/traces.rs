//! What real peers have said (see `interop.rs`) is read, and written as they wrote it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use logux::{Encoding, Frame, Json, Message};
use serde_json::Value;
use std::path::Path;

#[test]
fn what_real_peers_have_said_is_read_and_written_alike() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let mut frames = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines() {
            let (_, said) = line.split_at(2);
            let message = Json.decode(&Frame::Text(said.to_owned())).unwrap();
            let Frame::Text(written) = Json.encode(&message) else { panic!() };
            let as_value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(as_value(&written), as_value(said));
            assert!(!matches!(&message, Message::Debug(_)), "{said}");
            frames += 1;
        }
    }
    assert!(frames > 50, "no traces: {frames}");
}
