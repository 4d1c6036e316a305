//! Idle: memory and processor time of a server that has nothing to do.

use crate::fill::content::Content;
use crate::measure::report::Report;
use crate::measure::usage::{Threads, children, resident_bytes};
use crate::place::Place;
use crate::process::server::{self, Server};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that wait.
    #[arg(long, default_value_t = 0)]
    pending: u64,
    /// For how many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many seconds the start's own work is left aside.
    #[arg(long, default_value_t = 5)]
    settle_seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    if settings.pending > 0 {
        place.fill(Content::Pending { jobs: settings.pending }).await?;
    }
    let server = Server::start(&binary, &place.database())?;
    tokio::time::sleep(Duration::from_secs(settings.settle_seconds)).await;
    let processes: Vec<u32> =
        std::iter::once(server.process_id()).chain(children(server.process_id())).collect();
    let before: Vec<Threads> = processes.iter().map(|id| Threads::of(*id)).collect();
    tokio::time::sleep(Duration::from_secs(settings.seconds)).await;
    let used = processes.iter().zip(&before).map(|(id, before)| Threads::of(*id).seconds_since(before));
    let cpu_percent = used.sum::<f64>() / settings.seconds.max(1) as f64 * 100.0;
    let guardian: u64 = processes.iter().skip(1).filter_map(|id| resident_bytes(*id)).sum();
    Ok(Report {
        scenario: "idle",
        figures: json!({
            "resident_bytes": resident_bytes(server.process_id()),
            "guardian_resident_bytes": guardian,
            "cpu_percent_of_a_core": cpu_percent,
        }),
        settings: json!({ "pending": settings.pending, "seconds": settings.seconds }),
    })
}
