//! Lateness: N jobs wait, R are due per second; how late do those start?

use crate::fill::content::Content;
use crate::fill::{jobs, store};
use crate::measure::machine;
use crate::measure::report::Report;
use crate::place::Place;
use crate::random::Numbers;
use crate::scenarios::engine;
use crate::scenarios::noop::Starts;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::time::Duration;

/// A claim is durable before its job starts, and it may have to wait for the commit before its own.
const SYNCS_BEFORE_A_START: f64 = 2.0;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that go on waiting.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    /// Jobs that are due in each second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// For how many seconds.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Worker slots; 0 is the server's default.
    #[arg(long, default_value_t = 0)]
    workers: usize,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let store = place.store(Content::Pending { jobs: settings.pending }).await?;
    let sync = machine::disk_sync(&place.directory)?;
    let count = settings.rate * settings.seconds;
    let begin = SystemClock.now().saturating_add(Duration::from_secs(3 + count / 5_000));
    let apart = |index: u64| Duration::from_micros(index * 1_000_000 / settings.rate.max(1));
    let mut due: Vec<Timestamp> = (0..count).map(|index| begin.saturating_add(apart(index))).collect();
    Numbers::new(count).shuffle(&mut due);
    store::fill(&store, due.into_iter().map(jobs::noop)).await?;
    store::settle(&store).await?;
    let starts = Starts::default();
    let scheduler = engine::start(store, starts.clone(), settings.workers).await?;
    anyhow::ensure!(SystemClock.now() < begin, "the jobs were due before all of them were stored");
    let last = begin.saturating_add(Duration::from_secs(settings.seconds + 30));
    let late = starts.wait_for(count, last).await?;
    scheduler.shutdown().await;
    let syncs_ms = SYNCS_BEFORE_A_START * sync.at_ms(0.5);
    let beyond = |share| (late.at_ms(share) - syncs_ms).max(0.0);
    Ok(Report {
        scenario: "lateness",
        figures: json!({
            "lateness": late.json_ms(),
            "beyond_two_syncs": { "p50_ms": beyond(0.5), "p99_ms": beyond(0.99) },
            "disk_sync": sync.json_ms(),
        }),
        settings: json!({
            "pending": settings.pending,
            "due_per_second": settings.rate,
            "seconds": settings.seconds,
            "workers": settings.workers,
        }),
    })
}
