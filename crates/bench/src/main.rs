//! Load and scale scenarios. Each prints one JSON object: the figures, the settings, the machine and the
//! disk's sync time. `all` runs those of the table of targets, `compare` two builds in turn. Published figures
//! come from the `dist` profile.

mod compare;
mod database;
mod fill;
mod load;
mod measure;
mod place;
mod process;
mod random;
mod scenarios;
mod table;

use clap::{Args, Parser, Subcommand};
use measure::report::Report;
use place::Place;
use scenarios::restart::End;
use scenarios::{
    bulk, burst, create, due_at_once, failover, idle, lateness, punctual, reads, restart, soak, throughput,
};
use std::path::PathBuf;
use std::process::ExitCode;

/// Scenarios of OneOff's speed.
#[derive(Parser)]
#[command(name = "oneoff-bench", version)]
struct Arguments {
    #[command(flatten)]
    places: Places,
    #[command(subcommand)]
    command: Command,
}

/// Where things are put.
#[derive(Args, Clone)]
struct Places {
    /// Where databases are made; the disk of this directory is the one that is measured.
    #[arg(long, global = true, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Keep filled databases here for half an hour, so that they are filled once for several scenarios.
    #[arg(long, global = true, value_name = "DIR")]
    prepared: Option<PathBuf>,
    /// Work on this database of a PostgreSQL server in place of a file. It has to be empty.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
}

impl Places {
    fn directory(&self) -> PathBuf {
        self.directory.clone().unwrap_or_else(std::env::temp_dir)
    }
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Scenario(Scenario),
    /// Run every row of the table of targets; prints a Markdown table and everything as JSON.
    All(table::Settings),
    /// Run scenarios with two builds in turn; prints the ratio of each figure.
    Compare(compare::Settings),
}

#[derive(Subcommand)]
enum Scenario {
    /// Durable single creates over HTTP.
    Create(create::Settings),
    /// Durable creates over HTTP, many in each request.
    Bulk(bulk::Settings),
    /// No-op jobs that are claimed and finished durably.
    Throughput(throughput::Settings),
    /// HTTP jobs of the real server against a local target.
    HttpJobs(due_at_once::Settings),
    /// Shell jobs of the real server.
    ShellJobs(due_at_once::Settings),
    /// How late jobs start, with many others waiting.
    Lateness(lateness::Settings),
    /// When the first and the last of many jobs start that are due in the same millisecond.
    Burst(burst::Settings),
    /// From the start of a server that was stopped to its first answer and the next start of a job.
    Start(restart::Settings),
    /// The same after `kill -9`.
    Recovery(restart::Settings),
    /// From the kill of one of two nodes to the next starts of the jobs that it ran.
    Failover(failover::Settings),
    /// How late jobs start that come due around the stop of one of two nodes.
    Handover(failover::Settings),
    /// How late shell jobs of the real server start, by their own output.
    Punctual(punctual::Settings),
    /// Memory and processor time of a server that has nothing to do.
    Idle(idle::Settings),
    /// Whether anything grows under an hour of steady load; fails when it does.
    Soak(soak::Settings),
    /// Lists, single records, search and counters of a large database.
    Reads(reads::Settings),
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { places, command } = Arguments::parse();
    match command {
        Command::Scenario(scenario) => measure(&places, &scenario),
        Command::All(settings) => table::run(&places.directory(), places.prepared.as_deref(), &settings),
        Command::Compare(settings) => {
            compare::run(&places.directory(), places.prepared.as_deref(), &settings)
        }
    }
}

fn measure(places: &Places, scenario: &Scenario) -> anyhow::Result<ExitCode> {
    let directory = tempfile::Builder::new().prefix("oneoff-bench-").tempdir_in(places.directory())?;
    let (prepared, server) = (places.prepared.clone(), places.database_url.clone());
    let place = Place { directory: directory.path().to_owned(), prepared, server };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(run(&place, scenario))?;
    report.print(&place.directory)?;
    let has_grown = report.figures.get("is_flat") == Some(&serde_json::Value::Bool(false));
    Ok(if has_grown { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn run(place: &Place, scenario: &Scenario) -> anyhow::Result<Report> {
    match scenario {
        Scenario::Create(settings) => create::run(place, settings).await,
        Scenario::Bulk(settings) => bulk::run(place, settings).await,
        Scenario::Throughput(settings) => throughput::run(place, settings).await,
        Scenario::HttpJobs(settings) => due_at_once::http_jobs(place, settings).await,
        Scenario::ShellJobs(settings) => due_at_once::shell_jobs(place, settings).await,
        Scenario::Lateness(settings) => lateness::run(place, settings).await,
        Scenario::Burst(settings) => burst::run(place, settings).await,
        Scenario::Start(settings) => restart::run(place, settings, End::Stopped).await,
        Scenario::Recovery(settings) => restart::run(place, settings, End::Killed).await,
        Scenario::Failover(settings) => failover::run(place, settings).await,
        Scenario::Handover(settings) => failover::hand_over(place, settings).await,
        Scenario::Punctual(settings) => punctual::run(place, settings).await,
        Scenario::Idle(settings) => idle::run(place, settings).await,
        Scenario::Reads(settings) => reads::run(place, settings).await,
        Scenario::Soak(settings) => soak::run(place, settings).await,
    }
}
