//! The command line as clap reads it: every command and flag, and nothing of what they do.

mod duration;
mod executions;
mod global;
mod job;
mod jobs;
mod task;
mod wait;

pub(crate) use duration::whole_seconds;
pub(crate) use executions::{ExecutionListArgs, ExecutionsCommand, TailArgs};
pub(crate) use global::GlobalArgs;
pub(crate) use job::{Dst, JobArgs};
pub(crate) use jobs::{CloneArgs, HoldArgs, ReleaseArgs, RescheduleArgs};
pub(crate) use jobs::{CreateArgs, DeleteArgs, GetArgs, IdsArgs, JobListArgs, JobsCommand, RunArgs};
pub(crate) use task::TaskArgs;
pub(crate) use wait::{ExitStatus, PlainWaitArgs, WaitArgs};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use oneoff_domain::{ExecutionId, JobId};

/// Run jobs once, at an exact time, on a OneOff server.
#[derive(Parser)]
#[command(
    name = "oneoff",
    version,
    disable_help_subcommand = true,
    after_help = "`oneoff help exit-codes` lists the exit codes. Times: `tomorrow 9am`, `in 2h`, `fri 18:00`, \
                  `2026-12-01 09:00`, ..."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What is to be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run a command or an HTTP request at a time: `oneoff at tomorrow 9am -- CMD ARGS`
    At(AtArgs),
    /// Run a command or an HTTP request after a while: `oneoff in 2h -- CMD ARGS`
    In(InArgs),
    /// Run a command or an HTTP request now: `oneoff now -- CMD ARGS`
    Now(NowArgs),
    /// List what is due, next first
    #[command(name = "q", visible_alias = "ls")]
    Queue(QueueArgs),
    /// Cancel jobs
    Rm(IdsArgs),
    /// Show the command that creates a job like this one
    Cat(IdArgs),
    /// Show the output of a job's latest attempt
    Logs(LogsArgs),
    /// Wait for the end of a job, and end with its truth
    Wait(WaitCommandArgs),
    /// Show what a time means, without scheduling anything
    Time(TimeArgs),
    /// Create, list and change jobs
    #[command(subcommand)]
    Jobs(Box<JobsCommand>),
    /// List attempts and read their output
    #[command(subcommand)]
    Executions(ExecutionsCommand),
    /// The server as a whole
    #[command(subcommand)]
    System(SystemCommand),
    /// The server's workers
    #[command(subcommand)]
    Workers(WorkersCommand),
    /// Show the version of this program
    Version,
    /// Write a completion script: `oneoff completion bash > ~/.local/share/bash-completion/completions/oneoff`
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Show help for a command, or `exit-codes`
    Help {
        /// A command, or `exit-codes`
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

/// `oneoff at`.
#[derive(Args)]
pub(crate) struct AtArgs {
    /// When, in one or several words; a URL after it is requested with GET
    #[arg(value_name = "WHEN", required = true)]
    pub(crate) when: Vec<String>,
    #[command(flatten)]
    pub(crate) rest: ShortArgs,
}

/// `oneoff in`.
#[derive(Args)]
pub(crate) struct InArgs {
    /// How long from now: `90s`, `2h 30m`; a URL after it is requested with GET
    #[arg(value_name = "DURATION", required = true)]
    pub(crate) duration: Vec<String>,
    #[command(flatten)]
    pub(crate) rest: ShortArgs,
}

/// `oneoff now`.
#[derive(Args)]
pub(crate) struct NowArgs {
    /// A URL that is requested with GET
    #[arg(value_name = "URL")]
    pub(crate) url_word: Option<String>,
    #[command(flatten)]
    pub(crate) rest: ShortArgs,
}

/// What `at`, `in` and `now` share.
#[derive(Args)]
pub(crate) struct ShortArgs {
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// `oneoff q`.
#[derive(Args)]
pub(crate) struct QueueArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

/// A command about one job.
#[derive(Args)]
pub(crate) struct IdArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
}

/// `oneoff logs`.
#[derive(Args)]
pub(crate) struct LogsArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// Go on until the job is over
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// `oneoff wait`.
#[derive(Args)]
pub(crate) struct WaitCommandArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    #[command(flatten)]
    pub(crate) wait: PlainWaitArgs,
}

/// `oneoff time`.
#[derive(Args)]
pub(crate) struct TimeArgs {
    /// When, in one or several words
    #[arg(value_name = "WHEN", required = true)]
    pub(crate) when: Vec<String>,
    /// Which instant is meant when the clocks are changed
    #[arg(long, value_name = "WHICH")]
    pub(crate) dst: Option<Dst>,
    /// Accept a time in the past
    #[arg(long)]
    pub(crate) allow_past: bool,
}

/// `oneoff system`.
#[derive(Subcommand)]
pub(crate) enum SystemCommand {
    /// How the server is
    Status,
}

/// `oneoff workers`.
#[derive(Subcommand)]
pub(crate) enum WorkersCommand {
    /// What the workers do
    Status,
}

/// A command about one execution.
#[derive(Args)]
pub(crate) struct ExecutionIdArgs {
    /// The execution
    #[arg(value_name = "ID")]
    pub(crate) id: ExecutionId,
}
