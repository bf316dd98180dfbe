//! The oldest Rust that the workspace says it builds with is no older than its dependencies need, and the documents say
//! the same.

use super::{Finding, Tree};
use crate::shell::{cmd, output};
use anyhow::{Context, Result, bail};
use serde::Deserialize;

const MANIFEST: &str = "Cargo.toml";

/// Where it is said to people, as `Rust 1.90`.
const DOCUMENTS: &[&str] = &["README.md", "docs/index.md"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    rust_version: Option<String>,
}

/// Of the locked dependencies of this machine's platform.
pub fn check(tree: &Tree) -> Result<()> {
    let compiler = output(&mut cmd("rustc -vV"))?;
    let host = compiler.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    let metadata = cmd(&format!("cargo metadata --format-version 1 --locked --filter-platform {host}"));
    let metadata = serde_json::from_str(&output(&mut { metadata })?)?;
    let findings = findings(tree, &metadata)?;
    if findings.is_empty() {
        return Ok(());
    }
    bail!("{}", findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n"))
}

fn findings(tree: &Tree, metadata: &Metadata) -> Result<Vec<Finding>> {
    let manifest: toml::Table = tree.get(MANIFEST).context("no manifest")?.text.parse()?;
    let said = manifest.get("workspace").and_then(|workspace| workspace.get("package")?.get("rust-version")?.as_str());
    let said = said.context("the workspace has no `rust-version`")?;
    let older = |needed: &str| numbers(said) < numbers(needed);
    let needs = |package: &Package| {
        let needed = package.rust_version.as_deref().filter(|needed| older(needed))?;
        let message = format!("`rust-version` is {said}, but `{}` needs {needed}", package.name);
        Some(Finding::new(MANIFEST, 0, message))
    };
    let documents = DOCUMENTS.iter().filter_map(|path| {
        let text = &tree.get(path)?.text;
        let missing = !text.contains(&format!("Rust {said},"));
        missing.then(|| Finding::new(path, 0, format!("it does not say `Rust {said},`, as {MANIFEST} does")))
    });
    Ok(metadata.packages.iter().filter_map(needs).chain(documents).collect())
}

/// `1.90` and `1.90.0` are the same.
fn numbers(version: &str) -> [u32; 3] {
    let mut numbers = version.split('.').map(|part| part.parse().unwrap_or_default());
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(said: &str, document: &str, needed: &str) -> Vec<String> {
        let manifest = format!("[workspace.package]\nrust-version = {said:?}\n");
        let tree = Tree::of(&[(MANIFEST, &manifest), ("README.md", document)]);
        let package = |rust_version: Option<&str>| Package {
            name: "dependency".to_owned(),
            rust_version: rust_version.map(str::to_owned),
        };
        let metadata = Metadata { packages: vec![package(None), package(Some(needed))] };
        findings(&tree, &metadata).unwrap().iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_dependency_that_needs_a_newer_one_is_found() {
        let none: &[String] = &[];
        assert_eq!(found("1.90", "Rust 1.90, Node", "1.90.0"), none);
        assert_eq!(found("1.90", "Rust 1.90, Node", "1.9"), none);
        assert_eq!(
            found("1.90", "Rust 1.90, Node", "1.90.1"),
            ["Cargo.toml: `rust-version` is 1.90, but `dependency` needs 1.90.1"]
        );
    }

    #[test]
    fn a_document_that_says_another_one_is_found() {
        let expected = ["README.md: it does not say `Rust 1.90,`, as Cargo.toml does"];
        assert_eq!(found("1.90", "Rust 1.88, Node", "1.88"), expected);
    }
}
