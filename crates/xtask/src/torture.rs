//! `cargo xtask torture`, and how its armed build is kept apart from every other one.

use crate::prerequisites::{FOR_RUST, FOR_RUST_TESTS, require};
use crate::process::run;
use crate::workspace::{Profile, Workspace};
use anyhow::Result;
use std::process::{Command, ExitCode};

/// Selects all packages but those of the torture suite. Cargo unifies features over what it builds together:
/// built along with them, everything else would be armed as well.
pub(crate) const UNARMED: [&str; 6] =
    ["--workspace", "--exclude", "oneoff-torture", "--exclude", "oneoff-faults", "--all-features"];

/// Selects the packages of the torture suite.
pub(crate) const ARMED: [&str; 5] =
    ["--package", "oneoff-torture", "--package", "oneoff-faults", "--all-features"];

/// `cargo TASK` of packages that are built together, with these targets.
pub(crate) fn cargo(workspace: &Workspace, task: &str, packages: &[&str], more: &[&str]) -> Command {
    let arguments: Vec<&str> = std::iter::once(task).chain(packages.iter().copied()).collect();
    let mut cargo = workspace.cargo(&arguments);
    cargo.args(more);
    cargo
}

/// Kills servers and simulates histories, as these arguments say.
pub(crate) fn torture(workspace: &Workspace, arguments: &[String]) -> Result<ExitCode> {
    require(if is_on_postgres(arguments) { FOR_RUST_TESTS } else { FOR_RUST })?;
    run(&mut cargo(workspace, "build", &ARMED, &["--bins"]))?;
    let mut torture = Command::new(workspace.program(Profile::Dev, "oneoff-torture"));
    torture.args(arguments);
    Ok(if torture.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether a PostgreSQL server is started for it.
fn is_on_postgres(arguments: &[String]) -> bool {
    let names = ["--nodes", "--postgres"];
    arguments.iter().any(|argument| argument.split('=').next().is_some_and(|name| names.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::{ARMED, UNARMED, cargo, is_on_postgres};
    use crate::workspace::Workspace;

    fn features_of_faults(packages: &[&str]) -> String {
        let workspace = Workspace::locate().unwrap();
        let more = ["--locked", "--edges", "features", "--invert", "oneoff-faults"];
        let output = cargo(&workspace, "tree", packages, &more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_server_is_needed_for_what_is_on_it() {
        let is_on_postgres =
            |line: &str| is_on_postgres(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(is_on_postgres("--nodes 3 --jobs 10") && is_on_postgres("--nodes=3"));
        assert!(is_on_postgres("--kills 3 --postgres") && !is_on_postgres("--kills 3 --seed 7"));
    }

    #[test]
    fn nothing_but_the_torture_suite_is_armed() {
        let unarmed = features_of_faults(&UNARMED);
        assert!(unarmed.contains("oneoff-storage") && !unarmed.contains("armed"), "{unarmed}");
        assert!(features_of_faults(&ARMED).contains("feature \"armed\""));
    }
}
