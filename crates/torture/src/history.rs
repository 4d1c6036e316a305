//! A history: one database that lives through several deaths of its server under load, and what came of it.

use crate::copies;
use crate::evidence::{Evidence, Uptime};
use crate::gather::gather;
use crate::ledger::Ledger;
use crate::oracle::{self, Violation};
use crate::plan::{DOWNTIME, KillAt, LifePlan};
use crate::processes::{self, JobProcess};
use crate::server::{LEASE, Place, SLOTS, Server, Started};
use crate::workload::{Doors, Mix, Workload};
use anyhow::{Context as _, Result, bail};
use oneoff_api_types::ReleaseJobs;
use oneoff_client::Client;
use oneoff_domain::{Clock as _, Timestamp};
use oneoff_scheduler::SystemClock;
use oneoff_storage::Store;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long the clients may take to notice that their server died.
const CLIENTS_END: Duration = Duration::from_secs(20);

/// How long a server works before it is brought to a point to which no workload leads.
const WORK_BEFORE: Duration = Duration::from_millis(500);

/// What is to happen.
#[derive(Debug, Clone)]
pub struct HistoryPlan {
    /// Of all that is random.
    pub seed: u64,
    /// The lives that end in a kill. One more follows, which sees everything to its end.
    pub lives: Vec<LifePlan>,
    /// Which jobs.
    pub mix: Mix,
    /// When a server is killed from outside that does not come to its point.
    pub life_max: Duration,
    /// How long all that is due may take in the end.
    pub quiet_within: Duration,
    /// A promise that the last server breaks, too.
    pub sabotage: Option<oneoff_faults::Sabotage>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The points at which a server was killed.
    pub reached: Vec<String>,
    /// The points to which its workload did not come; the server was killed from outside.
    pub not_reached: Vec<String>,
    /// Jobs in the end.
    pub jobs: usize,
    /// Executions in the end.
    pub attempts: usize,
    /// Executions that were lost with a server.
    pub lost: usize,
    /// Events in the end.
    pub events: usize,
    /// Requests.
    pub requests: usize,
    /// What is wrong.
    pub violations: Vec<Violation>,
}

/// Lives through a history and judges it.
///
/// # Errors
/// The history could not be lived through, through no fault of the server.
pub async fn live(place: &Place, plan: &HistoryPlan) -> Result<Outcome> {
    let mut history = History {
        place,
        plan,
        ledger: Ledger::default(),
        evidence: Evidence { slots: SLOTS, ..Evidence::default() },
        survivors: Vec::new(),
    };
    let mut outcome = Outcome::default();
    for (number, life) in plan.lives.iter().enumerate() {
        match history.one_life(number as u64, life).await {
            Ok(true) => outcome.reached.extend(life.kill.as_ref().map(|kill| kill.point.clone())),
            Ok(false) => outcome.not_reached.extend(life.kill.as_ref().map(|kill| kill.point.clone())),
            Err(error) => {
                history.evidence.incidents.push(format!("in life {number} ({life:?}): {error:#}"));
                break;
            }
        }
    }
    if let Err(error) = history.last_life().await {
        history.evidence.incidents.push(format!("in the last life: {error:#}"));
    }
    history.judge(outcome).await
}

struct History<'a> {
    place: &'a Place,
    plan: &'a HistoryPlan,
    ledger: Ledger,
    evidence: Evidence,
    /// Processes of jobs that lived when the last server had died.
    survivors: Vec<JobProcess>,
}

impl History<'_> {
    fn workload(&self, life: u64, focus: &str) -> Workload {
        Workload {
            seed: self.plan.seed,
            life,
            directory: self.place.directory.clone(),
            focus: focus.to_owned(),
            mix: self.plan.mix,
            ledger: self.ledger.clone(),
            quota: None,
        }
    }

    /// One life and its death; whether that came at the point of the plan.
    async fn one_life(&mut self, number: u64, life: &LifePlan) -> Result<bool> {
        if life.after_downtime {
            // What was to run within the last second is overdue for more than that.
            tokio::time::sleep(2 * DOWNTIME).await;
        }
        let Started::Listening(mut server) = Server::start(self.place, life).await? else {
            self.survivors = processes::of_jobs(&self.place.directory);
            return Ok(true);
        };
        let from = self.listens();
        let focus = life.kill.as_ref().map_or("", |kill| kill.operation());
        let workload = self.workload(number, focus);
        let doors = Doors::of(&server.client);
        let mut clients = workload.start(&doors);
        clients.spawn(async move { workload.repeat_unknown(&doors).await });
        let reached = match life.kill.as_ref().filter(|kill| kill.is_of_a_copy()) {
            Some(kill) => {
                let copy = copies::make(self.place, &self.ledger, kill, number).await;
                server.kill().await?;
                self.evidence.copies.push(copy?);
                true
            }
            None => {
                self.lead_to(life, &server).await?;
                die(&mut server, life.max(self.plan.life_max)).await?
            }
        };
        self.evidence.uptimes.push(Uptime { from, to: SystemClock.now() });
        self.survivors = processes::of_jobs(&self.place.directory);
        end(clients).await?;
        Ok(reached)
    }

    /// Brings the server to a point to which no workload leads.
    async fn lead_to(&self, life: &LifePlan, server: &Server) -> Result<()> {
        match life.kill.as_ref().map(KillAt::operation) {
            Some("end_epoch" | "resign") => {
                tokio::time::sleep(WORK_BEFORE).await;
                server.tell_to_stop()
            }
            Some("new_epoch") => {
                tokio::time::sleep(WORK_BEFORE).await;
                server.pause()?;
                let given_up = give_up_all(self.place).await;
                server.go_on()?;
                given_up
            }
            _ => Ok(()),
        }
    }

    /// A server listens: nothing that ran under an earlier one may be alive, unless there may be other servers. Then
    /// it may be until the lease of the earlier one is over, and the jobs themselves say if it was for longer.
    fn listens(&mut self) -> Timestamp {
        let now = SystemClock.now();
        if self.place.is_shared() {
            return now;
        }
        let alive = processes::of_jobs(&self.place.directory);
        let left = self.survivors.iter().filter(|survivor| alive.contains(survivor));
        self.evidence
            .left_over
            .extend(left.map(|process| format!("{process:?} when the next server listened")));
        now
    }

    /// A life without a kill, until everything that is due is over.
    async fn last_life(&mut self) -> Result<()> {
        let life = LifePlan { sabotage: self.plan.sabotage, ..LifePlan::default() };
        let Started::Listening(mut server) = Server::start(self.place, &life).await? else {
            bail!("it was killed by somebody else");
        };
        let from = self.listens();
        self.workload(self.plan.lives.len() as u64, "").repeat_unknown(&Doors::of(&server.client)).await;
        release_all(&server.client, "downtime").await.context("what was held cannot be released")?;
        let deadline = Instant::now() + self.plan.quiet_within;
        loop {
            let status = server.client.system_status().await.context("the last server does not answer")?;
            let open = |name: &str| status.jobs.get(name).copied().unwrap_or(0);
            // What is still open then is judged.
            if open("scheduled") + open("running") == 0 || Instant::now() > deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.stop().await?;
        self.evidence.uptimes.push(Uptime { from, to: SystemClock.now() });
        let left = processes::of_jobs(&self.place.directory);
        self.evidence.left_over.extend(left.iter().map(|process| format!("{process:?} after the last stop")));
        Ok(())
    }

    async fn judge(mut self, mut outcome: Outcome) -> Result<Outcome> {
        self.evidence.asked = self.ledger.pages();
        gather(self.place, &mut self.evidence).await?;
        let evidence = &self.evidence;
        outcome.jobs = evidence.jobs.len();
        outcome.attempts = evidence.attempts.len();
        outcome.lost = evidence.attempts.iter().filter(|attempt| attempt.lost).count();
        outcome.events = evidence.events.len();
        outcome.requests = evidence.asked.requests.len();
        outcome.violations = oracle::judge(evidence);
        Ok(outcome)
    }
}

/// Gives up the epochs of all others, as another node does when their leases are over.
async fn give_up_all(place: &Place) -> Result<()> {
    let options = place.store()?;
    let store = tokio::task::spawn_blocking(move || Store::open(options, SystemClock.now())).await??;
    let deadline = Instant::now() + 3 * LEASE;
    let mut others = open_epochs(&store).await?.0;
    loop {
        let (open, lapsed) = open_epochs(&store).await?;
        others.retain(|epoch| open.contains(epoch));
        for epoch in lapsed {
            // Until its transaction is ended for it a server that was stopped may have its epoch locked.
            if store.give_up(SystemClock.now(), epoch).await.unwrap_or(false) {
                others.remove(&epoch);
            }
        }
        if others.is_empty() {
            break;
        }
        if Instant::now() > deadline {
            bail!("the lease of a server that was stopped does not end");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::task::spawn_blocking(move || store.close()).await?;
    Ok(())
}

/// The epochs of others that have not ended, and those of them whose lease is over.
async fn open_epochs(store: &Store) -> Result<(BTreeSet<i64>, Vec<i64>)> {
    // At the same instant a lease is over or holds.
    let now = SystemClock.now();
    let lapsed = store.lapsed(now).await?;
    let nodes = store.nodes(now).await?;
    // One that was killed before its first renewal has none, and nothing to give up.
    let held = nodes.iter().filter(|node| node.ended_at.is_none() && node.lease_until.is_some());
    Ok((held.map(|node| node.epoch).chain(lapsed.iter().copied()).collect(), lapsed))
}

/// Waits until a server dies at its point; whether it did before it was killed from outside.
async fn die(server: &mut Server, within: Duration) -> Result<bool> {
    match tokio::time::timeout(within, server.death()).await {
        Ok(died) => died.map(|()| true),
        Err(_too_long) => server.kill().await.map(|()| false),
    }
}

async fn release_all(client: &Client, reason: &str) -> Result<()> {
    let release = ReleaseJobs { reason: reason.to_owned() };
    while client.release_jobs(&release, false).await?.more {}
    Ok(())
}

/// Waits for the clients to notice that their server is gone.
async fn end(mut clients: JoinSet<()>) -> Result<()> {
    let all = async {
        while let Some(client) = clients.join_next().await {
            client.context("a client panicked")?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(CLIENTS_END, all).await.context("the clients do not end")?
}
