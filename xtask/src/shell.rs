//! Running other programs, from the repository's root, with their output going straight through.

use anyhow::{Context, Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The repository's root.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// A program with its arguments, to be run in the root. The arguments are separated by spaces.
pub fn cmd(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().map(resolved).unwrap_or_default());
    command.args(words).current_dir(root());
    command
}

/// npm and npx are scripts on Windows, which are not found without their ending.
fn resolved(program: &str) -> String {
    if cfg!(windows) && matches!(program, "npm" | "npx") { format!("{program}.cmd") } else { program.to_owned() }
}

/// Says what it runs, runs it, and fails if it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let text = describe(command);
    eprintln!("$ {text}");
    let status = command.status().with_context(|| format!("cannot run `{text}`"))?;
    if !status.success() {
        bail!("`{text}` failed ({status})");
    }
    Ok(())
}

/// Runs them all, even if some fail, so that one run shows everything that is wrong.
pub fn run_all(commands: impl IntoIterator<Item = Command>) -> Result<()> {
    let failures: Vec<String> = commands
        .into_iter()
        .filter_map(|mut command| run(&mut command).err())
        .map(|error| format!("{error:#}"))
        .collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n  ")) }
}

/// What it prints, if it succeeds.
pub fn output(command: &mut Command) -> Result<String> {
    let text = describe(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run `{text}`"))?;
    if !output.status.success() {
        bail!("`{text}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{text}` printed something that is not UTF-8"))
}

/// Whether it can be run and succeeds; its output is not shown.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether there is such a program.
pub fn has(program: &str) -> bool {
    let names =
        if cfg!(windows) { vec![format!("{program}.exe"), format!("{program}.cmd")] } else { vec![program.to_owned()] };
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|dir| names.iter().any(|name| dir.join(name).is_file())))
}

/// `PATH` with one more folder in front.
pub fn path_with(first: PathBuf) -> Result<std::ffi::OsString> {
    let rest = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(first).chain(env::split_paths(&rest)))?)
}

/// The command as one could type it.
pub fn describe(command: &Command) -> String {
    let mut words: Vec<String> = Vec::new();
    if let Some(dir) = command.get_current_dir().and_then(|dir| dir.strip_prefix(root()).ok())
        && dir != Path::new("")
    {
        words.push(format!("cd {} &&", dir.display()));
    }
    for (key, value) in command.get_envs() {
        if let Some(value) = value.filter(|_| key != "PATH") {
            words.push(format!("{}={}", key.to_string_lossy(), quoted(&value.to_string_lossy())));
        }
    }
    words.push(command.get_program().to_string_lossy().into_owned());
    words.extend(command.get_args().map(|arg| quoted(&arg.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains(' ') { format!("'{word}'") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_could_type_it() {
        let mut command = cmd("cargo test -p x");
        command.env("RUSTFLAGS", "--cfg loom").current_dir(root().join("examples/a"));
        assert_eq!(describe(&command), "cd examples/a && RUSTFLAGS='--cfg loom' cargo test -p x");
    }
}
