//! `tauri-driver`, and all that it starts.

use crate::{group::Group, process::Process, root, target, wait::wait_until};
use anyhow::{Context, Result, bail};
use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};
use tokio::net::TcpStream;

/// A running `tauri-driver`, with the native driver, the app, and the app's web processes in its group.
pub struct Driver {
    group: Group,
    address: SocketAddr,
    log: PathBuf,
}

impl Driver {
    /// Starts it. What it and the app print goes to `log`; what the app keeps, to `data`.
    pub async fn start(log: PathBuf, data: &Path) -> Result<Self> {
        needs_display()?;
        let program = tauri_driver()?;
        let native = in_path("WebKitWebDriver")
            .context("there is no WebKitWebDriver in PATH: on Debian it is in the package webkit2gtk-driver")?;
        let [address, native_address] = free_addresses()?;
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(&program);
        command
            .arg(format!("--port={}", address.port()))
            .arg(format!("--native-port={}", native_address.port()))
            .arg("--native-driver")
            .arg(native)
            .env("XDG_DATA_HOME", data)
            .stdout(output.try_clone()?)
            .stderr(output);
        let driver = Self { group: Group::spawn(&mut command)?, address, log };
        // tauri-driver listens at once, its native driver a little later.
        for address in [address, native_address] {
            wait_until("the WebDriver listens", async || Ok(TcpStream::connect(address).await.is_ok())).await?;
        }
        Ok(driver)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it and the app have printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its process of this name.
    pub fn process(&self, name: &str) -> Result<Process> {
        self.group.process(name)
    }

    /// Ends it, and returns when it is gone.
    pub fn end(&mut self) -> Result<()> {
        self.group.end()
    }
}

pub fn needs_display() -> Result<()> {
    if env::var_os("DISPLAY").is_none() {
        bail!("there is no X display to open windows on: run `cargo xtask test e2e`, which makes one");
    }
    Ok(())
}

fn tauri_driver() -> Result<PathBuf> {
    if let Some(path) = env::var_os("LOCKSTEP_TAURI_DRIVER") {
        return Ok(path.into());
    }
    let installed = root().join("target/tools/bin/tauri-driver");
    if installed.is_file() {
        return Ok(installed);
    }
    in_path("tauri-driver").with_context(|| {
        format!("there is no tauri-driver in {} or PATH: `cargo xtask setup` installs it", target().display())
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(program)).find(|path| Path::is_file(path))
}

/// Two ports that nobody listens on just now.
fn free_addresses() -> Result<[SocketAddr; 2]> {
    let both = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
    Ok([both[0].local_addr()?, both[1].local_addr()?])
}
