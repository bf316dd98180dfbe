//! The mutants as they are described in `mutants/*.toml`.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{fs, path::Path, time::Duration};

/// How long a test may take, once it is built.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    mutant: Vec<Mutant>,
}

/// A guard that is taken out, and the test that has to notice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    pub id: String,
    pub invariant: String,
    /// Which guard is taken out.
    pub why: String,
    pub file: String,
    /// Occurs exactly once in the file.
    pub find: String,
    /// What stands there then; it has to compile.
    pub replace: String,
    /// A shell command: `cargo test …`, or vitest by `npx vitest …` or `npm test …`.
    pub test: String,
    /// The mutant shows by a test that never ends.
    #[serde(default)]
    pub hangs: bool,
    /// Seconds.
    timeout: Option<u64>,
}

impl Mutant {
    pub fn timeout(&self) -> Duration {
        self.timeout.map_or(DEFAULT_TIMEOUT, Duration::from_secs)
    }

    pub fn matches(&self, filter: &str) -> bool {
        // `I1` is not the beginning of `I10`.
        let is_invariant = filter.strip_prefix('I').is_some_and(|number| number.parse::<u32>().is_ok());
        self.invariant == filter || !is_invariant && (self.id.contains(filter) || self.file.contains(filter))
    }

    /// The file's text with the mutant in it.
    pub fn applied_to(&self, text: &str) -> Result<String> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            count => bail!("stale: its text occurs {count} times in {}", self.file),
        }
    }
}

pub fn parse(text: &str) -> Result<Vec<Mutant>> {
    Ok(toml::from_str::<List>(text)?.mutant)
}

/// All lists of a folder.
pub fn load(folder: &Path) -> Result<Vec<Mutant>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut mutants = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        mutants.extend(parse(&text).with_context(|| path.display().to_string())?);
    }
    Ok(mutants)
}
