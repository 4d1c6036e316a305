//! Idle: memory and processor time of a server that has nothing to do.

use crate::engine;
use crate::machine::{cpu_seconds, resident_bytes};
use crate::report::Report;
use crate::server::{self, Server};
use clap::Args;
use oneoff_domain::Clock;
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the start's own work is left aside.
const SETTLE: Duration = Duration::from_secs(5);

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that wait a year ahead.
    #[arg(long, default_value_t = 0)]
    pending: u64,
    /// For how many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(directory: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    if settings.pending > 0 {
        let store = engine::open(directory)?;
        engine::fill(&store, "http", engine::far_ahead(SystemClock.now(), settings.pending)).await?;
        store.close();
    }
    let server = Server::start(&binary, &directory.join("oneoff.db"))?;
    tokio::time::sleep(SETTLE).await;
    let before = cpu_seconds(server.process_id());
    tokio::time::sleep(Duration::from_secs(settings.seconds)).await;
    let after = cpu_seconds(server.process_id());
    let share = after.zip(before).map(|(after, before)| (after - before) / settings.seconds as f64 * 100.0);
    Ok(Report {
        scenario: "idle",
        figures: json!({
            "resident_bytes": resident_bytes(server.process_id()),
            "cpu_percent_of_a_core": share,
        }),
        settings: json!({ "pending": settings.pending, "seconds": settings.seconds }),
    })
}
