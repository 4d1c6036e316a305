//! `compare`: scenarios with two builds in turn, so that both meet the same machine.

mod judge;

use crate::measure::{build, machine, report};
use crate::process::{again, server};
use clap::Args;
use judge::{Comparison, compare};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// Scenarios that run the store and the scheduler in the program itself.
const IN_PROCESS: [&str; 3] = ["throughput", "lateness", "burst"];
/// Scenarios that bring nothing to the server but requests: one program can measure every server.
const BY_REQUESTS: [&str; 4] = ["create", "bulk", "http-jobs", "shell-jobs"];

/// What is compared with what.
#[derive(Args)]
pub(crate) struct Settings {
    /// The scenarios.
    #[arg(required = true)]
    scenarios: Vec<String>,
    /// The `oneoff-bench` of the other build. Scenarios that run in the program itself, or that fill a database
    /// by its store, need it where the builds differ in that.
    #[arg(long, value_name = "FILE")]
    other_bench: Option<PathBuf>,
    /// The `oneoff-server` of the other build.
    #[arg(long, value_name = "FILE")]
    other_server: Option<PathBuf>,
    /// The `oneoff-server` of this build; the one beside this program if it is not given.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// How often each build runs each scenario.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// End with a failure when a figure of this build is less than so much as good as the other's, such as 0.9.
    #[arg(long, value_name = "RATIO")]
    fail_below: Option<f64>,
    /// Settings of the scenarios for this build alone, which the other one does not know.
    #[arg(long, value_name = "SETTINGS", allow_hyphen_values = true)]
    own_arguments: Option<String>,
    /// Write everything to this file as JSON, rather than below the tables.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Settings of the scenarios for both builds.
    #[arg(last = true)]
    arguments: Vec<OsString>,
}

/// A build: the program that measures it and its server.
struct Build {
    program: PathBuf,
    line: Vec<OsString>,
}

pub(crate) fn run(
    directory: &Path,
    prepared: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let mut documents = Vec::new();
    let mut worse = false;
    for scenario in &settings.scenarios {
        let own = own_build(scenario, directory, prepared, settings)?;
        let other = other_build(scenario, directory, prepared, settings)?;
        let (mut own_reports, mut other_reports) = (Vec::new(), Vec::new());
        for round in 0..settings.rounds {
            // Who goes first changes, so that a machine that slows down favours nobody.
            let own_first = round % 2 == 0;
            for is_own in [own_first, !own_first] {
                let (build, reports) =
                    if is_own { (&own, &mut own_reports) } else { (&other, &mut other_reports) };
                reports.push(again::scenario(&build.program, &build.line)?);
            }
        }
        let comparisons = compare(&figures(&own_reports), &figures(&other_reports));
        anyhow::ensure!(!comparisons.is_empty(), "the two builds have no figure of `{scenario}` in common");
        writeln!(std::io::stdout().lock(), "{}", judge::table(scenario, &comparisons, settings.fail_below))?;
        let is_worse = |one: &Comparison| settings.fail_below.is_some_and(|least| one.is_worse_than(least));
        worse |= comparisons.iter().any(is_worse);
        documents.push(json!({
            "scenario": scenario,
            "comparisons": comparisons.iter().map(Comparison::json).collect::<Vec<_>>(),
            "this": own_reports,
            "other": other_reports,
        }));
    }
    let document = json!({
        "machine": machine::describe(),
        "disk": { "write_4_kib_and_sync": machine::disk_sync(directory)?.json_ms() },
        "build": build::describe(),
        "rounds": settings.rounds,
        "scenarios": documents,
    });
    match &settings.json {
        Some(file) => std::fs::write(file, serde_json::to_string_pretty(&document)?)?,
        None => report::print(&document)?,
    }
    Ok(if worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn figures(reports: &[Value]) -> Vec<Value> {
    reports.iter().map(|report| report.get("figures").cloned().unwrap_or_default()).collect()
}

fn own_build(
    scenario: &str,
    directory: &Path,
    prepared: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Build> {
    let mut line = line(scenario, directory, settings);
    if !IN_PROCESS.contains(&scenario) {
        line.extend(["--server".into(), server::binary(settings.server.as_ref())?.into()]);
    }
    let own = settings.own_arguments.as_deref().unwrap_or_default();
    line.extend(own.split_whitespace().map(OsString::from));
    line.extend(keeping(prepared));
    Ok(Build { program: std::env::current_exe()?, line })
}

fn other_build(
    scenario: &str,
    directory: &Path,
    prepared: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Build> {
    let mut line = line(scenario, directory, settings);
    if IN_PROCESS.contains(&scenario) {
        let bench = settings.other_bench.clone();
        let program = bench.ok_or_else(|| anyhow::anyhow!("`{scenario}` needs --other-bench"))?;
        if keeps(&program) {
            line.extend(keeping(prepared));
        }
        return Ok(Build { program, line });
    }
    let Some(server) = &settings.other_server else { anyhow::bail!("`{scenario}` needs --other-server") };
    line.extend(["--server".into(), server.into()]);
    let program = match &settings.other_bench {
        Some(bench) if !BY_REQUESTS.contains(&scenario) => bench.clone(),
        _ => std::env::current_exe()?,
    };
    if keeps(&program) {
        line.extend(keeping(prepared));
    }
    Ok(Build { program, line })
}

fn line(scenario: &str, directory: &Path, settings: &Settings) -> Vec<OsString> {
    let mut line = vec![scenario.into(), "--directory".into(), directory.into()];
    line.extend(settings.arguments.iter().cloned());
    line
}

fn keeping(prepared: Option<&Path>) -> Vec<OsString> {
    prepared.map(|prepared| vec!["--prepared".into(), prepared.into()]).unwrap_or_default()
}

/// Whether a build of this program keeps filled databases; old ones do not.
fn keeps(program: &Path) -> bool {
    let help = Command::new(program).arg("--help").output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--prepared"))
}
