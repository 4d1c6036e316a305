//! A campaign: rounds with a database each, in which several nodes live through their troubles under load.

use super::node::Node;
use super::readiness::Readiness;
use super::report::{NodesReport, NodesRound};
use super::trouble::troubles;
use crate::evidence::Evidence;
use crate::gather::gather;
use crate::ledger::Ledger;
use crate::oracle;
use crate::processes;
use crate::random::Choices;
use crate::server::Place;
use crate::workload::{Doors, Mix, Quota, Workload};
use anyhow::{Context as _, Result};
use oneoff_client::{Client, ClientSettings};
use oneoff_faults::Sabotage;
use oneoff_pg_fixture::{Cluster, Database, Settings, Shutdown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a client waits for an answer, before it asks another node.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long all that is due may take in the end.
const QUIET_WITHIN: Duration = Duration::from_secs(180);
/// How long events may stay without a number once all is quiet.
const NUMBERED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// What every node goes through, however soon all jobs are made: three nodes see every kind of trouble.
const TROUBLES_MIN: usize = 2;

/// On which machines the nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machines {
    /// Each on its own: what a node has left behind nobody but its guardian can end.
    Apart,
    /// All on one, where a third of the lives has no guardian, so that rescuers have to end what is left behind.
    One,
}

impl Machines {
    pub(super) fn are_apart(self) -> bool {
        self == Self::Apart
    }

    pub(super) fn is_unguarded(self, choices: &Choices) -> bool {
        self == Self::One && choices.percent(33)
    }
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct NodesCampaign {
    /// The armed server.
    pub program: PathBuf,
    /// Of all that is random.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// Jobs of a round.
    pub jobs: u64,
    /// Which jobs.
    pub mix: Mix,
    /// Time after which no further round is begun. Without it there is one.
    pub time: Option<Duration>,
    /// On which machines the nodes are; from round to round in turn where that is not said.
    pub machines: Option<Machines>,
    /// A promise that every node breaks.
    pub sabotage: Option<Sabotage>,
}

/// What all parts of a round share.
pub(super) struct Ground {
    pub(super) program: PathBuf,
    pub(super) directory: PathBuf,
    pub(super) database_url: String,
    pub(super) seed: u64,
    pub(super) machines: Machines,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) patience: Duration,
    pub(super) doors: Doors,
    pub(super) readiness: Readiness,
    /// Whoever restarts the database holds it alone.
    pub(super) database: RwLock<()>,
}

impl NodesCampaign {
    /// Lives through rounds until the time is over.
    ///
    /// # Errors
    /// A round could not be lived through, through no fault of the nodes.
    pub async fn run(&self, mut tell: impl FnMut(&NodesRound)) -> Result<NodesReport> {
        let began = Instant::now();
        let cluster = tokio::task::spawn_blocking(|| Cluster::start(&Settings::default())).await??;
        let cluster = Arc::new(cluster);
        let mut report = NodesReport::default();
        loop {
            let number = report.rounds.len() as u64;
            let round = self.round(&cluster, number).await?;
            tell(&round);
            let is_kept = round.violations.is_empty();
            report.rounds.push(round);
            if !is_kept || self.time.is_none_or(|time| began.elapsed() >= time) {
                break;
            }
        }
        tokio::task::spawn_blocking(move || drop(cluster)).await?;
        Ok(report)
    }

    async fn round(&self, cluster: &Arc<Cluster>, number: u64) -> Result<NodesRound> {
        let directory = tempfile::Builder::new().prefix("oneoff-nodes-").tempdir()?;
        let path = directory.path().canonicalize()?;
        let of_cluster = Arc::clone(cluster);
        let database = tokio::task::spawn_blocking(move || of_cluster.database()).await??;
        let in_turn = if number.is_multiple_of(2) { Machines::Apart } else { Machines::One };
        let seed = self.seed + number;
        let ground = Arc::new(Ground {
            program: self.program.clone(),
            directory: path.clone(),
            database_url: database.url().to_owned(),
            seed,
            machines: self.machines.unwrap_or(in_turn),
            sabotage: self.sabotage,
            patience: PATIENCE,
            doors: Doors::closed(nobody()?, self.nodes),
            readiness: Readiness::default(),
            database: RwLock::default(),
        });
        let ledger = Ledger::default();
        let quota = Quota::of(self.jobs, ledger.clone());
        let round = Round {
            workload: Workload {
                seed,
                life: 0,
                directory: path.clone(),
                focus: String::new(),
                mix: self.mix,
                ledger,
                quota: Some(quota.clone()),
            },
            report: NodesRound { seed, directory: path, machines: ground.machines, ..NodesRound::default() },
            evidence: Evidence::default(),
            database: Arc::new(database),
            cluster: Arc::clone(cluster),
            quota,
            ground,
        };
        let report = round.live(self.nodes).await.with_context(|| format!("the round of seed {seed}"));
        if report.as_ref().map_or(true, |report| !report.violations.is_empty()) {
            // What shows a fault is kept.
            let _path = directory.keep();
        }
        report
    }
}

/// A client that reaches nobody.
fn nobody() -> Result<Client> {
    Ok(Client::new(ClientSettings::new("http://127.0.0.1:1".parse()?))?)
}

struct Round {
    ground: Arc<Ground>,
    cluster: Arc<Cluster>,
    database: Arc<Database>,
    quota: Quota,
    workload: Workload,
    evidence: Evidence,
    report: NodesRound,
}

impl Round {
    async fn live(mut self, nodes: usize) -> Result<NodesRound> {
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

/// The database as it is, beside the logs: it is gone with the cluster.
async fn dump(database: Arc<Database>, directory: &Path) -> Option<PathBuf> {
    let path = directory.join("tables.txt");
    let tables = ["epochs", "roles", "attempts", "running_jobs", "arrivals", "events"];
    let mut text = String::new();
    for table in tables {
        let (database, query) = (Arc::clone(&database), format!("SELECT * FROM {table} ORDER BY 1"));
        let rows = tokio::task::spawn_blocking(move || database.query(&query)).await.ok()?.ok()?;
        text.push_str(&format!("== {table}\n{rows}\n"));
    }
    tokio::fs::write(&path, text).await.ok()?;
    Some(path)
}

/// The logs of all nodes.
async fn logs(directory: &Path) -> Result<String> {
    let mut entries = tokio::fs::read_dir(directory).await?;
    let mut text = String::new();
    while let Some(entry) = entries.next_entry().await? {
        if entry.path().extension().is_some_and(|extension| extension == "log") {
            text.push_str(&tokio::fs::read_to_string(entry.path()).await?);
        }
    }
    Ok(text)
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
    plan: impl Iterator<Item = (Duration, super::Trouble)>,
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

/// Restarts the database twice, when a third and two thirds of the jobs are made: once in good order, once by a crash.
async fn restart_twice(
    ground: Arc<Ground>,
    cluster: Arc<Cluster>,
    quota: Quota,
    choices: Choices,
) -> Result<Vec<&'static str>> {
    let mut kinds = [(Shutdown::Fast, "fast"), (Shutdown::Immediate, "immediate")];
    choices.shuffle(&mut kinds);
    let mut done = Vec::new();
    for (third, (shutdown, kind)) in (1..).zip(kinds) {
        while quota.count() * 3 < quota.jobs() * third {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let down = Duration::from_millis(choices.below(3_000));
        let _alone = ground.database.write().await;
        let cluster = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || {
            cluster.stop(shutdown)?;
            std::thread::sleep(down);
            cluster.resume()
        })
        .await??;
        done.push(kind);
    }
    Ok(done)
}
