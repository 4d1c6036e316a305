//! The suite of those who know the API only by `/api/openapi.json`: a client that a generator makes of it in Python, one
//! in TypeScript, and Schemathesis, which makes requests up.

mod schemathesis;
mod server;
mod tools;

use super::{Report, Tally};
use crate::prerequisites::{FOR_RUST, FOR_UI, require};
use crate::process::{describe, run, run_watched};
use crate::torture::{UNARMED, cargo};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use server::Server;
use std::fs;
use std::path::Path;
use std::process::Command;
use tools::Tools;

pub(super) use tools::{PACKAGES, has_virtual_environments};

/// Installs the generators and Schemathesis.
pub(super) fn install(workspace: &Workspace) -> Result<crate::phase::Work> {
    Tools::of(workspace).prepare()
}

pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    require(FOR_RUST)?;
    require(FOR_UI)?;
    let tools = Tools::of(workspace);
    tools.prepare()?;
    // With the targets and features of the Rust tests, so that nothing is compiled a second time.
    run(&mut cargo(workspace, "build", &UNARMED, &["--all-targets"]))?;
    let mut outcomes = Outcomes::default();
    let server = Server::start(workspace, &[])?;
    let document = tools.folder.join("openapi.json");
    fs::write(&document, server.document()?)
        .with_context(|| format!("cannot write {}", document.display()))?;
    outcomes.add("the generated client in Python", python(&tools, &server, &document));
    outcomes.add("the generated client in TypeScript", typescript(&tools, &server, &document));
    server.stop()?;
    let server = Server::start(workspace, schemathesis::SAFE)?;
    match schemathesis::run(&tools, &server) {
        Ok(cases) => outcomes.passed += cases,
        Err(error) => outcomes.failures.push(format!("Schemathesis: {error:#}\n{}", server.log())),
    }
    server.stop()?;
    Ok(outcomes.report())
}

#[derive(Default)]
struct Outcomes {
    passed: usize,
    failures: Vec<String>,
}

impl Outcomes {
    fn add(&mut self, what: &str, outcome: Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("{what} created jobs and read what came of them");
            }
            Err(error) => self.failures.push(format!("{what}: {error:#}")),
        }
    }

    /// A client is a case, and so is each request that was made up.
    fn report(self) -> Report {
        let failed = self.failures.len();
        let failure = (failed > 0).then(|| self.failures.join("\n"));
        Report { tally: Tally { passed: self.passed, failed, ignored: 0 }, unit: "cases", failure }
    }
}

fn python(tools: &Tools, server: &Server, document: &Path) -> Result<()> {
    let package = tools.folder.join("python");
    let mut generator = tools.python("openapi-python-client");
    generator.args(["generate", "--meta", "none", "--overwrite", "--fail-on-warning", "--config"]);
    generator.arg(tools.sources.join("python/generator.yml"));
    generator.arg("--path").arg(document).arg("--output-path").arg(package.join("oneoff_client"));
    fs::create_dir_all(&package)?;
    watched(&mut generator)?;
    let mut journey = tools.python("python");
    journey.arg(tools.sources.join("python/journey.py")).env("PYTHONPATH", &package);
    watched(server.name_to(&mut journey))
}

fn typescript(tools: &Tools, server: &Server, document: &Path) -> Result<()> {
    let folder = tools.typescript();
    let built = ["generated", "built"].map(|name| folder.join(name));
    for old in built.iter().filter(|old| old.is_dir()) {
        fs::remove_dir_all(old)?;
    }
    let mut generator = tools.npx("openapi-ts");
    generator.args(["--no-log-file", "--input"]).arg(document).args(["--output", "generated"]);
    watched(&mut generator)?;
    watched(&mut tools.npx("tsc"))?;
    let mut journey = Command::new("node");
    journey.arg("built/journey.js").current_dir(&folder);
    watched(server.name_to(&mut journey))
}

/// Runs it, and shows what it prints.
fn watched(command: &mut Command) -> Result<()> {
    let status = run_watched(command, |_line| ())?;
    if !status.success() {
        anyhow::bail!("`{}` ended with {status}", describe(command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Outcomes;
    use anyhow::anyhow;

    #[test]
    fn what_failed_is_told_and_cases_are_counted() {
        let mut outcomes = Outcomes::default();
        outcomes.add("one", Ok(()));
        outcomes.add("two", Err(anyhow!("it broke")));
        outcomes.passed += 2_000;
        let report = outcomes.report();
        assert_eq!((report.tally.passed, report.tally.failed, report.unit), (2_001, 1, "cases"));
        assert_eq!(report.failure.as_deref(), Some("two: it broke"));
    }
}
