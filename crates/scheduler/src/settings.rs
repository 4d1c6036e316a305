//! What can be set about scheduling.

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

/// What can be set about scheduling.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Attempts that run at a time; 0 is 16 per CPU.
    pub workers_count: usize,
    /// Attempts that run at a time by job type, where it is limited.
    pub type_limits: BTreeMap<String, usize>,
    /// How long attempts may go on after a stop was asked for.
    pub shutdown_grace: Duration,
    /// How long executions, their output, events and audit rows are kept.
    pub log_retention: Duration,
    /// The priority of a job that names none.
    pub default_priority: u8,
    /// The zone of a job that names none.
    pub default_timezone: String,
    /// The guardian; without one, processes of a dead server live until the next start finds them.
    pub guardian: Option<GuardianCommand>,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self {
            workers_count: 0,
            type_limits: BTreeMap::new(),
            shutdown_grace: Duration::from_secs(30),
            log_retention: Duration::from_secs(90 * 24 * 3600),
            default_priority: oneoff_domain::limits::PRIORITY_DEFAULT,
            default_timezone: "UTC".to_owned(),
            guardian: None,
        }
    }
}
