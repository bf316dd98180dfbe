//! A copy of the repository in which mutants live; the working tree is never touched.

use super::list::Mutant;
use crate::{frontend, tidy};
use anyhow::{Context, Result};
use std::{
    collections::HashSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Biome refuses to work where it finds a second configuration.
const NOT_COPIED: &[&str] = &["biome.json"];

pub struct Scratch {
    folder: PathBuf,
    /// Two runs at once would see each other's mutants.
    _lock: File,
}

impl Scratch {
    /// Brings the copy up to date. Files that have not changed keep their time, so little is built again.
    pub fn prepare(root: &Path) -> Result<Self> {
        let folder = root.join("target/mutants");
        fs::create_dir_all(folder.join("logs"))?;
        let lock = File::create(folder.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("waiting for another run to end");
            lock.lock()?;
        }
        let scratch = Self { folder, _lock: lock };
        scratch.copy_from(root).context("cannot copy the repository")?;
        Ok(scratch)
    }

    pub fn tree(&self) -> PathBuf {
        self.folder.join("tree")
    }

    /// Where the tests are built. Other flags for the compiler get a folder of their own.
    pub fn target(&self, test: &str) -> PathBuf {
        self.folder.join(if test.contains("--cfg loom") { "loom" } else { "target" })
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// Puts the mutant in its place for as long as `test` runs.
    pub fn with_mutant<T>(&self, mutant: &Mutant, test: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.tree().join(&mutant.file);
        let original = fs::read_to_string(&path).with_context(|| format!("cannot read {}", mutant.file))?;
        fs::write(&path, mutant.applied_to(&original)?)?;
        let result = test();
        fs::write(&path, original)?;
        result
    }

    fn copy_from(&self, root: &Path) -> Result<()> {
        let tree = self.tree();
        let tracked = tidy::paths()?.into_iter().filter(|path| !NOT_COPIED.contains(&path.as_str()));
        let wanted: HashSet<PathBuf> = tracked.map(PathBuf::from).filter(|path| root.join(path).is_file()).collect();
        for path in &wanted {
            let (from, to) = (root.join(path), tree.join(path));
            let content = fs::read(&from)?;
            if fs::read(&to).is_ok_and(|present| present == content) {
                continue;
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&to, content)?;
        }
        remove_others(&tree, Path::new(""), &wanted)?;
        // What is installed and built is not tracked, and not changed by any mutant.
        for package in frontend::packages() {
            for name in ["node_modules", "dist", "dist-js"] {
                let (from, to) = (package.path().join(name), tree.join(package.dir).join(name));
                if from.exists() && !to.exists() {
                    link(&from, &to)?;
                }
            }
        }
        Ok(())
    }
}

/// Removes files that are in the copy only.
fn remove_others(tree: &Path, folder: &Path, wanted: &HashSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(tree.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            remove_others(tree, &path, wanted)?;
        } else if kind.is_file() && !wanted.contains(&path) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(from, to)
}
