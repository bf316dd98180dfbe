//! `cargo xtask`: the developer commands. This file only finds the command; each has a file of its own.

mod bench;
mod bindings;
mod consumer;
mod demo;
mod display;
mod frontend;
mod lint;
mod mutants;
mod setup;
mod shell;
mod test;
mod tidy;

use anyhow::{Error, Result};
use std::{fmt, process::ExitCode};

struct Command {
    name: &'static str,
    about: &'static str,
    /// What stands after the name, and what it means.
    usage: &'static str,
    run: fn(&[String]) -> Result<()>,
}

impl Command {
    fn how_to_call(&self) -> String {
        let space = if self.usage.is_empty() || self.usage.starts_with('\n') { "" } else { " " };
        format!("Usage: cargo xtask {}{space}{}", self.name, self.usage)
    }
}

const COMMANDS: &[Command] = &[
    setup::COMMAND,
    demo::COMMAND,
    test::COMMAND,
    lint::COMMAND,
    tidy::COMMAND,
    bindings::COMMAND,
    mutants::COMMAND,
    bench::COMMAND,
];

/// What can follow `cargo xtask`.
pub fn command_names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|command| command.name)
}

/// The command was called wrongly: exit code 2, as from other tools.
#[derive(Debug)]
struct Usage(String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The command has failed and said so: its last line stays the last.
#[derive(Debug)]
struct AlreadySaid;

impl fmt::Display for AlreadySaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it failed")
    }
}

impl std::error::Error for AlreadySaid {}

fn usage(message: impl Into<String>) -> Error {
    Usage(message.into()).into()
}

/// For commands that take no arguments.
fn no_arguments(args: &[String]) -> Result<()> {
    match args.first() {
        None => Ok(()),
        Some(unexpected) => Err(usage(format!("unexpected argument `{unexpected}`"))),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, args)) = args.split_first() else {
        eprint!("{}", overview());
        return ExitCode::from(2);
    };
    if is_help(name) || name == "help" {
        print!("{}", overview());
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("error: no such command: `{name}`\n\n{}", overview());
        return ExitCode::from(2);
    };
    if args.iter().any(|arg| is_help(arg)) {
        println!("{}\n\n{}", command.about, command.how_to_call());
        return ExitCode::SUCCESS;
    }
    match (command.run)(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<AlreadySaid>() => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<Usage>() {
                eprintln!("\n{}", command.how_to_call());
                return ExitCode::from(2);
            }
            ExitCode::FAILURE
        }
    }
}

fn is_help(arg: &str) -> bool {
    arg == "--help" || arg == "-h"
}

fn overview() -> String {
    let width = COMMANDS.iter().map(|command| command.name.len()).max().unwrap_or(0);
    let commands: String =
        COMMANDS.iter().map(|command| format!("  {:width$}  {}\n", command.name, command.about)).collect();
    format!(
        "The developer commands of Lockstep.\n\nUsage: cargo xtask COMMAND\n\n{commands}\n`cargo xtask COMMAND --help` says more.\n"
    )
}
