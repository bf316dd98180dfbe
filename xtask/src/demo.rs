//! `cargo xtask demo`.

use crate::{
    Command,
    display::{has_display, with_display},
    no_arguments,
    setup::{self, Need},
    shell::{cmd, run},
};
use anyhow::Result;

pub const COMMAND: Command = Command {
    name: "demo",
    about: "Build the example with two windows and show it",
    usage: "\n
Where there is no display, it runs on a virtual one, with a script in the place of a person.",
    run: |args| {
        no_arguments(args)?;
        demo()
    },
};

fn demo() -> Result<()> {
    if has_display() {
        setup::run_for(&[Need::System, Need::Frontends])?;
        return run(&mut cmd("cargo run -p two-windows"));
    }
    setup::run_for(&[Need::System, Need::Frontends, Need::WebDriver])?;
    run(&mut cmd("cargo build -p two-windows"))?;
    run(&mut cmd("cargo build -p lockstep-e2e --bin demo"))?;
    run(&mut with_display(&cmd("cargo run -p lockstep-e2e --bin demo"))?)
}
