//! The steady load: jobs of both types that run at once, some that are deleted with their output, reads, a poll and
//! a stream of events.

use crate::load::connection::{Connection, text};
use crate::random::Numbers;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Connections among which the creates are shared.
const CONNECTIONS: u32 = 8;
/// One in so many jobs runs a process, which writes some output.
const SHELL_EVERY: u64 = 40;
/// One in so many jobs is deleted soon after it was created.
const DELETE_EVERY: u64 = 50;

#[derive(Default)]
struct Counts {
    created: AtomicU64,
    deleted: AtomicU64,
    read: AtomicU64,
    event_bytes: AtomicU64,
}

/// The load while it lasts.
pub(super) struct SteadyLoad {
    clients: JoinSet<anyhow::Result<()>>,
    over: watch::Sender<bool>,
    counts: Arc<Counts>,
}

pub(super) fn begin(server: SocketAddr, target: SocketAddr, jobs_per_second: u32) -> SteadyLoad {
    let over = watch::Sender::new(false);
    let counts = Arc::new(Counts::default());
    let mut clients = JoinSet::new();
    let every = Duration::from_secs(1) * CONNECTIONS / jobs_per_second.max(1);
    for index in 0..CONNECTIONS {
        clients.spawn(until(&over, create(server, target, every, u64::from(index), Arc::clone(&counts))));
    }
    clients.spawn(until(&over, read(server, Arc::clone(&counts))));
    clients.spawn(until(&over, follow(server, Arc::clone(&counts))));
    SteadyLoad { clients, over, counts }
}

impl SteadyLoad {
    /// Fails when a client has ended, because it was answered otherwise than it expected.
    pub(super) fn goes_on(&mut self) -> anyhow::Result<()> {
        match self.clients.try_join_next() {
            None => Ok(()),
            Some(ended) => ended?.and_then(|()| anyhow::bail!("a client has ended")),
        }
    }

    /// Ends it.
    pub(super) async fn end(mut self) -> anyhow::Result<Value> {
        self.over.send_replace(true);
        while let Some(client) = self.clients.join_next().await {
            client??;
        }
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Ok(json!({
            "created": count(&self.counts.created),
            "deleted": count(&self.counts.deleted),
            "reads": count(&self.counts.read),
            "event_bytes": count(&self.counts.event_bytes),
        }))
    }
}

fn until<F>(over: &watch::Sender<bool>, client: F) -> impl Future<Output = anyhow::Result<()>> + use<F>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let mut over = over.subscribe();
    async move {
        tokio::select! {
            ended = client => ended,
            _ = over.wait_for(|over| *over) => Ok(()),
        }
    }
}

async fn create(
    server: SocketAddr,
    target: SocketAddr,
    every: Duration,
    seed: u64,
    counts: Arc<Counts>,
) -> anyhow::Result<()> {
    let mut connection = Connection::open(server).await?;
    let mut numbers = Numbers::new(seed);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let body = match numbers.below(SHELL_EVERY) {
            0 => json!({ "type": "shell", "config": { "script": "seq 1 2000" }, "scheduled_at": "in 1s" }),
            _ => json!({
                "type": "http",
                "config": { "url": format!("http://{target}/") },
                "scheduled_at": format!("in {}s", numbers.below(20)),
            }),
        };
        let (status, answer) = connection.request("POST", "/api/jobs", &body.to_string()).await?;
        anyhow::ensure!(status == 201, "a create answers {status}: {answer}");
        counts.created.fetch_add(1, Ordering::Relaxed);
        if numbers.below(DELETE_EVERY) == 0 {
            let id = text(&serde_json::from_str(&answer)?, "/data/id")?;
            // It may run just now: then it is refused.
            let (status, _answer) = connection.request("DELETE", &format!("/api/jobs/{id}"), "").await?;
            counts.deleted.fetch_add(u64::from(status == 204), Ordering::Relaxed);
        }
    }
}

/// Looks at lists and waits for jobs, as people and scripts do.
async fn read(server: SocketAddr, counts: Arc<Counts>) -> anyhow::Result<()> {
    let mut connection = Connection::open(server).await?;
    let mut ticks = interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        for path in ["/api/jobs?limit=50", "/api/executions?limit=50", "/api/system/status"] {
            connection.get(path).await?;
            counts.read.fetch_add(1, Ordering::Relaxed);
        }
        let newest = connection.get("/api/jobs?limit=1&sort_by=created_at&sort_order=desc").await?;
        let Ok(id) = text(&newest, "/data/0/id") else { continue };
        // It may be deleted meanwhile.
        let (_status, _answer) = connection.request("GET", &format!("/api/jobs/{id}?wait=2s"), "").await?;
        counts.read.fetch_add(2, Ordering::Relaxed);
    }
}

/// Follows the events, connecting anew where the stream ends.
async fn follow(server: SocketAddr, counts: Arc<Counts>) -> anyhow::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(format!("GET /api/events HTTP/1.1\r\nhost: {server}\r\n\r\n").as_bytes()).await?;
        loop {
            let bytes = stream.read(&mut buffer).await?;
            if bytes == 0 {
                break;
            }
            counts.event_bytes.fetch_add(bytes.try_into()?, Ordering::Relaxed);
        }
    }
}
