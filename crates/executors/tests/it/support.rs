//! Starts attempts, collects their output, and looks at the processes of this machine.

use oneoff_domain::{AttemptOutcome, ExecutionId, JobId, OutputStream, Timestamp};
use oneoff_executors::{
    Executor, OutputChunk, OutputWriter, ProcessWatch, RunContext, StopTrigger, Unwatched,
};
use oneoff_fakes::SeededRandom;
use serde_json::Value;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longer than anything here should take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// An id that no other test has, in whatever process it runs.
pub(crate) fn execution_id() -> ExecutionId {
    let random = SeededRandom::new(RandomState::new().build_hasher().finish());
    ExecutionId::generate(Timestamp::EPOCH, &random)
}

/// An attempt under way.
pub(crate) struct Attempt {
    pub(crate) id: ExecutionId,
    pub(crate) trigger: StopTrigger,
    pub(crate) output: mpsc::Receiver<OutputChunk>,
    pub(crate) task: JoinHandle<AttemptOutcome>,
}

/// All that came of an attempt.
pub(crate) struct Finished {
    pub(crate) outcome: AttemptOutcome,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A context and the ends that belong to it.
pub(crate) fn context(config: &Value) -> (RunContext, StopTrigger, mpsc::Receiver<OutputChunk>) {
    let random = SeededRandom::new(RandomState::new().build_hasher().finish());
    let (trigger, stop) = StopTrigger::new();
    let (writer, output) = OutputWriter::channel(8);
    let context = RunContext {
        job_id: JobId::generate(Timestamp::EPOCH, &random),
        job_name: "a test".to_owned(),
        execution_id: execution_id(),
        run: 2,
        attempt: 1,
        scheduled_for: "2026-12-01T09:00:00Z".parse().unwrap(),
        timezone: "Europe/Berlin".to_owned(),
        config: Arc::new(config.as_object().unwrap().clone()),
        chain: None,
        stop,
        output: writer,
        processes: Arc::new(Unwatched),
    };
    (context, trigger, output)
}

/// Starts an attempt.
pub(crate) fn start(executor: &dyn Executor, config: &Value) -> Attempt {
    start_watched(executor, config, Arc::new(Unwatched))
}

/// Starts an attempt whose processes somebody watches.
pub(crate) fn start_watched(
    executor: &dyn Executor,
    config: &Value,
    processes: Arc<dyn ProcessWatch>,
) -> Attempt {
    let (mut context, trigger, output) = context(config);
    context.processes = processes;
    let id = context.execution_id;
    Attempt { id, trigger, output, task: tokio::spawn(executor.run(context)) }
}

/// Runs an attempt to its end.
pub(crate) async fn run(executor: &dyn Executor, config: Value) -> Finished {
    start(executor, &config).finish().await
}

impl Attempt {
    /// Waits for its end.
    pub(crate) async fn finish(mut self) -> Finished {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let collect = async {
            while let Some(chunk) = self.output.recv().await {
                match chunk.stream {
                    OutputStream::Stderr => stderr.extend_from_slice(&chunk.bytes),
                    _ => stdout.extend_from_slice(&chunk.bytes),
                }
            }
        };
        let both = async { tokio::join!(self.task, collect).0.unwrap() };
        let outcome = tokio::time::timeout(PATIENCE, both).await.expect("the attempt ends");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Finished { outcome, stdout: text(stdout), stderr: text(stderr) }
    }

    /// Waits for output that contains `text`.
    pub(crate) async fn wrote(&mut self, text: &str) {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(text) {
            let chunk = tokio::time::timeout(PATIENCE, self.output.recv()).await.expect("output in time");
            seen.extend_from_slice(&chunk.expect("output before the end").bytes);
        }
    }
}

/// The living processes that carry the id of an execution.
pub(crate) fn processes_of(id: ExecutionId) -> Vec<i32> {
    let mark = format!("ONEOFF_EXECUTION_ID={id}").into_bytes();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let carries = |pid: &i32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == mark)
    };
    pids.filter(carries).collect()
}

/// Whether a process lives, zombies not counted.
pub(crate) fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|fields| !fields.is_empty() && !fields.trim_start().starts_with('Z'))
}

/// Whether a process is a zombie.
pub(crate) fn is_zombie(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|fields| fields.trim_start().starts_with('Z'))
}

/// Waits until something is so, and fails when it does not come about in time.
pub(crate) async fn eventually(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
