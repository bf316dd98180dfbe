//! Who a page is: its webview's label, and an id of its own.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// The id that a page's guest mints when the page loads: 1 to 64 of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageId(Arc<str>);

/// A text that is not a page's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: use 1 to 64 of A-Z a-z 0-9 - _")]
pub struct InvalidPageId;

impl From<PageId> for String {
    fn from(page: PageId) -> Self {
        page.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for PageId {
    type Error = InvalidPageId;

    fn try_from(text: String) -> Result<Self, InvalidPageId> {
        text.parse()
    }
}

impl FromStr for PageId {
    type Err = InvalidPageId;

    fn from_str(text: &str) -> Result<Self, InvalidPageId> {
        let valid =
            (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if valid { Ok(Self(text.into())) } else { Err(InvalidPageId) }
    }
}

/// One page life of one webview. A label is used again after its webview closes, so the page's own id is part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    label: Arc<str>,
    page: PageId,
}

impl SessionKey {
    /// The session of this page in the webview with this label.
    pub fn new(label: impl Into<Arc<str>>, page: PageId) -> Self {
        Self { label: label.into(), page }
    }

    /// The webview's label.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The page's own id.
    pub fn page(&self) -> &PageId {
        &self.page
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.label, self.page.0)
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn page_ids_are_checked() {
        assert!("aZ0-_".parse::<PageId>().is_ok());
        for bad in ["", "a b", "ü", &"x".repeat(65)] {
            assert!(bad.parse::<PageId>().is_err(), "{bad:?}");
        }
    }
}
