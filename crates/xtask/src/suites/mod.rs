//! `cargo xtask test`: every suite in order, each with a result, and a summary that hides nothing.

mod browser;
mod clients;
mod coverage;
mod install;
mod postgres;
mod rust;
mod summary;
mod torture;
mod totals;
mod ui;

use crate::workspace::Workspace;
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::process::ExitCode;
use std::time::Instant;
use summary::{Outcome, Row};

pub(crate) use install::install;

/// Installs what coverage needs if it was asked for, and measures these packages, or all.
pub(crate) fn coverage(workspace: &Workspace, install: bool, packages: &[String]) -> Result<ExitCode> {
    if install {
        coverage::install(workspace)?;
    }
    coverage::coverage(workspace, packages)
}

/// A suite, named as on the command line. They run in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// cargo fmt
    Format,
    /// cargo clippy, every warning an error
    Clippy,
    /// The rules of the house: who may use whom
    Architecture,
    /// All Rust tests and the examples in the docs
    Rust,
    /// The tests of scheduler, API and CLI once more, on PostgreSQL
    Postgres,
    /// Servers that are killed at every point, nodes in trouble, and those that break a promise
    Torture,
    /// Clients generated from the API's document, and requests made up from it
    Clients,
    /// rustdoc, every warning an error
    Doc,
    /// The front-end's types
    UiTypes,
    /// The front-end's lint
    UiLint,
    /// The front-end's unit tests
    UiUnit,
    /// The front-end's build
    UiBuild,
    /// The built UI and server in a real browser
    Browser,
    /// The same once more, with a server on PostgreSQL
    BrowserPg,
}

/// How much a suite looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Tests that are marked as not to be run.
    pub(crate) ignored: usize,
}

/// What came of a suite that could be run.
pub(crate) struct Report {
    pub(crate) tally: Tally,
    /// What was counted: tests, files.
    pub(crate) unit: &'static str,
    /// Why it failed, if it did.
    pub(crate) failure: Option<String>,
}

impl Suite {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn run(self, workspace: &Workspace) -> Result<Report> {
        match self {
            Self::Format => rust::format(workspace),
            Self::Clippy => rust::clippy(workspace),
            Self::Architecture => rust::architecture(workspace),
            Self::Rust => rust::tests(workspace),
            Self::Postgres => postgres::tests(workspace),
            Self::Torture => torture::tests(workspace),
            Self::Clients => clients::tests(workspace),
            Self::Doc => rust::doc(workspace),
            Self::UiTypes => ui::check(workspace, "type-check"),
            Self::UiLint => ui::check(workspace, "lint"),
            Self::UiUnit => ui::unit_tests(workspace),
            Self::UiBuild => ui::build(workspace),
            Self::Browser => browser::tests(workspace),
            Self::BrowserPg => postgres::browser_tests(workspace),
        }
    }
}

/// Runs what was asked for and prints the summary.
pub(crate) fn test(workspace: &Workspace, only: &[Suite], skip: &[Suite]) -> Result<ExitCode> {
    let wanted = |suite: Suite| (only.is_empty() || only.contains(&suite)) && !skip.contains(&suite);
    if !Suite::value_variants().iter().any(|suite| wanted(*suite)) {
        bail!("nothing is left to run: every suite was skipped");
    }
    let mut rows = Vec::new();
    for suite in Suite::value_variants() {
        let start = Instant::now();
        let outcome = if wanted(*suite) { run_one(*suite, workspace) } else { Outcome::Skipped };
        rows.push(Row { suite: suite.name(), outcome, seconds: start.elapsed().as_secs_f64() });
    }
    print!("{}", summary::table(&rows));
    let failed = rows.iter().any(|row| matches!(row.outcome, Outcome::Failed { .. }));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn run_one(suite: Suite, workspace: &Workspace) -> Outcome {
    println!("\n==> {}", suite.name());
    let outcome = match suite.run(workspace) {
        Ok(Report { tally, unit, failure: None }) => Outcome::Passed { tally, unit },
        Ok(Report { tally, unit, failure: Some(why) }) => Outcome::Failed { tally, unit, why },
        Err(error) => Outcome::Failed {
            tally: Tally::default(),
            unit: "",
            why: format!("{error:#}\nto leave it out: --skip {}", suite.name()),
        },
    };
    if let Outcome::Failed { why, .. } = &outcome {
        println!("    FAILED: {why}");
    }
    outcome
}
