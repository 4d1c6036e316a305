//! A round: one database, several nodes in trouble, many clients, and what is left in the end.

use super::campaign::Ground;
use super::node::Node;
use super::remains::{dump, logs};
use super::report::NodesRound;
use super::restarts::restart_twice;
use super::trouble::{Trouble, troubles};
use crate::evidence::Evidence;
use crate::gather::gather;
use crate::oracle;
use crate::processes;
use crate::random::Choices;
use crate::server::Place;
use crate::workload::{Doors, Quota, Workload};
use anyhow::{Context as _, Result};
use oneoff_pg_fixture::{Cluster, Database};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long all that is due may take in the end.
const QUIET_WITHIN: Duration = Duration::from_secs(180);
/// How long events may stay without a number once all is quiet.
const NUMBERED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What every node goes through, however soon all jobs are made: three nodes see every kind of trouble.
const TROUBLES_MIN: usize = 2;

/// A round, and all that belongs to it.
pub(super) struct Round {
    pub(super) ground: Arc<Ground>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) database: Arc<Database>,
    pub(super) quota: Quota,
    pub(super) workload: Workload,
    pub(super) evidence: Evidence,
    pub(super) report: NodesRound,
}

impl Round {
    /// Lives through it and judges it.
    pub(super) async fn live(mut self, nodes: usize) -> Result<NodesRound> {
        let began = Instant::now();
        let mut living = Vec::new();
        for number in 0..nodes {
            living.push(Node::new(number, Arc::clone(&self.ground)).await?);
        }
        // All at once, on an empty database.
        let starts = living.into_iter().map(|mut node| async move {
            node.start().await?;
            node.is_well_again().await?;
            anyhow::Ok(node)
        });
        let living = all(starts).await?;
        let living = self.work(living).await?;
        self.report.worked = began.elapsed();
        self.see_to_its_end(living).await?;
        self.report.took = began.elapsed();
        self.judge().await
    }

    /// The load, and all that happens meanwhile. Returns the nodes that are well afterwards.
    async fn work(&mut self, nodes: Vec<Node>) -> Result<Vec<Node>> {
        let (end, is_over) = watch::channel(false);
        let troubled = nodes.into_iter().enumerate().map(|(number, node)| {
            tokio::spawn(trouble(node, troubles(self.ground.seed, number), is_over.clone()))
        });
        let troubled: Vec<_> = troubled.collect();
        let counting = tokio::spawn(count_open(self.ground.doors.clone(), self.quota.clone()));
        let restarts = tokio::spawn(restart_twice(
            Arc::clone(&self.ground),
            Arc::clone(&self.cluster),
            self.quota.clone(),
            Choices::new(self.ground.seed, 4_000),
        ));
        let mut clients = self.workload.start(&self.ground.doors);
        while let Some(client) = clients.join_next().await {
            client.context("a client panicked")?;
        }
        self.report.restarts = restarts.await.context("the restarts panicked")??;
        counting.abort();
        end.send_replace(true);
        let mut living = Vec::new();
        for lane in troubled {
            let Troubled { node, suffered, incident } = lane.await.context("a trouble panicked")?;
            for kind in suffered {
                *self.report.troubles.entry(kind).or_default() += 1;
            }
            match incident {
                None => living.push(node),
                Some(incident) => self.evidence.incidents.push(incident),
            }
        }
        Ok(living)
    }

    /// Waits until everything that is due is over and told of, and stops the nodes.
    async fn see_to_its_end(&mut self, nodes: Vec<Node>) -> Result<()> {
        let doors = self.ground.doors.clone();
        self.workload.repeat_unknown(&doors).await;
        // What a broken promise leaves open is never over.
        let within = if self.ground.sabotage.is_some() { QUIET_WITHIN / 10 } else { QUIET_WITHIN };
        let (deadline, choices) = (Instant::now() + within, Choices::new(self.ground.seed, 5_000));
        // What is still open then is judged.
        while open_jobs(&doors, &choices).await != Some(0) && Instant::now() < deadline {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let deadline = Instant::now() + NUMBERED_WITHIN;
        loop {
            let database = Arc::clone(&self.database);
            let query = move || database.query("SELECT count(*) FROM new_events");
            let unnumbered = tokio::task::spawn_blocking(query).await??;
            if unnumbered.trim() == "0" {
                break;
            }
            if Instant::now() > deadline {
                let incident = format!("{} events got no number", unnumbered.trim());
                self.evidence.incidents.push(incident);
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        for mut node in nodes {
            if let Err(error) = node.stop().await {
                self.evidence.incidents.push(format!("at the last stop: {error:#}"));
            }
        }
        let left = processes::of_jobs(&self.ground.directory);
        self.evidence.left_over.extend(left.iter().map(|process| format!("{process:?} after the last stop")));
        Ok(())
    }

    async fn judge(self) -> Result<NodesRound> {
        let Self { ground, database, workload, mut evidence, mut report, .. } = self;
        evidence.asked = workload.ledger.pages();
        evidence.uptimes = ground.readiness.uptimes();
        let url = database.url().to_owned();
        let place = Place::on_postgres(ground.program.clone(), ground.directory.clone(), url);
        gather(&place, &mut evidence).await?;
        report.note(&evidence);
        report.note_logs(&logs(&ground.directory).await?);
        report.violations = oracle::judge(&evidence);
        if !report.violations.is_empty() {
            report.dump = dump(database, &ground.directory).await;
        }
        Ok(report)
    }
}

async fn all<T: Send + 'static>(
    futures: impl Iterator<Item = impl Future<Output = Result<T>> + Send + 'static>,
) -> Result<Vec<T>> {
    let mut running = JoinSet::new();
    futures.for_each(|future| drop(running.spawn(future)));
    let mut done = Vec::new();
    while let Some(result) = running.join_next().await {
        done.push(result??);
    }
    Ok(done)
}

/// A node after its troubles.
struct Troubled {
    node: Node,
    suffered: Vec<&'static str>,
    /// It did not come out of the last one.
    incident: Option<String>,
}

async fn trouble(
    mut node: Node,
    plan: impl Iterator<Item = (Duration, Trouble)>,
    mut is_over: watch::Receiver<bool>,
) -> Troubled {
    let mut suffered = Vec::new();
    for (peace, trouble) in plan {
        let over = is_over.wait_for(|is_over| *is_over);
        let is_over = tokio::time::timeout(peace, over).await.is_ok();
        if is_over && suffered.len() >= TROUBLES_MIN {
            break;
        }
        suffered.push(trouble.kind());
        if let Err(error) = node.suffer(trouble).await {
            return Troubled { node, suffered, incident: Some(format!("after {trouble:?}: {error:#}")) };
        }
    }
    Troubled { node, suffered, incident: None }
}

/// How many jobs wait or run, if any node says so.
async fn open_jobs(doors: &Doors, choices: &Choices) -> Option<u64> {
    let status = doors.any(choices)?.system_status().await.ok()?;
    let open = |name: &str| status.jobs.get(name).copied().unwrap_or(0);
    Some(open("scheduled") + open("running"))
}

/// Tells for ever how many jobs are open.
async fn count_open(doors: Doors, quota: Quota) {
    let choices = Choices::new(0, 0);
    loop {
        if let Some(open) = open_jobs(&doors, &choices).await {
            quota.are_open(open);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
