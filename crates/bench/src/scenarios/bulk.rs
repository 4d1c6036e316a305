//! Bulk: durable creates over HTTP, many in each request; how many jobs a second?

use crate::load::{drive, requests};
use crate::measure::percentiles::Summary;
use crate::measure::report::Report;
use crate::measure::usage::resident_bytes;
use crate::place::Place;
use crate::process::server::{self, Server};
use crate::random::Numbers;
use clap::Args;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const PATH: &str = "/api/jobs/bulk";
/// Bodies of each connection: making one up takes longer than sending it, so they are sent in turn.
const BODIES: u64 = 16;

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Connections that send one request after the other.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Jobs in each request.
    #[arg(long, default_value_t = 1_000)]
    jobs_per_request: usize,
    /// Let each job of a request stand for itself, rather than all or none.
    #[arg(long)]
    per_item: bool,
    /// What the answer has of each job: ids, summary or full.
    #[arg(long, default_value = "summary")]
    answers: String,
    /// For how many seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The server's binary; the one beside this program if it is not given.
    #[arg(long)]
    server: Option<PathBuf>,
}

pub(crate) async fn run(place: &Place, settings: &Settings) -> anyhow::Result<Report> {
    let server = Server::start(&server::binary(settings.server.as_ref())?, &place.database())?;
    let duration = Duration::from_secs(settings.seconds);
    let (jobs_per_request, atomic) = (settings.jobs_per_request, !settings.per_item);
    let bodies = |connection: u64| {
        let seeds = connection * BODIES..(connection + 1) * BODIES;
        seeds.map(|seed| many_jobs(seed, jobs_per_request, atomic)).collect()
    };
    let bodies: Vec<Vec<String>> = (0..settings.connections as u64).map(bodies).collect();
    let path = format!("{PATH}?return={}", settings.answers);
    let client = move |address, index, until| {
        let bodies = bodies.get(index).cloned().unwrap_or_default();
        create(address, path.clone(), index, until, bodies)
    };
    let load = drive::run(&server, settings.connections, duration, client).await?;
    let jobs = load.requests() * jobs_per_request;
    Ok(Report {
        scenario: "bulk",
        figures: json!({
            "jobs_per_second": load.per_second(jobs),
            "server_cpu_us_per_job": load.server_cpu_us_per(jobs),
            "server_cpu_cores": load.server_cpu_cores(),
            "load_generator_cpu_cores": load.own_cpu_cores(),
            "server_resident_bytes": resident_bytes(server.process_id()),
            "search_unindexed_jobs": drive::unindexed_jobs(&server).await?,
            "latency": Summary::of(load.times_us).json_ms(),
        }),
        settings: json!({
            "connections": settings.connections,
            "jobs_per_request": jobs_per_request,
            "atomic": atomic,
            "answers": settings.answers,
            "seconds": settings.seconds,
        }),
    })
}

fn many_jobs(seed: u64, count: usize, atomic: bool) -> String {
    let mut body = format!(r#"{{"atomic":{atomic},"jobs":["#);
    for (index, at) in requests::due_times(seed).iter().cycle().take(count).enumerate() {
        if index > 0 {
            body.push(',');
        }
        requests::one_job(&mut body, at);
    }
    body.push_str("]}");
    body
}

async fn create(
    address: SocketAddr,
    path: String,
    index: usize,
    until: Instant,
    bodies: Vec<String>,
) -> anyhow::Result<Vec<i64>> {
    let mut numbers = Numbers::new(index as u64);
    let mut bodies = bodies.iter().cycle();
    drive::repeat(address, until, move |request| {
        let body = bodies.next().map(String::as_str).unwrap_or_default();
        requests::post(request, address, &path, &numbers.uuid(), body);
    })
    .await
}
