//! Punctual: shell jobs on the real server; how late is the time that their own output shows?

use crate::fill::content::Content;
use crate::load::connection::{Connection, text};
use crate::measure::percentiles::Summary;
use crate::measure::report::Report;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::scenarios::due_at_once::{wait_for_ends, wait_until};
use anyhow::Context as _;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that go on waiting.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    /// Shell jobs that print the time.
    #[arg(long, default_value_t = 200)]
    jobs: u64,
    /// Over how many seconds they are spread.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    place.fill(Content::Pending { jobs: settings.pending }).await?;
    let server = Server::start(&binary, &place.database())?;
    let mut connection = Connection::open(server.address).await?;
    let begin = SystemClock.now().saturating_add(Duration::from_secs(3));
    let apart = Duration::from_micros(settings.seconds * 1_000_000 / settings.jobs.max(1));
    let mut jobs = Vec::new();
    for index in 0..settings.jobs {
        let at = begin.saturating_add(apart * u32::try_from(index)?);
        let body =
            json!({ "type": "shell", "config": { "script": "date +%s.%N" }, "scheduled_at": at.to_string() });
        let (status, answer) = connection.request("POST", "/api/jobs", &body.to_string()).await?;
        anyhow::ensure!(status == 201, "status {status}: {answer}");
        jobs.push(text(&serde_json::from_str(&answer)?, "/data/id")?);
    }
    let last = begin.saturating_add(Duration::from_secs(settings.seconds));
    wait_until(last).await;
    wait_for_ends(server.address, settings.jobs, last).await?;
    let mut late_us = Vec::new();
    let mut claimed_late_us = Vec::new();
    for job in jobs {
        let path = format!("/api/executions?job_id={job}");
        let list = connection.get(&path).await?;
        let path = format!("/api/executions/{}", text(&list, "/data/0/id")?);
        let execution = connection.get(&path).await?;
        let printed = printed_at(&text(&execution, "/data/output")?)?;
        let due: Timestamp = text(&execution, "/data/scheduled_for")?.parse()?;
        late_us.push(printed.micros_since(due));
        let claimed: Timestamp = text(&execution, "/data/started_at")?.parse()?;
        claimed_late_us.push(claimed.micros_since(due));
    }
    Ok(Report {
        scenario: "punctual",
        figures: json!({
            "lateness_by_own_output": Summary::of(late_us).json_ms(),
            "lateness_recorded": Summary::of(claimed_late_us).json_ms(),
        }),
        settings: json!({
            "pending": settings.pending,
            "jobs": settings.jobs,
            "seconds": settings.seconds,
        }),
    })
}

/// Reads `1800000000.123456789`, as `date +%s.%N` prints it.
fn printed_at(output: &str) -> anyhow::Result<Timestamp> {
    let (seconds, nanoseconds) = output.trim().split_once('.').context("no time in the output")?;
    let micros = seconds.parse::<i64>()? * 1_000_000 + nanoseconds.parse::<i64>()? / 1_000;
    Timestamp::from_micros(micros).context("the time is out of range")
}
