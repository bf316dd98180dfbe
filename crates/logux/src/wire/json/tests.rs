use super::*;
use proptest::prelude::*;
use serde_json::json;

fn decode(text: &str) -> Result<Message, LoguxError> {
    Json.decode(&Frame::Text(text.to_owned()))
}

#[track_caller]
fn check(text: &str) {
    let message = decode(text).unwrap();
    assert_eq!(Json.encode(&message), Frame::Text(text.to_owned()));
}

/// A message of each shape. The fuzzers change them in every place.
const MESSAGES: &[&str] = &[
    r#"["connect",5,"10:a:b",0]"#,
    r#"["connect",5,"10:a:b",7,{"subprotocol":2,"token":"x"}]"#,
    r#"["connect",5,"10:a:b",7,{"token":{"any":[null]}}]"#,
    r#"["connected",5,"server:x",[1,2]]"#,
    r#"["connected",5,"server:x",[-1,2],{"subprotocol":1}]"#,
    r#"["headers",{"env":"development"}]"#,
    r#"["sync",3]"#,
    r#"["sync",3,{"type":"a"},{"id":-5,"time":-5}]"#,
    r#"["sync",3,{"type":"a"},{"id":[1,2],"time":1},{"b":null,"type":"b"},{"id":[1,"x:y",2],"time":1,"reasons":["r"]}]"#,
    r#"["synced",3]"#,
    r#"["ping",0]"#,
    r#"["pong",1]"#,
    r#"["debug","error","text"]"#,
    r#"["error","wrong-credentials"]"#,
    r#"["error","wrong-protocol",{"supported":5,"used":4}]"#,
    r#"["error","wrong-format","[]"]"#,
    r#"["error","timeout",70000]"#,
];

#[test]
fn messages_are_read_and_written() {
    MESSAGES.iter().for_each(|text| check(text));
}

#[test]
fn what_is_no_message_is_refused_with_its_text() {
    for text in [
        "",
        "null",
        "{}",
        "[]",
        "[null]",
        "[1]",
        "{",
        "[\"ping\",1",
        r#"["ping"]"#,
        r#"["ping",1.5]"#,
        r#"["ping",-1]"#,
        r#"["ping",9007199254740993]"#,
        r#"["ping",1e400]"#,
        r#"["ping",18446744073709551615]"#,
        r#"["sync",1,{"type":"a"}]"#,
        r#"["sync",1,{},{"id":1,"time":1}]"#,
        r#"["sync",1,{"type":"a"},{"id":1}]"#,
        r#"["sync",1,{"type":"a"},{"id":[1,"a b",1],"time":1}]"#,
        r#"["sync",1,{"type":"a"},{"id":[1,-1],"time":1}]"#,
        r#"["connect",5,"",0]"#,
        r#"["connect",5,"a b",0]"#,
        r#"["connect",5,"a",0,{},1]"#,
        r#"["debug","log","x"]"#,
    ] {
        assert_eq!(decode(text), Err(LoguxError::WrongFormat(text.to_owned())), "{text}");
    }
    assert_eq!(decode(r#"["nope",1]"#), Err(LoguxError::UnknownMessage("nope".into())));
    let long = "é".repeat(10_000);
    assert_eq!(decode(&long), Err(LoguxError::WrongFormat("é".repeat(512))), "an answer is bounded");
    let deep = "[".repeat(100_000);
    assert!(decode(&deep).is_err());
}

#[test]
fn numbers_as_javascript_may_write_them_are_read() {
    assert_eq!(decode(r#"["ping",1e3]"#), Ok(Message::Ping(1_000)));
    assert_eq!(decode(r#"["ping",2.0]"#), Ok(Message::Ping(2)));
}

/// All places in a value.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| places(field, format!("{at}/{key}"), found));
        }
        _ => {}
    }
}

/// Where any JSON may stand.
fn is_free(message: &str, place: &str) -> bool {
    let free = message.contains("token") && place.starts_with("/4/token");
    free || place.ends_with("/b") || place.ends_with("/env") || place.ends_with("/reasons") || place.contains("/reasons/")
        // The text is only for people.
        || (message.contains("wrong-format") && place == "/2")
}

#[test]
fn hole_7_null_in_every_place_is_refused_or_allowed_and_never_a_panic() {
    for text in MESSAGES {
        let message: Value = serde_json::from_str(text).unwrap();
        let mut all = Vec::new();
        places(&message, String::new(), &mut all);
        for place in all {
            for wrong in
                [json!(null), json!([]), json!({}), json!(-1), json!(1.5), json!(""), json!(true), json!(1e300)]
            {
                let mut changed = message.clone();
                *changed.pointer_mut(&place).unwrap() = wrong.clone();
                let result = decode(&changed.to_string());
                if wrong.is_null() && !is_free(text, &place) {
                    assert!(result.is_err(), "{changed}");
                }
            }
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\u{0}-\u{20}é:]{0,6}".prop_map(Value::from),
        prop::sample::select(vec!["sync", "type", "id", "time", "connect", "error"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop_oneof![Just("type".to_owned()), Just("id".to_owned()), Just("time".to_owned()), "[a-z]{0,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn hole_7_no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Json.decode(&Frame::Binary(bytes));
    }

    #[test]
    fn hole_7_no_json_makes_the_decoder_panic_and_what_it_reads_it_can_write(
        name in prop::sample::select(vec!["connect", "connected", "sync", "error", "headers", "ping", "debug"]),
        rest in prop::collection::vec(any_json(), 0..6),
    ) {
        let mut items = vec![Value::from(name)];
        items.extend(rest);
        if let Ok(message) = decode(&Value::from(items).to_string()) {
            prop_assert_eq!(Json.decode(&Json.encode(&message)), Ok(message));
        }
    }
}
