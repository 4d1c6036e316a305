//! Reads: lists, single records, search and counters of a large database; how long does each answer take?

use crate::fill::content::Content;
use crate::fill::due::{one_ahead, one_past};
use crate::fill::jobs::customer;
use crate::load::connection::{Connection, text};
use crate::measure::percentiles::Summary;
use crate::measure::report::Report;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::random::Numbers;
use crate::scenarios::read_cases::{CASES, Case, Samples};
use clap::Args;
use oneoff_domain::Clock;
use oneoff_scheduler::SystemClock;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Lists from which records are picked.
const SAMPLED_LISTS: u32 = 40;
/// Requests of each case that are not counted.
const WARM_UP: u32 = 20;
/// A case that takes longer has no more requests,
const CASE_TIME: Duration = Duration::from_secs(10);
/// once it has had these: no fewer say how slow the slowest are.
const REQUESTS_MIN: usize = 200;
/// How long the search index may take to be whole after a start.
const INDEXED_WITHIN: Duration = Duration::from_secs(300);

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Jobs, of which 4 in 10 wait and the others have ended.
    #[arg(long, default_value_t = 1_000_000)]
    jobs: u64,
    /// Executions of those that have ended.
    #[arg(long, default_value_t = 1_000_000)]
    executions: u64,
    /// Requests of each kind, one after the other; fewer of those that take more than 10 s in all.
    #[arg(long, default_value_t = 1_000)]
    requests: u32,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let binary = server::binary(settings.server.as_ref())?;
    let Settings { jobs, executions, .. } = *settings;
    place.fill(Content::History { jobs, executions }).await?;
    let server = Server::start(&binary, &place.database())?;
    let mut connection = Connection::open(server.address).await?;
    wait_for_index(&mut connection, jobs).await?;
    let mut numbers = Numbers::new(jobs);
    let samples = samples(&mut connection, jobs, &mut numbers).await?;
    let (mut figures, mut worst_served, mut worst_bounded) = (Map::new(), Worst::default(), Worst::default());
    for case in CASES {
        let summary = measure(&mut connection, case, &samples, settings.requests, &mut numbers).await?;
        let worst = if case.is_served { &mut worst_served } else { &mut worst_bounded };
        worst.see(case.name, &summary);
        figures.insert(case.name.to_owned(), summary.json_ms());
    }
    figures.insert("worst_served".to_owned(), worst_served.json());
    figures.insert("worst_bounded".to_owned(), worst_bounded.json());
    Ok(Report {
        scenario: "reads",
        figures: Value::Object(figures),
        settings: json!({ "jobs": jobs, "executions": executions, "requests_of_each": settings.requests }),
    })
}

/// The slowest case by its p99.
#[derive(Default)]
struct Worst {
    name: &'static str,
    p50_ms: f64,
    p99_ms: f64,
}

impl Worst {
    fn see(&mut self, name: &'static str, summary: &Summary) {
        self.p50_ms = self.p50_ms.max(summary.at_ms(0.5));
        if summary.at_ms(0.99) >= self.p99_ms {
            (self.name, self.p99_ms) = (name, summary.at_ms(0.99));
        }
    }

    fn json(&self) -> Value {
        json!({ "case": self.name, "p50_ms": self.p50_ms, "p99_ms": self.p99_ms })
    }
}

async fn measure(
    connection: &mut Connection,
    case: &Case,
    samples: &Samples,
    requests: u32,
    numbers: &mut Numbers,
) -> anyhow::Result<Summary> {
    let mut times_us = Vec::new();
    let case_began = Instant::now();
    for index in 0..requests + WARM_UP {
        if times_us.len() >= REQUESTS_MIN && case_began.elapsed() > CASE_TIME {
            break;
        }
        let path = (case.path)(samples, numbers);
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        let began = Instant::now();
        let status = connection.exchange(request.as_bytes()).await?;
        let took_us = began.elapsed().as_micros().try_into()?;
        anyhow::ensure!(status == 200, "GET {path} answers {status}: {}", connection.body());
        if index >= WARM_UP {
            times_us.push(took_us);
        }
    }
    Ok(Summary::of(times_us))
}

/// Waits until the job that was stored last is found by its name.
async fn wait_for_index(connection: &mut Connection, jobs: u64) -> anyhow::Result<()> {
    let began = Instant::now();
    let path = format!("/api/jobs?search={}", customer(jobs.saturating_sub(1)));
    loop {
        let answer = connection.get(&path).await?;
        let found = answer.pointer("/data").and_then(Value::as_array).map_or(0, Vec::len);
        if found == 1 || jobs == 0 {
            return Ok(());
        }
        anyhow::ensure!(began.elapsed() < INDEXED_WITHIN, "{found} jobs are found by {path}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn samples(connection: &mut Connection, jobs: u64, numbers: &mut Numbers) -> anyhow::Result<Samples> {
    let now = SystemClock.now();
    let mut samples =
        Samples { now, jobs, job_ids: Vec::new(), execution_ids: Vec::new(), cursors: Vec::new() };
    for index in 0..SAMPLED_LISTS {
        let from = if index % 2 == 0 { one_past(now, numbers) } else { one_ahead(now, numbers) };
        let list = connection.get(&format!("/api/jobs?time_from={from}")).await?;
        samples.job_ids.extend(ids(&list));
        let from = one_past(now, numbers);
        let list = connection.get(&format!("/api/executions?date_from={from}&sort_order=asc")).await?;
        samples.execution_ids.extend(ids(&list));
    }
    let mut path = "/api/jobs?limit=20".to_owned();
    for _ in 0..SAMPLED_LISTS {
        let list = connection.get(&path).await?;
        let Ok(cursor) = text(&list, "/next_cursor") else { break };
        path = format!("/api/jobs?limit=20&cursor={cursor}");
        samples.cursors.push(cursor);
    }
    let is_whole =
        !samples.job_ids.is_empty() && !samples.execution_ids.is_empty() && !samples.cursors.is_empty();
    anyhow::ensure!(is_whole, "there are too few jobs to read");
    Ok(samples)
}

fn ids(list: &Value) -> Vec<String> {
    let rows = list.pointer("/data").and_then(Value::as_array).into_iter().flatten();
    rows.filter_map(|row| row.get("id")?.as_str().map(str::to_owned)).collect()
}
