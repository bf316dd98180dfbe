// Without this, a release build on Windows opens a console, too.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

fn main() -> tauri::Result<()> {
    vue_pinia_lib::run()
}
