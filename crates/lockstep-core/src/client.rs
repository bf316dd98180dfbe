//! Who writes or reads: a window, as the app's rules see it.

use std::{any::Any, fmt, sync::Arc};

/// A page of the app, as hooks and rules see it: which window it is in, what it shows, and what the app knows of it.
///
/// ```
/// use lockstep_core::Client;
///
/// struct Account {
///     admin: bool,
/// }
///
/// let client = Client::new("main", "tauri://localhost/").with_info(Account { admin: true });
/// assert_eq!(client.label(), "main");
/// assert!(client.info::<Account>().is_some_and(|account| account.admin));
/// ```
#[derive(Clone)]
pub struct Client {
    label: Arc<str>,
    url: Arc<str>,
    info: Option<Arc<dyn Any + Send + Sync>>,
}

impl Client {
    /// A page of which only its place is known.
    pub fn new(label: impl Into<Arc<str>>, url: impl Into<Arc<str>>) -> Self {
        Self { label: label.into(), url: url.into(), info: None }
    }

    /// Adds what the app knows of it.
    #[must_use]
    pub fn with_info<I: Send + Sync + 'static>(mut self, info: I) -> Self {
        self.info = Some(Arc::new(info));
        self
    }

    /// The webview's label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Where the page was when it first called.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What the app said of it when it was asked to authorise it; `None` if it said nothing, or something of another
    /// type.
    pub fn info<I: 'static>(&self) -> Option<&I> {
        self.info.as_deref()?.downcast_ref()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("label", &self.label).field("url", &self.url).finish_non_exhaustive()
    }
}
