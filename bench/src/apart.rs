//! Each turn has an app of its own: what WebKitGTK and wry keep of a closed window slows the app's main loop down, for
//! whoever has a turn later.

use crate::{run::Plan, stats::Samples};
use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use std::{env, fs::File, path::PathBuf, process::Command};
use tempfile::NamedTempFile;

const FLAG: &str = "--turn";

/// What an app is to measure, and where to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub scenario: String,
    /// Which of the scenario's groups of turns, in which all contenders do the same.
    pub group: usize,
    pub contender: String,
    pub plan: Plan,
    outcome: PathBuf,
}

impl Order {
    /// Has an app do it, and waits for what it measures.
    pub fn place(scenario: &str, group: usize, contender: &str, plan: &Plan) -> Result<Samples> {
        let file = NamedTempFile::new()?;
        let order = Self {
            scenario: scenario.to_owned(),
            group,
            contender: contender.to_owned(),
            plan: plan.clone(),
            outcome: file.path().to_owned(),
        };
        let mut app = Command::new(env::current_exe()?);
        let status = app.arg(FLAG).arg(serde_json::to_string(&order)?).status()?;
        let outcome: Result<Samples, String> =
            serde_json::from_reader(file).with_context(|| format!("its app ended with {status}"))?;
        outcome.map_err(|error| anyhow!(error))
    }

    /// The order that the command line is, if it is one.
    pub fn of(args: &[String]) -> Option<Result<Self>> {
        let [flag, order] = args else { return None };
        (flag == FLAG).then(|| serde_json::from_str(order).context("no order for a turn"))
    }

    /// Tells who placed it what it came to.
    pub fn fulfil(&self, outcome: Result<Samples>) -> Result<()> {
        let outcome = outcome.map_err(|error| format!("{error:#}"));
        Ok(serde_json::to_writer(File::create(&self.outcome)?, &outcome)?)
    }
}
