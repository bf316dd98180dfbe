//! Lockstep and its alternatives do the same jobs in real windows: `cargo xtask bench`, and `docs/benchmarks.md`.

mod apart;
mod contender;
mod contenders;
mod machine;
mod options;
mod pages;
mod process;
mod report;
mod run;
mod scenarios;
mod soak;
mod state;
mod stats;

use crate::{
    apart::Order,
    contender::Contender,
    contenders::{channel, emit, floor, lockstep, pull, store, zustand},
    options::Options,
    pages::Pages,
    run::Run,
    scenarios::SCENARIOS,
};
use anyhow::{Context, Result};
use std::{env, fs::File, io::Write, process::exit, sync::mpsc, thread, time::Duration};
use tauri::{AppHandle, Manager, RunEvent};

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let Some(order) = Order::of(&args) {
        return run_app(Job::Turn(order?));
    }
    let options = match Options::parse(args.into_iter()) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: {error:#}");
            exit(2);
        }
    };
    match options.soak {
        Some(length) => run_app(Job::Soak(options.soaked(), length)),
        None => exit(i32::from(!measure(&options)?)),
    }
}

/// What an app with windows is there for.
enum Job {
    Turn(Order),
    Soak(&'static dyn Contender, Duration),
}

fn run_app(job: Job) -> Result<()> {
    let (reports, received) = mpsc::channel();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_store::Builder::default().build())
        .plugin(zustand::plugin())
        .plugin(lockstep::plugin())
        .manage::<pages::Reports>(reports)
        .manage(floor::Bare::default())
        .manage(emit::Emitted::default())
        .manage(pull::Pulled::default())
        .manage(channel::Channels::default())
        .manage(zustand::ZustandId::default())
        .invoke_handler(tauri::generate_handler![
            pages::starting,
            pages::ready,
            pages::shown,
            pages::reported,
            floor::floor_pull,
            floor::floor_nothing,
            floor::floor_nothing_sync,
            floor::pull_bytes,
            emit::emit_get,
            emit::emit_set,
            pull::pull_get,
            pull::pull_set,
            channel::channel_open,
            channel::channel_set,
        ])
        .setup(move |app| {
            app.manage(store::Stores::new(app.handle())?);
            let pages = Pages::new(app.handle().clone(), received);
            let app = app.handle().clone();
            // Not on the main thread, which the windows need.
            thread::spawn(move || {
                let code = drive(pages, job);
                app.state::<store::Stores>().close();
                app.exit(code);
            });
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run(between_windows);
    Ok(())
}

/// The app goes on where no window is open.
fn between_windows(_: &AppHandle, event: RunEvent) {
    if let RunEvent::ExitRequested { code: None, api, .. } = event {
        api.prevent_exit();
    }
}

/// The exit code.
fn drive(pages: Pages, job: Job) -> i32 {
    let outcome = match job {
        Job::Turn(order) => take(pages, order).map(|()| true),
        Job::Soak(contender, length) => soak::soak(pages, contender, length),
    };
    match outcome {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("error: {error:#}");
            1
        }
    }
}

fn take(pages: Pages, order: Order) -> Result<()> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == order.scenario).context("no such scenario")?;
    let answer = order.clone();
    answer.fulfil(Run::take(pages, order, scenario.run))
}

/// Says whether everything was measured.
fn measure(options: &Options) -> Result<bool> {
    let mut report = Report::new()?;
    report.print(&machine::describe(options)?)?;
    let mut failures = vec![];
    for scenario in &options.scenarios {
        eprintln!("{}", scenario.name);
        let mut run = Run::report(scenario.name, &options.plan);
        report.print(&(scenario.run)(&mut run).render())?;
        failures.append(&mut run.failures);
    }
    for failure in &failures {
        report.print(&format!("- Not measured: {failure}"))?;
    }
    Ok(failures.is_empty())
}

/// What is printed, and kept in a file where `LOCKSTEP_BENCH_REPORT` names one.
struct Report(Option<File>);

impl Report {
    fn new() -> Result<Self> {
        Ok(Self(env::var_os("LOCKSTEP_BENCH_REPORT").map(File::create).transpose()?))
    }

    fn print(&mut self, text: &str) -> Result<()> {
        println!("{text}");
        self.0.as_mut().map_or(Ok(()), |file| writeln!(file, "{text}"))?;
        Ok(())
    }
}
