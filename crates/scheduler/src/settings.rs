//! What can be set about scheduling.

use oneoff_domain::LiveSettings;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How to start the guardian: a small process that ends what a dead server leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardianCommand {
    /// The program, usually this very binary.
    pub program: PathBuf,
    /// Its arguments, by which it calls [`oneoff_executors::process::guardian_main`].
    pub arguments: Vec<OsString>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What is kept for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Finished jobs, from their end, with everything that belongs to them; 90 days.
    pub jobs: Duration,
    /// Executions, from their end, with their output; 90 days.
    pub executions: Duration,
    /// Events; 30 days. A reader that is further behind is told to start over.
    pub events: Duration,
    /// Audit entries; 365 days.
    pub audit: Duration,
    /// Idempotency records, for so long a request may be repeated; 7 days.
    pub idempotency: Duration,
    /// Deliveries of webhooks, from their end; 30 days. What is still to be sent is kept.
    pub deliveries: Duration,
    /// Bytes of output in all, beyond which the oldest goes; 10 GiB. `None` is no bound.
    pub output_max_bytes: Option<u64>,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            jobs: 90 * DAY,
            executions: 90 * DAY,
            events: 30 * DAY,
            audit: 365 * DAY,
            idempotency: 7 * DAY,
            deliveries: 30 * DAY,
            output_max_bytes: Some(10 * 1024 * 1024 * 1024),
        }
    }
}

impl Retention {
    /// The shortest of all.
    #[must_use]
    pub fn shortest(&self) -> Duration {
        let Self { jobs, executions, events, audit, idempotency, deliveries, .. } = *self;
        jobs.min(executions).min(events).min(audit).min(idempotency).min(deliveries)
    }

    /// The same with what is stored of the settings in place of what was given.
    #[must_use]
    pub fn with(&self, live: &LiveSettings) -> Self {
        Self {
            jobs: live.job_retention.unwrap_or(self.jobs),
            executions: live.log_retention.unwrap_or(self.executions),
            events: live.event_retention.unwrap_or(self.events),
            audit: live.audit_retention.unwrap_or(self.audit),
            idempotency: live.idempotency_retention.unwrap_or(self.idempotency),
            deliveries: live.delivery_retention.unwrap_or(self.deliveries),
            output_max_bytes: live.output_total_max_bytes.unwrap_or(self.output_max_bytes),
        }
    }

    /// A clock that says that more time than this has gone by since anything was written may be wrong: by it, most
    /// of what there is would be removed.
    #[must_use]
    pub fn longest_pause(&self) -> Duration {
        self.jobs.min(self.executions).min(self.events).max(DAY)
    }
}

/// What can be set about scheduling.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Attempts that run at a time; 0 is 16 per CPU.
    pub workers_count: usize,
    /// Attempts that run at a time by job type, where it is limited.
    pub type_limits: BTreeMap<String, usize>,
    /// Slots that only jobs of priority 8 and above take; at least one is left for all others.
    pub reserved_slots: usize,
    /// How long attempts may go on after a stop was asked for.
    pub shutdown_grace: Duration,
    /// What is kept for how long.
    pub retention: Retention,
    /// The priority of a job that names none.
    pub default_priority: u8,
    /// The zone of a job that names none.
    pub default_timezone: String,
    /// The timeout of a job that names none.
    pub default_timeout_seconds: Option<u32>,
    /// Where settings come from that are not the defaults, by the names of [`oneoff_domain::LIVE_SETTINGS`], as people
    /// are told: `environment WORKERS_COUNT`.
    pub origins: BTreeMap<String, String>,
    /// Jobs that are overdue by more than this at start are held for somebody to release them; none are where it is
    /// not given. After a restore all that are overdue are held, or those by more than this.
    pub hold_overdue_after: Option<Duration>,
    /// How long the lease of this node lasts, where several share the store: it is renewed four times meanwhile, and a
    /// node that does not is given up by the others after it. 20 s.
    pub lease: Duration,
    /// A lease is kept also where the store is not shared. For tests.
    pub always_keep_lease: bool,
    /// The clock is used as it is: where the store is shared, it is neither measured nor corrected by the database's. All
    /// nodes must be given one that shows the same time. For tests whose clock is set by hand.
    pub clock_is_common: bool,
    /// The guardian; without one, processes of a dead server live until the next start finds them.
    pub guardian: Option<GuardianCommand>,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self {
            workers_count: 0,
            type_limits: BTreeMap::new(),
            reserved_slots: 0,
            shutdown_grace: Duration::from_secs(30),
            retention: Retention::default(),
            default_priority: oneoff_domain::limits::PRIORITY_DEFAULT,
            default_timezone: "UTC".to_owned(),
            default_timeout_seconds: None,
            origins: BTreeMap::new(),
            hold_overdue_after: None,
            lease: Duration::from_secs(20),
            always_keep_lease: false,
            clock_is_common: false,
            guardian: None,
        }
    }
}

/// 16 slots per CPU unless a number is given: most jobs wait rather than compute.
pub(crate) fn worker_slots(workers_count: usize) -> usize {
    match workers_count {
        0 => 16 * std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    }
}
