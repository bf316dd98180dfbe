//! Ids of nodes and of actions.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{cmp::Ordering, fmt, str::FromStr, sync::Arc};
use thiserror::Error;

/// The greatest integer that every peer can hold: JavaScript's numbers are doubles.
pub(crate) const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The id of an action: `"<ms> <node id> <counter>"`.
///
/// Its order is the order of creation for actions of one time: node, counter, milliseconds. See
/// [`Meta::created`](crate::Meta::created) for the order of actions in a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ActionId {
    /// Milliseconds since 1970, by the clock of the node that made the id.
    pub ms: i64,
    /// The node that made the id.
    pub node: Arc<str>,
    /// Goes up while the clock stands still.
    pub counter: u64,
}

impl ActionId {
    /// The user, client and node in the id.
    ///
    /// ```
    /// let id: logux::ActionId = "1487805099387 10:FnXaqDxY:tab 0".parse()?;
    /// assert_eq!(id.parsed().user_id.as_deref(), Some("10"));
    /// # Ok::<(), logux::IdError>(())
    /// ```
    pub fn parsed(&self) -> ParsedId {
        parse_id(&self.node)
    }
}

impl Ord for ActionId {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.node, self.counter, self.ms).cmp(&(&other.node, other.counter, other.ms))
    }
}

impl PartialOrd for ActionId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ActionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.ms, self.node, self.counter)
    }
}

impl FromStr for ActionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError::Action(text.chars().take(80).collect());
        let mut parts = text.split(' ');
        let (Some(ms), Some(node), Some(counter), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let ms: i64 = ms.parse().map_err(|_| wrong())?;
        let counter: i64 = counter.parse().map_err(|_| wrong())?;
        if !(-MAX_INTEGER..=MAX_INTEGER).contains(&ms) || !(0..=MAX_INTEGER).contains(&counter) {
            return Err(wrong());
        }
        check_node_id(node)?;
        Ok(Self { ms, node: node.into(), counter: counter.unsigned_abs() })
    }
}

impl Serialize for ActionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ActionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An id that no node may have, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not `"<ms> <node id> <counter>"`.
    #[error("`{0}` is no id of an action: write `<ms> <node id> <counter>`")]
    Action(String),
    /// A node id that is empty, longer than 255 bytes, or holds a space or a control character.
    #[error("`{0}` is no id of a node: use 1 to 255 bytes without spaces and control characters")]
    Node(String),
    /// A user id that is empty, `server`, or holds a colon, a space or a control character.
    #[error("`{0}` is no id of a user: use text without colons and spaces; `server` is reserved")]
    User(String),
}

const LONGEST_NODE_ID: usize = 255;

/// Whether a node may have the id.
///
/// # Errors
/// [`IdError::Node`]: empty, longer than 255 bytes, or with a space or a control character.
pub fn check_node_id(id: &str) -> Result<(), IdError> {
    if id.is_empty() || id.len() > LONGEST_NODE_ID || id.chars().any(|c| c == ' ' || c.is_control()) {
        return Err(IdError::Node(id.chars().take(80).collect()));
    }
    Ok(())
}

/// What [`parse_id`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedId {
    /// The first part, where there are several: `user`.
    pub user_id: Option<String>,
    /// The first two parts: `user:client`.
    pub client_id: String,
    /// All of it: `user:client:tab`.
    pub node_id: String,
}

/// Takes a node id or an action id apart. Without a colon there is no user.
///
/// ```
/// use logux::parse_id;
/// let id = parse_id("10:FnXaqDxY:tab");
/// assert_eq!((id.user_id.as_deref(), &*id.client_id), (Some("10"), "10:FnXaqDxY"));
/// assert_eq!(parse_id("1487805099387 uuid 0").user_id, None);
/// ```
pub fn parse_id(id: &str) -> ParsedId {
    let node_id = id.split(' ').nth(1).unwrap_or(id);
    let mut parts = node_id.splitn(3, ':');
    let (user, client) = (parts.next().unwrap_or_default(), parts.next());
    let node_id = node_id.to_owned();
    match client {
        None => ParsedId { user_id: None, client_id: node_id.clone(), node_id },
        Some(client) => ParsedId { user_id: Some(user.to_owned()), client_id: format!("{user}:{client}"), node_id },
    }
}

/// The first two parts of a node id, without a copy.
pub(crate) fn client_of(node_id: &str) -> &str {
    match node_id.match_indices(':').nth(1) {
        Some((end, _)) => &node_id[..end],
        None => node_id,
    }
}

/// The part of a node id before the first colon.
pub(crate) fn user_of(node_id: &str) -> Option<&str> {
    node_id.split_once(':').map(|(user, _)| user)
}

/// Eight random characters, as Logux names clients, tabs and servers.
pub(crate) fn random_id() -> String {
    (0..8).map(|_| fastrand::alphanumeric()).collect()
}

/// Whether a client may belong to the user.
pub(crate) fn check_user_id(id: &str) -> Result<(), IdError> {
    if id == "server" || id.contains(':') || check_node_id(id).is_err() {
        return Err(IdError::User(id.chars().take(80).collect()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_actions_are_read_and_written() {
        for text in ["1 a 0", "-5 server:x 12", "1487805099387 10:FnXaqDxY:tab 0"] {
            assert_eq!(text.parse::<ActionId>().unwrap().to_string(), text);
        }
        for text in ["", "1 a", "1  0", "1 a 0 ", "a b 0", "1 a -1", "1 a 9007199254740992", "1 a\n 0", "1.5 a 0"] {
            assert!(text.parse::<ActionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_of_ids_is_node_counter_time() {
        let sorted = ["9 a 0", "1 a 1", "2 a 1", "0 b 0"].map(|id| id.parse::<ActionId>().unwrap());
        assert!(sorted.is_sorted());
    }

    #[test]
    fn ids_are_taken_apart() {
        let check = |id: &str, user: Option<&str>, client: &str| {
            let parsed = parse_id(id);
            assert_eq!((parsed.user_id.as_deref(), &*parsed.client_id), (user, client), "{id}");
            assert_eq!((user_of(&parsed.node_id), client_of(&parsed.node_id)), (user, client), "{id}");
        };
        check("10:client:tab", Some("10"), "10:client");
        check("10:client", Some("10"), "10:client");
        check("uuid", None, "uuid");
        check("1 10:client:tab:x 0", Some("10"), "10:client");
        check(":client:tab", Some(""), ":client");
    }

    #[test]
    fn names_of_users_are_checked() {
        for (id, fine) in
            [("10", true), ("false", true), ("", false), ("a:b", false), ("server", false), ("a b", false)]
        {
            assert_eq!(check_user_id(id).is_ok(), fine, "{id}");
        }
    }
}
