//! The suites of the front-end.

use super::rust::check as run_check;
use super::{Report, Tally};
use crate::prerequisites::{FOR_UI, require};
use crate::process::{describe, run_watched};
use crate::sources;
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

/// Runs an npm script that looks at every file.
pub(super) fn check(workspace: &Workspace, script: &str) -> Result<Report> {
    prepare(workspace)?;
    run_check(&mut workspace.npm(&["run", script]), sources::frontend(&workspace.root)?.len(), "files")
}

pub(super) fn unit_tests(workspace: &Workspace) -> Result<Report> {
    prepare(workspace)?;
    vitest(&mut workspace.npm(&["run", "test:unit"]))
}

/// Builds it even if nothing changed: a build is what this suite tests.
pub(super) fn build(workspace: &Workspace) -> Result<Report> {
    prepare(workspace)?;
    let mut report = run_check(&mut workspace.npm(&["run", "build"]), 1, "build")?;
    let page = workspace.frontend().join("dist/index.html");
    if report.failure.is_none() && !page.is_file() {
        report.failure = Some(format!("the build made no {}", page.display()));
    }
    Ok(report)
}

/// Runs a script of vitest and counts its tests.
pub(super) fn vitest(command: &mut Command) -> Result<Report> {
    let mut tally = Tally::default();
    let status = run_watched(command, |line| tally.add_vitest_line(line))?;
    let failure = match status.success() {
        true if tally.passed == 0 => Some("no test ran".to_owned()),
        true => None,
        false => Some(format!("`{}` ended with {status}", describe(command))),
    };
    Ok(Report { tally, unit: "tests", failure })
}

/// Node must be there, and the packages of the lock file installed.
pub(super) fn prepare(workspace: &Workspace) -> Result<()> {
    require(FOR_UI)?;
    workspace.install_packages().map(|_work| ())
}
