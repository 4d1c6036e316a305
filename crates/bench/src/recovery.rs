//! Recovery: `kill -9` of a server with many pending jobs; how long until the next one starts a job?

use crate::engine;
use crate::http::Connection;
use crate::machine::resident_bytes;
use crate::report::Report;
use crate::server::{self, Server};
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that wait a year ahead.
    #[arg(long, default_value_t = 100_000)]
    pending: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(directory: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    let store = engine::open(directory)?;
    engine::fill(&store, "http", engine::far_ahead(SystemClock.now(), settings.pending)).await?;
    store.close();
    drop(store);
    let database = directory.join("oneoff.db");
    let server = Server::start(&binary, &database)?;
    let running = create(&server, "sleep 300", "now").await?;
    wait_for(&server, &running, "running").await?;
    let overdue_at = SystemClock.now().saturating_add(Duration::from_millis(200));
    let overdue = create(&server, "true", &overdue_at.to_string()).await?;
    server.kill()?;
    while SystemClock.now() < overdue_at {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let restarted_at = SystemClock.now();
    let server = Server::start(&binary, &database)?;
    let listening = server.began.elapsed();
    wait_for(&server, &overdue, "completed").await?;
    let started_at = started_at(&server, &overdue).await?;
    let figures = json!({
        "restart_to_listening_ms": listening.as_secs_f64() * 1_000.0,
        "restart_to_next_start_ms": started_at.micros_since(restarted_at) as f64 / 1_000.0,
        "resident_bytes": resident_bytes(server.process_id()),
    });
    Ok(Report { scenario: "recovery", figures, settings: json!({ "pending": settings.pending }) })
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
        let (_, answer) = connection.request("GET", &format!("/api/jobs/{job}"), "").await?;
        if text(&serde_json::from_str(&answer)?, "/data/status")? == status {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(60), "the job is not {status}: {answer}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn started_at(server: &Server, job: &str) -> anyhow::Result<Timestamp> {
    let mut connection = Connection::open(server.address).await?;
    let (_, answer) = connection.request("GET", &format!("/api/executions?job_id={job}"), "").await?;
    Ok(text(&serde_json::from_str(&answer)?, "/data/0/started_at")?.parse()?)
}

/// A text in an answer.
pub(crate) fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| anyhow::anyhow!("no {pointer} in {answer}"))
}
