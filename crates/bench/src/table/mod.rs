//! `all`: every row of the table of targets in one run.

mod markdown;
mod rows;

use crate::measure::percentiles::median;
use crate::measure::{build, machine, report};
use crate::process::{again, server};
use anyhow::Context as _;
use clap::Args;
use rows::{BINARY, Demand, RUNS, Run};
use serde_json::{Map, Value, json};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// What is run.
#[derive(Args)]
pub(crate) struct Settings {
    /// Only these, such as `create,idle-pending`.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How often each is run; the table has the median.
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Tiny settings, to try the command out: its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Write everything that was printed by the scenarios to this file, rather than below the table.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What the rounds of a run printed. A run that failed has one less.
type Reports = Map<String, Value>;

pub(crate) fn run(
    directory: &Path,
    prepared: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<ExitCode> {
    let is_known = |name: &String| name == BINARY || RUNS.iter().any(|run| run.name == name);
    if let Some(unknown) = settings.only.iter().find(|name| !is_known(name)) {
        let names: Vec<&str> = RUNS.iter().map(|run| run.name).chain([BINARY]).collect();
        anyhow::bail!("`{unknown}` is none of {}", names.join(", "));
    }
    let server = server::binary(settings.server.as_ref())?;
    let own = tempfile::Builder::new().prefix("oneoff-bench-all-").tempdir_in(directory)?;
    let prepared = prepared.unwrap_or(own.path());
    let wanted = |name: &str| settings.only.is_empty() || settings.only.iter().any(|only| only == name);
    let sync = machine::disk_sync(directory)?;
    let mut reports = Reports::new();
    let mut failed = false;
    for run in RUNS.iter().filter(|run| wanted(run.name)) {
        let mut rounds = Vec::new();
        for _ in 0..settings.rounds {
            eprint(&format!("{} ...", run.name));
            match again::scenario(
                &std::env::current_exe()?,
                &line(run, settings, directory, prepared, &server),
            ) {
                Ok(report) => rounds.push(report),
                Err(error) => {
                    failed = true;
                    eprint(&format!("{} failed: {error:#}", run.name));
                }
            }
        }
        reports.insert(run.name.to_owned(), Value::Array(rounds));
    }
    let bytes = server.metadata().with_context(|| format!("reading {}", server.display()))?.len();
    reports.insert(BINARY.to_owned(), json!([{ "figures": { "bytes": bytes } }]));
    let figure = |demand: &Demand| figure(&reports, demand);
    let table = markdown::table(&|demand| wanted(demand.run), &figure);
    let document = json!({
        "machine": machine::describe(),
        "disk": { "write_4_kib_and_sync": sync.json_ms() },
        "build": build::describe(),
        "server": version(&server),
        "rounds": settings.rounds,
        "quick": settings.quick,
        "reports": reports,
    });
    print(&document, &table, settings)?;
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The median of what the rounds have of this figure.
fn figure(reports: &Reports, demand: &Demand) -> Option<f64> {
    let rounds = reports.get(demand.run)?.as_array()?;
    let figures = rounds.iter().filter_map(|report| report.get("figures")?.pointer(demand.figure)?.as_f64());
    median(figures.collect())
}

fn line(run: &Run, settings: &Settings, directory: &Path, prepared: &Path, server: &Path) -> Vec<OsString> {
    let mut line: Vec<OsString> = run.arguments.iter().map(OsString::from).collect();
    if settings.quick {
        let name = |argument: &OsString| argument.to_string_lossy().split('=').next().map(str::to_owned);
        let quick: Vec<OsString> = run.quick.iter().map(OsString::from).collect();
        line.retain(|argument| !quick.iter().any(|other| name(other) == name(argument)));
        line.extend(quick);
    }
    if run.has_server {
        line.extend(["--server".into(), server.into()]);
    }
    line.extend(["--directory".into(), directory.into(), "--prepared".into(), prepared.into()]);
    line
}

fn version(server: &Path) -> Option<String> {
    let output = Command::new(server).arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn print(document: &Value, table: &str, settings: &Settings) -> anyhow::Result<()> {
    let text = |pointer: &str| match document.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    };
    let sync = "/disk/write_4_kib_and_sync";
    let head = format!(
        "{} cores of {}, {}, Linux {}; a write of 4 KiB and its sync take {} ms (p50) and {} ms (p99).\n\
         Commit {}, profile `{}`, `synchronous=FULL`; {}. Median of {} rounds.{}\n",
        text("/machine/cores"),
        text("/machine/cpu"),
        text("/machine/memory"),
        text("/machine/kernel"),
        text(&format!("{sync}/p50_ms")),
        text(&format!("{sync}/p99_ms")),
        text("/build/commit"),
        text("/build/profile"),
        text("/server"),
        settings.rounds,
        if settings.quick { " Tiny settings: the figures mean nothing." } else { "" },
    );
    writeln!(std::io::stdout().lock(), "{head}\n{table}")?;
    match &settings.json {
        Some(file) => {
            std::fs::write(file, serde_json::to_string_pretty(document)?)
                .with_context(|| format!("writing {}", file.display()))?;
            Ok(())
        }
        None => report::print(document),
    }
}

/// Says how far it is, where that does not get into the table.
fn eprint(line: &str) {
    let _nobody_reads = writeln!(std::io::stderr(), "{line}");
}
