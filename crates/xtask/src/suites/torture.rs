//! The suite that kills servers: every point once, and every promise broken on purpose once.

use super::{Report, Tally};
use crate::prerequisites::{FOR_RUST_TESTS, require};
use crate::process::{describe, run_watched};
use crate::torture::{ARMED, cargo};
use crate::workspace::Workspace;
use anyhow::Result;

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    require(FOR_RUST_TESTS)?;
    // What was killed, and how often, is printed by the tests.
    let mut cargo = cargo(workspace, "test", &ARMED, &["--no-fail-fast", "--", "--nocapture"]);
    let mut tally = Tally::default();
    let status = run_watched(&mut cargo, |line| tally.add_rust_line(line))?;
    let failure = match status.success() {
        true if tally.passed == 0 => Some("no test ran".to_owned()),
        true => None,
        false => Some(format!("`{}` ended with {status}", describe(&cargo))),
    };
    Ok(Report { tally, unit: "tests", failure })
}
