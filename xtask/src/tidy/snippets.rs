//! The TypeScript in the documents, type-checked against the guest.

use super::tree::{File, Tree};
use crate::shell::{cmd, root, run};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeSet, fs};

/// Beside all pages in `docs/`.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "PROTOCOL.md"];

const LANGUAGES: &[&str] = &["ts", "typescript", "tsx"];

/// A line that begins a part that is not shown, up to the line `-->`. It stands for what the reader has already: with
/// a file's name after it that file, which blocks can import, and without one the beginning of the next block.
const HIDDEN: &str = "<!-- ts";

/// Where the blocks are put, from the root.
const FOLDER: &str = "target/tidy/snippets";

const CONFIG: &str = r#"{
  "extends": "../../../tsconfig.json",
  "compilerOptions": {
    "noEmit": true,
    "rootDir": "../../..",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "noUnusedLocals": false,
    "noUnusedParameters": false,
    "paths": {
      "tauri-plugin-lockstep-api": ["../../../guest-js/index.ts"],
      "tauri-plugin-lockstep-api/*": [
        "../../../guest-js/*/index.ts",
        "../../../guest-js/appliers/*.ts"
      ]
    }
  },
  "include": ["*.ts", "*.tsx"]
}
"#;

pub fn type_check(tree: &Tree) -> Result<()> {
    let snippets: Vec<Snippet> = documents(tree).flat_map(snippets).collect();
    if let Some(name) = taken_twice(&snippets) {
        bail!("two documents hide a file of the name `{name}`: all blocks are in one folder, so call one otherwise");
    }
    if snippets.is_empty() {
        return Ok(());
    }
    let folder = root().join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("tsconfig.json"), CONFIG)?;
    for snippet in snippets {
        fs::write(folder.join(&snippet.name), snippet.text)?;
    }
    run(&mut cmd(&format!("npx tsc -p {FOLDER}"))).context("the TypeScript of a document is wrong; lines are as there")
}

fn documents(tree: &Tree) -> impl Iterator<Item = &File> {
    let pages = tree.under("docs/").filter(|file| file.path.ends_with(".md"));
    DOCUMENTS.iter().filter_map(|path| tree.get(path)).chain(pages)
}

fn taken_twice(snippets: &[Snippet]) -> Option<&str> {
    let mut names = BTreeSet::new();
    snippets.iter().map(|snippet| &*snippet.name).find(|name| !names.insert(*name))
}

/// One block as a module. It stands on the lines on which it stands in its document, so that an error names the line.
struct Snippet {
    name: String,
    text: String,
}

enum Place {
    Prose,
    /// For the next block.
    Hidden,
    OtherCode,
    /// A block, or a hidden file, of this name.
    Block(String),
}

fn snippets(document: &File) -> Vec<Snippet> {
    let mut snippets = Vec::new();
    let mut place = Place::Prose;
    let mut text = String::new();
    for (number, line) in document.lines() {
        let fence = line.trim_start().strip_prefix("```");
        let mut keep = "";
        place = match (place, fence) {
            (Place::Prose, Some(language)) if LANGUAGES.contains(&language.trim()) => {
                let end = if language.trim() == "tsx" { "tsx" } else { "ts" };
                // All in one folder, so that each can import the files that are hidden in any document.
                Place::Block(format!("{}.{number}.{end}", document.path.replace('/', "-")))
            }
            (Place::Prose, Some(_)) => Place::OtherCode,
            (Place::Prose, None) => match line.trim().strip_prefix(HIDDEN).map(str::trim) {
                Some("") => Place::Hidden,
                Some(name) => Place::Block(name.to_owned()),
                None => Place::Prose,
            },
            (Place::Hidden, None) if line.trim() == "-->" => Place::Prose,
            (Place::Block(name), fence) if fence.is_some() || line.trim() == "-->" => {
                // Without an import or export the file would be a script, which shares its names with the others.
                snippets.push(Snippet { name, text: format!("{text}export {{}};\n") });
                text = "\n".repeat(number - 1);
                Place::Prose
            }
            (Place::OtherCode, Some(_)) => Place::Prose,
            (place, _) => {
                if matches!(place, Place::Hidden | Place::Block(_)) {
                    keep = line;
                }
                place
            }
        };
        text.push_str(keep);
        text.push('\n');
    }
    snippets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let tree = Tree::of(&[("R.md", text)]);
        let found = snippets(tree.get("R.md").unwrap());
        let found: Vec<_> = found.iter().map(|snippet| (snippet.name.as_str(), snippet.text.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_hidden_file_can_be_imported() {
        check("<!-- ts app.ts\nexport {};\n-->\n", &[("app.ts", "\nexport {};\nexport {};\n")]);
    }

    #[test]
    fn every_page_is_checked_and_no_hidden_file_is_there_twice() {
        let page = "<!-- ts app.ts\n-->\n";
        let tree =
            Tree::of(&[("README.md", page), ("docs/a/b.md", page), ("e2e/README.md", page), ("docs/c.ts", page)]);
        assert_eq!(documents(&tree).map(|file| &*file.path).collect::<Vec<_>>(), ["README.md", "docs/a/b.md"]);
        let snippets: Vec<_> = documents(&tree).flat_map(snippets).collect();
        assert_eq!((taken_twice(&snippets[..1]), taken_twice(&snippets)), (None, Some("app.ts")));
    }

    #[test]
    fn a_document_in_a_folder_has_its_blocks_where_the_others_are() {
        let tree = Tree::of(&[("docs/a.md", "```ts\na;\n```\n")]);
        assert_eq!(snippets(tree.get("docs/a.md").unwrap())[0].name, "docs-a.md.1.ts");
    }

    #[test]
    fn a_block_keeps_its_lines_and_gets_what_is_hidden_before_it() {
        let text = "# A\n<!-- ts\ndeclare const a: number;\n-->\n```ts\na + 1;\n```\n```sh\nls\n```\n```tsx\nb;\n```\n";
        let second = format!("{}b;\nexport {{}};\n", "\n".repeat(11));
        check(
            text,
            &[("R.md.5.ts", "\n\ndeclare const a: number;\n\n\na + 1;\nexport {};\n"), ("R.md.11.tsx", &second)],
        );
    }
}
