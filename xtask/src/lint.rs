//! `cargo xtask lint`.

use crate::{
    Command, frontend, no_arguments,
    setup::{self, Need},
    shell::{cmd, run_all},
};
use anyhow::Result;

pub const COMMAND: Command = Command {
    name: "lint",
    about: "Formatting, clippy, the links in the documentation of the crates, and the front ends' linters",
    usage: "",
    run: |args| {
        no_arguments(args)?;
        setup::run_for(&[Need::System, Need::Frontends])?;
        lint()
    },
};

/// Real windows are driven only on Linux.
const WITHOUT_REAL_WINDOWS: &[&str] = &["--exclude", "lockstep-e2e", "--exclude", "lockstep-e2e-app"];

pub fn lint() -> Result<()> {
    let format = cmd("cargo fmt --all --check");
    // A workspace of its own; clippy would have to build all that Lockstep is compared with.
    let of_the_benchmark = cmd("cargo fmt --manifest-path bench/Cargo.toml --check");
    let mut clippy = cmd("cargo clippy --workspace --all-targets");
    if !cfg!(target_os = "linux") {
        clippy.args(WITHOUT_REAL_WINDOWS);
    }
    clippy.args(["--", "-D", "warnings"]);
    let mut links = cmd("cargo doc --no-deps -p tauri-plugin-lockstep -p lockstep-core -p lockstep-persist -p logux");
    links.env("RUSTDOCFLAGS", "-D warnings");
    let frontends = frontend::packages().map(|package| package.command("npm run lint --if-present"));
    run_all([format, of_the_benchmark, clippy, links].into_iter().chain(frontends))
}
