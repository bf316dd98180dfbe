//! The npm packages of the repository: what is installed and built for each.

use crate::shell::{cmd, root, run};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// One folder with a `package.json`.
pub struct Package {
    pub dir: &'static str,
    build: Option<Build>,
}

struct Build {
    command: &'static str,
    /// Written last by the build.
    output: &'static str,
    /// What it is built from.
    inputs: &'static [&'static str],
}

const GUEST: Package = Package {
    dir: "",
    build: Some(Build {
        // Not `npm run build`, which also writes the committed `api-iife.js`: a check that it is up to date could
        // never fail.
        command: "npx tsc -p tsconfig.build.json",
        output: "dist-js/index.js",
        inputs: &["guest-js", "package-lock.json", "tsconfig.json", "tsconfig.build.json"],
    }),
};

/// In the order in which they are built: the apps import the built guest.
pub const PACKAGES: &[Package] = &[
    GUEST,
    app("examples/two-windows"),
    app("examples/react-tasks"),
    app("examples/vue-pinia"),
    app("e2e/app"),
    // Programs of others, that tests run.
    Package { dir: "crates/logux/interop", build: None },
];

/// Apart from the others, since it brings what Lockstep is compared with.
const BENCH: Package = Package {
    dir: "bench",
    build: Some(Build {
        command: "npm run build",
        output: "dist/main.js",
        inputs: &["ui", "build.mjs", "package-lock.json"],
    }),
};

const fn app(dir: &'static str) -> Package {
    Package { dir, build: Some(Build { command: "npm run build", output: "dist/index.html", inputs: &["."] }) }
}

/// What a build writes, or does not read.
const NOT_INPUTS: &[&str] = &["node_modules", "dist", "src-tauri", "target"];

impl Package {
    pub fn path(&self) -> PathBuf {
        root().join(self.dir)
    }

    /// A page without a build step has no packages to lock.
    pub fn exists(&self) -> bool {
        self.path().join("package-lock.json").is_file()
    }

    /// An npm command in the package's folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = cmd(line);
        command.current_dir(self.path());
        command
    }

    /// Installs its dependencies, unless they are those of the lock file.
    pub fn install(&self) -> Result<()> {
        // npm writes this file last, whether by `npm ci` or by `npm install`.
        let installed = modified(&self.path().join("node_modules/.package-lock.json"));
        let locked = modified(&self.path().join("package-lock.json"));
        if installed.is_some() && installed >= locked {
            return Ok(());
        }
        run(&mut self.command("npm ci --no-audit --no-fund"))
    }

    /// Builds it, unless nothing has changed since the last time.
    pub fn build(&self) -> Result<()> {
        let Some(build) = &self.build else { return Ok(()) };
        let output = self.path().join(build.output);
        let inputs = build.inputs.iter().map(|input| self.path().join(input));
        // The apps are built from the guest, too.
        let guest = (!self.dir.is_empty()).then(|| root().join("dist-js"));
        let newest_input = inputs.chain(guest).filter_map(|input| newest(&input)).max();
        if modified(&output).is_some_and(|built| Some(built) >= newest_input) {
            return Ok(());
        }
        run(&mut self.command(build.command))?;
        // A build that leaves an unchanged file alone would run again each time.
        fs::File::options()
            .append(true)
            .open(&output)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .with_context(|| format!("`{}` has not written {}", build.command, output.display()))
    }
}

/// What `cargo xtask bench` needs.
pub fn for_the_benchmark() -> impl Iterator<Item = &'static Package> {
    [&GUEST, &BENCH].into_iter()
}

/// All packages that are there.
pub fn packages() -> impl Iterator<Item = &'static Package> {
    PACKAGES.iter().filter(|package| package.exists())
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the file, or the newest file in the folder, was last changed.
fn newest(path: &Path) -> Option<SystemTime> {
    let Ok(entries) = fs::read_dir(path) else {
        return modified(path);
    };
    entries
        .flatten()
        .filter(|entry| !NOT_INPUTS.iter().any(|name| entry.file_name() == *name))
        .filter_map(|entry| newest(&entry.path()))
        .max()
}
