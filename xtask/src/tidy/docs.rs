//! The documents: their links and the files they name exist, and no Rust in them is kept from the compiler.

use super::{
    Finding,
    tree::{File, Tree},
};
use regex_lite::Regex;

/// What a document may name though git does not track it.
const NOT_TRACKED: &[&str] = &["target", "dist-js", "node_modules"];

/// What documents name in an app of the reader's, where this repository has a folder of the same name.
const OF_THE_READER: &[&str] = &["src/lockstep.ts", "src/main.ts"];

/// What `npm run docs:api` writes. That these links lead somewhere is checked when the site is built.
const GENERATED: &str = "docs/api/";

struct Patterns {
    link: Regex,
    code: Regex,
    path: Regex,
    layout: Regex,
}

impl Patterns {
    fn new() -> Result<Self, regex_lite::Error> {
        Ok(Self {
            link: Regex::new(r"\]\(([^)\s]+)\)")?,
            code: Regex::new(r"`([^`]+)`")?,
            path: Regex::new(r"^[\w.-]+(?:/[\w.-]+)*/?$")?,
            layout: Regex::new(r"^([\w.-]+(?:/[\w.-]+)*/?)(?:  |$)")?,
        })
    }
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let patterns = match Patterns::new() {
        Ok(patterns) => patterns,
        Err(error) => return vec![Finding::new(file!(), 0, error.to_string())],
    };
    let documents = tree.files().filter(|file| file.path.ends_with(".md"));
    documents.flat_map(|file| check_document(&patterns, tree, file)).chain(readme_is_compiled(tree)).collect()
}

/// The README's Rust is compiled as the plugin's documentation.
fn readme_is_compiled(tree: &Tree) -> Option<Finding> {
    let (_, lib) = (tree.get("README.md")?, tree.get("src/lib.rs")?);
    (!lib.text.contains(r#"include_str!("../README.md")"#)).then(|| {
        Finding::new(&lib.path, 0, "does not include README.md in a doc comment, so nothing compiles its code")
    })
}

fn check_document(patterns: &Patterns, tree: &Tree, file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fence: Option<&str> = None;
    for (number, line) in file.lines() {
        let mut found = |message: String| findings.push(Finding::new(&file.path, number, message));
        if let Some(language) = line.trim_start().strip_prefix("```") {
            if fence.is_none() && language.starts_with("rust") && language.contains("ignore") {
                found("this Rust is not compiled: use `no_run` or hidden lines in the place of `ignore`".to_owned());
            }
            fence = if fence.is_some() { None } else { Some(language) };
            continue;
        }
        match fence {
            Some("" | "text") => {
                let path = patterns.layout.captures(line).and_then(|captures| captures.get(1));
                if let Some(path) = path.map(|path| path.as_str()).filter(|path| is_missing(tree, file, path)) {
                    found(format!("`{path}` does not exist"));
                }
            }
            Some(_) => {}
            None => {
                for link in patterns.link.captures_iter(line).filter_map(|captures| captures.get(1)) {
                    if let Some(message) = broken_link(tree, file, link.as_str()) {
                        found(message);
                    }
                }
                for code in patterns.code.captures_iter(line).filter_map(|captures| captures.get(1)) {
                    let code = code.as_str();
                    if patterns.path.is_match(code) && is_missing(tree, file, code) {
                        found(format!("`{code}` does not exist"));
                    }
                }
            }
        }
    }
    findings
}

/// Whether the text is a path into this repository, from its root or from the document's folder, that leads nowhere.
/// Paths into an app of the reader's begin with other folders.
fn is_missing(tree: &Tree, document: &File, path: &str) -> bool {
    let here = |path: &str| tree.has(path) || tree.has(&resolve(folder(document), path));
    let Some((first, _)) = path.split_once('/') else {
        let is_document = path.ends_with(".md") && path.chars().next().is_some_and(char::is_uppercase);
        return is_document && !here(path);
    };
    !NOT_TRACKED.contains(&first) && !OF_THE_READER.contains(&path) && here(first) && !here(path)
}

pub fn folder(file: &File) -> &str {
    file.path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn broken_link(tree: &Tree, file: &File, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
    let path = if path.is_empty() { file.path.clone() } else { resolve(folder(file), path) };
    if path.starts_with(GENERATED) {
        return None;
    }
    if !tree.has(&path) {
        return Some(format!("the link `{link}` leads nowhere"));
    }
    let anchor = anchor?;
    let target = tree.get(&path).filter(|target| target.path.ends_with(".md"))?;
    (!headings(target).any(|heading| heading == anchor)).then(|| format!("`{path}` has no heading `#{anchor}`"))
}

pub fn resolve(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The anchors of a document's headings, as GitHub makes them.
fn headings(file: &File) -> impl Iterator<Item = String> {
    file.text.lines().filter(|line| line.starts_with('#')).map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        text.chars()
            .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'))
            .map(|char| if char == ' ' { '-' } else { char })
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_readme(text: &str, messages: &[&str]) {
        let tree = Tree::of(&[
            ("README.md", text),
            ("src/wire.rs", ""),
            ("docs/a.md", "# The first: `code`, and more\n[up](../README.md)"),
            ("src/lib.rs", "#![doc = include_str!(\"../README.md\")]"),
        ]);
        assert_eq!(check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>(), messages);
    }

    #[test]
    fn links_lead_somewhere() {
        check_readme("[a](docs/a.md) [b](https://x.y/z) [c](src/) [d](docs/api/core.md)", &[]);
        check_readme("\n[a](docs/b.md)", &["README.md:2: the link `docs/b.md` leads nowhere"]);
        check_readme("[a](docs/a.md#the-first-code-and-more)\n# Here\n[b](#here)", &[]);
        check_readme("[a](docs/a.md#last)", &["README.md:1: `docs/a.md` has no heading `#last`"]);
    }

    #[test]
    fn named_files_exist() {
        check_readme("`src/wire.rs`, `src/`, `src-tauri/main.rs`, `a/b`, `target/x`, `x.md`", &[]);
        check_readme("`src/wires.rs`", &["README.md:1: `src/wires.rs` does not exist"]);
        check_readme("`CHANGES.md`", &["README.md:1: `CHANGES.md` does not exist"]);
        check_readme("```\nsrc/wires.rs   the wire\n```", &["README.md:2: `src/wires.rs` does not exist"]);
        check_readme("```sh\nsrc/wires.rs   the wire\n```", &[]);
    }

    #[test]
    fn a_document_in_a_folder_may_name_files_from_there() {
        let check = |text| check(&Tree::of(&[("e2e/README.md", text), ("e2e/src/a.rs", ""), ("src/b.rs", "")]));
        assert_eq!(check("`src/a.rs`, `src/b.rs`"), []);
        assert_eq!(check("`src/c.rs`").len(), 1);
    }

    #[test]
    fn rust_is_compiled() {
        check_readme("```rust\nfn main() {}\n```\n```rust,no_run\n```", &[]);
        check_readme(
            "```rust,ignore\n```",
            &["README.md:1: this Rust is not compiled: use `no_run` or hidden lines in the place of `ignore`"],
        );
        let tree = Tree::of(&[("README.md", ""), ("src/lib.rs", "//! Other words.")]);
        assert_eq!(check(&tree)[0].file, "src/lib.rs");
    }
}
