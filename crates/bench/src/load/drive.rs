//! Connections that send one request after the other until the time is over.

use crate::load::connection::Connection;
use crate::measure::usage::cpu_seconds;
use crate::process::server::Server;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const UNINDEXED_JOBS: &str = "oneoff_search_unindexed_jobs ";

/// What a load came to.
pub(crate) struct Load {
    /// How long each request took.
    pub(crate) times_us: Vec<i64>,
    pub(crate) seconds: f64,
    server_cpu_seconds: Option<f64>,
    own_cpu_seconds: Option<f64>,
}

impl Load {
    pub(crate) fn requests(&self) -> usize {
        self.times_us.len()
    }

    pub(crate) fn per_second(&self, count: usize) -> f64 {
        (count as f64 / self.seconds).round()
    }

    pub(crate) fn server_cpu_cores(&self) -> Option<f64> {
        Some(self.server_cpu_seconds? / self.seconds)
    }

    pub(crate) fn own_cpu_cores(&self) -> Option<f64> {
        Some(self.own_cpu_seconds? / self.seconds)
    }

    /// The server's processor time for each of so many things, which a busy neighbour hardly changes.
    pub(crate) fn server_cpu_us_per(&self, count: usize) -> Option<f64> {
        Some(self.server_cpu_seconds? * 1e6 / count.max(1) as f64)
    }
}

/// Runs `client` on each of so many connections, all on one thread of their own.
pub(crate) async fn run<F>(
    server: &Server,
    connections: usize,
    duration: Duration,
    client: impl Fn(SocketAddr, usize, Instant) -> F + Send + 'static,
) -> anyhow::Result<Load>
where
    F: Future<Output = anyhow::Result<Vec<i64>>> + Send + 'static,
{
    let (address, process) = (server.address, server.process_id());
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (server_before, own_before) = (cpu_seconds(process), cpu_seconds(std::process::id()));
            let began = Instant::now();
            let mut clients = JoinSet::new();
            for index in 0..connections {
                clients.spawn(client(address, index, began + duration));
            }
            let mut times_us = Vec::new();
            while let Some(times) = clients.join_next().await {
                times_us.extend(times??);
            }
            let used = |process, before: Option<f64>| Some(cpu_seconds(process)? - before?);
            Ok(Load {
                times_us,
                seconds: began.elapsed().as_secs_f64(),
                server_cpu_seconds: used(process, server_before),
                own_cpu_seconds: used(std::process::id(), own_before),
            })
        })
    })
    .await?
}

/// How many jobs the search index does not have yet, where the server says so: a rate that leaves it ever further
/// behind is not one that lasts.
pub(crate) async fn unindexed_jobs(server: &Server) -> anyhow::Result<Option<f64>> {
    let (_, metrics) = Connection::open(server.address).await?.request("GET", "/metrics", "").await?;
    let value = metrics.lines().find_map(|line| line.strip_prefix(UNINDEXED_JOBS));
    Ok(value.and_then(|value| value.trim().parse().ok()))
}

/// Sends what `next` writes until the time is over; answers how long each took.
pub(crate) async fn repeat(
    address: SocketAddr,
    until: Instant,
    mut next: impl FnMut(&mut String),
) -> anyhow::Result<Vec<i64>> {
    let mut connection = Connection::open(address).await?;
    let (mut times_us, mut request) = (Vec::new(), String::new());
    while Instant::now() < until {
        next(&mut request);
        let began = Instant::now();
        let status = connection.exchange(request.as_bytes()).await?;
        times_us.push(began.elapsed().as_micros().try_into()?);
        anyhow::ensure!(status == 201, "status {status}: {}", connection.body());
    }
    Ok(times_us)
}
