//! Throughput: no-op jobs that are due, claimed and finished durably; how many a second?

use crate::fill::content::Content;
use crate::fill::store;
use crate::measure::report::Report;
use crate::measure::usage::{cpu_seconds, resident_bytes};
use crate::place::Place;
use crate::scenarios::engine;
use crate::scenarios::noop::Starts;
use clap::{Args, ValueEnum};
use oneoff_domain::JobStatus;
use oneoff_storage::Store;
use serde_json::json;
use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(600);

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that are due.
    #[arg(long, default_value_t = 300_000)]
    jobs: u64,
    /// Jobs that go on waiting.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    /// Worker slots.
    #[arg(long, default_value_t = 256)]
    workers: usize,
    /// Nodes that work on the database, which is one of a server then.
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// In which order the jobs were created.
    #[arg(long, value_enum, default_value_t = Order::Random)]
    order: Order,
}

/// How due times lie in the order of creation.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    /// What is due lies scattered among what waits, in another order than that of the due times.
    Random,
    /// What is due was created last, and is due at one instant.
    Created,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let (pending, due) = (settings.pending, settings.jobs);
    let store = match settings.order {
        Order::Random => place.store(Content::Mixed { pending, due }).await?,
        Order::Created => place.store(Content::Ordered { pending, due }).await?,
    };
    let own = std::process::id();
    let cpu_before = cpu_seconds(own);
    let began = Instant::now();
    let mut schedulers = vec![engine::start(store.clone(), Starts::default(), settings.workers).await?];
    for _ in 1..settings.nodes {
        let another = store::open(&place.database())?;
        schedulers.push(engine::start(another, Starts::default(), settings.workers).await?);
    }
    wait_for_completed(&store, due, began).await?;
    let seconds = began.elapsed().as_secs_f64();
    let cpu = cpu_seconds(own).zip(cpu_before).map(|(after, before)| after - before);
    let resident = resident_bytes(own);
    for scheduler in schedulers {
        scheduler.shutdown().await;
    }
    Ok(Report {
        scenario: "throughput",
        figures: json!({
            "jobs_per_second": (due as f64 / seconds).round(),
            "cpu_us_per_job": cpu.map(|cpu| cpu * 1e6 / due.max(1) as f64),
            "seconds": seconds,
            "resident_bytes": resident,
        }),
        settings: json!({
            "jobs": due,
            "pending": pending,
            "workers": settings.workers,
            "nodes": settings.nodes,
            "order": format!("{:?}", settings.order).to_lowercase(),
        }),
    })
}

async fn wait_for_completed(store: &Store, jobs: u64, began: Instant) -> anyhow::Result<()> {
    loop {
        let counters = store.counters().await?;
        let completed = counters.jobs.get(&JobStatus::Completed).copied().unwrap_or(0);
        if completed == jobs {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < LONGEST, "{completed} jobs in ten minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
