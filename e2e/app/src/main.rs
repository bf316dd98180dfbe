//! The app that the real-window tests drive. `e2e/README.md` says how.

mod clients;
mod commands;
mod direct;
mod hooks;
mod kept;
mod large;
mod lives;
mod own_backend;
mod role;
mod topics;

use std::collections::BTreeMap;
use tauri_plugin_lockstep::{Builder, TopicOptions};
use topics::{COUNTER, NOTE, Note, ODD, READ_ONLY, SECRET, SLOW_TO_READ, SLOW_TO_WRITE, Slow, SlowToRead, WRITE_ONLY};

fn main() -> tauri::Result<()> {
    let lockstep = Builder::new()
        .topic_with(COUNTER, 0, TopicOptions::new().action(topics::count))
        .topic(NOTE, Note::default())
        .topic(ODD, BTreeMap::new())
        .topic(SECRET, "for no window".to_owned())
        .topic(READ_ONLY, 0)
        .topic(WRITE_ONLY, 0)
        .topic(SLOW_TO_WRITE, Slow::default())
        .topic(SLOW_TO_READ, SlowToRead::default());
    let lockstep = kept::topics(clients::doors(lives::topics(large::topics(hooks::topics(lockstep)))));
    tauri::Builder::default()
        .plugin(lockstep.build())
        .manage(commands::Storm::default())
        .manage(own_backend::OwnTopic::default())
        .invoke_handler(tauri::generate_handler![
            commands::open_window,
            commands::close_window,
            commands::reload_window,
            commands::show_window,
            commands::stats,
            commands::slow_calls,
            commands::slow_command,
            commands::set_counter,
            commands::deliver_counter,
            commands::set_odd,
            commands::set_slow_to_read,
            commands::start_storm,
            commands::end_storm,
            commands::storm_is_over,
            commands::add_bad_listener,
            commands::guest_script,
            hooks::let_hooks_go_on,
            large::fill_tasks,
            large::upsert_task,
            large::rename_task,
            large::remove_task,
            large::change_tasks,
            large::replace_tasks,
            large::all_tasks,
            large::fill_sheet,
            large::sheet_revision,
            large::rewrite_row,
            large::add_row,
            lives::remove_by_rust,
            clients::asked,
            clients::go_on,
            clients::staff_is_in,
            role::note_role,
            role::role_log,
            own_backend::own_snapshot,
            own_backend::own_write,
            own_backend::next_pulls,
        ])
        .setup(|app| {
            direct::serve_if_wanted(app.handle());
            Ok(())
        })
        .run(tauri::generate_context!())
}
