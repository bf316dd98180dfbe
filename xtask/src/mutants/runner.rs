//! Running a test on a mutant, and telling a test that fails from one that does not compile.

use super::scratch::Scratch;
use anyhow::{Result, bail};
use regex_lite::Regex;
use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The first build may have to build a whole app.
const BUILD_TIMEOUT: Duration = Duration::from_secs(1800);

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A test failed.
    Killed,
    /// All tests passed.
    Survived,
    TimedOut,
    /// It says nothing about the tests: it is stale, or does not compile.
    Invalid(String),
}

impl Verdict {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Survived => "SURVIVED",
            Self::TimedOut => "TIMEOUT",
            Self::Invalid(reason) if reason.starts_with("stale") => "STALE",
            Self::Invalid(_) => "INVALID",
        }
    }

    /// What it means where there is no mutant.
    pub fn without_mutant(&self) -> &str {
        match self {
            Self::Killed => "it fails",
            Self::Survived => "it passes",
            Self::TimedOut => "it does not end",
            Self::Invalid(reason) => reason,
        }
    }
}

enum Kind {
    Cargo,
    Vitest,
}

impl Kind {
    fn of(test: &str) -> Result<Self> {
        if test.contains("cargo test") {
            Ok(Self::Cargo)
        } else if test.contains("vitest") || test.contains("npm test") {
            Ok(Self::Vitest)
        } else {
            bail!("`{test}` is neither `cargo test` nor vitest: what it prints cannot be judged")
        }
    }
}

pub fn run_test(scratch: &Scratch, test: &str, timeout: Duration, log: &str) -> Result<Verdict> {
    let log = scratch.log(log);
    let kind = Kind::of(test)?;
    if let Kind::Cargo = kind {
        let build = test.replacen("cargo test", "cargo test --no-run", 1);
        match shell(scratch, &build, BUILD_TIMEOUT, &log)? {
            Some(status) if status.success() => {}
            Some(_) => return Ok(Verdict::Invalid("it does not compile".to_owned())),
            None => return Ok(Verdict::Invalid("the build does not end".to_owned())),
        }
    }
    let Some(status) = shell(scratch, test, timeout, &log)? else {
        return Ok(Verdict::TimedOut);
    };
    if status.success() {
        return Ok(Verdict::Survived);
    }
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(match kind {
        Kind::Vitest if !a_vitest_failed(&output) => Verdict::Invalid("it does not compile, or no test ran".to_owned()),
        _ => Verdict::Killed,
    })
}

/// A file that cannot be read in is a failed suite without a failed test.
fn a_vitest_failed(output: &str) -> bool {
    Regex::new(r"(?m)^\s*Tests\s+\d+ failed").is_ok_and(|failed| failed.is_match(output))
}

/// Runs a shell command in the copy, with its output in the log; `None` if it did not end in time.
fn shell(scratch: &Scratch, line: &str, timeout: Duration, log: &Path) -> Result<Option<ExitStatus>> {
    let output = File::create(log)?;
    let mut command = Command::new("sh");
    command
        .args(["-c", line])
        .current_dir(scratch.tree())
        .env("CARGO_TARGET_DIR", scratch.target(line))
        .env("CI", "true")
        .env("NO_COLOR", "1")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    in_a_group_of_its_own(&mut command);
    let mut child = command.spawn()?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() > timeout {
            kill_group(&mut child)?;
            return Ok(None);
        }
        sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
fn in_a_group_of_its_own(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn in_a_group_of_its_own(_: &mut Command) {}

/// The shell's children, too.
fn kill_group(child: &mut Child) -> Result<()> {
    if cfg!(unix) {
        Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_test_is_told_from_a_file_that_cannot_be_read_in() {
        assert!(a_vitest_failed(" Test Files  1 failed (1)\n      Tests  2 failed | 3 passed (5)\n"));
        assert!(!a_vitest_failed(" Test Files  1 failed (1)\n      Tests  no tests\n"));
        assert!(!a_vitest_failed(" Test Files  1 failed | 1 passed (2)\n      Tests  3 passed (3)\n"));
    }

    #[test]
    fn only_tests_that_can_be_judged_are_run() {
        assert!(Kind::of("RUSTFLAGS=\"--cfg loom\" cargo test -p x").is_ok());
        assert!(Kind::of("npx vitest run a.test.ts").is_ok());
        assert!(Kind::of("make check").is_err());
    }
}
