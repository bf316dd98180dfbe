//! A display that nobody sees, for commands that open real windows.

use crate::{
    setup,
    shell::{path_with, succeeds},
};
use anyhow::{Result, bail};
use std::{env, process::Command};

/// WebKit gives its IPC threads real-time priority where it may, and on two cores that freezes everything for about
/// a second in one run of ten.
const WITHOUT_REAL_TIME: &[&str] = &["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"];

/// Always X, also on a Wayland desktop, without the GPU and the accessibility bus that a virtual display lacks.
const ENVIRONMENT: &[(&str, &str)] =
    &[("WEBKIT_DISABLE_COMPOSITING_MODE", "1"), ("GDK_BACKEND", "x11"), ("NO_AT_BRIDGE", "1")];

const SCREEN: &[&str] = &["xvfb-run", "-a", "-s", "-screen 0 1600x1000x24", "dbus-run-session", "--"];

/// The same command, on a virtual display of its own, with `tauri-driver` in its `PATH`.
pub fn with_display(command: &Command) -> Result<Command> {
    if !cfg!(target_os = "linux") {
        bail!("real windows are driven only on Linux so far");
    }
    let mut words: Vec<&str> = Vec::new();
    // Only root has the capability; a container may forbid even giving it up.
    if succeeds(Command::new(WITHOUT_REAL_TIME[0]).args(&WITHOUT_REAL_TIME[1..]).arg("true")) {
        words.extend(WITHOUT_REAL_TIME);
    }
    words.extend(SCREEN);

    let mut displayed = Command::new(words[0]);
    displayed.args(&words[1..]).arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        displayed.current_dir(dir);
    }
    displayed.envs(ENVIRONMENT.iter().copied()).env_remove("WAYLAND_DISPLAY");
    displayed.envs(command.get_envs().filter_map(|(key, value)| Some((key, value?))));
    displayed.env("PATH", path_with(setup::tools().join("bin"))?);
    Ok(displayed)
}

/// Whether there is somebody to look at a window.
pub fn has_display() -> bool {
    !cfg!(target_os = "linux")
        || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))
}
