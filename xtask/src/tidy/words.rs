//! Words that must not stand in the repository.

use super::{Finding, tree::Tree};
use regex_lite::Regex;

/// What is looked for, and why. Each pattern is written so that it does not match itself.
const FORBIDDEN: &[(&str, &str)] = &[
    (r#"(?:^|[\s"'`(=<:])(?:file://)?/(?:work|root|tmp|home/\w+|Users/\w+)/"#, "an absolute path of one machine"),
    (r"registry[.](?:npm|yarn)|(?:index|static)[.]crates[.]io|deb[.]debian[.]org", "the host of a package registry"),
    (r"\b(?:TO[D]O|FIX[M]E)\b", "unfinished: do it, or say in prose what falls short"),
    (r"\b(?:to[d]o|unimpl[e]mented)!", "unfinished code"),
];

pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (pattern, why) in FORBIDDEN {
        let Ok(pattern) = Regex::new(pattern) else {
            findings.push(Finding::new(file!(), 0, format!("`{pattern}` is no pattern")));
            continue;
        };
        // Cargo names its registry in every lock file, by an address that is the same everywhere.
        for file in tree.files().filter(|file| !file.path.ends_with("Cargo.lock") && file.path != "api-iife.js") {
            for (number, line) in file.lines() {
                if let Some(found) = pattern.find(line) {
                    findings.push(Finding::new(&file.path, number, format!("`{}`: {why}", found.as_str().trim())));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(line: &str, found: bool) {
        assert_eq!(!check(&Tree::of(&[("a.rs", line)])).is_empty(), found, "{line}");
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for folder in ["work", "root", "tmp", "home/me"] {
            check_one(&format!("open(\"/{folder}/x\")"), true);
            check_one(&format!("/{folder}/x"), true);
        }
        check_one("../work/x and src/root/x and target/tmp/x", false);
        check_one("https://example.com/work/x", false);
    }

    #[test]
    fn hosts_of_registries_are_found() {
        check_one(&["https://registry", ".npmjs.org/x"].concat(), true);
        check_one(&["https://static", ".crates.io"].concat(), true);
        check_one("published on crates.io", false);
    }

    #[test]
    fn unfinished_work_is_found() {
        check_one(&["// TO", "DO: later"].concat(), true);
        check_one(&["to", "do!()"].concat(), true);
        check_one("a todo list, TODOS, let todo = 1;", false);
    }
}
