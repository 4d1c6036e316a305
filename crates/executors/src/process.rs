//! Who is told of process groups, so that no process outlives its attempt.

use oneoff_domain::ExecutionId;

/// The environment variable by which a process is recognised as part of an execution, wherever it has got to.
pub const EXECUTION_ID_VARIABLE: &str = "ONEOFF_EXECUTION_ID";

/// Is told of the process group of every attempt.
pub trait ProcessWatch: Send + Sync + 'static {
    /// A process group was started for an execution.
    fn started(&self, execution_id: ExecutionId, process_group: i32);
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
    fn started(&self, _execution_id: ExecutionId, _process_group: i32) {}
    fn ended(&self, _execution_id: ExecutionId) {}
}
