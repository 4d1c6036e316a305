//! Burst: many jobs are due in the same millisecond; when do the first and the last one start?

use crate::fill::content::Content;
use crate::fill::{jobs, store};
use crate::measure::report::Report;
use crate::place::Place;
use crate::scenarios::engine;
use crate::scenarios::noop::Starts;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::time::Duration;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that are due in the same millisecond.
    #[arg(long, default_value_t = 10_000)]
    jobs: u64,
    /// Jobs that go on waiting.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    /// Worker slots.
    #[arg(long, default_value_t = 256)]
    workers: usize,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let store = place.store(Content::Pending { jobs: settings.pending }).await?;
    let due =
        whole_millisecond(SystemClock.now().saturating_add(Duration::from_secs(3 + settings.jobs / 5_000)));
    store::fill(&store, (0..settings.jobs).map(|_index| jobs::noop(due))).await?;
    store::settle(&store).await?;
    let starts = Starts::default();
    let scheduler = engine::start(store, starts.clone(), settings.workers).await?;
    anyhow::ensure!(SystemClock.now() < due, "the jobs were due before all of them were stored");
    let late = starts.wait_for(settings.jobs, due.saturating_add(Duration::from_secs(60))).await?;
    scheduler.shutdown().await;
    Ok(Report {
        scenario: "burst",
        figures: json!({
            "first_start_ms": late.at_ms(0.0),
            "half_started_ms": late.at_ms(0.5),
            "last_start_ms": late.at_ms(1.0),
        }),
        settings: json!({
            "jobs": settings.jobs,
            "pending": settings.pending,
            "workers": settings.workers,
        }),
    })
}

fn whole_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_micros_clamped(at.as_micros() / 1_000 * 1_000)
}
