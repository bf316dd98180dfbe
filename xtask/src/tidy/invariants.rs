//! Each invariant stands in the doc comment of the code that keeps it (in bold: `**I5**`, `**I5 never again**`), and
//! in the name of a test (`i5_…` in Rust, `I5` in a title in TypeScript) of the same area.

use super::{
    Finding,
    tree::{File, Tree},
};
use regex_lite::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Where an invariant is kept, and where it is tested.
struct Area {
    code: &'static str,
    tests: &'static [&'static str],
}

const AREAS: &[Area] = &[
    Area { code: "crates/lockstep-core/", tests: &["crates/lockstep-core/"] },
    Area { code: "crates/lockstep-persist/", tests: &["crates/lockstep-persist/"] },
    // The plugin's access control is tested in apps, which have capabilities.
    Area { code: "src/", tests: &["src/", "tests/", "examples/", "e2e/"] },
    Area { code: "guest-js/", tests: &["guest-js/"] },
];

const LIST: &str = "ARCHITECTURE.md";

/// Where something stands: file and line.
type Place = (String, usize);

struct Patterns {
    claim: Regex,
    rust_test: Regex,
    in_rust_name: Regex,
    guest_title: Regex,
    in_guest_title: Regex,
}

impl Patterns {
    fn new() -> Result<Self, regex_lite::Error> {
        Ok(Self {
            claim: Regex::new(r"\*\*I(\d+)\b")?,
            rust_test: Regex::new(r"^\s*(?:pub )?(?:async )?fn (\w+)")?,
            in_rust_name: Regex::new(r"(?:^|_)i(\d+)(?:_|$)")?,
            guest_title: Regex::new(r#"\(\s*(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`)\s*,"#)?,
            in_guest_title: Regex::new(r"\bI(\d+)\b")?,
        })
    }
}

pub fn check(tree: &Tree) -> Vec<Finding> {
    match Patterns::new() {
        Ok(patterns) => check_with(&patterns, tree),
        Err(error) => vec![Finding::new(file!(), 0, error.to_string())],
    }
}

fn check_with(patterns: &Patterns, tree: &Tree) -> Vec<Finding> {
    let Some(list) = tree.get(LIST) else {
        return vec![Finding::new(LIST, 0, "is missing: it lists the invariants")];
    };
    let listed = numbers_of(patterns, list.lines(), list);
    let mut findings = Vec::new();
    let mut claimed_anywhere = BTreeSet::new();

    for area in AREAS {
        let tested: BTreeSet<u32> = area
            .tests
            .iter()
            .flat_map(|folder| tree.under(folder))
            .flat_map(|file| tested_in(patterns, file))
            .collect();
        let mut claims: BTreeMap<u32, Place> = BTreeMap::new();
        for file in tree.under(area.code).filter(|file| file.is_code() && !file.is_guest_test()) {
            let docs = file.lines().filter(|(_, line)| is_doc(line));
            for (number, place) in numbers_of(patterns, docs, file) {
                claims.entry(number).or_insert(place);
            }
        }
        for (number, (file, line)) in claims {
            claimed_anywhere.insert(number);
            if !listed.contains_key(&number) {
                findings.push(Finding::new(&file, line, format!("{LIST} lists no I{number}")));
            }
            if !tested.contains(&number) {
                findings.push(Finding::new(
                    &file,
                    line,
                    format!("I{number} is claimed here, and named by no test in {}", area.tests.join(", ")),
                ));
            }
        }
    }

    for (number, (file, line)) in listed {
        if !claimed_anywhere.contains(&number) {
            findings.push(Finding::new(&file, line, format!("no doc comment claims I{number}")));
        }
    }
    findings
}

fn is_doc(line: &str) -> bool {
    let line = line.trim_start();
    ["///", "//!", "/**", "*"].iter().any(|start| line.starts_with(start))
}

/// Every number that the lines claim, and where it stands first.
fn numbers_of<'a>(
    patterns: &Patterns,
    lines: impl Iterator<Item = (usize, &'a str)>,
    file: &File,
) -> BTreeMap<u32, Place> {
    let mut numbers = BTreeMap::new();
    for (line_number, line) in lines {
        for number in all_numbers(&patterns.claim, line) {
            numbers.entry(number).or_insert_with(|| (file.path.clone(), line_number));
        }
    }
    numbers
}

fn all_numbers(pattern: &Regex, text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut at = 0;
    // Neighbours in `i1_i2_` share their underscore, so each search begins right after the number before.
    while let Some(found) = pattern.captures_at(text, at).and_then(|captures| captures.get(1)) {
        numbers.extend(found.as_str().parse::<u32>());
        at = found.end();
    }
    numbers
}

fn tested_in(patterns: &Patterns, file: &File) -> Vec<u32> {
    if file.path.ends_with(".rs") {
        tests_in_rust(patterns, file)
    } else if file.is_guest_test() {
        let titles = patterns
            .guest_title
            .captures_iter(&file.text)
            .filter_map(|found| (1..=3).find_map(|group| found.get(group)));
        titles.flat_map(|title| all_numbers(&patterns.in_guest_title, title.as_str())).collect()
    } else {
        vec![]
    }
}

/// Functions right under an attribute that makes them tests, or inside `proptest!`.
fn tests_in_rust(patterns: &Patterns, file: &File) -> Vec<u32> {
    let mut numbers = Vec::new();
    let mut is_test = false;
    for line in file.text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("#[test]") || trimmed.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(name) = patterns.rust_test.captures(line).and_then(|found| found.get(1)) {
            if is_test {
                numbers.extend(all_numbers(&patterns.in_rust_name, name.as_str()));
            }
            is_test = false;
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST_OF_TWO: (&str, &str) = (LIST, "- **I5 never again**: …\n- **I6 lossy is safe**: …");

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).iter().map(ToString::to_string).collect()
    }

    fn with_i6<'a>(files: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let kept = [
            LIST_OF_TWO,
            ("guest-js/core/gate.ts", "/**\n * - **I6 lossy is safe**: …\n */"),
            ("guest-js/core/gate.test.ts", "it('I6: a lost one costs a pull', () => {})"),
        ];
        [&kept, files].concat()
    }

    #[test]
    fn claimed_and_tested_is_right() {
        let files = with_i6(&[
            ("crates/lockstep-core/src/a.rs", "/// (**I5**)\nfn f() {}"),
            ("crates/lockstep-core/tests/a.rs", "    #[test]\n    fn a_b_i4_i5_c() {}"),
        ]);
        assert_eq!(messages(&files), [""; 0]);
    }

    #[test]
    fn a_claim_without_a_test_in_its_area_is_found() {
        let files = with_i6(&[
            ("crates/lockstep-core/src/a.rs", "\n/// - **I5 never again**: …\nfn i5_is_no_test() {}"),
            ("guest-js/a.test.ts", "it('I5 in the wrong area', () => {})"),
        ]);
        let found = messages(&files);
        assert_eq!(
            found,
            ["crates/lockstep-core/src/a.rs:2: I5 is claimed here, and named by no test in crates/lockstep-core/"]
        );
    }

    #[test]
    fn a_listed_invariant_that_nobody_claims_is_found() {
        assert_eq!(messages(&with_i6(&[])), ["ARCHITECTURE.md:1: no doc comment claims I5"]);
    }

    #[test]
    fn an_unlisted_one_is_found() {
        let files = with_i6(&[("src/a.rs", "//! **I5** and **I99**"), ("e2e/tests/a.rs", "#[test]\nfn i5_i99() {}")]);
        let found = messages(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("src/a.rs:1: ARCHITECTURE.md lists no I99"), "{found:?}");
    }

    #[test]
    fn titles_are_first_arguments() {
        let patterns = Patterns::new().unwrap();
        let tested = |text: &str| tested_in(&patterns, Tree::of(&[("a.test.ts", text)]).files().next().unwrap());
        assert_eq!(tested("describe('I7: it\\'s forward', () => it(\n  \"I8 and I9\",\n () => {}))"), [7, 8, 9]);
        assert_eq!(tested("it.each([1])(`I6 ${1}`, () => {})"), [6]);
        assert_eq!(tested("// I5\nlet x = 'I5';"), [0; 0]);
    }
}
