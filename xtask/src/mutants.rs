//! `cargo xtask mutants`: takes out one guard after the other, and demands that a test turns red each time.

mod list;
mod runner;
mod scratch;

use crate::{
    AlreadySaid, Command,
    setup::{self, Need},
    shell::{has, root},
    tidy::{Finding, Tree},
    usage,
};
use anyhow::{Result, bail};
use list::Mutant;
use runner::{Verdict, run_test};
use scratch::Scratch;
use std::{collections::BTreeSet, time::Instant};

pub const COMMAND: Command = Command {
    name: "mutants",
    about: "Take out one guard after the other, and demand that a test turns red",
    usage: "[FILTER] [--list]\n
  FILTER  only mutants of this invariant (I5), or with this text in their id or file
  --list  only say which there are\n
They are described in mutants/*.toml, and tried on a copy under target/mutants, which keeps the output of each test
in target/mutants/logs.",
    run: |args| {
        let (flags, filters): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with('-'));
        if let Some(flag) = flags.iter().find(|flag| **flag != "--list") {
            return Err(usage(format!("no such option: `{flag}`")));
        }
        let filter = match filters.as_slice() {
            [] => None,
            [filter] => Some(filter.as_str()),
            _ => return Err(usage("only one filter at a time")),
        };
        if !flags.is_empty() {
            return print_list(filter);
        }
        setup::run_for(&[Need::System, Need::Frontends])?;
        mutants(filter)
    },
};

fn chosen(filter: Option<&str>) -> Result<Vec<Mutant>> {
    let all = list::load(&root().join("mutants"))?;
    let chosen: Vec<Mutant> =
        all.into_iter().filter(|mutant| filter.is_none_or(|filter| mutant.matches(filter))).collect();
    if chosen.is_empty() {
        bail!(
            "no mutant {}",
            filter.map_or("is described in mutants/".to_owned(), |filter| format!("matches `{filter}`"))
        );
    }
    Ok(chosen)
}

fn print_list(filter: Option<&str>) -> Result<()> {
    for Mutant { id, file, why, .. } in chosen(filter)? {
        println!("{id}\n    {file}: {why}");
    }
    Ok(())
}

/// What stands in the lists, without running anything: a mutant whose text is gone tests nothing.
pub fn check_texts(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids = BTreeSet::new();
    for file in tree.under("mutants/").filter(|file| file.path.ends_with(".toml")) {
        let mutants = match list::parse(&file.text) {
            Ok(mutants) => mutants,
            Err(error) => {
                findings.push(Finding::new(&file.path, 0, format!("{error:#}")));
                continue;
            }
        };
        for mutant in mutants {
            let mut found = |message: String| {
                let line = file.lines().find(|(_, line)| line.contains(&format!("\"{}\"", mutant.id)));
                findings.push(Finding::new(&file.path, line.map_or(0, |(number, _)| number), message));
            };
            if !ids.insert(mutant.id.clone()) {
                found(format!("there are two mutants `{}`", mutant.id));
            }
            match tree.get(&mutant.file) {
                None => found(format!("{} does not exist", mutant.file)),
                Some(target) => {
                    if let Err(error) = mutant.applied_to(&target.text) {
                        found(error.to_string());
                    }
                }
            }
        }
    }
    findings
}

struct Row {
    id: String,
    invariant: String,
    verdict: Verdict,
    seconds: f64,
}

pub fn mutants(filter: Option<&str>) -> Result<()> {
    if !has("sh") {
        bail!("mutants need a POSIX shell");
    }
    let mutants = chosen(filter)?;
    let scratch = Scratch::prepare(root())?;

    let tests: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.test.as_str()).collect();
    eprintln!("{} tests have to be green without a mutant", tests.len());
    let mut is_green = true;
    for (index, test) in tests.iter().enumerate() {
        let start = Instant::now();
        let verdict = run_test(&scratch, test, list::DEFAULT_TIMEOUT, &format!("green-{index}"))?;
        eprintln!("{:>7.1} s  {test}", start.elapsed().as_secs_f64());
        if verdict != Verdict::Survived {
            eprintln!(
                "           {}: see {}",
                verdict.without_mutant(),
                scratch.log(&format!("green-{index}")).display()
            );
            is_green = false;
        }
    }
    if !is_green {
        bail!("not green without a mutant, so nothing can be said about them");
    }

    eprintln!("{} mutants", mutants.len());
    let rows: Vec<Row> = mutants.iter().map(|mutant| try_mutant(&scratch, mutant)).collect();
    summary(&scratch, &rows)
}

fn try_mutant(scratch: &Scratch, mutant: &Mutant) -> Row {
    let start = Instant::now();
    let verdict = scratch
        .with_mutant(mutant, || run_test(scratch, &mutant.test, mutant.timeout(), &mutant.id))
        .unwrap_or_else(|error| Verdict::Invalid(format!("{error:#}")));
    let verdict = match verdict {
        Verdict::TimedOut if mutant.hangs => Verdict::Killed,
        other => other,
    };
    let row = Row {
        id: mutant.id.clone(),
        invariant: mutant.invariant.clone(),
        verdict,
        seconds: start.elapsed().as_secs_f64(),
    };
    eprintln!("{:>7.1} s  {:<8}  {}", row.seconds, row.verdict.word(), row.id);
    row
}

/// The last line is read by machines.
fn summary(scratch: &Scratch, rows: &[Row]) -> Result<()> {
    let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    println!("\n{:width$}  {:9}  {:8}  seconds", "mutant", "invariant", "");
    for Row { id, invariant, verdict, seconds } in rows {
        println!("{id:width$}  {invariant:9}  {:8}  {seconds:7.1}", verdict.word());
    }
    let mut invalid = 0;
    for row in rows {
        let log = scratch.log(&row.id);
        match &row.verdict {
            Verdict::Killed => {}
            Verdict::Survived => {
                println!("\n{} survived: no test sees that the guard is gone ({})", row.id, log.display())
            }
            Verdict::TimedOut => {
                println!("\n{} ran out of time; say `hangs = true` if it should ({})", row.id, log.display())
            }
            Verdict::Invalid(reason) => {
                invalid += 1;
                println!("\n{} is no mutant: {reason} ({})", row.id, log.display());
            }
        }
    }
    if invalid > 0 {
        println!("\n{invalid} invalid");
    }
    let killed = rows.iter().filter(|row| row.verdict == Verdict::Killed).count();
    println!("\n{killed} killed, {} survived", rows.len() - killed - invalid);
    if killed == rows.len() { Ok(()) } else { Err(AlreadySaid.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_or_doubled_mutant_is_found_without_running_it() {
        let mutant = |find: &str| {
            format!(
                "[[mutant]]\nid = \"a\"\ninvariant = \"I1\"\nwhy = \"w\"\nfile = \"f.rs\"\nfind = \"{find}\"\nreplace = \"x\"\ntest = \"cargo test\"\n"
            )
        };
        let check = |text: &str| {
            let tree = Tree::of(&[("f.rs", "one two two"), ("mutants/m.toml", text)]);
            check_texts(&tree).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(check(&mutant("one")), [""; 0]);
        assert_eq!(check(&mutant("two")), ["mutants/m.toml:2: stale: its text occurs 2 times in f.rs"]);
        assert_eq!(check(&mutant("three")), ["mutants/m.toml:2: stale: its text occurs 0 times in f.rs"]);
        assert!(check(&mutant("one").repeat(2))[0].contains("two mutants `a`"));
        assert!(check("[[mutant]]\nid = \"a\"\nextra = 1\n")[0].starts_with("mutants/m.toml: "));
    }
}
