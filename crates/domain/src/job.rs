//! A job: its definition, which is immutable once it is stored, and its state, which moves.

use crate::{ExecutionId, JobId, JobKey, Origin, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// Text that names none of the values that are allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not one of {allowed}")]
pub struct UnknownName {
    /// What was given.
    pub given: String,
    /// The values that are allowed, comma separated.
    pub allowed: String,
}

/// An enum whose values are written as lower-case words, in JSON, in the database and in queries alike.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word that stands for this value.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = $crate::job::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err($crate::job::UnknownName {
                        given: text.chars().take(64).collect(),
                        allowed: [$($text),+].join(", "),
                    }),
                }
            }
        }
    };
}
pub(crate) use named;

named! {
    /// Where a job stands.
    JobStatus {
        /// Waits for its time, or for its next attempt.
        Scheduled = "scheduled",
        /// An attempt is under way.
        Running = "running",
        /// Has an open hold: it does not start until the last one is released.
        Held = "held",
        /// Its last attempt succeeded.
        Completed = "completed",
        /// Its last attempt failed and no retry is left.
        Failed = "failed",
        /// Was cancelled, before or while it ran.
        Cancelled = "cancelled",
        /// Was too late by its own policy and did not run.
        Missed = "missed",
    }
}

impl JobStatus {
    /// Whether nothing more happens to the job by itself.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Missed)
    }
}

named! {
    /// What happens to a job that is later than its `max_lateness_seconds`.
    OnLate {
        /// It runs all the same.
        Run = "run",
        /// It does not run and ends as `missed`.
        Skip = "skip",
    }
}

named! {
    /// What happens to a job whose attempt was lost with the server that ran it.
    OnCrash {
        /// It starts again at once: at least once.
        Retry = "retry",
        /// It ends as `failed`: at most once.
        Fail = "fail",
    }
}

named! {
    /// Why a job is held.
    HoldReason {
        /// Somebody asked for it.
        Manual = "manual",
        /// Waits for an earlier link of its chain.
        Chain = "chain",
        /// Waits for a gate.
        Gate = "gate",
        /// Waits for an approval.
        Approval = "approval",
        /// Was overdue when a backup was restored.
        Restore = "restore",
        /// Was overdue by more than is allowed when a server started.
        Downtime = "downtime",
    }
}

/// A reason for a job not to start. A job with at least one is `held`; releasing one leaves the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why.
    pub reason: HoldReason,
    /// Who, as [`crate::Actor::label`] writes it.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// When it ends by itself; `None` is never.
    pub until: Option<Timestamp>,
}

/// When and how often a failed attempt is followed by another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts after the first; 0 is none.
    pub max_retries: u32,
    /// The delay before the first retry. It doubles with each.
    pub delay_seconds: u32,
    /// The longest delay.
    pub max_delay_seconds: u32,
    /// The exit codes (of HTTP jobs: the response statuses) worth a retry; `None` is all.
    pub exit_codes: Option<Vec<i32>>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 0, delay_seconds: 10, max_delay_seconds: 3600, exit_codes: None }
    }
}

/// What a job does and by which policies. Immutable: an edit makes a new revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobDefinition {
    /// The name people see.
    pub name: String,
    /// The job type: `http`, `shell`, or one that the embedding program registered.
    pub job_type: String,
    /// The config of that type, a JSON object.
    pub config: Map<String, Value>,
    /// The project; `default` if none was named.
    pub project_id: String,
    /// Free words, without duplicates.
    pub tags: Vec<String>,
    /// 1 (least urgent) to 10.
    pub priority: u8,
    /// The IANA time zone in which people see the job's time.
    pub timezone: String,
    /// The longest an attempt may take.
    pub timeout_seconds: Option<u32>,
    /// What follows a failed attempt.
    pub retry: RetryPolicy,
    /// How late a start may be before `on_late` decides.
    pub max_lateness_seconds: Option<u32>,
    /// What happens when it is later.
    pub on_late: OnLate,
    /// What happens when the server dies under an attempt.
    pub on_crash: OnCrash,
    /// At most one job of a key runs at a time.
    pub concurrency_key: Option<String>,
    /// The client's own name for the job, unique within its project.
    pub external_id: Option<String>,
    /// The client's own data.
    pub metadata: Map<String, Value>,
}

/// What changes as a job moves through its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobState {
    /// Where it stands.
    pub status: JobStatus,
    /// When it is to start. Only a held job may have none.
    pub scheduled_at: Option<Timestamp>,
    /// The wall time as given, where one was given: `2026-12-01T09:00:00`.
    pub scheduled_local: Option<String>,
    /// How often the job was started anew, from 1.
    pub run: u32,
    /// The attempt that is under way or comes next within this run, from 0.
    pub attempt: u32,
    /// When the next attempt starts, where a retry waits.
    pub next_attempt_at: Option<Timestamp>,
    /// Set when a running attempt is to end as cancelled. It survives a crash.
    pub cancel_requested: bool,
    /// The reasons not to start, oldest first. Not empty exactly when the status is `held`.
    pub holds: Vec<Hold>,
    /// Raised by every change; the record's ETag.
    pub version: i64,
}

impl JobState {
    /// The state of a job that was just accepted.
    #[must_use]
    pub fn scheduled(scheduled_at: Timestamp, scheduled_local: Option<String>) -> Self {
        Self {
            status: JobStatus::Scheduled,
            scheduled_at: Some(scheduled_at),
            scheduled_local,
            run: 1,
            attempt: 0,
            next_attempt_at: None,
            cancel_requested: false,
            holds: Vec::new(),
            version: 1,
        }
    }

    /// The instant at which the job starts next: that of its retry, or the one it was scheduled for.
    /// `None` unless its status is `scheduled`.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.status {
            JobStatus::Scheduled => self.next_attempt_at.or(self.scheduled_at),
            _ => None,
        }
    }
}

/// A job as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The store's key.
    pub key: JobKey,
    /// The outer name.
    pub id: JobId,
    /// Which revision of the definition this is, from 1.
    pub revision: i64,
    /// What it does.
    pub definition: JobDefinition,
    /// Where it stands.
    pub state: JobState,
    /// Its latest execution.
    pub last_execution: Option<ExecutionId>,
    /// What made it, unless somebody asked for this job itself.
    pub origin: Option<Origin>,
    /// Who made it, as [`crate::Actor::label`] writes it.
    pub created_by: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}
