//! Whether a command ends at once or with the job.

use crate::args::duration::any;
use clap::{Args, ValueEnum};
use std::time::Duration;

/// Which exit code a wait ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ExitStatus {
    /// That of the table: `oneoff help exit-codes`.
    #[default]
    Table,
    /// That of the job itself, where it has one.
    Propagate,
}

/// Waiting after something else was done.
#[derive(Args, Default)]
#[command(next_help_heading = "Waiting")]
pub(crate) struct WaitArgs {
    /// Wait for the end of the job, and end with its truth
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) wait: bool,
    /// Wait, and show its output as it comes instead of the job
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) follow: bool,
    /// The longest to wait; the job goes on after it
    #[arg(long, value_name = "DURATION", value_parser = any)]
    pub(crate) wait_timeout: Option<Duration>,
    /// Which exit code the wait ends with
    #[arg(long, value_enum, default_value = "table", value_name = "WHICH")]
    pub(crate) exit_status: ExitStatus,
}

/// Waiting as such.
#[derive(Args)]
pub(crate) struct PlainWaitArgs {
    /// The longest to wait; the job goes on after it
    #[arg(long, visible_alias = "wait-timeout", value_name = "DURATION", value_parser = any)]
    pub(crate) timeout: Option<Duration>,
    /// Which exit code the wait ends with
    #[arg(long, value_enum, default_value = "table", value_name = "WHICH")]
    pub(crate) exit_status: ExitStatus,
}
