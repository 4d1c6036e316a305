//! By which policies a job runs.

use crate::args::whole_seconds;
use clap::{Args, ValueEnum};

/// Which of two instants a wall time means when the clocks are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dst {
    /// The earlier one.
    Earlier,
    /// The later one.
    Later,
}

impl Dst {
    /// The word of the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "earlier",
            Self::Later => "later",
        }
    }
}

/// By which policies the job runs. What is not given takes the server's default.
#[derive(Args, Default)]
#[command(next_help_heading = "How to do it")]
pub(crate) struct JobArgs {
    /// The name people see [default: a summary of what it does]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// 1 (least urgent) to 10
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) priority: Option<i64>,
    /// The project
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,
    /// A tag; can be repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// The longest an attempt may take
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    pub(crate) timeout: Option<i64>,
    /// Attempts after the first
    #[arg(long, visible_alias = "retries", value_name = "N", allow_negative_numbers = true)]
    pub(crate) max_retries: Option<i64>,
    /// The delay before the first retry; it doubles with each
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    pub(crate) retry_delay: Option<i64>,
    /// How late a start may be before --on-late decides
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    pub(crate) max_lateness: Option<i64>,
    /// What happens when it is later: `run` or `skip`
    #[arg(long, value_name = "POLICY")]
    pub(crate) on_late: Option<String>,
    /// What happens when the server dies under it: `retry` or `fail`
    #[arg(long, value_name = "POLICY")]
    pub(crate) on_crash: Option<String>,
    /// At most one job of a key runs at a time
    #[arg(long, value_name = "KEY")]
    pub(crate) concurrency_key: Option<String>,
    /// Your own id for the job, unique in its project
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// The same key never makes a second job [default: a random one]
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    /// Hold the job back until it is released
    #[arg(long)]
    pub(crate) hold: bool,
    /// Which instant is meant when the clocks are changed
    #[arg(long, value_name = "WHICH")]
    pub(crate) dst: Option<Dst>,
    /// Accept a time in the past: the job is due at once
    #[arg(long)]
    pub(crate) allow_past: bool,
    /// Check everything and show the job, but create nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
