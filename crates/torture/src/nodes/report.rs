//! What came of a campaign with several nodes.

use super::Machines;
use crate::evidence::Evidence;
use crate::oracle::Violation;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// What came of a round.
#[derive(Debug)]
pub struct NodesRound {
    /// Its seed.
    pub seed: u64,
    /// Where logs and journal are, which are kept where a promise was broken.
    pub directory: PathBuf,
    /// The main tables of the database, where a promise was broken.
    pub dump: Option<PathBuf>,
    /// On which machines the nodes were.
    pub machines: Machines,
    /// What happened to nodes, and how often.
    pub troubles: BTreeMap<&'static str, u64>,
    /// How the database was restarted.
    pub restarts: Vec<&'static str>,
    /// Epochs that others gave up.
    pub given_up: usize,
    /// Outcomes that came too late and were refused.
    pub refused_outcomes: usize,
    /// Jobs in the end.
    pub jobs: usize,
    /// Executions in the end.
    pub attempts: usize,
    /// Executions that were lost with a node.
    pub lost: usize,
    /// Events in the end.
    pub events: usize,
    /// Requests.
    pub requests: usize,
    /// How long jobs were made.
    pub worked: Duration,
    /// How long all of it took.
    pub took: Duration,
    /// What is wrong.
    pub violations: Vec<Violation>,
}

impl Default for NodesRound {
    fn default() -> Self {
        Self {
            seed: 0,
            directory: PathBuf::new(),
            dump: None,
            machines: Machines::Apart,
            troubles: BTreeMap::new(),
            restarts: Vec::new(),
            given_up: 0,
            refused_outcomes: 0,
            jobs: 0,
            attempts: 0,
            lost: 0,
            events: 0,
            requests: 0,
            worked: Duration::ZERO,
            took: Duration::ZERO,
            violations: Vec::new(),
        }
    }
}

impl NodesRound {
    pub(super) fn note(&mut self, evidence: &Evidence) {
        self.jobs = evidence.jobs.len();
        self.attempts = evidence.attempts.len();
        self.lost = evidence.attempts.iter().filter(|attempt| attempt.lost).count();
        self.events = evidence.events.len();
        self.requests = evidence.asked.requests.len();
    }

    pub(super) fn note_logs(&mut self, logs: &str) {
        let count = |words: &str| logs.lines().filter(|line| line.contains(words)).count();
        self.given_up = count("a node has not renewed its lease and is given up");
        self.refused_outcomes = count("the outcome came too late");
    }

    /// One line.
    #[must_use]
    pub fn line(&self) -> String {
        let troubles: Vec<String> =
            self.troubles.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        format!(
            "seed {}, machines {:?}: {} jobs, {} requests, {} executions ({} lost, {} outcomes refused), {} events; \
             nodes: {}, {} given up; database restarted: {}; {:.0} s of load, {:.0} s in all; {} violations",
            self.seed,
            self.machines,
            self.jobs,
            self.requests,
            self.attempts,
            self.lost,
            self.refused_outcomes,
            self.events,
            troubles.join(", "),
            self.given_up,
            self.restarts.join(", "),
            self.worked.as_secs_f64(),
            self.took.as_secs_f64(),
            self.violations.len()
        )
    }

    /// Everything that is wrong with it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.line());
        for violation in &self.violations {
            let _infallible = writeln!(text, "  {violation}");
        }
        let _infallible = writeln!(text, "  logs and journal: {}", self.directory.display());
        if let Some(dump) = &self.dump {
            let _infallible = writeln!(text, "  tables: {}", dump.display());
        }
        text
    }
}

/// What came of all rounds.
#[derive(Debug, Default)]
pub struct NodesReport {
    /// The rounds. Only the last one may have broken a promise: it ends the campaign.
    pub rounds: Vec<NodesRound>,
}

impl NodesReport {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.rounds.iter().all(|round| round.violations.is_empty())
    }
}
