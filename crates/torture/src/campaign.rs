//! A campaign: many histories side by side that together walk through all points, and the report on them.

use crate::history::{HistoryPlan, Outcome, live};
use crate::plan::{LifePlan, walk};
use crate::random::Choices;
use crate::server::Place;
use crate::workload::Mix;
use anyhow::{Context as _, Result};
use oneoff_faults::{Sabotage, points};
use oneoff_pg_fixture::Cluster;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Kills of a history.
const LIVES: u64 = 12;
/// After this long a server that does not come to its point is killed from outside.
const LIFE_MAX: Duration = Duration::from_millis(1_500);
/// How long all that is due may take in the end.
const QUIET_WITHIN: Duration = Duration::from_secs(90);

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The armed server.
    pub program: PathBuf,
    /// Of all that is random.
    pub seed: u64,
    /// Kills after which no further history is begun.
    pub kills: u64,
    /// Time after which no further history is begun.
    pub time: Option<Duration>,
    /// Only this history of the campaign.
    pub only: Option<u64>,
    /// Histories at the same time.
    pub side_by_side: usize,
    /// A promise that every server breaks.
    pub sabotage: Option<Sabotage>,
    /// The points at which servers are killed.
    pub points: Vec<String>,
    /// The PostgreSQL server on which each history has its database. Without it that is a file.
    pub cluster: Option<Arc<Cluster>>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Histories.
    pub histories: u64,
    /// Kills at a point, by point.
    pub reached: BTreeMap<String, u64>,
    /// Kills from outside, because the workload did not come to the point in time.
    pub from_outside: u64,
    /// Jobs, executions, lost executions, events and requests of all histories.
    pub jobs: usize,
    /// Executions.
    pub attempts: usize,
    /// Executions that were lost with a server.
    pub lost: usize,
    /// Events.
    pub events: usize,
    /// Requests.
    pub requests: usize,
    /// How long it took.
    pub took: Duration,
    /// The histories that were not kept, with all that shows it.
    pub failures: Vec<Failure>,
}

/// A history in which a promise was not kept.
#[derive(Debug)]
pub struct Failure {
    /// Its number in the campaign.
    pub history: u64,
    /// Where its database, log and journal are kept.
    pub directory: PathBuf,
    /// Its lives.
    pub lives: Vec<LifePlan>,
    /// What came of it.
    pub outcome: Outcome,
}

impl Campaign {
    /// The plan of one of its histories.
    #[must_use]
    pub fn history(&self, number: u64) -> HistoryPlan {
        let choices = Choices::new(self.seed, number);
        let skip = usize::try_from(number * LIVES).unwrap_or(usize::MAX);
        let lives = match self.only {
            Some(_) => LIVES,
            None => LIVES.min(self.kills.saturating_sub(number * LIVES)).max(1),
        };
        let points = walk(&self.points, self.seed).skip(skip).take(usize::try_from(lives).unwrap_or(1));
        let mut points: Vec<String> = points.flat_map(after_what_it_needs).collect();
        // Only what an earlier life has left running can be rescued.
        let needs_others =
            |point: &String| ["rescue.", "give_up."].iter().any(|operation| point.starts_with(operation));
        if points.first().is_some_and(needs_others) {
            points.insert(0, "start.after_watch".to_owned());
        }
        let lives = points.iter().map(|point| {
            let life = LifePlan::to_be_killed_at(point, &choices);
            LifePlan { sabotage: self.sabotage, on_server: self.cluster.is_some(), ..life }
        });
        HistoryPlan {
            seed: self.seed.wrapping_mul(1_000_003).wrapping_add(number),
            lives: lives.collect(),
            mix: Mix::default(),
            life_max: LIFE_MAX,
            quiet_within: QUIET_WITHIN,
            sabotage: self.sabotage,
        }
    }

    /// Lives through histories until there were enough kills or the time is over.
    ///
    /// # Errors
    /// A history could not be lived through, through no fault of the server.
    pub async fn run(&self, mut tell: impl FnMut(&Report)) -> Result<Report> {
        let began = Instant::now();
        let mut report = Report::default();
        let mut running = JoinSet::new();
        let mut next = self.only.unwrap_or(0);
        let (mut begun, mut is_over) = (0, false);
        loop {
            while running.len() < self.side_by_side && !is_over {
                let (campaign, number) = (self.clone(), next);
                running.spawn(async move { (number, campaign.one_history(number).await) });
                next += 1;
                begun += 1;
                is_over = self.only.is_some()
                    || begun * LIVES >= self.kills
                    || self.time.is_some_and(|time| began.elapsed() >= time);
            }
            let Some(ended) = running.join_next().await else { break };
            let (number, result) = ended.context("a history panicked")?;
            report.add(number, self.history(number), result?);
            report.took = began.elapsed();
            is_over |= self.time.is_some_and(|time| began.elapsed() >= time);
            tell(&report);
        }
        Ok(report)
    }

    async fn one_history(&self, number: u64) -> Result<(PathBuf, Outcome)> {
        let directory = tempfile::Builder::new().prefix("oneoff-torture-").tempdir()?;
        let path = directory.path().canonicalize()?;
        let database = match self.cluster.clone() {
            Some(cluster) => Some(Arc::new(tokio::task::spawn_blocking(move || cluster.database()).await??)),
            None => None,
        };
        let program = self.program.clone();
        let place = match &database {
            Some(database) => Place::on_postgres(program, path.clone(), database.url().to_owned()),
            None => Place::with_file(program, path.clone()),
        };
        let outcome = live(&place, &self.history(number)).await;
        // Removing it takes a process, which is waited for.
        tokio::task::spawn_blocking(move || drop(database)).await?;
        let outcome = outcome.with_context(|| format!("history {number} of seed {}", self.seed))?;
        if !outcome.violations.is_empty() {
            // What shows a fault is kept.
            let _path = directory.keep();
        }
        Ok((path, outcome))
    }

    /// The command that repeats a history.
    #[must_use]
    pub fn command(&self, history: u64) -> String {
        let mut command = format!(
            "cargo run -p oneoff-torture --bin oneoff-torture -- --seed {} --only {history}",
            self.seed
        );
        if self.cluster.is_some() {
            command.push_str(" --postgres");
        }
        if ![points::points_of_files(), points::points_of_servers()].contains(&self.points) {
            let points = self.points.iter().map(|point| format!(" --point {point}"));
            command.extend(points);
        }
        if let Some(sabotage) = self.sabotage {
            let _infallible = write!(command, " --sabotage {}", sabotage.as_str());
        }
        command
    }
}

/// A point, after one at which a life ends that leaves behind what the other one needs.
fn after_what_it_needs(point: String) -> Vec<String> {
    match point.starts_with("overdue.") {
        true => vec!["create.after_answer".to_owned(), point],
        false => vec![point],
    }
}

impl Report {
    fn add(&mut self, history: u64, plan: HistoryPlan, (directory, outcome): (PathBuf, Outcome)) {
        self.histories += 1;
        for point in &outcome.reached {
            *self.reached.entry(point.clone()).or_default() += 1;
        }
        self.from_outside += outcome.not_reached.len() as u64;
        self.jobs += outcome.jobs;
        self.attempts += outcome.attempts;
        self.lost += outcome.lost;
        self.events += outcome.events;
        self.requests += outcome.requests;
        if !outcome.violations.is_empty() {
            self.failures.push(Failure { history, directory, lives: plan.lives, outcome });
        }
    }

    /// All kills.
    #[must_use]
    pub fn kills(&self) -> u64 {
        self.reached.values().sum::<u64>() + self.from_outside
    }

    /// One line.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{} kills in {:.1} s ({} at {} points, {} from outside), {} histories, {} requests, {} jobs, {} executions ({} lost), {} events, {} histories with violations",
            self.kills(),
            self.took.as_secs_f64(),
            self.reached.values().sum::<u64>(),
            self.reached.len(),
            self.from_outside,
            self.histories,
            self.requests,
            self.jobs,
            self.attempts,
            self.lost,
            self.events,
            self.failures.len()
        )
    }
}

impl Failure {
    /// Everything about it.
    #[must_use]
    pub fn text(&self, campaign: &Campaign) -> String {
        let mut text = format!("seed {}, history {}: promises broken\n", campaign.seed, self.history);
        for violation in &self.outcome.violations {
            let _infallible = writeln!(text, "  {violation}");
        }
        for (number, life) in self.lives.iter().enumerate() {
            let kill = life.kill.as_ref().map(ToString::to_string).unwrap_or_default();
            let _infallible = writeln!(
                text,
                "  life {number}: killed at {kill}, {:?}, unguarded: {}",
                life.fail, life.unguarded
            );
        }
        let _infallible = writeln!(text, "  database, log and journal: {}", self.directory.display());
        let _infallible = writeln!(text, "  again: {}", campaign.command(self.history));
        text
    }
}
