//! Create: durable single creates over HTTP on many connections; how many a second, and how long each?

use crate::http::Connection;
use crate::machine::{cpu_seconds, resident_bytes};
use crate::percentiles::summary_ms;
use crate::report::Report;
use crate::server::{self, Server};
use clap::Args;
use oneoff_domain::Clock;
use oneoff_scheduler::SystemClock;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

pub(crate) async fn run(directory: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let server = Server::start(&server::binary(settings.server.as_ref())?, &directory.join("oneoff.db"))?;
    let until = Instant::now() + Duration::from_secs(settings.seconds);
    let server_cpu = cpu_seconds(server.process_id());
    let own_cpu = cpu_seconds(std::process::id());
    let began = Instant::now();
    let connections: Vec<_> = (0..settings.connections)
        .map(|index| tokio::spawn(create_until(server.address, until, index as u64)))
        .collect();
    let mut times_us = Vec::new();
    for connection in connections {
        times_us.extend(connection.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let used = |process, before: Option<f64>| Some((cpu_seconds(process)? - before?) / seconds);
    let jobs_per_second = (times_us.len() as f64 / seconds).round();
    Ok(Report {
        scenario: "create",
        figures: json!({
            "jobs_per_second": jobs_per_second,
            "latency": summary_ms(times_us),
            "server_cpu_cores": used(server.process_id(), server_cpu),
            "load_generator_cpu_cores": used(std::process::id(), own_cpu),
            "server_resident_bytes": resident_bytes(server.process_id()),
        }),
        settings: json!({ "connections": settings.connections, "seconds": settings.seconds }),
    })
}

/// Creates jobs at scattered times of the next 30 days; answers how long each took in microseconds.
async fn create_until(address: SocketAddr, until: Instant, seed: u64) -> anyhow::Result<Vec<i64>> {
    let mut connection = Connection::open(address).await?;
    let mut times_us = Vec::new();
    let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    while Instant::now() < until {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let seconds = 3_600 + (state >> 33) % (30 * 24 * 3600);
        let at = SystemClock.now().saturating_add(Duration::from_secs(seconds));
        let body = format!(
            r#"{{"type":"http","config":{{"url":"http://127.0.0.1:9/trial-expiry"}},"scheduled_at":"{at}"}}"#
        );
        let began = Instant::now();
        let (status, answer) = connection.request("POST", "/api/jobs", &body).await?;
        anyhow::ensure!(status == 201, "status {status}: {answer}");
        times_us.push(began.elapsed().as_micros().try_into()?);
    }
    Ok(times_us)
}
