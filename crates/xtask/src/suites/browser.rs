//! The suite that drives the built UI of a built server in a real browser.

use super::postgres::DATABASE_URL;
use super::{Report, ui};
use crate::prerequisites::{CHROMIUM, FOR_RUST, FOR_UI, require};
use crate::process::run;
use crate::torture::{UNARMED, cargo};
use crate::workspace::{Profile, Workspace};
use anyhow::{Context as _, Result};
use std::process::Command;

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    tests_with(workspace, |npm| {
        npm.env_remove(DATABASE_URL);
    })
}

/// The same with more in the command of the tests.
pub(super) fn tests_with(workspace: &Workspace, add: impl FnOnce(&mut Command)) -> Result<Report> {
    let chromium = CHROMIUM.find().context(
        "there is no Chromium: install it with `apt-get install chromium`, or run `cargo xtask test --install` as root",
    )?;
    require(FOR_RUST)?;
    require(FOR_UI)?;
    ui::prepare(workspace)?;
    workspace.build_ui()?;
    // With the targets and features of the Rust tests, so that nothing is compiled a second time.
    run(&mut cargo(workspace, "build", &UNARMED, &["--all-targets"]))?;
    let mut npm = workspace.npm(&["run", "test:e2e"]);
    npm.env("ONEOFF_SERVER_BIN", workspace.program(Profile::Dev, "oneoff-server"));
    npm.env("CHROMIUM_PATH", chromium);
    add(&mut npm);
    ui::vitest(&mut npm)
}
