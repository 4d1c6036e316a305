//! Create: durable single creates over HTTP on many connections; how many a second, and how long each?

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

const PATH: &str = "/api/jobs";

/// What is measured.
#[derive(Args)]
pub(crate) struct Settings {
    /// Connections that create one job after the other.
    #[arg(long, default_value_t = 64)]
    connections: usize,
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
    let load = drive::run(&server, settings.connections, duration, create).await?;
    let jobs = load.requests();
    Ok(Report {
        scenario: "create",
        figures: json!({
            "jobs_per_second": load.per_second(jobs),
            "server_cpu_us_per_request": load.server_cpu_us_per(jobs),
            "server_cpu_cores": load.server_cpu_cores(),
            "load_generator_cpu_cores": load.own_cpu_cores(),
            "server_resident_bytes": resident_bytes(server.process_id()),
            "search_unindexed_jobs": drive::unindexed_jobs(&server).await?,
            "latency": Summary::of(load.times_us).json_ms(),
        }),
        settings: json!({ "connections": settings.connections, "seconds": settings.seconds }),
    })
}

/// Creates jobs at times without order, each with an idempotency key of its own.
async fn create(address: SocketAddr, index: usize, until: Instant) -> anyhow::Result<Vec<i64>> {
    let seed = index as u64;
    let mut numbers = Numbers::new(seed);
    let mut due_times = requests::due_times(seed).into_iter().cycle();
    let mut body = String::new();
    drive::repeat(address, until, move |request| {
        body.clear();
        requests::one_job(&mut body, &due_times.next().unwrap_or_default());
        requests::post(request, address, PATH, &numbers.uuid(), &body);
    })
    .await
}
