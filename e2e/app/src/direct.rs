//! Scripts by standard input, for tests in which WebDriver would give up: it does when a web process dies.

use serde::Deserialize;
use std::{env, io, sync::mpsc, thread, time::Duration};
use tauri::{AppHandle, Manager};

/// A dead page does not answer.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Request {
    window: String,
    script: String,
}

/// Answers each line with one line: the script's value as JSON, or nothing.
pub fn serve_if_wanted(app: &AppHandle) {
    if env::var_os("LOCKSTEP_E2E_DIRECT").is_none() {
        return;
    }
    let app = app.clone();
    thread::spawn(move || {
        for line in io::stdin().lines() {
            let Some(request) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
            println!("{}", value(&app, request).unwrap_or_default());
        }
    });
}

fn value(app: &AppHandle, Request { window, script }: Request) -> Option<String> {
    let (done, was_done) = mpsc::channel();
    let window = app.get_webview_window(&window)?;
    window.eval_with_callback(script, move |json| drop(done.send(json))).ok()?;
    was_done.recv_timeout(LONGEST).ok()
}
