//! What is seen of the server meanwhile: its memory, and how late the jobs start that it accepted.

use crate::server::shell;
use oneoff_client::{Client, Waited};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

/// A job is created so often that is due soon after.
const EVERY: Duration = Duration::from_millis(100);
/// How long before it is due a job is created.
pub(crate) const AHEAD: Duration = Duration::from_secs(6);
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
/// How long a job may take to its end, once the flood is over.
const PATIENCE: Duration = Duration::from_secs(60);

/// A job that started.
#[derive(Debug)]
pub(crate) struct Started {
    /// When it was to start, about.
    pub(crate) due: Instant,
    pub(crate) lateness_ms: f64,
}

/// Creates jobs and looks how late they start.
pub(crate) struct Probe {
    over: watch::Sender<bool>,
    task: JoinHandle<Vec<Started>>,
}

impl Probe {
    /// Jobs that are created while the flood lasts may take until its end to be seen to have come to theirs: who asks
    /// may be turned away.
    pub(crate) fn begin(client: Client, flood: Duration) -> Self {
        let deadline = Instant::now() + flood + PATIENCE;
        let over = watch::Sender::new(false);
        let mut is_over = over.subscribe();
        let task = tokio::spawn(async move {
            let started = Arc::new(Mutex::new(Vec::new()));
            let mut jobs = JoinSet::new();
            while !*is_over.borrow_and_update() {
                let (client, started) = (client.clone(), Arc::clone(&started));
                jobs.spawn(async move {
                    let start = one(&client, deadline).await;
                    started.lock().unwrap().extend(start);
                });
                sleep(EVERY).await;
            }
            while let Some(job) = jobs.join_next().await {
                job.unwrap();
            }
            Arc::into_inner(started).unwrap().into_inner().unwrap()
        });
        Self { over, task }
    }

    pub(crate) async fn end(self) -> Vec<Started> {
        self.over.send_replace(true);
        self.task.await.unwrap()
    }
}

/// A job that runs; nothing when the server did not take it.
async fn one(client: &Client, deadline: Instant) -> Option<Started> {
    let due = Instant::now() + AHEAD;
    let created = client.create_job(&shell("true", "in 6s")).await.ok()?;
    // A job that was accepted after its time is late from the beginning, which is no fault of the scheduler.
    if Instant::now() + EVERY > due {
        return None;
    }
    loop {
        // Whoever asks may be turned away too.
        let waited = client.wait_for_job(&created.id, Some(Duration::from_secs(5))).await;
        let Ok(Waited::Over(job)) = waited else {
            let now = client.job(&created.id).await;
            assert!(Instant::now() < deadline, "not over in time: {waited:?}, now {now:?}");
            sleep(EVERY).await;
            continue;
        };
        assert_eq!(job.status, "completed");
        if let Ok(execution) = client.execution(&job.last_execution.unwrap()).await {
            return Some(Started { due, lateness_ms: execution.lateness_ms });
        }
    }
}

/// Count, median, 99th percentile and maximum.
pub(crate) fn summary(name: &str, starts: &[&Started]) -> String {
    let mut lateness: Vec<f64> = starts.iter().map(|start| start.lateness_ms).collect();
    lateness.sort_by(f64::total_cmp);
    let at =
        |share: usize| lateness.get((lateness.len() * share / 100).min(lateness.len().saturating_sub(1)));
    format!(
        "lateness {name}: {} jobs, p50 {:?} ms, p99 {:?} ms, most {:?} ms",
        lateness.len(),
        at(50),
        at(99),
        lateness.last()
    )
}

/// The server's memory.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Resident {
    pub(crate) most_bytes: u64,
    pub(crate) last_bytes: u64,
}

/// Watches the memory of a process.
pub(crate) struct Watch {
    over: watch::Sender<bool>,
    task: JoinHandle<Resident>,
}

impl Watch {
    pub(crate) fn begin(process: u32) -> Self {
        let over = watch::Sender::new(false);
        let is_over = over.subscribe();
        let task = tokio::spawn(async move {
            let mut resident = Resident::default();
            while !*is_over.borrow() {
                resident.last_bytes = resident_bytes(process);
                resident.most_bytes = resident.most_bytes.max(resident.last_bytes);
                sleep(SAMPLE_EVERY).await;
            }
            resident
        });
        Self { over, task }
    }

    pub(crate) async fn end(self) -> Resident {
        self.over.send_replace(true);
        self.task.await.unwrap()
    }
}

fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("the server lives");
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
