//! Generates the permissions of the commands, and the schema that editors check capabilities with.

// The documentation goes into the schema that editors show.
#![allow(dead_code)]

const COMMANDS: &[&str] = &[
    "get_snapshot",
    "get_snapshots",
    "write",
    "subscribe",
    "unsubscribe",
    "list_topics",
    "create_topic",
    "remove_topic",
    "join_role",
    "leave_role",
    "flush",
];

/// Topics that the windows of a capability may touch with a permission.
#[derive(schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct TopicEntry {
    /// A topic's name, or the beginning of names followed by `*`, or `*` for every topic.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_/:-]*\*?$"), length(min = 1, max = 129))]
    topic: String,
}

fn main() {
    tauri_plugin::Builder::new(COMMANDS)
        .global_api_script_path("./api-iife.js")
        .global_scope_schema(schemars::schema_for!(TopicEntry))
        .build();
}
