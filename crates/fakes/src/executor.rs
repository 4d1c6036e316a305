//! An executor that does what a test tells it and remembers what it was given.

use crate::Ran;
use oneoff_domain::{AttemptOutcome, FieldError, OutputStream, Reason};
use oneoff_executors::{Executor, RunContext, RunFuture};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// What an attempt does.
#[derive(Debug, Clone)]
enum Act {
    End(AttemptOutcome),
    Panic,
}

/// Holds attempts until a test lets them go. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate(watch::Sender<bool>);

impl Gate {
    /// Lets every attempt go that waits, and every later one.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Holds every later attempt.
    pub fn close(&self) {
        self.0.send_replace(false);
    }
}

#[derive(Debug, Default)]
struct Memory {
    script: VecDeque<Act>,
    ran: Vec<Ran>,
    refuses: Vec<FieldError>,
    running: usize,
    most_at_once: usize,
}

/// An executor under a test's control: it succeeds at once unless it was told otherwise. Clones share
/// everything, so that a test keeps one and registers another.
#[derive(Debug, Clone)]
pub struct FakeExecutor {
    job_type: String,
    memory: Arc<Mutex<Memory>>,
    gate: Gate,
    output: Option<&'static str>,
    heeds_stop: bool,
    stop_grace: Duration,
    started: watch::Sender<usize>,
}

impl FakeExecutor {
    /// An executor of this type that succeeds at once.
    #[must_use]
    pub fn new(job_type: &str) -> Self {
        Self {
            job_type: job_type.to_owned(),
            memory: Arc::default(),
            gate: Gate(watch::Sender::new(true)),
            output: None,
            heeds_stop: true,
            stop_grace: Duration::from_secs(1),
            started: watch::Sender::new(0),
        }
    }

    /// Attempts wait until [`Gate::open`].
    #[must_use]
    pub fn blocking(self) -> Self {
        self.gate.close();
        self
    }

    /// Every attempt writes this to standard output before it waits.
    #[must_use]
    pub fn writing(mut self, text: &'static str) -> Self {
        self.output = Some(text);
        self
    }

    /// Attempts go on when they are told to stop, until they are dropped after `stop_grace`.
    #[must_use]
    pub fn ignoring_stop(mut self, stop_grace: Duration) -> Self {
        self.heeds_stop = false;
        self.stop_grace = stop_grace;
        self
    }

    /// The next attempts fail.
    #[must_use]
    pub fn failing(self, times: usize) -> Self {
        let failure = AttemptOutcome::failed(Reason::Failure, "told to fail");
        (0..times).for_each(|_| self.next(failure.clone()));
        self
    }

    /// The next attempt panics.
    pub fn next_panics(&self) {
        self.memory().script.push_back(Act::Panic);
    }

    /// The next attempt for which nothing was said yet ends like this.
    pub fn next(&self, outcome: AttemptOutcome) {
        self.memory().script.push_back(Act::End(outcome));
    }

    /// Every config is refused with these errors from now on; with none, every config is good again.
    pub fn refuse_configs(&self, errors: Vec<FieldError>) {
        self.memory().refuses = errors;
    }

    /// The gate that its attempts wait at.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// The attempts it was given, in order of their start.
    #[must_use]
    pub fn ran(&self) -> Vec<Ran> {
        self.memory().ran.clone()
    }

    /// Attempts that are under way.
    #[must_use]
    pub fn running(&self) -> usize {
        self.memory().running
    }

    /// The most attempts that were ever under way together.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.memory().most_at_once
    }

    /// Waits until it was given so many attempts in all.
    pub async fn started(&self, attempts: usize) {
        let mut started = self.started.subscribe();
        let _sender_is_ours = started.wait_for(|started| *started >= attempts).await;
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, context: &RunContext) -> (Act, Running) {
        let mut memory = self.memory();
        memory.ran.push(Ran::from(context));
        memory.running += 1;
        memory.most_at_once = memory.most_at_once.max(memory.running);
        let act = memory.script.pop_front().unwrap_or_else(|| Act::End(AttemptOutcome::success()));
        drop(memory);
        self.started.send_modify(|started| *started += 1);
        (act, Running(self.clone()))
    }
}

#[expect(clippy::panic, reason = "what it is for")]
fn panic_as_told() -> AttemptOutcome {
    panic!("told to panic")
}

/// Counts an attempt for as long as it lives, however it ends.
struct Running(FakeExecutor);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.memory().running -= 1;
    }
}

impl Executor for FakeExecutor {
    fn job_type(&self) -> &str {
        &self.job_type
    }

    fn validate(&self, _config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        let refuses = self.memory().refuses.clone();
        if refuses.is_empty() { Ok(()) } else { Err(refuses) }
    }

    fn summary(&self, _config: &Map<String, Value>) -> String {
        self.job_type.clone()
    }

    fn run(&self, context: RunContext) -> RunFuture {
        let executor = self.clone();
        Box::pin(async move {
            let (act, _running) = executor.begin(&context);
            if let Some(text) = executor.output {
                context.output.write(OutputStream::Stdout, text).await;
            }
            let mut gate = executor.gate.0.subscribe();
            let mut stop = context.stop.clone();
            tokio::select! {
                reason = stop.wait(), if executor.heeds_stop => return reason.outcome(),
                _open = gate.wait_for(|open| *open) => {}
            }
            match act {
                Act::End(outcome) => outcome,
                Act::Panic => panic_as_told(),
            }
        })
    }

    fn stop_grace(&self) -> Duration {
        self.stop_grace
    }
}
