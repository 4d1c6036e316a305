//! Start and recovery: a server that was stopped, or killed with `kill -9`, starts again with many pending jobs;
//! how long until it answers, and until it starts the next job?

use crate::fill::content::Content;
use crate::load::connection::{Connection, text};
use crate::measure::percentiles::Summary;
use crate::measure::report::Report;
use crate::measure::usage::resident_bytes;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::scenarios::due_at_once::wait_until;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that wait.
    #[arg(long, default_value_t = 1_000_000)]
    pending: u64,
    /// How often it is started again.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// How the server ends before it starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is told to stop.
    Stopped,
    /// `kill -9`, with a job that runs.
    Killed,
}

pub(crate) async fn run(place: &Place, settings: &Settings, end: End) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    place.fill(Content::Pending { jobs: settings.pending }).await?;
    let (mut listening_us, mut next_start_us) = (Vec::new(), Vec::new());
    let mut server = Server::start(&binary, &place.database())?;
    for _ in 0..settings.rounds {
        let overdue = prepare(&server, end).await?;
        match end {
            End::Stopped => server.stop()?,
            End::Killed => server.kill()?,
        }
        wait_until(overdue.at).await;
        let restarted_at = SystemClock.now();
        server = Server::start(&binary, &place.database())?;
        listening_us.push(server.listening_after.as_micros().try_into()?);
        wait_for(&server, &overdue.id, "completed").await?;
        next_start_us.push(started_at(&server, &overdue.id).await?.micros_since(restarted_at));
    }
    Ok(Report {
        scenario: if end == End::Killed { "recovery" } else { "start" },
        figures: json!({
            "listening": Summary::of(listening_us).json_ms(),
            "next_start": Summary::of(next_start_us).json_ms(),
            "resident_bytes": resident_bytes(server.process_id()),
        }),
        settings: json!({ "pending": settings.pending, "rounds": settings.rounds }),
    })
}

/// The job whose start shows that the server is armed.
struct Overdue {
    id: String,
    at: Timestamp,
}

/// Leaves behind a job that comes due while no server runs; for a kill also one that runs.
async fn prepare(server: &Server, end: End) -> anyhow::Result<Overdue> {
    if end == End::Killed {
        let running = create(server, "sleep 300", "now").await?;
        wait_for(server, &running, "running").await?;
    }
    let at = SystemClock.now().saturating_add(Duration::from_millis(500));
    let id = create(server, "true", &at.to_string()).await?;
    anyhow::ensure!(
        SystemClock.now() < at,
        "the machine is too busy: the job is due before the server ended"
    );
    Ok(Overdue { id, at })
}

async fn create(server: &Server, script: &str, at: &str) -> anyhow::Result<String> {
    let body =
        json!({ "type": "shell", "config": { "script": script }, "scheduled_at": at, "on_crash": "fail" });
    let mut connection = Connection::open(server.address).await?;
    let (status, answer) = connection.request("POST", "/api/jobs", &body.to_string()).await?;
    anyhow::ensure!(status == 201, "status {status}: {answer}");
    text(&serde_json::from_str(&answer)?, "/data/id")
}

async fn wait_for(server: &Server, job: &str, status: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut connection = Connection::open(server.address).await?;
    loop {
        let answer = connection.get(&format!("/api/jobs/{job}")).await?;
        if text(&answer, "/data/status")? == status {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < LONGEST_WAIT, "the job is not {status}: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn started_at(server: &Server, job: &str) -> anyhow::Result<Timestamp> {
    let mut connection = Connection::open(server.address).await?;
    let answer = connection.get(&format!("/api/executions?job_id={job}")).await?;
    Ok(text(&answer, "/data/0/started_at")?.parse()?)
}
