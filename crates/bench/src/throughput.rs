//! Throughput: no-op jobs, all due at once, claimed and finished durably; how many a second?

use crate::engine;
use crate::noop::Starts;
use crate::report::Report;
use clap::Args;
use oneoff_domain::{Clock, JobStatus};
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that are due.
    #[arg(long, default_value_t = 50_000)]
    jobs: u64,
    /// Jobs that wait a year ahead.
    #[arg(long, default_value_t = 100_000)]
    pending: u64,
    /// Worker slots.
    #[arg(long, default_value_t = 256)]
    workers: usize,
}

pub(crate) async fn run(directory: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let store = engine::open(directory)?;
    let now = SystemClock.now();
    engine::fill(&store, "noop", engine::far_ahead(now, settings.pending)).await?;
    engine::fill(&store, "noop", std::iter::repeat_n(now, usize::try_from(settings.jobs)?)).await?;
    let began = Instant::now();
    let scheduler = engine::start(store.clone(), Starts::default(), settings.workers).await?;
    loop {
        let counters = store.counters().await?;
        let completed = counters.jobs.get(&JobStatus::Completed).copied().unwrap_or(0);
        if completed == settings.jobs {
            break;
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(600), "{completed} jobs in ten minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = began.elapsed().as_secs_f64();
    scheduler.shutdown().await;
    let jobs_per_second = (settings.jobs as f64 / seconds).round();
    Ok(Report {
        scenario: "throughput",
        figures: json!({ "jobs_per_second": jobs_per_second, "seconds": seconds }),
        settings: json!({
            "jobs": settings.jobs,
            "pending": settings.pending,
            "workers": settings.workers,
        }),
    })
}
