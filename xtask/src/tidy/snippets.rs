//! The TypeScript in the documents, type-checked against the guest.

use super::tree::{File, Tree};
use crate::shell::{cmd, root, run};
use anyhow::{Context, Result};
use std::fs;

const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "PROTOCOL.md"];

const LANGUAGES: &[&str] = &["ts", "typescript", "tsx"];

/// What follows this in a document is not shown, and put before the next block: what the reader has already.
/// It goes on to the line `-->`.
const HIDDEN: &str = "<!-- ts";

/// Where the blocks are put, from the root.
const FOLDER: &str = "target/tidy/snippets";

const CONFIG: &str = r#"{
  "extends": "../../../tsconfig.json",
  "compilerOptions": {
    "noEmit": true,
    "rootDir": "../../..",
    "noUnusedLocals": false,
    "noUnusedParameters": false,
    "jsx": "preserve",
    "paths": {
      "tauri-plugin-lockstep-api": ["../../../guest-js/index.ts"],
      "tauri-plugin-lockstep-api/*": ["../../../guest-js/*/index.ts", "../../../guest-js/*.ts"]
    }
  },
  "include": ["*.ts", "*.tsx"]
}
"#;

pub fn type_check(tree: &Tree) -> Result<()> {
    let snippets: Vec<Snippet> = DOCUMENTS.iter().filter_map(|path| tree.get(path)).flat_map(snippets).collect();
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

/// One block as a module. It stands on the lines on which it stands in its document, so that an error names the line.
#[derive(Debug, PartialEq, Eq)]
struct Snippet {
    name: String,
    text: String,
}

enum Place {
    Prose,
    Hidden,
    OtherCode,
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
                Place::Block(format!("{}.{number}.{end}", document.path))
            }
            (Place::Prose, Some(_)) => Place::OtherCode,
            (Place::Prose, None) if line.trim() == HIDDEN => Place::Hidden,
            (Place::Hidden, None) if line.trim() == "-->" => Place::Prose,
            (Place::Block(name), Some(_)) => {
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

    #[test]
    fn a_block_keeps_its_lines_and_gets_what_is_hidden_before_it() {
        let text = "# A\n<!-- ts\ndeclare const a: number;\n-->\n```ts\na + 1;\n```\n```sh\nls\n```\n```tsx\nb;\n```\n";
        let tree = Tree::of(&[("R.md", text)]);
        let found = snippets(tree.get("R.md").unwrap());
        let expected = [
            ("R.md.5.ts", "\n\ndeclare const a: number;\n\n\na + 1;\nexport {};\n".to_owned()),
            ("R.md.11.tsx", format!("{}b;\nexport {{}};\n", "\n".repeat(11))),
        ];
        let expected = expected.map(|(name, text)| Snippet { name: name.to_owned(), text });
        assert_eq!(found, expected);
    }
}
