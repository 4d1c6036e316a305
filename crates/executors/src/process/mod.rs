//! Processes of attempts: who is told of them, how those that are left over are found and ended, and the
//! guardian that does so when the server died.

mod boot;
pub mod end;
pub mod guardian;
pub mod guardian_body;
mod guardian_ear;
pub(crate) mod scan;
pub(crate) mod stat;
mod told;

pub use boot::boot_time;
pub use end::end_processes;
pub use guardian::Guardian;
pub use guardian_body::guardian_main;

use oneoff_domain::ExecutionId;

/// The environment variable by which a process is recognised as part of an execution, wherever it has got to.
pub const EXECUTION_ID_VARIABLE: &str = "ONEOFF_EXECUTION_ID";

/// The environment variable by which a process is recognised as started by one server process.
pub const INSTANCE_VARIABLE: &str = "ONEOFF_INSTANCE";

/// Is told of the process group of every attempt.
pub trait ProcessWatch: Send + Sync + 'static {
    /// A process group was started for an execution. `start_ticks` is when its leader was, in ticks since the machine
    /// was started; 0 if that is not known.
    fn started(&self, execution_id: ExecutionId, process_group: i32, start_ticks: u64);
    /// Nothing of it is left.
    fn ended(&self, execution_id: ExecutionId);
    /// More environment variables that every process carries, by which the watcher finds it.
    fn environment(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Watches nothing: processes survive a crash until the next start finds them by their environment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl ProcessWatch for Unwatched {
    fn started(&self, _execution_id: ExecutionId, _process_group: i32, _start_ticks: u64) {}
    fn ended(&self, _execution_id: ExecutionId) {}
}
