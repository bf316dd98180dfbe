//! `cargo xtask bindings`: the TypeScript that is generated from the apps' Rust types, and committed.

use crate::{
    Command,
    setup::{self, Need},
    shell::{cmd, output, run},
    usage,
};
use anyhow::{Result, bail};

pub const COMMAND: Command = Command {
    name: "bindings",
    about: "Write the generated TypeScript bindings, or check that they are up to date",
    usage: "[--check]\n
  --check  write nothing, and fail where something is out of date",
    run: |args| {
        let mode = match args {
            [] => Mode::Write,
            [check] if check == "--check" => Mode::Check,
            _ => return Err(usage(format!("unexpected arguments: {}", args.join(" ")))),
        };
        setup::run_for(&[Need::System, Need::Frontends])?;
        bindings(mode)
    },
};

/// The crates that have such a test. It writes with `LOCKSTEP_BINDINGS=write`, and compares without.
const PACKAGES: &[&str] = &["two-windows", "react-tasks", "vue-pinia"];

const TEST: &str = "bindings";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Write,
    Check,
}

pub fn bindings(mode: Mode) -> Result<()> {
    for package in PACKAGES {
        let test = format!("cargo test --package {package} {TEST}");
        // A filter that matches nothing is a success to cargo.
        if !output(&mut cmd(&format!("{test} -- --list")))?.contains(": test") {
            bail!("{package} has no test named `{TEST}…`");
        }
        let mut test = cmd(&test);
        if mode == Mode::Write {
            test.env("LOCKSTEP_BINDINGS", "write");
        }
        run(&mut test)?;
    }
    Ok(())
}
