//! Ids and times relative to a connection's base.

use super::{WireId, WireMeta};
use crate::{
    action::{Fields, Meta},
    id::{ActionId, MAX_INTEGER},
    log::NewMeta,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a connection's times are relative to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Base {
    /// Milliseconds since 1970.
    pub time: i64,
    /// How far our clock is ahead of the peer's, in milliseconds.
    pub fix: i64,
}

impl Base {
    /// Meta on its way out. With `public` only what is public leaves, and the subprotocol only if it is another.
    pub fn compress(self, meta: &Meta, local: &str, public: Option<u32>) -> WireMeta {
        let shift = meta.id.ms.saturating_sub(self.time);
        let id = match meta.id.counter {
            0 if *meta.id.node == *local => WireId::Own(shift),
            counter if *meta.id.node == *local => WireId::Counted(shift, counter),
            counter => WireId::Full(shift, meta.id.node.as_ref().to_owned(), counter),
        };
        let time = meta.time.saturating_sub(self.fix).saturating_sub(self.time);
        WireMeta { id, time, rest: rest(&meta.fields, public) }
    }

    /// Meta on its way in. `None` where it is out of range, or where its known keys have other types.
    pub fn expand(self, meta: &WireMeta, remote: &Arc<str>) -> Option<NewMeta> {
        let in_range = |ms: i64| (-MAX_INTEGER..=MAX_INTEGER).contains(&ms).then_some(ms);
        let absolute = |shift: i64| in_range(shift.checked_add(self.time)?);
        let id = match &meta.id {
            WireId::Own(shift) => ActionId { ms: absolute(*shift)?, node: Arc::clone(remote), counter: 0 },
            WireId::Counted(shift, counter) => {
                ActionId { ms: absolute(*shift)?, node: Arc::clone(remote), counter: *counter }
            }
            WireId::Full(shift, node, counter) => {
                let node = if **remote == **node { Arc::clone(remote) } else { node.as_str().into() };
                ActionId { ms: absolute(*shift)?, node, counter: *counter }
            }
        };
        let time = in_range(meta.time.checked_add(self.time)?.checked_add(self.fix)?)?;
        let fields = match meta.rest.is_empty() {
            true => Fields::default(),
            false => Fields::deserialize(&meta.rest).ok()?,
        };
        Some(NewMeta { id: Some(id), time: Some(time), fields })
    }
}

fn rest(fields: &Fields, public: Option<u32>) -> Map<String, Value> {
    if let Some(known) = public {
        let other = fields.subprotocol.filter(|version| *version != known);
        return other.map(|version| ("subprotocol".to_owned(), version.into())).into_iter().collect();
    }
    match serde_json::to_value(fields) {
        Ok(Value::Object(rest)) => rest,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meta(id: &str, time: i64) -> Meta {
        Meta { id: id.parse().unwrap(), time, added: 7, fields: Fields::reason("r") }
    }

    #[test]
    fn ids_of_the_sender_are_short() {
        let base = Base { time: 100, fix: 0 };
        let id = |text| base.compress(&meta(text, 100), "a", None).id;
        assert_eq!(id("90 a 0"), WireId::Own(-10));
        assert_eq!(id("110 a 2"), WireId::Counted(10, 2));
        assert_eq!(id("110 b 0"), WireId::Full(10, "b".into(), 0));
    }

    #[test]
    fn times_are_fixed_and_ids_are_not() {
        let base = Base { time: 100, fix: 5 };
        let sent = base.compress(&meta("110 a 0", 110), "a", None);
        assert_eq!((sent.id.clone(), sent.time), (WireId::Own(10), 5));
        // The peer's times are fixed the other way round.
        let back = base.expand(&sent, &"a".into()).unwrap();
        assert_eq!((back.id.unwrap().ms, back.time), (110, Some(110)));
    }

    #[test]
    fn only_what_is_public_leaves_where_asked() {
        let mut meta = meta("1 a 0", 1);
        meta.subprotocol = Some(2);
        let rest = |public| Value::Object(Base::default().compress(&meta, "a", public).rest).to_string();
        assert_eq!(rest(Some(1)), r#"{"subprotocol":2}"#);
        assert_eq!(rest(Some(2)), "{}");
        assert_eq!(rest(None), r#"{"reasons":["r"],"subprotocol":2}"#);
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let base = Base { time: MAX_INTEGER, fix: 0 };
        let wire = |id, time| WireMeta { id, time, rest: Map::new() };
        assert!(base.expand(&wire(WireId::Own(1), 0), &"a".into()).is_none());
        assert!(base.expand(&wire(WireId::Own(0), 1), &"a".into()).is_none());
        let mut wrong = wire(WireId::Own(0), 0);
        wrong.rest.insert("reasons".into(), Value::Null);
        assert!(base.expand(&wrong, &"a".into()).is_none());
    }

    proptest! {
        #[test]
        fn what_is_compressed_expands_to_the_same(
            ms in -1_000_000_i64..1_000_000, time in -1_000_000_i64..1_000_000, counter in 0_u64..5,
            node in "[ab]", base in -1_000_000_i64..1_000_000, fix in -9_000_i64..9_000,
        ) {
            let meta = meta(&format!("{ms} {node} {counter}"), time);
            let base = Base { time: base, fix };
            let back = base.expand(&base.compress(&meta, "a", None), &"a".into()).unwrap();
            prop_assert_eq!(back.id, Some(meta.id));
            prop_assert_eq!(back.time, Some(time));
            prop_assert_eq!(back.fields, meta.fields);
        }
    }
}
