//! The repository's files: what git tracks, and what it would.

use crate::shell::{cmd, output};
use anyhow::Result;
use std::{collections::BTreeMap, fs, path::Path};

pub struct Tree(BTreeMap<String, File>);

pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

impl File {
    pub fn is_code(&self) -> bool {
        [".rs", ".ts", ".tsx", ".mts", ".mjs", ".js", ".vue", ".svelte"].iter().any(|end| self.path.ends_with(end))
            && !self.is_generated()
    }

    pub fn is_guest_test(&self) -> bool {
        self.path.ends_with(".test.ts") || self.path.ends_with(".test.tsx")
    }

    /// Written by a machine, and checked for being up to date elsewhere.
    pub fn is_generated(&self) -> bool {
        self.path == "api-iife.js" || self.path.ends_with("Cargo.lock") || self.path.ends_with("package-lock.json")
    }

    /// Lines with their numbers, from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

impl Tree {
    /// Every file of the repository that is not ignored.
    pub fn load(root: &Path) -> Result<Self> {
        let files = paths()?.into_iter().filter_map(|path| {
            // What is deleted but not yet committed is not there; a picture is, but says nothing.
            let text = String::from_utf8(fs::read(root.join(&path)).ok()?).unwrap_or_default();
            Some((path.clone(), File { path, text }))
        });
        Ok(Self(files.collect()))
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| {
            ((*path).to_owned(), File { path: (*path).to_owned(), text: (*text).to_owned() })
        };
        Self(files.iter().map(file).collect())
    }

    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.0.values()
    }

    /// The files in a folder, whose name ends with `/`.
    pub fn under<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a File> {
        self.files().filter(move |file| file.path.starts_with(folder))
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    /// Whether there is such a file, or a folder with files in it.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.0.contains_key(path) || self.under(&format!("{path}/")).next().is_some()
    }
}

/// The paths of all files that git tracks, and of new ones that it does not ignore.
pub fn paths() -> Result<Vec<String>> {
    let list = output(&mut cmd("git ls-files --cached --others --exclude-standard -z"))?;
    Ok(list.split_terminator('\0').map(str::to_owned).collect())
}
