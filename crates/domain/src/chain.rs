//! Chains: an ordered list of jobs that run one after another, and the record of each time that they do.

use crate::chain_step::{LinkRule, LinkState};
use crate::job::named;
use crate::{ChainExecutionId, ChainId, ExecutionId, JobDefinition, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

named! {
    /// Whether a link runs, by what became of those before it.
    RunIf {
        /// While no link has failed that stops the chain.
        Success = "success",
        /// Once an earlier link did not succeed.
        Failure = "failure",
        /// In any case, unless the chain execution is cancelled.
        Always = "always",
    }
}

named! {
    /// Where a chain execution stands.
    ChainStatus {
        /// Its first job waits for its time.
        Scheduled = "scheduled",
        /// A job of it has started.
        Running = "running",
        /// It is over, and no link failed that stops the chain.
        Completed = "completed",
        /// It is over, and a link failed that stops the chain.
        Failed = "failed",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

impl ChainStatus {
    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

named! {
    /// Where a link of a chain execution stands.
    LinkStatus {
        /// An earlier link is not over.
        Waiting = "waiting",
        /// Its job is there and waits: for its time, a worker, a retry, or the end of a hold.
        Scheduled = "scheduled",
        /// Its job runs.
        Running = "running",
        /// Its job succeeded.
        Completed = "completed",
        /// Its job failed, was lost or was missed.
        Failed = "failed",
        /// Its job was cancelled or deleted.
        Cancelled = "cancelled",
        /// It does not run in this chain execution.
        Skipped = "skipped",
    }
}

impl LinkStatus {
    /// Whether its job is there and not over.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Scheduled | Self::Running)
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_over(self) -> bool {
        !matches!(self, Self::Waiting) && !self.is_active()
    }

    /// Whether its job is over and did not succeed.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }
}

named! {
    /// Why a link did not run.
    SkipReason {
        /// A link failed that stops the chain, and this one runs only without such a failure.
        EarlierFailure = "earlier_failure",
        /// No earlier link failed, and this one runs only after a failure.
        NoFailure = "no_failure",
        /// The chain execution was cancelled.
        ChainCancelled = "chain_cancelled",
    }
}

/// What a link runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkSource {
    /// A copy of what this job is when the chain is executed.
    Job(JobId),
    /// This.
    Definition(Box<JobDefinition>),
}

/// A link of a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChainLink {
    /// Its outer name.
    pub id: String,
    /// What it runs.
    pub source: LinkSource,
    /// Whether it runs, and what its failure means.
    #[serde(flatten)]
    pub rule: LinkRule,
    /// When it was put into the chain.
    pub created_at: Timestamp,
}

/// A chain as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    /// The store's key.
    pub key: i64,
    /// The outer name.
    pub id: ChainId,
    /// The name people see.
    pub name: String,
    /// More of it.
    pub description: Option<String>,
    /// Its project, and that of the jobs that it makes.
    pub project_id: String,
    /// What runs, in order.
    pub links: Vec<ChainLink>,
    /// Who made it, as [`crate::Actor::label`] writes it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Raised by every change; the record's ETag.
    pub version: i64,
}

/// What became of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkExecution {
    /// Its place, from 0.
    pub index: u32,
    /// The name of its job.
    pub name: String,
    /// The type of its job.
    pub job_type: String,
    /// The job that it is a copy of.
    pub source_job: Option<JobId>,
    /// Whether it runs, and what its failure means.
    pub rule: LinkRule,
    /// Where it stands.
    pub status: LinkStatus,
    /// Why: the reason of its last execution, `missed`, `deleted`, or a [`SkipReason`].
    pub reason: Option<String>,
    /// The id of its job, which is there once the link is neither waiting nor skipped.
    pub job_id: JobId,
    /// The last execution of its job.
    pub execution_id: Option<ExecutionId>,
    /// The exit code of that.
    pub exit_code: Option<i32>,
    /// When its job first started.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

impl LinkExecution {
    /// The id of its job, if that was ever made.
    #[must_use]
    pub fn job(&self) -> Option<JobId> {
        (!matches!(self.status, LinkStatus::Waiting | LinkStatus::Skipped)).then_some(self.job_id)
    }

    /// It does not run.
    pub fn skip(&mut self, reason: SkipReason, now: Timestamp) {
        self.status = LinkStatus::Skipped;
        self.reason = Some(reason.to_string());
        self.ended_at = Some(now);
    }
}

/// One time that a chain runs.
#[derive(Debug, Clone, PartialEq)]
pub struct ChainExecution {
    /// The store's key.
    pub key: i64,
    /// The outer name.
    pub id: ChainExecutionId,
    /// The chain.
    pub chain_id: ChainId,
    /// Its name at the start.
    pub chain_name: String,
    /// The project of the chain and of the jobs.
    pub project_id: String,
    /// Where it stands.
    pub status: ChainStatus,
    /// Set when it was cancelled; the link that runs then may not have ended yet.
    pub cancel_requested: bool,
    /// When its first job was to start.
    pub scheduled_at: Timestamp,
    /// Who asked for it.
    pub created_by: Option<String>,
    /// When.
    pub created_at: Timestamp,
    /// When its first job started.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Raised by every change; the record's ETag.
    pub version: i64,
    /// Its links, in order.
    pub links: Vec<LinkExecution>,
}

impl ChainExecution {
    /// A new one of a chain, whose links run these definitions, in their order. None of them has started.
    #[must_use]
    pub fn of(
        chain: Chain,
        definitions: &[JobDefinition],
        (id, scheduled_at): (ChainExecutionId, Timestamp),
        (created_by, now): (String, Timestamp),
        mut new_job_id: impl FnMut() -> JobId,
    ) -> Self {
        let link = |(index, (link, definition)): (u32, (&ChainLink, &JobDefinition))| LinkExecution {
            index,
            name: definition.name.clone(),
            job_type: definition.job_type.clone(),
            source_job: match &link.source {
                LinkSource::Job(id) => Some(*id),
                LinkSource::Definition(_) => None,
            },
            rule: link.rule,
            status: LinkStatus::Waiting,
            reason: None,
            job_id: new_job_id(),
            execution_id: None,
            exit_code: None,
            started_at: None,
            ended_at: None,
        };
        let links = (0..).zip(chain.links.iter().zip(definitions)).map(link).collect();
        Self {
            key: 0,
            id,
            chain_id: chain.id,
            chain_name: chain.name,
            project_id: chain.project_id,
            status: ChainStatus::Scheduled,
            cancel_requested: false,
            scheduled_at,
            created_by: Some(created_by),
            created_at: now,
            started_at: None,
            ended_at: None,
            version: 1,
            links,
        }
    }

    /// Its links, as far as they decide what follows.
    #[must_use]
    pub fn states(&self) -> Vec<LinkState> {
        self.links.iter().map(|link| LinkState { rule: link.rule, status: link.status }).collect()
    }

    /// The link whose job is there and not over.
    #[must_use]
    pub fn active_link(&self) -> Option<&LinkExecution> {
        self.links.iter().find(|link| link.status.is_active())
    }

    /// The first link whose failure stops the chain.
    #[must_use]
    pub fn failed_link(&self) -> Option<&LinkExecution> {
        self.links.iter().find(|link| link.rule.stop_on_failure && link.status.is_failure())
    }
}

/// What a link's job is told of the link before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousLink {
    /// What became of it.
    pub status: LinkStatus,
    /// Its job.
    pub job_id: JobId,
    /// The last execution of that, unless it never started.
    pub execution_id: Option<ExecutionId>,
    /// The exit code of that.
    pub exit_code: Option<i32>,
    /// The end of what it wrote to standard output (of an HTTP job: the response body), without its last line break.
    pub output: String,
    /// Whether there was more before it.
    pub output_truncated: bool,
}
