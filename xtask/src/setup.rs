//! `cargo xtask setup`: the one place that lists every install step.

use crate::{
    Command, frontend, no_arguments,
    shell::{cmd, has, output, root, run, succeeds},
};
use anyhow::{Context, Result, bail};
use std::{env, fs, path::PathBuf};

pub const COMMAND: Command = Command {
    name: "setup",
    about: "Install what the other commands need; they call it themselves",
    usage: "\n
System packages (on Debian and Ubuntu, as root or with sudo; elsewhere it says what is missing), npm packages, the
built guest, front ends and page of the benchmark, tauri-driver under target/tools, and Chromium. What is there already is left alone.",
    run: |args| {
        no_arguments(args)?;
        run_for(&[Need::System, Need::Frontends, Need::Bench, Need::WebDriver, Need::Chromium])
    },
};

/// What a command needs, so that a check of some text need not install WebKit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Libraries and programs of the system's.
    System,
    /// Node, and the npm packages.
    Npm,
    /// As [`Need::Npm`], and the guest and the front ends are built: apps do not compile without.
    Frontends,
    /// As [`Need::Npm`], and the guest and the benchmark's page are built.
    Bench,
    /// `tauri-driver`.
    WebDriver,
    /// A browser with tabs.
    Chromium,
}

/// Debian's packages. Elsewhere their names differ, but it is the same list.
const DEBIAN_PACKAGES: &[&str] = &[
    // To build a Tauri app.
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "libxdo-dev",
    "libssl-dev",
    "librsvg2-dev",
    // To open windows where nobody looks, and to drive them.
    "webkit2gtk-driver",
    "xvfb",
    "xauth",
    "dbus",
    "util-linux",
    // To read what they show.
    "fontconfig",
    "fonts-inter",
    "fonts-dejavu-core",
];

/// Of these one is enough, and Debian's package is called like the first. `guest-js/browser/e2e` looks for the same.
const CHROMIUMS: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// What stands for all of them on another Linux: a program or a library, and what it is for.
const LINUX_PROGRAMS: &[&str] = &["pkg-config", "WebKitWebDriver", "xvfb-run", "xauth", "dbus-run-session", "setpriv"];
const LINUX_LIBRARIES: &[&str] = &["webkit2gtk-4.1"];

const OLDEST_NODE: u32 = 20;

const TAURI_DRIVER: &str = "2.1.0";

/// Where the programs are that are installed for this repository alone.
const TOOLS: &str = "target/tools";

pub fn tools() -> PathBuf {
    root().join(TOOLS)
}

pub fn run_for(needs: &[Need]) -> Result<()> {
    let need = |wanted| needs.contains(&wanted);
    if need(Need::System) {
        system().context("setup: system packages")?;
    }
    if need(Need::Npm) || need(Need::Frontends) {
        node().context("setup: Node")?;
        for package in frontend::packages() {
            package.install().context("setup: npm packages")?;
            if need(Need::Frontends) {
                package.build().context("setup: front ends")?;
            }
        }
    }
    if need(Need::Bench) {
        node().context("setup: Node")?;
        for package in frontend::for_the_benchmark() {
            package.install().context("setup: npm packages")?;
            package.build().context("setup: the benchmark's page")?;
        }
    }
    if need(Need::WebDriver) && cfg!(target_os = "linux") {
        tauri_driver().context("setup: tauri-driver")?;
    }
    if need(Need::Chromium) {
        chromium();
    }
    Ok(())
}

/// Ubuntu has it as a snap only, and other systems elsewhere than in the `PATH`: only one step needs it, and fails.
fn chromium() {
    if env::var_os("CHROMIUM").is_some() || CHROMIUMS.iter().any(|name| has(name)) {
        return;
    }
    if !is_debian() || debian_packages(&CHROMIUMS[..1]).is_err() {
        eprintln!("setup: there is no Chromium: install it, or say in CHROMIUM where it is. Going on without.");
    }
}

fn system() -> Result<()> {
    if is_debian() {
        return debian_packages(DEBIAN_PACKAGES);
    }
    let missing: Vec<&str> = if cfg!(target_os = "linux") {
        let programs = LINUX_PROGRAMS.iter().filter(|program| !has(program));
        let libraries = LINUX_LIBRARIES.iter().filter(|name| !succeeds(cmd("pkg-config --exists").arg(name)));
        programs.chain(libraries).copied().collect()
    } else if cfg!(target_os = "macos") && !succeeds(&mut cmd("xcode-select -p")) {
        vec!["the command line tools: run `xcode-select --install`"]
    } else {
        vec![]
    };
    if !missing.is_empty() {
        eprintln!("setup: this system lacks {}.", missing.join(", "));
        if let Some(install) = install_command() {
            eprintln!("setup: try `{install}`.");
        }
        eprintln!("setup: see https://tauri.app/start/prerequisites/. Going on without.");
    }
    Ok(())
}

/// The command that installs the same on the Linux at hand.
fn install_command() -> Option<&'static str> {
    [
        ("dnf", "sudo dnf install webkit2gtk4.1-devel webkit2gtk-driver xorg-x11-server-Xvfb xauth dbus-daemon openssl-devel libxdo-devel librsvg2-devel util-linux"),
        ("pacman", "sudo pacman -S --needed base-devel webkit2gtk-4.1 xorg-server-xvfb xorg-xauth dbus openssl xdotool librsvg util-linux"),
    ]
    .into_iter()
    .find(|(manager, _)| has(manager))
    .map(|(_, install)| install)
}

fn is_debian() -> bool {
    cfg!(target_os = "linux") && has("apt-get") && has("dpkg-query")
}

fn debian_packages(wanted: &[&str]) -> Result<()> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    let as_root = if is_root()? {
        "env DEBIAN_FRONTEND=noninteractive"
    } else if has("sudo") {
        "sudo env DEBIAN_FRONTEND=noninteractive"
    } else {
        eprintln!("setup: some packages are missing, and only root can install them: `{install}`. Going on without.");
        return Ok(());
    };
    run(&mut cmd(&format!("{as_root} apt-get update")))?;
    run(&mut cmd(&format!("{as_root} {install}")))
}

fn is_installed(package: &str) -> bool {
    let mut query = cmd("dpkg-query --show --showformat=${db:Status-Status}");
    query.arg(package).stderr(std::process::Stdio::null());
    // A library may be there for two architectures.
    query.output().is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with("installed"))
}

fn is_root() -> Result<bool> {
    Ok(output(&mut cmd("id -u"))?.trim() == "0")
}

fn node() -> Result<()> {
    if is_debian() && !has("node") {
        debian_packages(&["nodejs", "npm"])?;
    }
    if !has("node") || !has("npm") {
        bail!("Node {OLDEST_NODE} or newer is needed, with npm: see https://nodejs.org");
    }
    let version = output(&mut cmd("node --version"))?;
    match major(&version) {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        _ => bail!("Node {OLDEST_NODE} or newer is needed, and this is {}: see https://nodejs.org", version.trim()),
    }
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn tauri_driver() -> Result<()> {
    let installed = fs::read_to_string(tools().join(".crates.toml")).unwrap_or_default();
    if installed.contains(&format!("\"tauri-driver {TAURI_DRIVER} ")) && tools().join("bin/tauri-driver").is_file() {
        return Ok(());
    }
    run(&mut cmd(&format!("cargo install tauri-driver --version {TAURI_DRIVER} --locked --root {TOOLS}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_s_major_version_is_read() {
        assert_eq!(major("v20.20.1\n"), Some(20));
        assert_eq!(major("20.20.1"), None);
        assert_eq!(major(""), None);
    }
}
