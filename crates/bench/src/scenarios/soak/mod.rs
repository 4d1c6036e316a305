//! Soak: an hour of steady load under short retention. Does anything grow?

mod load;
mod sample;
mod trend;

use crate::measure::report::Report;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::process::target::Target;
use clap::Args;
use load::SteadyLoad;
use sample::{Process, Sample};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// For how long, after the warm-up.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// How long until as much is removed as comes in.
    #[arg(long, default_value_t = 4)]
    warm_up_minutes: u64,
    /// Jobs that are created, run and removed in a second.
    #[arg(long, default_value_t = 200)]
    jobs_per_second: u32,
    /// How often things are counted.
    #[arg(long, default_value_t = 60)]
    sample_seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Everything is kept for a minute and a half, so that removal keeps pace within the warm-up.
const SHORT_RETENTION: &[(&str, &str)] = &[
    ("JOB_RETENTION_DAYS", "0.001"),
    ("LOG_RETENTION_DAYS", "0.001"),
    ("EVENT_RETENTION_DAYS", "0.001"),
    ("AUDIT_RETENTION_DAYS", "0.001"),
    ("IDEMPOTENCY_RETENTION_DAYS", "0.001"),
    ("OUTPUT_TOTAL_MAX_BYTES", "8388608"),
];

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    let server = Server::start_with_settings(&binary, &place.database(), SHORT_RETENTION)?;
    let target = Target::start()?;
    let process = Process::new(server.process_id(), place.database().file()?)?;
    let mut load = load::begin(server.address, target.address, settings.jobs_per_second);
    let samples = watch(&process, &mut load, settings).await?;
    let load = load.end().await?;
    drop(server);
    let trends = trend::of_all(&samples);
    let is_flat = trends.iter().all(|trend| trend.is_flat);
    let trends: serde_json::Map<String, Value> =
        trends.into_iter().map(|trend| (trend.name.to_owned(), trend.json())).collect();
    Ok(Report {
        scenario: "soak",
        figures: json!({
            "is_flat": is_flat,
            "trends": trends,
            "load": load,
            "http_jobs_run": target.requests(),
            "samples": samples.iter().map(Sample::json).collect::<Vec<_>>(),
        }),
        settings: json!({
            "minutes": settings.minutes,
            "warm_up_minutes": settings.warm_up_minutes,
            "jobs_per_second": settings.jobs_per_second,
            "sample_seconds": settings.sample_seconds,
        }),
    })
}

/// Counts what there is, over and over; answers what was counted after the warm-up.
async fn watch(process: &Process, load: &mut SteadyLoad, settings: &Settings) -> anyhow::Result<Vec<Sample>> {
    let began = Instant::now();
    let warm_at = began + Duration::from_secs(settings.warm_up_minutes * 60);
    let ends_at = warm_at + Duration::from_secs(settings.minutes * 60);
    let every = Duration::from_secs(settings.sample_seconds.max(1));
    let mut samples = Vec::new();
    let mut next = began + every;
    while next <= ends_at {
        sleep_until(next).await;
        load.goes_on()?;
        let sample = process.sample(began.elapsed().as_secs_f64())?;
        sample.tell()?;
        if next > warm_at {
            samples.push(sample);
        }
        next += every;
    }
    Ok(samples)
}
