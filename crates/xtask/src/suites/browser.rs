//! The suite that drives the built UI of a built server in a real browser.

use super::{Report, ui};
use crate::prerequisites::{CHROMIUM, FOR_RUST, FOR_UI, require};
use crate::process::run;
use crate::torture::{UNARMED, cargo};
use crate::workspace::{Profile, Workspace};
use anyhow::{Context as _, Result};

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
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
    ui::vitest(&mut npm)
}
