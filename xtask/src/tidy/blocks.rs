//! The code blocks in the documents: each is of a language that something checks, and JSON, TOML and our own commands
//! are checked here. Rust is compiled as documentation tests, TypeScript by [`super::snippets`], components by
//! `guest-js/test/docs.test.ts`.

use super::{
    Finding,
    tree::{File, Tree},
};
use crate::command_names;
use serde_json::Value;

/// The document whose components are compiled.
const COMPONENTS: &str = "docs/frameworks.md";

struct Block<'a> {
    /// What stands behind the fence.
    language: &'a str,
    line: usize,
    text: String,
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    let scripts = scripts(tree);
    let documents = tree.files().filter(|file| file.path.ends_with(".md"));
    let blocks = documents.flat_map(|file| blocks(file).into_iter().map(move |block| (file, block)));
    let findings = blocks.filter_map(|(file, block)| {
        let message = wrong(tree, &scripts, file, &block)?;
        Some(Finding::new(&file.path, block.line, message))
    });
    findings.collect()
}

fn blocks(document: &File) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in document.lines() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => {
                open = Some(Block { language: language.trim(), line: number, text: String::new() })
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks.extend(open);
    blocks
}

/// What is wrong with the block, if anything.
fn wrong(tree: &Tree, scripts: &[String], file: &File, block: &Block) -> Option<String> {
    let language = block.language.split(',').next().unwrap_or_default();
    match language {
        "" | "text" | "ts" | "typescript" | "tsx" => None,
        "vue" | "svelte" if file.path == COMPONENTS => None,
        "vue" | "svelte" => Some(format!("components are compiled in {COMPONENTS} only")),
        "rust" => not_included(tree, file),
        "json" => serde_json::from_str::<Value>(&block.text).err().map(|error| format!("this JSON is wrong: {error}")),
        "toml" => {
            block.text.parse::<toml::Table>().err().map(|error| format!("this TOML is wrong: {}", error.message()))
        }
        "sh" | "console" => block.text.lines().find_map(|line| no_such_command(scripts, line)),
        other => Some(format!("nothing checks blocks of `{other}`")),
    }
}

/// The plugin's documentation tests are the documents that its library includes.
fn not_included(tree: &Tree, file: &File) -> Option<String> {
    let lib = file.path.starts_with("docs/").then(|| tree.get("src/lib.rs")).flatten()?;
    let include = format!(r#"include_str!("../{}")"#, file.path);
    (!lib.text.contains(&include)).then(|| format!("nothing compiles this Rust: src/lib.rs has no `{include}`"))
}

/// The scripts of all packages.
fn scripts(tree: &Tree) -> Vec<String> {
    let packages = tree.files().filter(|file| file.path.ends_with("package.json"));
    let packages = packages.filter_map(|file| serde_json::from_str::<Value>(&file.text).ok());
    packages
        .filter_map(|package| Some(package.get("scripts")?.as_object()?.keys().cloned().collect::<Vec<_>>()))
        .flatten()
        .collect()
}

fn no_such_command(scripts: &[String], line: &str) -> Option<String> {
    let line = line.split(" #").next().unwrap_or_default();
    line.split("&&").find_map(|command| {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "xtask", name, ..] if !command_names().any(|known| known == *name) && *name != "COMMAND" => {
                Some(format!("`cargo xtask` has no `{name}`"))
            }
            // An app of the reader's has `tauri`, as Tauri's template does.
            ["npm", "run", name, ..] if *name != "tauri" && !scripts.iter().any(|script| script == name) => {
                Some(format!("no package has a script `{name}`"))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_page(text: &str, messages: &[&str]) {
        let tree = Tree::of(&[
            ("docs/a.md", text),
            ("docs/b.md", "```rust\n```"),
            ("docs/frameworks.md", "```vue\n```"),
            ("package.json", r#"{ "scripts": { "build": "x" } }"#),
            ("src/lib.rs", r#"#[doc = include_str!("../docs/b.md")]"#),
        ]);
        assert_eq!(check(&tree).iter().map(ToString::to_string).collect::<Vec<_>>(), messages);
    }

    #[test]
    fn each_block_is_of_a_language_that_something_checks() {
        check_page("```ts\n```\n```\n???\n```\n```text\n```\n", &[]);
        check_page("\n```js\n```", &["docs/a.md:2: nothing checks blocks of `js`"]);
        check_page("```svelte\n```", &["docs/a.md:1: components are compiled in docs/frameworks.md only"]);
    }

    #[test]
    fn rust_in_a_document_that_no_library_includes_is_found() {
        let message = r#"docs/a.md:1: nothing compiles this Rust: src/lib.rs has no `include_str!("../docs/a.md")`"#;
        check_page("```rust,no_run\n```", &[message]);
    }

    #[test]
    fn json_and_toml_are_read() {
        check_page("```json\n{ \"a\": [1] }\n```\n```toml\n[a]\nb = 1\n```", &[]);
        check_page(
            "```json\n{ a: 1 }\n```",
            &["docs/a.md:1: this JSON is wrong: key must be a string at line 1 column 3"],
        );
        let tree = Tree::of(&[("docs/a.md", "```toml\na = = 1\n```")]);
        assert_eq!(check(&tree).len(), 1);
    }

    #[test]
    fn our_own_commands_exist() {
        check_page("```sh\ncargo xtask test # all\nnpm ci && npm run build\nls\n```", &[]);
        check_page("```sh\ncargo xtask tests\n```", &["docs/a.md:1: `cargo xtask` has no `tests`"]);
        check_page("```console\nnpm ci && npm run bild\n```", &["docs/a.md:1: no package has a script `bild`"]);
    }
}
