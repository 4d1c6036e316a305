//! `cargo xtask test --install`: what the machine lacks, installed on Debian as root.

use super::clients;
use crate::phase::{Work, phase};
use crate::prerequisites::{C_COMPILER, CHROMIUM, MAKE, NODE, NPM, PERL, POSTGRESQL, PROMTOOL};
use crate::process::run;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;

/// Installs the programs that are missing, and the front-end's packages.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    let wanted = [&C_COMPILER, &MAKE, &PERL, &NODE, &NPM, &CHROMIUM, &POSTGRESQL, &PROMTOOL];
    let missing = wanted.into_iter().filter(|one| one.find().is_none());
    let mut packages: Vec<_> = missing.flat_map(|one| one.packages).copied().collect();
    if !clients::has_virtual_environments() {
        packages.extend(clients::PACKAGES);
    }
    packages.dedup();
    if packages.is_empty() {
        println!("==> every program that the tests need is there");
    } else {
        phase(&format!("install {}", packages.join(", ")), || apt(&packages))?;
    }
    phase("install the web UI's packages", || workspace.install_packages())?;
    phase("install the generators of clients", || clients::install(workspace))
}

fn apt(packages: &[&str]) -> Result<Work> {
    if !Path::new("/usr/bin/apt-get").is_file() {
        bail!("--install knows Debian and Ubuntu only; install these yourself: {}", packages.join(" "));
    }
    if !rustix::process::geteuid().is_root() {
        bail!("--install needs root, as in: sudo apt-get install {}", packages.join(" "));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command
    };
    run(&mut apt(&["update"]))?;
    run(apt(&["install", "--yes", "--no-install-recommends"]).args(packages))?;
    Ok(Work::Done)
}
