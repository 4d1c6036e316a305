//! The suites of the Rust crates.

use super::postgres::DATABASE_URL;
use super::{Report, Tally};
use crate::architecture;
use crate::prerequisites::{FOR_RUST, FOR_RUST_TESTS, require};
use crate::process::{describe, run_watched};
use crate::sources;
use crate::torture::{ARMED, UNARMED, cargo};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::Command;

pub(super) fn format(workspace: &Workspace) -> Result<Report> {
    let mut cargo = workspace.cargo(&["fmt", "--all", "--check"]);
    check(&mut cargo, sources::rust(&workspace.root)?.len(), "files")
}

pub(super) fn clippy(workspace: &Workspace) -> Result<Report> {
    require(FOR_RUST)?;
    let arguments = ["--all-targets", "--", "-D", "warnings"];
    let armed = check(&mut cargo(workspace, "clippy", &ARMED, &arguments), 0, "files")?;
    if armed.failure.is_some() {
        return Ok(armed);
    }
    let files = sources::rust(&workspace.root)?.len();
    check(&mut cargo(workspace, "clippy", &UNARMED, &arguments), files, "files")
}

pub(super) fn architecture(workspace: &Workspace) -> Result<Report> {
    let findings = architecture::check(&workspace.root)?;
    let failed = findings.violations.len();
    let failure = (failed > 0).then(|| findings.violations.join("\n"));
    let tally = Tally { passed: findings.checked.saturating_sub(failed), failed, ignored: 0 };
    println!("{} things looked at", findings.checked);
    Ok(Report { tally, unit: "checks", failure })
}

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    require(FOR_RUST_TESTS)?;
    let mut cargo = cargo(workspace, "test", &UNARMED, &["--no-fail-fast"]);
    run_tests(cargo.env_remove(DATABASE_URL))
}

/// Runs `cargo test` and counts.
pub(super) fn run_tests(cargo: &mut Command) -> Result<Report> {
    let mut tally = Tally::default();
    let status = run_watched(cargo, |line| tally.add_rust_line(line))?;
    let failure = match status.success() {
        true if tally.passed == 0 => Some("no test ran".to_owned()),
        true => None,
        false => Some(format!("`{}` ended with {status}", describe(cargo))),
    };
    Ok(Report { tally, unit: "tests", failure })
}

pub(super) fn doc(workspace: &Workspace) -> Result<Report> {
    require(FOR_RUST)?;
    let doc = |packages| {
        let mut cargo = cargo(workspace, "doc", packages, &["--no-deps"]);
        cargo.env("RUSTDOCFLAGS", "-D warnings");
        cargo
    };
    let armed = check(&mut doc(&ARMED), 0, "packages")?;
    if armed.failure.is_some() {
        return Ok(armed);
    }
    check(&mut doc(&UNARMED), architecture::packages(&workspace.root)?, "packages")
}

/// Runs a program that has no tests but looks at `count` things.
pub(super) fn check(command: &mut Command, count: usize, unit: &'static str) -> Result<Report> {
    let status = run_watched(command, |_line| ())?;
    let failure = (!status.success()).then(|| format!("`{}` ended with {status}", describe(command)));
    let tally = match failure {
        None => Tally { passed: count, ..Tally::default() },
        Some(_) => Tally::default(),
    };
    Ok(Report { tally, unit, failure })
}
