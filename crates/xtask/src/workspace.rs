//! Where the repository and its build results are, and the programs that are run in them.

use anyhow::{Context as _, Result};
use cargo_metadata::MetadataCommand;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository this was started in.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    target: PathBuf,
}

/// Which of the two builds a program comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

impl Workspace {
    /// Asks cargo, so that it works in every subfolder and with any target directory.
    pub(crate) fn locate() -> Result<Self> {
        let metadata =
            MetadataCommand::new().no_deps().exec().context("this is not a folder of the repository")?;
        Ok(Self { root: metadata.workspace_root.into(), target: metadata.target_directory.into() })
    }

    pub(crate) fn frontend(&self) -> PathBuf {
        self.root.join("frontend")
    }

    /// The path of a built program.
    pub(crate) fn program(&self, profile: Profile, name: &str) -> PathBuf {
        self.target.join(profile.folder()).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    /// Where coverage is measured.
    pub(crate) fn coverage_folder(&self) -> PathBuf {
        self.target.join("coverage")
    }

    /// Where generated clients and what generates them are.
    pub(crate) fn clients_folder(&self) -> PathBuf {
        self.target.join("clients")
    }

    /// `cargo ARGUMENTS` at the root of the repository.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        command(cargo, arguments, &self.root)
    }

    /// `npm ARGUMENTS` in the front-end's folder.
    pub(crate) fn npm(&self, arguments: &[&str]) -> Command {
        command("npm", arguments, &self.frontend())
    }

    /// Builds server and CLI.
    pub(crate) fn build_programs(&self, profile: Profile) -> Command {
        let mut cargo = self.cargo(&["build", "--package", "oneoff-server", "--package", "oneoff-cli"]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        cargo
    }
}

fn command(program: impl AsRef<OsStr>, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    // What cargo tells this program about itself would make build scripts that look at it run anew.
    for (name, _value) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_this_package) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_this_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}
