//! The arrows between the folders: `src → lockstep-core`, `tauri → core`, `react|vue|svelte → appliers → core`, and
//! never back.

use super::{
    Finding,
    tree::{File, Tree},
};
use regex_lite::Regex;
use std::path::{Component, Path, PathBuf};

/// The Rust that may name Tauri: the plugin, and apps.
const MAY_NAME_TAURI: &[&str] = &["Cargo.toml", "build.rs", "src/", "tests/", "bench/", "examples/", "e2e/"];

/// What the other crates must not depend on.
const TAURI: &[&str] = &["tauri", "wry", "tao"];

/// The same, but for their tests and benchmarks.
const ASYNC_RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "futures"];

/// The Rust that is made of async I/O.
const MAY_NAME_ASYNC_RUNTIMES: &[&str] = &["crates/logux/"];

/// The one place of the guest that knows Tauri.
const GUEST_TAURI: &[&str] = &["guest-js/tauri.ts", "guest-js/tauri/", "guest-js/tauri-"];

const GUEST_CORE: &str = "guest-js/core/";

const GUEST_APPLIERS: &str = "guest-js/appliers/";

/// A folder for each framework. None knows another.
const GUEST_BINDINGS: &[&str] = &["guest-js/react/", "guest-js/vue/", "guest-js/svelte/", "guest-js/solid/"];

pub fn check(tree: &Tree) -> Vec<Finding> {
    [manifests(tree), rust(tree), guest(tree)].concat()
}

fn starts_with_any(path: &str, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| path.starts_with(beginning))
}

fn manifests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().filter(|file| file.path.ends_with("Cargo.toml")) {
        if starts_with_any(&file.path, MAY_NAME_TAURI) {
            continue;
        }
        let Ok(manifest) = file.text.parse::<toml::Table>() else {
            findings.push(Finding::new(&file.path, 0, "is not TOML"));
            continue;
        };
        for (kind, name) in dependencies(&manifest) {
            let may_be_async = kind == "dev-dependencies" || starts_with_any(&file.path, MAY_NAME_ASYNC_RUNTIMES);
            if is_of(&name, TAURI) || (!may_be_async && is_of(&name, ASYNC_RUNTIMES)) {
                let line = file.lines().find(|(_, line)| line.contains(&name)).map_or(0, |(number, _)| number);
                let message =
                    format!("must not depend on `{name}`: only `src/` and apps know Tauri and async runtimes");
                findings.push(Finding::new(&file.path, line, message));
            }
        }
    }
    findings
}

/// Whether the package is one of these families.
fn is_of(package: &str, families: &[&str]) -> bool {
    families
        .iter()
        .any(|family| package.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// Every table of dependencies, also those of one target only: its name, and the name of each package in it.
fn dependencies(table: &toml::Table) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    for (key, value) in table {
        let Some(inner) = value.as_table() else { continue };
        if key.ends_with("dependencies") {
            for (name, dependency) in inner {
                let package = dependency.get("package").and_then(|package| package.as_str()).unwrap_or(name);
                found.push((key.as_str(), package.to_owned()));
            }
        } else {
            found.extend(dependencies(inner));
        }
    }
    found
}

fn rust(tree: &Tree) -> Vec<Finding> {
    let Ok(names_tauri) = Regex::new(r"\b(use|extern crate)\s+(::)?(tauri|wry|tao)\b|\b(tauri|tauri_\w+|wry|tao)::")
    else {
        return vec![];
    };
    let mut findings = Vec::new();
    for file in tree.under("crates/").filter(|file| file.path.ends_with(".rs")) {
        for (number, line) in file.lines().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            if names_tauri.is_match(line) {
                findings.push(Finding::new(&file.path, number, "names Tauri: only `src/` and apps may"));
            }
        }
    }
    findings
}

fn guest(tree: &Tree) -> Vec<Finding> {
    let Ok(import) = Regex::new(r#"(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]"#) else {
        return vec![];
    };
    let mut findings = Vec::new();
    for file in tree.under("guest-js/").filter(|file| file.is_code()) {
        // A test of the core may use the tools of testing.
        let is_core = file.path.starts_with(GUEST_CORE) && !file.is_guest_test();
        for (number, line) in file.lines() {
            for specifier in import.captures_iter(line).filter_map(|found| found.get(1)) {
                let specifier = specifier.as_str();
                if specifier.starts_with("@tauri-apps/")
                    && !starts_with_any(&file.path, GUEST_TAURI)
                    && !file.is_guest_test()
                {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!("imports `{specifier}`: only `guest-js/tauri.ts` may"),
                    ));
                } else if is_core && !stays_in(GUEST_CORE, &file.path, specifier) {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!("imports `{specifier}`: the core imports nothing but itself"),
                    ));
                } else if let Some(folders) = may_import(file).filter(|_| specifier.starts_with('.'))
                    && !folders.iter().any(|folder| stays_in(folder, &file.path, specifier))
                {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!(
                            "imports `{specifier}`: a framework's folder knows only itself, the appliers and the core"
                        ),
                    ));
                }
            }
        }
    }
    findings
}

/// The folders of the guest that a file of a framework's may import from; none where it may from all.
fn may_import(file: &File) -> Option<Vec<&'static str>> {
    if file.is_guest_test() {
        return None;
    }
    if file.path.starts_with(GUEST_APPLIERS) {
        return Some(vec![GUEST_APPLIERS, GUEST_CORE]);
    }
    let own = GUEST_BINDINGS.iter().find(|folder| file.path.starts_with(**folder))?;
    Some(vec![*own, GUEST_APPLIERS, GUEST_CORE])
}

fn stays_in(folder: &str, file: &str, specifier: &str) -> bool {
    if !specifier.starts_with('.') {
        return false;
    }
    let mut target = PathBuf::from(file);
    target.pop();
    for component in Path::new(specifier).components() {
        match component {
            Component::ParentDir => drop(target.pop()),
            Component::Normal(name) => target.push(name),
            _ => {}
        }
    }
    target.starts_with(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_one(path: &str, text: &str, lines: &[usize]) {
        let found: Vec<usize> = check(&Tree::of(&[(path, text)])).iter().map(|finding| finding.line).collect();
        assert_eq!(found, lines, "{path}: {text}");
    }

    #[test]
    fn the_engine_does_not_depend_on_tauri_or_a_runtime() {
        let engine = "crates/lockstep-core/Cargo.toml";
        check_one(engine, "[dependencies]\ntauri = \"2\"", &[2]);
        check_one(engine, "[target.'cfg(unix)'.dependencies]\nserde = \"1\"\ntokio = \"1\"", &[3]);
        check_one(engine, "[dev-dependencies]\nx = { package = \"tauri-utils\" }", &[2]);
        check_one(engine, "[target.x.dev-dependencies]\ntokio = \"1\"", &[]);
        check_one(engine, "[package]\ndescription = \"of tauri-plugin-lockstep\"", &[]);
        check_one("xtask/Cargo.toml", "[dependencies]\ntauri-utils = \"2\"", &[2]);
        check_one("Cargo.toml", "[dependencies]\ntauri = \"2\"", &[]);
        check_one("examples/two-windows/src-tauri/Cargo.toml", "[dependencies]\ntauri = \"2\"", &[]);
    }

    #[test]
    fn only_the_plugin_and_apps_name_tauri() {
        check_one("crates/lockstep-core/src/a.rs", "//! for tauri::App\nuse tauri::App;", &[2]);
        check_one("crates/lockstep-core/src/a.rs", "fn f(_: tauri_utils::X) {}", &[1]);
        check_one("crates/lockstep-core/src/a.rs", "let url = \"tauri-plugin-lockstep\";", &[]);
        check_one("src/lib.rs", "use tauri::App;", &[]);
    }

    #[test]
    fn the_guest_s_core_imports_only_itself() {
        check_one("guest-js/core/a.ts", "import { b } from './b.js';\nexport * from './deep/c.js';", &[]);
        check_one("guest-js/core/deep/a.ts", "import { b } from '../b.js';", &[]);
        check_one("guest-js/core/a.ts", "import { b } from '../tauri.js';", &[1]);
        check_one("guest-js/core/a.ts", "\nimport 'react';", &[2]);
        check_one("guest-js/core/a.ts", "const x = await import(\"vue\");", &[1]);
        check_one(
            "guest-js/core/a.test.ts",
            "import { it } from 'vitest';\nimport { fake } from '../testing/fake.js';",
            &[],
        );
    }

    #[test]
    fn a_framework_s_folder_imports_only_itself_the_appliers_and_the_core() {
        let binding = "guest-js/react/use-topic.ts";
        check_one(binding, "import { use } from 'react';\nimport type { T } from '../core/types.js';", &[]);
        check_one(binding, "import { P } from './provider.js';\nimport { a } from '../appliers/a.js';", &[]);
        check_one(binding, "import { defineTopic } from '../tauri.js';", &[1]);
        check_one(binding, "import { defineTopic } from '../index.js';", &[1]);
        check_one(binding, "import { useTopic } from '../vue/index.js';", &[1]);
        check_one(binding, "import { invoke } from '@tauri-apps/api/core';", &[1]);
        check_one("guest-js/react/use-topic.test.tsx", "import { setup } from '../test/store-setup.js';", &[]);
        check_one("guest-js/appliers/vue.ts", "import { isRef } from 'vue';\nimport '../core/own.js';", &[]);
        check_one("guest-js/appliers/vue.ts", "import { useTopic } from '../vue/index.js';", &[1]);
    }

    #[test]
    fn only_one_place_of_the_guest_imports_tauri() {
        let import = "import { invoke } from '@tauri-apps/api/core';";
        check_one("guest-js/tauri.ts", import, &[]);
        check_one("guest-js/tauri/events.ts", import, &[]);
        check_one("guest-js/index.ts", import, &[1]);
        check_one("guest-js/core/a.ts", import, &[1]);
    }
}
