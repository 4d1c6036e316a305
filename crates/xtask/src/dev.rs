//! `cargo xtask dev`: the server starts anew when its sources change, beside the UI with hot reload.

use crate::interrupt::interrupts;
use crate::process::{self, Background};
use crate::run::setup;
use crate::server::Address;
use crate::sources::Snapshot;
use crate::workspace::{Profile, Workspace};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

const UI_URL: &str = "http://localhost:3000";
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longer than the server's own grace, within which it ends what runs.
const STOP_GRACE: Duration = Duration::from_secs(75);

/// Builds and starts both, and stays until one of them is interrupted.
pub(crate) fn dev(workspace: &Workspace) -> Result<ExitCode> {
    let address = Address::from_environment()?;
    address.require_free("dev")?;
    setup(workspace)?;
    let interrupts = interrupts()?;
    let watched = watched_folders(workspace);
    let mut snapshot = Snapshot::take(&watched)?;
    let mut ui = Background::start(workspace.npm(&["run", "dev"]).env("ONEOFF_DEV_SERVER", address.url()))?;
    let mut server = restart(workspace, &address, None)?;
    println!("==> server on {}, UI with hot reload on {UI_URL}", address.url());

    while interrupts.recv_timeout(LOOK_EVERY).is_err() {
        if let Some(status) = ui.ended()? {
            stop(server.as_mut())?;
            bail!("the UI's development server ended with {status}");
        }
        if server.as_mut().map(Background::ended).transpose()?.flatten().is_some() {
            println!("==> the server has ended; it starts again with the next change");
            server = None;
        }
        let now = Snapshot::take(&watched)?;
        if now != snapshot {
            snapshot = now;
            println!("==> sources changed");
            server = restart(workspace, &address, server)?;
        }
    }
    ui.ask_to_stop()?;
    stop(server.as_mut())?;
    ui.stop(STOP_GRACE)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds, and only when that succeeds replaces the server that runs.
fn restart(
    workspace: &Workspace,
    address: &Address,
    server: Option<Background>,
) -> Result<Option<Background>> {
    if let Err(error) = process::run(&mut workspace.build_programs(Profile::Dev)) {
        println!("==> {error}; waiting for the next change");
        return Ok(server);
    }
    let mut server = server;
    stop(server.as_mut())?;
    let mut command = Command::new(workspace.program(Profile::Dev, "oneoff-server"));
    address.apply(&mut command);
    Background::start(&mut command).map(Some)
}

fn stop(server: Option<&mut Background>) -> Result<()> {
    server.map(|server| server.stop(STOP_GRACE)).transpose().map(|_status| ())
}

fn watched_folders(workspace: &Workspace) -> Vec<PathBuf> {
    ["crates", "bins", "migrations"].map(|folder| workspace.root.join(folder)).to_vec()
}
