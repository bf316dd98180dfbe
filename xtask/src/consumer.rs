//! A fresh app that installs the packages as they would be published, and runs.

use crate::{
    display::with_display,
    shell::{cmd, root, run},
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The app, which knows nothing of this repository but the places of the packages.
const TEMPLATE: &str = "e2e/consumer";

/// Where cargo packs, and everything else that is packed.
const PACKAGES: &str = "target/package";

const APP: &str = "target/consumer";

const GUEST: &str = "tauri-plugin-lockstep-api";

const CRATES: &[&str] = &["lockstep-core", "lockstep-persist", "tauri-plugin-lockstep"];

/// What has to be in the plugin's crate, since an app's build reads it.
const PLUGIN_FILES: &[&str] = &["permissions/default.toml", "permissions/schemas/schema.json", "api-iife.js"];

/// How long the app may take to open its windows and count, in seconds.
const SECONDS: &str = "120";

/// Packs, installs, type-checks, builds, runs.
pub fn install() -> Result<()> {
    // What another version left.
    clear(&root().join(PACKAGES))?;
    pack_crates()?;
    pack_guest()?;
    let app = copy_app()?;
    let in_app = |line: &str| {
        let mut command = cmd(line);
        command.current_dir(&app);
        command
    };
    run(&mut in_app("npm install --no-audit --no-fund"))?;
    run(&mut in_app("npm run build"))?;
    // The versions, and the built dependencies, are those of the workspace, so that little is built again.
    fs::copy(root().join("Cargo.lock"), app.join("src-tauri/Cargo.lock"))?;
    let mut build = cmd("cargo build");
    run(build.current_dir(app.join("src-tauri")).env("CARGO_TARGET_DIR", root().join("target")))?;
    let mut start = cmd(&format!("timeout {SECONDS}"));
    start.arg(root().join("target/debug/consumer"));
    run(&mut with_display(&start)?).context("the fresh app did not come to the end")
}

fn pack_crates() -> Result<()> {
    let packages = CRATES.iter().map(|name| format!("-p {name}")).collect::<Vec<_>>().join(" ");
    // They are compiled with the app, as whoever installs them compiles them.
    run(&mut cmd(&format!("cargo package --no-verify --allow-dirty --quiet {packages}")))?;
    for name in CRATES {
        let packed = packed(name, ".crate")?;
        let place = root().join(PACKAGES).join(name);
        clear(&place)?;
        fs::create_dir_all(&place)?;
        let mut unpack = cmd("tar --strip-components=1 -xzf");
        run(unpack.arg(&packed).arg("-C").arg(&place))?;
    }
    let plugin = root().join(PACKAGES).join("tauri-plugin-lockstep");
    for file in PLUGIN_FILES {
        if !plugin.join(file).is_file() {
            bail!("the plugin's crate lacks {file}");
        }
    }
    Ok(())
}

/// The one file there with this ending whose name begins so; a version follows.
fn packed(name: &str, ending: &str) -> Result<PathBuf> {
    let is_it = |file: &str| {
        let version = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
        version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()) && version.ends_with(ending))
    };
    fs::read_dir(root().join(PACKAGES))?
        .flatten()
        .find(|entry| entry.file_name().to_str().is_some_and(is_it))
        .map(|entry| entry.path())
        .with_context(|| format!("{name} was not packed"))
}

fn pack_guest() -> Result<()> {
    // It was built by the set-up; `prepack` would write the committed script, too.
    run(&mut cmd(&format!("npm pack --ignore-scripts --silent --pack-destination {PACKAGES}")))?;
    fs::rename(packed(GUEST, ".tgz")?, root().join(PACKAGES).join(GUEST).with_extension("tgz"))?;
    Ok(())
}

/// A copy of the template; what an earlier run has installed and built there stays.
fn copy_app() -> Result<PathBuf> {
    let app = root().join(APP);
    clear(&app.join("node_modules/tauri-plugin-lockstep-api"))?;
    // It holds the checksum of the package that was packed before.
    clear(&app.join("package-lock.json"))?;
    copy(&root().join(TEMPLATE), &app)?;
    copy(&root().join("examples/two-windows/src-tauri/icons"), &app.join("src-tauri/icons"))?;
    Ok(app)
}

fn clear(path: &Path) -> Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)?;
    } else if path.exists() {
        fs::remove_file(path)?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy to {}", target.display()))?;
        }
    }
    Ok(())
}
