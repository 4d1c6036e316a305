//! `oneoff executions ...`.

use crate::args::ExecutionIdArgs;
use clap::{Args, Subcommand};
use oneoff_domain::{ExecutionId, ExecutionStatus, JobId};

/// What is done with executions.
#[derive(Subcommand)]
pub(crate) enum ExecutionsCommand {
    /// List attempts, latest first
    List(ExecutionListArgs),
    /// Show an attempt
    Get(ExecutionIdArgs),
    /// Show the output of an attempt from its beginning, and go on until its end
    Tail(TailArgs),
}

/// `oneoff executions list`.
#[derive(Args)]
pub(crate) struct ExecutionListArgs {
    /// Only those of this job
    #[arg(long, value_name = "ID")]
    pub(crate) job: Option<JobId>,
    /// Only those of this status; can be repeated
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',')]
    pub(crate) statuses: Vec<ExecutionStatus>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// `oneoff executions tail`.
#[derive(Args)]
pub(crate) struct TailArgs {
    /// The execution
    #[arg(value_name = "ID")]
    pub(crate) id: ExecutionId,
    /// Only what is there now
    #[arg(long)]
    pub(crate) no_follow: bool,
}
