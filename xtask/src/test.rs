//! `cargo xtask test`: everything that is checked, in the order in which it fails fastest.

use crate::{
    AlreadySaid, Command,
    bench::bench,
    bindings::{Mode, bindings},
    consumer,
    display::with_display,
    lint::lint,
    mutants,
    setup::{self, Need},
    shell::{cmd, run, run_all},
    tidy, usage,
};
use anyhow::Result;
use std::time::{Duration, Instant};

pub const COMMAND: Command = Command {
    name: "test",
    about: "Set up, and run all checks and tests",
    usage: "[--full] [STEP…]\n
  --full  the long versions of the tests with real windows, and of those that save; a soak of an hour
  STEP    only these: lint, tidy, core, loom, persist, logux, guest, package, browser, docs, plugin, bindings,
          examples, install, e2e, soak, mutants",
    run: |args| {
        let (options, steps) = parse(args)?;
        test(&options, &steps)
    },
};

struct Options {
    full: bool,
}

struct Step {
    name: &'static str,
    run: fn(&Options) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "lint", run: |_| lint() },
    Step { name: "tidy", run: |_| tidy::tidy() },
    Step { name: "core", run: |_| run(&mut cmd("cargo test --no-fail-fast -p lockstep-core")) },
    Step { name: "loom", run: |_| run(&mut loom()) },
    Step { name: "persist", run: persist },
    // Ignored are those that need what setup installs.
    Step { name: "logux", run: |_| run(&mut cmd("cargo test --no-fail-fast -p logux -- --include-ignored")) },
    Step { name: "guest", run: |_| run(&mut cmd("npm test")) },
    Step { name: "package", run: |_| run_all([cmd("npm run check:iife"), cmd("npm run size")]) },
    Step { name: "browser", run: |_| run(&mut cmd("npm run test:chromium")) },
    Step { name: "docs", run: |_| run(&mut cmd("npm run docs:build")) },
    Step {
        name: "plugin",
        run: |_| run(&mut cmd("cargo test --no-fail-fast -p tauri-plugin-lockstep --all-features")),
    },
    Step { name: "bindings", run: |_| bindings(Mode::Check) },
    Step {
        name: "examples",
        run: |_| run(&mut cmd("cargo test --no-fail-fast -p two-windows -p react-tasks -p vue-pinia")),
    },
    Step { name: "install", run: |_| consumer::install() },
    Step { name: "e2e", run: e2e },
    Step { name: "soak", run: soak },
    Step { name: "mutants", run: |_| mutants::mutants(None) },
];

/// A target folder of its own, so that the flags do not build everything twice over and over.
fn loom() -> std::process::Command {
    let mut command =
        cmd("cargo test -p lockstep-core --test loom --test loom_life --test loom_saving --test loom_deliveries");
    command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", "target/loom");
    command
}

/// In release: thousands of simulated lives of an app take half a minute then, and ten in a debug build.
fn persist(options: &Options) -> Result<()> {
    let mut tests = cmd("cargo test --release --no-fail-fast -p lockstep-persist");
    run(tests.env("LOCKSTEP_CRASH_RUNS", if options.full { "10000" } else { "1000" }))?;
    if options.full {
        run(cmd("cargo test --release -p lockstep-persist --test decode -- --skip path")
            .env("PROPTEST_CASES", "1000000"))?;
    }
    Ok(())
}

/// The tests drive the apps' debug builds; one test at a time, since there is one display.
fn e2e(options: &Options) -> Result<()> {
    run(&mut cmd("cargo build -p two-windows -p react-tasks -p vue-pinia -p lockstep-e2e-app"))?;
    run(&mut cmd("cargo test -p lockstep-e2e --no-run"))?;
    let mut tests = cmd("cargo test --no-fail-fast -p lockstep-e2e -- --test-threads=1");
    if options.full {
        tests.env("LOCKSTEP_FULL", "1");
    }
    run(&mut with_display(&tests)?)
}

/// A minute, in the debug build of the benchmark's app: nothing grows. An hour of the release build where there is time.
fn soak(options: &Options) -> Result<()> {
    let args: &[&str] = if options.full { &["--soak", "3600"] } else { &["--soak", "60", "--debug"] };
    bench(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
}

fn parse(args: &[String]) -> Result<(Options, Vec<&'static Step>)> {
    let mut options = Options { full: false };
    let mut wanted = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--full" => options.full = true,
            flag if flag.starts_with('-') => return Err(usage(format!("no such option: `{flag}`"))),
            name if STEPS.iter().any(|step| step.name == name) => wanted.push(name),
            name => return Err(usage(format!("no such step: `{name}`"))),
        }
    }
    let steps = STEPS.iter().filter(|step| wanted.is_empty() || wanted.contains(&step.name)).collect();
    Ok((options, steps))
}

struct Outcome {
    step: &'static str,
    result: Result<()>,
    took: Duration,
}

impl Outcome {
    fn of(step: &'static str, run: impl FnOnce() -> Result<()>) -> Self {
        eprintln!("\n━━━ {step}");
        let start = Instant::now();
        let result = run();
        if let Some(error) = result.as_ref().err().filter(|error| !error.is::<AlreadySaid>()) {
            eprintln!("{step}: {error:#}");
        }
        Self { step, result, took: start.elapsed() }
    }
}

fn test(options: &Options, steps: &[&'static Step]) -> Result<()> {
    let needs = [Need::System, Need::Frontends, Need::WebDriver, Need::Chromium];
    let setup = Outcome::of("setup", || setup::run_for(&needs));
    let is_set_up = setup.result.is_ok();
    let mut outcomes = vec![setup];
    if is_set_up {
        outcomes.extend(steps.iter().map(|step| Outcome::of(step.name, || (step.run)(options))));
    }
    summary(&outcomes)
}

/// The last line is read by machines.
fn summary(outcomes: &[Outcome]) -> Result<()> {
    println!("\n{:<10} {:>7}", "step", "seconds");
    for Outcome { step, result, took } in outcomes {
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        println!("{step:<10} {:>7.1}  {verdict}", took.as_secs_f64());
    }
    let failed = outcomes.iter().filter(|outcome| outcome.result.is_err()).count();
    println!("\n{} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 { Ok(()) } else { Err(AlreadySaid.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &[&str]) -> Result<Vec<&'static str>> {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Ok(parse(&args)?.1.iter().map(|step| step.name).collect())
    }

    #[test]
    fn without_names_all_steps_run_and_with_names_only_those_in_their_fixed_order() {
        assert_eq!(names(&["--full"]).unwrap().len(), STEPS.len());
        assert_eq!(names(&["guest", "lint"]).unwrap(), ["lint", "guest"]);
        assert!(names(&["linnt"]).unwrap_err().to_string().contains("linnt"));
        assert!(names(&["--fast"]).is_err());
    }

    #[test]
    fn the_help_and_the_guide_name_every_step() {
        let guide = include_str!("../../CONTRIBUTING.md");
        for Step { name, .. } in STEPS {
            assert!(COMMAND.usage.contains(name) && guide.contains(&format!("`{name}`")), "{name}");
        }
    }
}
