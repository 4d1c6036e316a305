//! Failover and handover: of two servers on one database, one is killed while it runs jobs, or stopped while jobs come
//! due; how long until the other runs them?

use crate::load::connection::{Connection, text};
use crate::measure::percentiles::Summary;
use crate::measure::report::Report;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::scenarios::due_at_once::wait_until;
use anyhow::Context as _;
use clap::Args;
use oneoff_domain::{Clock, Timestamp};
use oneoff_scheduler::SystemClock;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs that the first node runs when it is killed, or that come due around its stop.
    #[arg(long, default_value_t = 200)]
    jobs: u32,
    /// How long a lease is. The default is the server's.
    #[arg(long, default_value_t = 20)]
    lease_seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// Jobs come due this far apart around a stop.
const APART: Duration = Duration::from_millis(10);

fn node(place: &Place, binary: &Path, name: &str, settings: &Settings) -> anyhow::Result<Server> {
    anyhow::ensure!(place.server.is_some(), "several nodes need --database-url");
    let (lease, workers) = (settings.lease_seconds.to_string(), settings.jobs.to_string());
    let settings = [("NODE_NAME", name), ("LEASE_SECONDS", &lease), ("WORKERS_COUNT", &workers)];
    Server::start_with_settings(binary, &place.database(), &settings)
}

/// From the kill of a node to the next start of each job that it ran.
pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    let first = node(place, &binary, "first", settings)?;
    let mut connection = Connection::open(first.address).await?;
    for _ in 0..settings.jobs {
        create(&mut connection, "sleep 600", "now").await?;
    }
    wait_for_count(&mut connection, "running", settings.jobs).await?;
    let second = node(place, &binary, "second", settings)?;
    let killed_at = SystemClock.now();
    first.kill()?;
    let after_us: Vec<i64> = runs_of(&second, "second", settings.jobs)
        .await?
        .iter()
        .map(|run| run.started_at.micros_since(killed_at))
        .collect();
    Ok(Report {
        scenario: "failover",
        figures: json!({ "running_again": Summary::of(after_us).json_ms() }),
        settings: json!({ "jobs": settings.jobs, "lease_seconds": settings.lease_seconds }),
    })
}

/// How late jobs start that come due around the stop of a node.
pub(crate) async fn hand_over(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    let first = node(place, &binary, "first", settings)?;
    let second = node(place, &binary, "second", settings)?;
    let mut connection = Connection::open(first.address).await?;
    let begin = SystemClock.now().saturating_add(Duration::from_secs(3));
    for index in 0..settings.jobs {
        create(&mut connection, "true", &begin.saturating_add(APART * index).to_string()).await?;
    }
    let stop_at = begin.saturating_add(APART * settings.jobs / 2);
    wait_until(stop_at).await;
    first.stop()?;
    wait_for_count(&mut Connection::open(second.address).await?, "completed", settings.jobs).await?;
    let runs = all_runs(&second).await?;
    anyhow::ensure!(runs.len() == usize::try_from(settings.jobs)?, "{} attempts", runs.len());
    let after_stop = runs.iter().filter(|run| run.scheduled_for >= stop_at);
    let late_us = after_stop.map(|run| run.started_at.micros_since(run.scheduled_for)).collect();
    Ok(Report {
        scenario: "handover",
        figures: json!({ "lateness_after_stop": Summary::of(late_us).json_ms() }),
        settings: json!({ "jobs": settings.jobs, "lease_seconds": settings.lease_seconds }),
    })
}

/// An attempt, as the API tells of it.
struct Run {
    node: String,
    scheduled_for: Timestamp,
    started_at: Timestamp,
}

async fn create(connection: &mut Connection, script: &str, at: &str) -> anyhow::Result<()> {
    let body = json!({
        "type": "shell", "config": { "script": script }, "scheduled_at": at, "on_crash": "retry",
    });
    let (status, answer) = connection.request("POST", "/api/jobs", &body.to_string()).await?;
    anyhow::ensure!(status == 201, "status {status}: {answer}");
    Ok(())
}

async fn wait_for_count(connection: &mut Connection, status: &str, jobs: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let answer = connection.get("/api/system/status").await?;
        if answer.pointer(&format!("/data/jobs/{status}")).and_then(Value::as_u64) == Some(jobs.into()) {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < Duration::from_secs(60), "not {jobs} jobs are {status}: {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for so many attempts on this node.
async fn runs_of(server: &Server, node: &str, jobs: u32) -> anyhow::Result<Vec<Run>> {
    let began = Instant::now();
    loop {
        let mut runs = all_runs(server).await?;
        runs.retain(|run| run.node == node);
        if runs.len() == usize::try_from(jobs)? {
            return Ok(runs);
        }
        anyhow::ensure!(
            began.elapsed() < Duration::from_secs(120),
            "{} of {jobs} jobs run again",
            runs.len()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn all_runs(server: &Server) -> anyhow::Result<Vec<Run>> {
    let mut connection = Connection::open(server.address).await?;
    let (mut runs, mut path) = (Vec::new(), "/api/executions?limit=200".to_owned());
    loop {
        let page = connection.get(&path).await?;
        for run in page.pointer("/data").and_then(Value::as_array).context("no list of executions")? {
            runs.push(Run {
                node: text(run, "/worker")?,
                scheduled_for: text(run, "/scheduled_for")?.parse()?,
                started_at: text(run, "/started_at")?.parse()?,
            });
        }
        match page.pointer("/meta/next_cursor").and_then(Value::as_str) {
            Some(cursor) => path = format!("/api/executions?limit=200&cursor={cursor}"),
            None => return Ok(runs),
        }
    }
}
