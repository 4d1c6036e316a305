//! `oneoff jobs ...`.

use crate::args::{Dst, JobArgs, PlainWaitArgs, TaskArgs, WaitArgs};
use clap::{Args, Subcommand};
use oneoff_domain::{HoldReason, JobId, JobStatus};

/// What is done with jobs.
#[derive(Subcommand)]
pub(crate) enum JobsCommand {
    /// Create a job
    Create(Box<CreateArgs>),
    /// List jobs, latest first
    List(JobListArgs),
    /// Show a job
    Get(GetArgs),
    /// Cancel jobs, before or while they run
    Cancel(IdsArgs),
    /// Delete jobs and all that is known of them
    Delete(DeleteArgs),
    /// Start a job now, or again
    Run(RunArgs),
    /// Hold a job back
    Hold(HoldArgs),
    /// Release a job that was held back, or all that are held for a reason
    Release(ReleaseArgs),
    /// Copy a job for another time
    Clone(CloneArgs),
    /// Move a job to another time
    Reschedule(RescheduleArgs),
}

/// What the lines of a file say by themselves.
const NOT_WITH_FROM: [&str; 29] = [
    "job_type",
    "config",
    "at",
    "url",
    "method",
    "headers",
    "body",
    "script",
    "env",
    "workdir",
    "command",
    "name",
    "priority",
    "project",
    "tags",
    "timeout",
    "max_retries",
    "retry_delay",
    "max_lateness",
    "on_late",
    "on_crash",
    "concurrency_key",
    "external_id",
    "hold",
    "dst",
    "allow_past",
    "wait",
    "follow",
    "wait_timeout",
];

/// `oneoff jobs create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// The job type: `http`, `shell`, ... [default: what --url, --script or CMD imply]
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) job_type: Option<String>,
    /// The config of the type, a JSON object; `@file` reads a file, `-` stdin
    #[arg(long, value_name = "JSON|@FILE|-", conflicts_with_all = ["url", "script", "command"])]
    pub(crate) config: Option<String>,
    /// When: `2026-12-01 09:00`, `tomorrow 9am`, `in 2h`, `now`, ...
    #[arg(long, value_name = "WHEN", required_unless_present_any = ["hold", "from"])]
    pub(crate) at: Option<String>,
    /// Create the jobs of a file (`-` is stdin) instead: one JSON object per line or an array of them, each as in
    /// POST /api/jobs. All of them are created or none
    #[arg(long, value_name = "FILE|-", conflicts_with_all = NOT_WITH_FROM)]
    pub(crate) from: Option<String>,
    /// With --from: each job stands on its own, and any number of them is sent in slices
    #[arg(long)]
    pub(crate) each: bool,
    #[command(flatten)]
    pub(crate) task: TaskArgs,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) wait: WaitArgs,
}

/// `oneoff jobs list`.
#[derive(Args)]
pub(crate) struct JobListArgs {
    /// Only jobs of this status; can be repeated
    #[arg(long = "status", value_name = "STATUS", value_delimiter = ',')]
    pub(crate) statuses: Vec<JobStatus>,
    /// Only jobs of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) job_type: Option<String>,
    /// Only jobs of this project
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,
    /// Only the job with your own id
    #[arg(long, value_name = "ID")]
    pub(crate) external_id: Option<String>,
    /// Only jobs with these words in their name, your own id or tags, or with this beginning of an id
    #[arg(long, value_name = "WORDS")]
    pub(crate) search: Option<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
    /// `scheduled_at` or `created_at`, largest first with a minus before it
    #[arg(long, value_name = "FIELD", default_value = "-created_at", allow_hyphen_values = true)]
    pub(crate) sort: String,
}

/// `oneoff jobs get`.
#[derive(Args)]
pub(crate) struct GetArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// Wait for its end first, and end with its truth
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) plain: PlainWaitArgs,
}

/// A command about several jobs.
#[derive(Args)]
pub(crate) struct IdsArgs {
    /// The jobs
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<JobId>,
}

/// `oneoff jobs delete`.
#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The jobs
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<JobId>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `oneoff jobs run`.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// Wait for the end of the job, and end with its truth
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait, and show its output as it comes instead of the job
    #[arg(long)]
    pub(crate) follow: bool,
    #[command(flatten)]
    pub(crate) plain: PlainWaitArgs,
}

/// `oneoff jobs hold`.
#[derive(Args)]
pub(crate) struct HoldArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// When the hold ends by itself
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
}

/// `oneoff jobs release`.
#[derive(Args)]
pub(crate) struct ReleaseArgs {
    /// The job
    #[arg(value_name = "ID", required_unless_present = "all")]
    pub(crate) id: Option<JobId>,
    /// The reason of the hold: `manual`, `restore`, `downtime`, `gate`, `approval` or `chain` [default: manual]
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<HoldReason>,
    /// All jobs that are held for the reason
    #[arg(long, requires = "reason", conflicts_with = "id")]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short, long, requires = "all")]
    pub(crate) yes: bool,
}

/// `oneoff jobs clone`.
#[derive(Args)]
pub(crate) struct CloneArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// When the copy runs, in one or several words
    #[arg(value_name = "WHEN", required = true)]
    pub(crate) when: Vec<String>,
    /// Its name [default: that of the job and ` (clone)`]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Which instant is meant when the clocks are changed
    #[arg(long, value_name = "WHICH")]
    pub(crate) dst: Option<Dst>,
    /// Accept a time in the past: the copy is due at once
    #[arg(long)]
    pub(crate) allow_past: bool,
}

/// `oneoff jobs reschedule`.
#[derive(Args)]
pub(crate) struct RescheduleArgs {
    /// The job
    #[arg(value_name = "ID")]
    pub(crate) id: JobId,
    /// When it runs instead, in one or several words
    #[arg(value_name = "WHEN", required = true)]
    pub(crate) when: Vec<String>,
    /// Which instant is meant when the clocks are changed
    #[arg(long, value_name = "WHICH")]
    pub(crate) dst: Option<Dst>,
    /// Accept a time in the past: the job is due at once
    #[arg(long)]
    pub(crate) allow_past: bool,
}
