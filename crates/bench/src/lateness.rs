//! Lateness: N jobs wait a year ahead, R are due per second; how late do those start?

use crate::engine;
use crate::noop::Starts;
use crate::percentiles::summary_ms;
use crate::report::Report;
use clap::Args;
use oneoff_domain::Clock;
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that wait a year ahead.
    #[arg(long, default_value_t = 100_000)]
    pending: u64,
    /// Jobs that are due in each second.
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// For how many seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Worker slots; 0 is the server's default.
    #[arg(long, default_value_t = 0)]
    workers: usize,
}

pub(crate) async fn run(directory: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let store = engine::open(directory)?;
    engine::fill(&store, "noop", engine::far_ahead(SystemClock.now(), settings.pending)).await?;
    let count = settings.rate * settings.seconds;
    let begin = SystemClock.now().saturating_add(Duration::from_secs(2 + count / 20_000));
    let due = (0..count)
        .map(|index| begin.saturating_add(Duration::from_micros(index * 1_000_000 / settings.rate.max(1))));
    engine::fill(&store, "noop", due).await?;
    let starts = Starts::default();
    let scheduler = engine::start(store, starts.clone(), settings.workers).await?;
    anyhow::ensure!(SystemClock.now() < begin, "the jobs were due before all of them were stored");
    let last = begin.saturating_add(Duration::from_secs(settings.seconds + 30));
    while starts.len() < usize::try_from(count)? && SystemClock.now() < last {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    scheduler.shutdown().await;
    let late_us = starts.take();
    anyhow::ensure!(late_us.len() == usize::try_from(count)?, "{} of {count} jobs started", late_us.len());
    Ok(Report {
        scenario: "lateness",
        figures: json!({ "lateness": summary_ms(late_us) }),
        settings: json!({
            "pending": settings.pending,
            "due_per_second": settings.rate,
            "seconds": settings.seconds,
            "workers": settings.workers,
        }),
    })
}
