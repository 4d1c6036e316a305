//! Load and scale scenarios. Each prints one JSON object: the figures, the settings, the machine and the
//! disk's sync time. Published figures come from the `dist` profile.

mod create;
mod engine;
mod http;
mod idle;
mod lateness;
mod machine;
mod noop;
mod percentiles;
mod punctual;
mod recovery;
mod report;
mod server;
mod throughput;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Scenarios of OneOff's speed.
#[derive(Parser)]
#[command(name = "oneoff-bench", version)]
struct Arguments {
    /// Where databases are made; the disk of this directory is the one that is measured.
    #[arg(long, global = true)]
    directory: Option<PathBuf>,
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Subcommand)]
enum Scenario {
    /// How late jobs start, with many others waiting.
    Lateness(lateness::Settings),
    /// Durable single creates over HTTP.
    Create(create::Settings),
    /// No-op jobs that are claimed and finished durably.
    Throughput(throughput::Settings),
    /// From `kill -9` to the next start of a job.
    Recovery(recovery::Settings),
    /// How late shell jobs of the real server start, by their own output.
    Punctual(punctual::Settings),
    /// Memory and processor time of a server that has nothing to do.
    Idle(idle::Settings),
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let parent = arguments.directory.unwrap_or_else(std::env::temp_dir);
    let directory = tempfile::Builder::new().prefix("oneoff-bench-").tempdir_in(&parent)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let path = directory.path();
    let report = runtime.block_on(async {
        match arguments.scenario {
            Scenario::Lateness(settings) => lateness::run(path, &settings).await,
            Scenario::Create(settings) => create::run(path, &settings).await,
            Scenario::Throughput(settings) => throughput::run(path, &settings).await,
            Scenario::Recovery(settings) => recovery::run(path, &settings).await,
            Scenario::Punctual(settings) => punctual::run(path, &settings).await,
            Scenario::Idle(settings) => idle::run(path, &settings).await,
        }
    })?;
    report.print(path)
}
