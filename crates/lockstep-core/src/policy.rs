//! Which topics a window may touch.

use crate::topic::{TopicName, is_topic_char};
use std::{fmt, str::FromStr};

/// A topic's name, or the beginning of one followed by `*`, or `*` for every topic.
///
/// ```
/// use lockstep_core::{TopicName, TopicPattern};
///
/// let chats: TopicPattern = "chat/*".parse()?;
/// assert!(chats.matches(&TopicName::new("chat/42")?));
/// assert!(!chats.matches(&TopicName::new("settings")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicPattern {
    /// This topic alone.
    Exact(TopicName),
    /// Every topic whose name begins so; the empty text is every topic.
    Prefix(String),
}

impl TopicPattern {
    /// Whether the pattern covers the topic.
    pub fn matches(&self, topic: &TopicName) -> bool {
        match self {
            Self::Exact(name) => name == topic,
            Self::Prefix(prefix) => topic.as_str().starts_with(prefix.as_str()),
        }
    }
}

impl fmt::Display for TopicPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

/// A text that is not a topic pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a topic pattern: use a topic's name, a beginning followed by *, or *")]
pub struct InvalidTopicPattern(String);

impl FromStr for TopicPattern {
    type Err = InvalidTopicPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTopicPattern> {
        let invalid = || InvalidTopicPattern(text.chars().take(TopicName::MAX_LEN).collect());
        match text.strip_suffix('*') {
            None => text.parse().map(Self::Exact).map_err(|_| invalid()),
            Some(prefix) if prefix.len() <= TopicName::MAX_LEN && prefix.bytes().all(is_topic_char) => {
                Ok(Self::Prefix(prefix.to_owned()))
            }
            Some(_) => Err(invalid()),
        }
    }
}

/// What a window was granted for one kind of access.
///
/// - **I13 default deny**: a topic that no pattern allows is denied, and a denial wins over a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicScope {
    /// What is granted.
    pub allow: Vec<TopicPattern>,
    /// What is taken out again.
    pub deny: Vec<TopicPattern>,
}

impl TopicScope {
    /// Whether the topic is granted.
    pub fn grants(&self, topic: &TopicName) -> bool {
        self.allow.iter().any(|pattern| pattern.matches(topic))
            && !self.deny.iter().any(|pattern| pattern.matches(topic))
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn scope(allow: &[&str], deny: &[&str]) -> TopicScope {
        let parse = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect();
        TopicScope { allow: parse(allow), deny: parse(deny) }
    }

    #[track_caller]
    fn check(allow: &[&str], deny: &[&str], topic: &str, granted: bool) {
        assert_eq!(scope(allow, deny).grants(&topic.parse().unwrap()), granted);
    }

    #[test]
    fn i13_nothing_is_granted_by_default() {
        check(&[], &[], "settings", false);
        check(&[], &["other"], "settings", false);
    }

    #[test]
    fn i13_a_denial_wins() {
        check(&["*"], &["secret"], "secret", false);
        check(&["*"], &["sec*"], "secret", false);
        check(&["secret"], &["secret"], "secret", false);
        check(&["*"], &["secret"], "settings", true);
    }

    #[test]
    fn patterns_match_whole_names_or_beginnings() {
        check(&["settings"], &[], "settings", true);
        check(&["settings"], &[], "settings2", false);
        check(&["chat/*"], &[], "chat/1", true);
        check(&["chat/*"], &[], "chat", false);
        check(&["*"], &[], "anything:at/all", true);
    }

    #[test]
    fn a_star_stands_only_at_the_end() {
        for bad in ["", "a*b", "**", "*a", "a b*", "a.*"] {
            assert!(bad.parse::<TopicPattern>().is_err(), "{bad:?}");
        }
    }
}
