//! What was exported comes back, whole or not at all.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used)]

use lockstep_core::{
    AccessError, ChangeError, Durability, Entities, ImportError, NoAnnounce, Persisted, Persistence, Reject, Revision,
    Save, Store, StoreOptions, Topic, TopicName, TopicOptions, UpdateError, testing::MemoryPersist,
};
use serde_json::{Value, json};
use std::sync::Arc;

const COUNT: Topic<u64> = Topic::new("count");
const SETTINGS: Topic<Value> = Topic::new("settings");
const TASKS: Topic<Entities<String>> = Topic::new("tasks");
const PLAIN: Topic<u64> = Topic::new("plain");

fn store(disk: &MemoryPersist) -> Store {
    let persistence = Some(Persistence::open(Arc::new(disk.clone()), || {}));
    let store = Store::with_options(NoAnnounce, StoreOptions { persistence, ..Default::default() });
    let immediate = Persisted::new().durability(Durability::Immediate);
    let at_most_9 = |_: &u64, next: &u64, _: &lockstep_core::WriteContext<'_>| match next {
        0..=9 => Ok(()),
        _ => Err(Reject::new("tooMany", "nine at most")),
    };
    store.create_with(COUNT, 0, TopicOptions::new().persisted(immediate).validate(at_most_9)).unwrap();
    let versioned = Persisted::new().version(3).omit_keys(["draft"]).migrate(2, |mut old| {
        old["theme"] = if old["dark"] == json!(true) { json!("dark") } else { json!("light") };
        old.as_object_mut().ok_or("no object")?.remove("dark");
        Ok(old)
    });
    let first = json!({ "theme": "light", "draft": "" });
    store.create_with(SETTINGS, first, TopicOptions::new().persisted(versioned)).unwrap();
    store.create_with(TASKS, Entities::new(), TopicOptions::new().persisted(Persisted::new())).unwrap();
    store.create(PLAIN, 0).unwrap();
    store
}

fn of(topics: &Value) -> String {
    json!({ "lockstep": 1, "topics": topics }).to_string()
}

fn name(text: &str) -> TopicName {
    text.parse().unwrap()
}

#[test]
fn what_was_exported_comes_back_with_one_revision_and_is_saved() {
    let first = store(&MemoryPersist::default());
    first.import_json(&of(&json!({ "count": { "version": 1, "data": 7 } }))).unwrap();
    first.set(SETTINGS, json!({ "theme": "dark", "draft": "not saved" })).unwrap();
    first.update(TASKS, |tasks| tasks.upsert("a", "write".to_owned())).unwrap();
    let text = first.export_json().unwrap();

    let disk = MemoryPersist::default();
    let second = store(&disk);
    second.set(SETTINGS, json!({ "theme": "light", "draft": "mine" })).unwrap();
    let before = second.revision(SETTINGS.name()).unwrap();
    let revision = second.import_json(&text).unwrap().unwrap();
    assert!(revision > before);
    for topic in [COUNT.name(), SETTINGS.name(), TASKS.name()] {
        assert_eq!(second.revision(topic), Ok(revision));
    }
    assert_eq!(*second.get(COUNT).unwrap(), 7);
    assert_eq!(*second.get(SETTINGS).unwrap(), json!({ "theme": "dark", "draft": "mine" }));
    assert_eq!(second.get(TASKS).unwrap().get("a"), Some(&"write".to_owned()));
    assert_eq!(second.save(Save::All).not_saved, None);
    assert_eq!(*store(&disk).get(COUNT).unwrap(), 7);
}

#[test]
fn an_older_version_is_migrated_and_what_is_not_there_stays() {
    let store = store(&MemoryPersist::default());
    let text = of(&json!({ "settings": { "version": 2, "revision": "99", "data": { "dark": true, "draft": "x" } } }));
    store.import_json(&text).unwrap();
    assert_eq!(*store.get(SETTINGS).unwrap(), json!({ "theme": "dark", "draft": "" }));
    assert_eq!(store.import_json(&of(&json!({}))), Ok(None));
}

#[test]
fn i10_what_cannot_be_imported_whole_changes_nothing() {
    let store = store(&MemoryPersist::default());
    let before = store.export_json().unwrap();
    let with = |topic: &str, version: u32, data: Value| {
        let text = of(&json!({
            "count": { "version": 1, "data": 5 },
            "tasks": { "version": 1, "data": [] },
            topic: { "version": version, "data": data },
        }));
        store.import_json(&text).unwrap_err()
    };
    assert_eq!(with("none", 1, json!(1)), ImportError::Access(AccessError::UnknownTopic(name("none"))));
    assert_eq!(with("plain", 1, json!(1)), ImportError::NotPersisted(name("plain")));
    let newer = ImportError::NewerVersion { topic: name("settings"), stored: 4, known: 3 };
    assert_eq!(with("settings", 4, json!({})), newer);
    assert!(matches!(with("settings", 1, json!({})), ImportError::NotMigrated { from: 1, .. }));
    assert!(matches!(with("settings", 2, json!(7)), ImportError::NotMigrated { from: 2, .. }));
    assert!(matches!(with("tasks", 1, json!(7)), ImportError::Update(UpdateError::Change { .. })));
    let refused = with("count", 1, json!(10));
    assert!(
        matches!(&refused, ImportError::Update(UpdateError::Change { source: ChangeError::Rejected(_), .. })),
        "{refused:?}"
    );
    for text in ["", "[]", "{}", "{\"lockstep\":2,\"topics\":{}}", "{\"lockstep\":1,\"topics\":{\"a b\":1}}"] {
        assert!(matches!(store.import_json(text), Err(ImportError::Invalid(_))), "{text}");
    }
    assert_eq!(store.export_json().unwrap(), before);
    let inside = store.update(PLAIN, |_| {
        assert_eq!(store.import_json(&before), Err(ImportError::Access(AccessError::InsideWrite)));
    });
    assert!(inside.unwrap() > Revision::ZERO);
}
