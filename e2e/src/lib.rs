//! Drives real windows of Tauri apps by WebDriver.
//!
//! [`with_app`] starts an app, gives it to a test, and ends it whatever happens. If the test fails, it says what each
//! window showed.

mod app;
mod direct;
mod driver;
mod group;
mod process;
mod run;
mod screen;
mod wait;
mod window;

pub use app::{App, Binary, Primary, SlowCalls, Stats, empty_data};
pub use direct::DirectApp;
pub use process::Process;
pub use run::{Failure, full, with_app, with_built_app, without_app};
pub use screen::save_screen;
pub use wait::{PATIENCE, wait_for, wait_until};
pub use window::{ScriptError, Window};

use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}
