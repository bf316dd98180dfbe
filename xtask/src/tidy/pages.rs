//! The pages for users say of everything that there is what they promise to say: each guarantee has its row, each row
//! a test that exists, each kind of error its part.

use super::{
    Finding,
    docs::{folder, resolve},
    tree::{File, Tree},
};
use regex_lite::Regex;

const LIST: &str = "ARCHITECTURE.md";
const GUARANTEES: &str = "docs/guarantees.md";
const KINDS: &str = "guest-js/core/errors.ts";
const TROUBLES: &str = "docs/troubleshooting.md";

pub fn check(tree: &Tree) -> Vec<Finding> {
    let found = || {
        let mut findings = every(tree, LIST, r"(?m)^- \*\*(I\d+) ", GUARANTEES, |id| format!("| {id} |"))?;
        findings.extend(every(tree, KINDS, r"(?m)^  \| '(\w+)'", TROUBLES, |kind| format!("## {kind}"))?);
        for file in tree.files().filter(|file| file.path.ends_with(".md")) {
            findings.extend(tests_named_in(tree, file)?);
        }
        Ok::<_, regex_lite::Error>(findings)
    };
    found().unwrap_or_else(|error| vec![Finding::new(file!(), 0, error.to_string())])
}

/// Whatever the pattern finds in the source begins a line of the page.
fn every(
    tree: &Tree,
    source: &str,
    pattern: &str,
    page: &str,
    line: impl Fn(&str) -> String,
) -> Result<Vec<Finding>, regex_lite::Error> {
    let pattern = Regex::new(pattern)?;
    let (Some(source), Some(page)) = (tree.get(source), tree.get(page)) else { return Ok(vec![]) };
    let names = pattern.captures_iter(&source.text).filter_map(|found| found.get(1));
    let missing = names.map(|name| line(name.as_str())).filter(|start| !begins_a_line(page, start));
    Ok(missing.map(|start| Finding::new(&page.path, 0, format!("no line begins with `{start}`"))).collect())
}

fn begins_a_line(page: &File, start: &str) -> bool {
    page.text.lines().any(|line| line.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')))
}

/// A link whose text is a test's name, in code, leads to the file that has that test.
fn tests_named_in(tree: &Tree, file: &File) -> Result<Vec<Finding>, regex_lite::Error> {
    let link = Regex::new(r"\[`([^`]+)`\]\(([^)\s#]+\.(?:rs|tsx?))\)")?;
    let with_id = Regex::new(r"^(?:i\d+_|I\d+[:,])")?;
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        for found in link.captures_iter(line) {
            let (Some(test), Some(path)) = (found.get(1), found.get(2)) else { continue };
            let (test, path) = (test.as_str(), resolve(folder(file), path.as_str()));
            if file.path != GUARANTEES && !with_id.is_match(test) {
                continue;
            }
            // That the file exists is checked where links are.
            if tree.get(&path).is_some_and(|target| !has_test(target, test)) {
                findings.push(Finding::new(&file.path, number, format!("`{path}` has no test `{test}`")));
            }
        }
    }
    Ok(findings)
}

fn has_test(file: &File, name: &str) -> bool {
    let forms = if file.path.ends_with(".rs") {
        vec![format!("fn {name}(")]
    } else {
        ['\'', '"', '`'].map(|quote| format!("({quote}{name}{quote}")).to_vec()
    };
    forms.iter().any(|form| file.text.contains(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_guarantee_has_a_row_and_each_kind_its_part() {
        let sources = [(LIST, "- **I1 pair**: …\n- **I14 bounded**: …"), (KINDS, "  | 'denied'\n  | 'closed';")];
        let files = |guarantees, troubles| [&sources[..], &[(GUARANTEES, guarantees), (TROUBLES, troubles)]].concat();
        assert_eq!(messages(&files("| I1 | a |\n| I14 | b |", "## denied\n\n## closed")), [""; 0]);
        assert_eq!(
            messages(&files("| I14 | b |", "## denied too\n## close")),
            [
                "docs/guarantees.md: no line begins with `| I1 |`",
                "docs/troubleshooting.md: no line begins with `## closed`",
            ]
        );
    }

    #[test]
    fn each_test_that_is_named_exists() {
        let tests = [("a/b.rs", "fn i1_holds() {}\nfn other() {}"), ("a/b.test.ts", "it('I2: holds', () => {})")];
        let page = |path, text| messages(&[&tests[..], &[(path, text)]].concat());
        let right = "[`i1_holds`](../a/b.rs), [`other`](../a/b.rs), [`I2: holds`](../a/b.test.ts)";
        assert_eq!(page(GUARANTEES, right), [""; 0]);
        assert_eq!(
            page(GUARANTEES, "[`i1_hold`](../a/b.rs)"),
            ["docs/guarantees.md:1: `a/b.rs` has no test `i1_hold`"]
        );
        assert_eq!(page(GUARANTEES, "[`hold`](../a/b.rs)").len(), 1);
        assert_eq!(page("docs/c.md", "\n[`I2: hold`](../a/b.test.ts)").len(), 1);
        assert_eq!(page("docs/c.md", "[`other code`](../a/b.rs)"), [""; 0]);
    }
}
