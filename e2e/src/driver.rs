//! `tauri-driver`, and all that it starts.

use crate::{process::Process, root, target, wait::wait_until};
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::{
    env,
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// A running `tauri-driver`. When it is dropped, it ends with everything that it has started: the native driver, the
/// app, and the app's web processes are all in one process group.
pub struct Driver {
    child: Child,
    address: SocketAddr,
    log: PathBuf,
}

impl Driver {
    /// Starts it. What it and the app print goes to `log`.
    pub async fn start(log: PathBuf) -> Result<Self> {
        if env::var_os("DISPLAY").is_none() {
            bail!("there is no X display to open windows on: run `cargo xtask test e2e`, which makes one");
        }
        let program = tauri_driver()?;
        let native = in_path("WebKitWebDriver")
            .context("there is no WebKitWebDriver in PATH: on Debian it is in the package webkit2gtk-driver")?;
        let [address, native_address] = free_addresses()?;
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let child = Command::new(&program)
            .arg(format!("--port={}", address.port()))
            .arg(format!("--native-port={}", native_address.port()))
            .arg("--native-driver")
            .arg(native)
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let driver = Self { child, address, log };
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

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Ends all of it at once, and returns when it is gone.
    pub fn end(&mut self) -> Result<()> {
        let Some(group) = self.group() else { return Ok(()) };
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
        self.child.wait()?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while test_kill_process_group(group).is_ok() {
            // Zombies whose parent was in the group are collected by init; they hold nothing.
            let alive: Vec<_> = Process::all().into_iter().filter(|process| process.is_alive_in(group)).collect();
            if alive.is_empty() {
                break;
            }
            if Instant::now() > deadline {
                bail!("left over: {alive:?}");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("tauri-driver could not be ended: {error:#}");
        }
    }
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
