//! `cargo xtask tidy`: what the documents promise about the code, checked by machine.
//!
//! Each check is a function from the repository's files to what it finds wrong, with tests on small inputs.

mod blocks;
mod docs;
mod invariants;
mod layering;
mod pages;
mod rust_version;
mod snippets;
mod tree;
mod words;

use crate::{
    AlreadySaid, Command, mutants, no_arguments,
    setup::{self, Need},
    shell::{cmd, root, run},
};
use anyhow::Result;
use std::fmt;
pub use tree::{Tree, paths};

pub const COMMAND: Command = Command {
    name: "tidy",
    about: "Check layering, invariants and their tests, documents, file sizes, words, the Rust version",
    usage: "",
    run: |args| {
        no_arguments(args)?;
        setup::run_for(&[Need::Npm])?;
        tidy()
    },
};

type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: &[(&str, Check)] = &[
    ("layering", layering::check),
    ("invariants", invariants::check),
    ("documents", docs::check),
    ("code blocks", blocks::check),
    ("pages", pages::check),
    ("words", words::check),
    ("sizes", sizes),
    ("mutants", mutants::check_texts),
];

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    /// 0 where it is about the whole file.
    pub line: usize,
    pub message: String,
}

impl Finding {
    pub fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

pub fn tidy() -> Result<()> {
    let tree = Tree::load(root())?;
    let mut failed = false;
    for (name, check) in CHECKS {
        let findings = check(&tree);
        for finding in &findings {
            eprintln!("{name}: {finding}");
        }
        failed |= !findings.is_empty();
    }
    for result in
        [rust_version::check(&tree), snippets::type_check(&tree), run(&mut cmd("cargo test --quiet -p xtask"))]
    {
        if let Err(error) = result {
            eprintln!("tidy: {error:#}");
            failed = true;
        }
    }
    if failed { Err(AlreadySaid.into()) } else { Ok(()) }
}

const LONGEST_FILE: usize = 450;

/// A file holds one idea.
fn sizes(tree: &Tree) -> Vec<Finding> {
    let code = tree.files().filter(|file| file.is_code());
    code.filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > LONGEST_FILE).then(|| {
            Finding::new(&file.path, 0, format!("{lines} lines, where {LONGEST_FILE} are the limit: split it"))
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_found() {
        let tree = Tree::of(&[("a.rs", &"\n".repeat(451)), ("b.ts", &"\n".repeat(450)), ("c.md", &"\n".repeat(9999))]);
        assert_eq!(sizes(&tree).iter().map(|finding| &*finding.file).collect::<Vec<_>>(), ["a.rs"]);
    }

    #[test]
    fn a_finding_names_file_and_line() {
        assert_eq!(Finding::new("a.rs", 7, "odd").to_string(), "a.rs:7: odd");
        assert_eq!(Finding::new("a.rs", 0, "odd").to_string(), "a.rs: odd");
    }
}
