//! `cargo xtask test --coverage`: which lines of each crate the tests run, measured by cargo-tarpaulin.

mod report;

use crate::prerequisites::{FOR_RUST_TESTS, Prerequisite, require};
use crate::process::{describe, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use report::CrateCoverage;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

const TARPAULIN: Prerequisite =
    Prerequisite { programs: &["cargo-tarpaulin"], purpose: "measures line coverage", packages: &[] };

/// Packages whose tests build the others with kill points: their features would change what is measured.
const LEFT_OUT: &[&str] = &["oneoff-torture"];

/// Measures these packages, or all of them, and prints the table. Fails where a crate that must be covered is not.
pub(super) fn coverage(workspace: &Workspace, packages: &[String]) -> Result<ExitCode> {
    require(FOR_RUST_TESTS)?;
    if TARPAULIN.find().is_none() {
        bail!(
            "cargo-tarpaulin is missing, which measures line coverage: \
             cargo install --locked cargo-tarpaulin, or add --install"
        );
    }
    let folder = workspace.coverage_folder();
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let file = folder.join("tarpaulin-report.json");
    if file.exists() {
        std::fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    let mut cargo = workspace.cargo(&[]);
    cargo.args(arguments(&folder, packages));
    let tests = run(&mut cargo);
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("`{}` left no report {}", describe(&cargo), file.display()))?;
    let crates = report::read(&text, &workspace.root)?;
    let measured: Vec<CrateCoverage> = crates
        .into_iter()
        .filter(|one| packages.is_empty() || packages.iter().any(|name| one.is_package(name)))
        .collect();
    print!("{}", report::table(&measured));
    tests?;
    let short = report::below_minimum(&measured);
    if measured.is_empty() {
        bail!("no line of these packages was measured");
    }
    if !short.is_empty() {
        bail!("too few lines are run by tests in {}", short.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs cargo-tarpaulin unless it is there.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    match TARPAULIN.find() {
        Some(_) => Ok(()),
        None => run(&mut workspace.cargo(&["install", "--locked", "cargo-tarpaulin"])),
    }
}

fn arguments(folder: &std::path::Path, packages: &[String]) -> Vec<OsString> {
    // The engine that counts by instrumented code follows threads and processes without tracing them. A build folder
    // of its own keeps the other builds, whose flags differ.
    let mut arguments: Vec<OsString> = [
        "tarpaulin",
        "--engine",
        "llvm",
        "--follow-exec",
        "--skip-clean",
        "--no-fail-fast",
        "--timeout",
        "900",
    ]
    .iter()
    .map(Into::into)
    .collect();
    let build: PathBuf = folder.join("build");
    arguments.extend(["--target-dir".into(), build.into_os_string()]);
    arguments.extend(["--out".into(), "Json".into(), "--output-dir".into(), folder.as_os_str().to_owned()]);
    match packages {
        [] => {
            arguments.push("--workspace".into());
            LEFT_OUT.iter().for_each(|name| arguments.extend(["--exclude".into(), (*name).into()]));
        }
        packages => packages.iter().for_each(|name| arguments.extend(["--packages".into(), name.into()])),
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::arguments;
    use std::path::Path;

    fn line(packages: &[&str]) -> String {
        let packages: Vec<String> = packages.iter().map(|name| (*name).to_owned()).collect();
        let words = arguments(Path::new("/x"), &packages);
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn everything_is_measured_but_what_changes_the_rest() {
        let line = line(&[]);
        assert!(
            line.starts_with("tarpaulin ") && line.ends_with("--workspace --exclude oneoff-torture"),
            "{line}"
        );
    }

    #[test]
    fn a_single_package_can_be_measured() {
        let line = line(&["oneoff-domain", "oneoff-storage"]);
        assert!(line.ends_with("--packages oneoff-domain --packages oneoff-storage"), "{line}");
        assert!(!line.contains("--workspace"), "{line}");
    }
}
