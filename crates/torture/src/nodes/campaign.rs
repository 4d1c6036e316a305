//! A campaign: rounds with a database each, in which several nodes live through their troubles under load.

use super::readiness::Readiness;
use super::report::{NodesReport, NodesRound};
use super::round::Round;
use crate::evidence::Evidence;
use crate::ledger::Ledger;
use crate::random::Choices;
use crate::server::SLOTS;
use crate::workload::{Doors, Mix, Quota, Workload};
use anyhow::{Context as _, Result};
use oneoff_client::{Client, ClientSettings};
use oneoff_faults::Sabotage;
use oneoff_pg_fixture::{Cluster, Settings};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;
use tokio::time::Instant;

/// How long a client waits for an answer, before it asks another node.
const PATIENCE: Duration = Duration::from_secs(3);

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
            evidence: Evidence { slots: self.nodes * SLOTS, ..Evidence::default() },
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
