//! `cargo xtask bench`: Lockstep and its alternatives do the same jobs in real windows.

use crate::{
    Command,
    display::with_display,
    frontend,
    setup::{self, Need},
    shell::{cmd, output, root, run, run_all},
};
use anyhow::{Result, bail};
use std::fs;

pub const COMMAND: Command = Command {
    name: "bench",
    about: "Measure Lockstep and its alternatives in real windows, on a virtual display",
    usage:
        "[--quick] [--windows 1,4,8] [--repeat N] [--contenders A,B] [--soak SECONDS] [--debug] [--save] [--saving] [--check] [SCENARIO…]\n
  --quick    less of everything: a quarter of an hour, where the whole takes more than an hour
  --windows  in how many windows
  --repeat   how often all contenders take their turn
  --contenders  only these, by the names of their pages (bench/ui/contenders), and the floor
  --soak     instead: Lockstep alone, or the last of the contenders, for so long; fails if anything grows
  --debug    a debug build, to try the benchmark itself: its times say nothing
  --save     put the tables into docs/benchmarks.md; of named scenarios, in the place of theirs
  --saving   instead: what saving costs, beside the store plugin (docs/persistence.md)
  --check    instead: clippy, types and unit tests of the benchmark itself
  SCENARIO   only these: platform, S1 to S8, size, entities, rate (docs/benchmarks.md says what they are)",
    run: bench,
};

/// A folder of its own: what the contenders need is built apart from all else.
const TARGET: &str = "target/bench";
/// The app writes it itself: into what it prints, the desktop's services print, too.
const REPORT: &str = "target/bench/report.md";
const DOCUMENT: &str = "docs/benchmarks.md";
/// What lies between them is replaced.
const BEGIN: &str = "<!-- The tables begin: written by `cargo xtask bench --save`. -->";
const END: &str = "<!-- The tables end. -->";

pub fn bench(args: &[String]) -> Result<()> {
    let (own, passed_on): (Vec<&String>, Vec<&String>) =
        args.iter().partition(|arg| matches!(arg.as_str(), "--check" | "--debug" | "--save" | "--saving"));
    let has = |name: &str| own.iter().any(|arg| *arg == name);
    setup::run_for(&[Need::System, Need::Bench])?;
    if has("--check") {
        return check();
    }

    if has("--saving") {
        return run(&mut cargo("run --release --bin saving"));
    }

    // What is built is what is there now, not at the end.
    let commit = commit()?;
    let (profile, flags) = if has("--debug") { ("debug", "") } else { ("release", "--release") };
    run(&mut cargo(&format!("build {flags}")))?;
    let mut app = std::process::Command::new(root().join(TARGET).join(profile).join("lockstep-bench"));
    app.args(passed_on).current_dir(root());
    let report = root().join(REPORT);
    app.env("LOCKSTEP_BENCH_COMMIT", commit).env("LOCKSTEP_BENCH_REPORT", &report);
    // One that is left from before is not to be taken for this one's.
    if report.exists() {
        fs::remove_file(&report)?;
    }
    let measured = run(&mut with_display(&app)?);
    // Also where a contender did not manage: the tables say so.
    if has("--save") && report.exists() {
        save(&fs::read_to_string(&report)?)?;
    }
    measured
}

/// What `lint` and `test` do for all else, which they leave out so as not to build what Lockstep is compared with.
fn check() -> Result<()> {
    let types = frontend::for_the_benchmark().map(|package| package.command("npm run check --if-present"));
    run_all([cargo("clippy --release --all-targets -- -D warnings"), cargo("test --release")].into_iter().chain(types))
}

/// A command of cargo's on the benchmark.
fn cargo(line: &str) -> std::process::Command {
    let (subcommand, rest) = line.split_once(' ').unwrap_or((line, ""));
    cmd(&format!("cargo {subcommand} --locked --manifest-path bench/Cargo.toml --target-dir {TARGET} {rest}"))
}

/// With a plus where something is not committed.
fn commit() -> Result<String> {
    let commit = output(&mut cmd("git rev-parse --short HEAD"))?;
    let changed = !output(&mut cmd("git status --porcelain --untracked-files=no"))?.is_empty();
    Ok(format!("{}{}", commit.trim(), if changed { "+" } else { "" }))
}

fn save(report: &str) -> Result<()> {
    let path = root().join(DOCUMENT);
    let text = fs::read_to_string(&path)?;
    fs::write(&path, between_marks(&text, report)?)?;
    eprintln!("The tables are in {DOCUMENT}.");
    Ok(())
}

fn between_marks(text: &str, report: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        bail!("{DOCUMENT} lacks the marks between which the tables stand");
    };
    let (head, tail) = (&text[..begin + BEGIN.len()], &text[end..]);
    let tables = merged(&text[begin + BEGIN.len()..end], report);
    Ok(format!("{head}\n\n{}\n\n{tail}", tables.trim()))
}

const SECTION: &str = "\n### ";

/// A report of some of the jobs takes the place of theirs, and says of each what it was measured on.
fn merged(tables: &str, report: &str) -> String {
    /// What stays the same, whatever is measured.
    fn title(section: &str) -> &str {
        section.split(['\n', ':']).next().unwrap_or_default()
    }
    let mut measured = report.split(SECTION);
    let on = measured.next().unwrap_or_default().trim();
    let measured: Vec<&str> = measured.collect();
    let find = |section: &str| measured.iter().find(|measured| title(measured) == title(section));
    let mut sections = tables.split(SECTION);
    let mut all = sections.next().unwrap_or_default().to_owned();
    let sections: Vec<&str> = sections.collect();
    if sections.iter().all(|section| find(section).is_some()) {
        return report.to_owned();
    }
    for section in sections {
        all.push_str(SECTION);
        match find(section).and_then(|measured| measured.split_once('\n')) {
            Some((heading, rest)) => all.push_str(&format!("{heading}\n\n*{on}*\n\n{}\n", rest.trim())),
            None => all.push_str(section),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_replaced_and_nothing_else() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(between_marks(&text, "new\n").unwrap(), format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert!(between_marks("a", "new").is_err());
    }

    #[test]
    fn what_was_measured_again_takes_the_place_of_what_was() {
        let tables = "\n\nWhole, monday.\n\n### S1: one\n\n1\n\n### S2: 2,000\n\n2\n\n";
        assert_eq!(
            merged(tables, "Quick, tuesday.\n\n### S2: 100\n\n3\n\n"),
            "\n\nWhole, monday.\n\n### S1: one\n\n1\n\n### S2: 100\n\n*Quick, tuesday.*\n\n3\n"
        );
        let all = "Quick, tuesday.\n\n### S1: one\n\n3\n\n### S2: 100\n\n4\n\n### S3\n\n5\n\n";
        assert_eq!(merged(tables, all), all);
    }
}
