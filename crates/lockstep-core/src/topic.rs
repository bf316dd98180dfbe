//! Topics and their names.

use std::{
    borrow::{Borrow, Cow},
    fmt,
    marker::PhantomData,
    str::FromStr,
};

/// The name of a topic: 1 to 128 of `A-Z a-z 0-9 - _ / :`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Cow<'static, str>);

impl TopicName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 128;

    /// Checks a name.
    ///
    /// # Errors
    /// [`InvalidTopicName`] if it is empty, longer than [`TopicName::MAX_LEN`], or holds another character.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Result<Self, InvalidTopicName> {
        let name = name.into();
        if is_valid(name.as_bytes()) {
            Ok(Self(name))
        } else {
            Err(InvalidTopicName { name: name.chars().take(Self::MAX_LEN).collect() })
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A topic of a family, whose name leaves room for it.
    pub(crate) fn of_family(family: &Self, id: u64) -> Self {
        Self(Cow::Owned(format!("{family}/{id:016x}")))
    }
}

impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

const fn is_valid(name: &[u8]) -> bool {
    if name.is_empty() || name.len() > TopicName::MAX_LEN {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        if !is_topic_char(name[at]) {
            return false;
        }
        at += 1;
    }
    true
}

pub(crate) const fn is_topic_char(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b':')
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for TopicName {
    type Err = InvalidTopicName;

    fn from_str(name: &str) -> Result<Self, InvalidTopicName> {
        Self::new(name.to_owned())
    }
}

/// A text that is not a topic's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a topic name: use 1 to 128 of A-Z a-z 0-9 - _ / :")]
pub struct InvalidTopicName {
    /// The text, cut to 128 characters.
    pub name: String,
}

/// One named piece of state with the type of its value. Declare it once, as a constant, and use it everywhere:
///
/// ```
/// use lockstep_core::Topic;
/// # #[derive(Clone)] struct Settings;
/// pub const SETTINGS: Topic<Settings> = Topic::new("settings");
/// ```
///
/// A name that is not valid does not compile:
///
/// ```compile_fail
/// # use lockstep_core::Topic;
/// const SETTINGS: Topic<u8> = Topic::new("my settings");
/// ```
pub struct Topic<T> {
    name: TopicName,
    value: PhantomData<fn() -> T>,
}

impl<T> Topic<T> {
    /// The topic with this name.
    ///
    /// # Panics
    /// If the name is not valid (see [`TopicName`]); in a constant that is a compile error. For a name that is only
    /// known at run time use [`Topic::named`].
    pub const fn new(name: &'static str) -> Self {
        assert!(is_valid(name.as_bytes()), "not a topic name: use 1 to 128 of A-Z a-z 0-9 - _ / :");
        Self { name: TopicName(Cow::Borrowed(name)), value: PhantomData }
    }

    /// The topic with a name that was made at run time.
    pub const fn named(name: TopicName) -> Self {
        Self { name, value: PhantomData }
    }

    /// The topic's name.
    pub const fn name(&self) -> &TopicName {
        &self.name
    }
}

impl<T> Clone for Topic<T> {
    fn clone(&self) -> Self {
        Self::named(self.name.clone())
    }
}

impl<T> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Topic").field(&self.name).finish()
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["a", "auth-state", "chat/room:1", "A_9", &"x".repeat(128)] {
            assert!(good.parse::<TopicName>().is_ok(), "{good}");
        }
        for bad in ["", " ", "a b", "a.b", "ü", "a\n", "a\0", "../x*", &"x".repeat(129)] {
            assert!(bad.parse::<TopicName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_error_does_not_repeat_a_huge_name() {
        let error = "!".repeat(1 << 20).parse::<TopicName>().unwrap_err();
        assert!(error.to_string().len() < 300);
    }
}
