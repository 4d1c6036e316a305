//! HTTP jobs and shell jobs of the real server, all due at one instant; how many a second end?

use crate::fill::content::Content;
use crate::load::connection::Connection;
use crate::measure::report::Report;
use crate::measure::usage::{cpu_seconds, resident_bytes};
use crate::place::Place;
use crate::process::bare;
use crate::process::server::{self, Server};
use crate::process::target::Target;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;

const CREATORS: u64 = 32;
/// Jobs that any server creates in a second: so many seconds before they are due, creating them begins.
const CREATED_PER_SECOND: u64 = 4_000;
/// Bare starts by which the machine is judged.
const BARE_STARTS_MAX: u64 = 4_000;
const LONGEST: Duration = Duration::from_secs(600);

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that are due at one instant.
    #[arg(long, default_value_t = 20_000)]
    jobs: u64,
    /// Jobs that go on waiting.
    #[arg(long, default_value_t = 0)]
    pending: u64,
    /// The server's worker slots; 0 is its default.
    #[arg(long, default_value_t = 0)]
    workers: usize,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Jobs that call a target in this process.
pub(crate) async fn http_jobs(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let target = Target::start()?;
    let config = json!({ "url": format!("http://{}/", target.address) });
    let mut report = run(place, settings, "http-jobs", "http", config).await?;
    let requests = target.requests();
    anyhow::ensure!(requests >= settings.jobs, "the target was called {requests} times");
    let cpu_us = target.cpu_seconds() * 1e6 / settings.jobs.max(1) as f64;
    if let Some(figures) = report.figures.as_object_mut() {
        figures.insert("target_cpu_us_per_job".to_owned(), json!(cpu_us));
    }
    Ok(report)
}

/// Jobs that run `true`. Beside them: how fast this machine starts and reaps the same program with nothing around it.
pub(crate) async fn shell_jobs(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let bare = bare::starts(settings.jobs.min(BARE_STARTS_MAX))?;
    let mut report = run(place, settings, "shell-jobs", "shell", json!({ "script": "true" })).await?;
    if let Some(figures) = report.figures.as_object_mut() {
        figures.insert("bare_starts_per_second".to_owned(), json!(bare.per_second.round()));
        figures.insert("bare_start_cpu_us".to_owned(), json!(bare.cpu_us));
    }
    Ok(report)
}

async fn run(
    place: &Place,
    settings: &Settings,
    scenario: &'static str,
    job_type: &str,
    config: Value,
) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    if settings.pending > 0 {
        place.fill(Content::Pending { jobs: settings.pending }).await?;
    }
    let server = Server::start_with(&binary, &place.database(), settings.workers)?;
    let due = SystemClock.now().saturating_add(Duration::from_secs(1 + settings.jobs / CREATED_PER_SECOND));
    let body = json!({ "type": job_type, "config": config, "scheduled_at": due.to_string() }).to_string();
    create(server.address, settings.jobs, &body).await?;
    let cpu_before = cpu_seconds(server.process_id());
    anyhow::ensure!(SystemClock.now() < due, "the jobs were due before all of them were created");
    wait_until(due).await;
    let ended_at = wait_for_ends(server.address, settings.jobs, due).await?;
    let seconds = ended_at.since(due).as_secs_f64();
    let cpu = cpu_seconds(server.process_id()).zip(cpu_before).map(|(after, before)| after - before);
    Ok(Report {
        scenario,
        figures: json!({
            "jobs_per_second": (settings.jobs as f64 / seconds).round(),
            "server_cpu_us_per_job": cpu.map(|cpu| cpu * 1e6 / settings.jobs.max(1) as f64),
            "seconds": seconds,
            "server_resident_bytes": resident_bytes(server.process_id()),
        }),
        settings: json!({
            "jobs": settings.jobs,
            "pending": settings.pending,
            "workers": settings.workers,
        }),
    })
}

/// Creates the jobs one by one, as every server can.
async fn create(address: SocketAddr, jobs: u64, body: &str) -> anyhow::Result<()> {
    let mut creators = JoinSet::new();
    for creator in 0..CREATORS {
        let count = jobs / CREATORS + u64::from(creator < jobs % CREATORS);
        let body = body.to_owned();
        creators.spawn(async move {
            let mut connection = Connection::open(address).await?;
            for _ in 0..count {
                let (status, answer) = connection.request("POST", "/api/jobs", &body).await?;
                anyhow::ensure!(status == 201, "status {status}: {answer}");
            }
            anyhow::Ok(())
        });
    }
    while let Some(created) = creators.join_next().await {
        created??;
    }
    Ok(())
}

pub(crate) async fn wait_until(at: Timestamp) {
    let now = SystemClock.now();
    if now < at {
        tokio::time::sleep(at.since(now)).await;
    }
}

/// Waits until all jobs have completed. Looks every 10 ms, which costs the server next to nothing.
pub(crate) async fn wait_for_ends(
    address: SocketAddr,
    jobs: u64,
    due: Timestamp,
) -> anyhow::Result<Timestamp> {
    let mut connection = Connection::open(address).await?;
    loop {
        let status = connection.get("/api/system/status").await?;
        let count =
            |name: &str| status.pointer(&format!("/data/jobs/{name}")).and_then(Value::as_u64).unwrap_or(0);
        let now = SystemClock.now();
        if count("completed") == jobs {
            return Ok(now);
        }
        anyhow::ensure!(count("failed") == 0, "jobs fail: {status}");
        anyhow::ensure!(now < due.saturating_add(LONGEST), "not all jobs ended: {status}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
