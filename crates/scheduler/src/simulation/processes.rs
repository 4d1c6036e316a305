//! Attempts: processes of the machine, which may outlive the server that started them, and their outcomes.

use super::history::{Happening, History};
use super::violation::{Violation, ensure};
use crate::runner::slot_of;
use bytes::Bytes;
use oneoff_domain::{AttemptOutcome, Clock, ExecutionId, JobId, OutputStream, Random, Reason};
use oneoff_storage::{ClaimedJob, Finish, FinishResult, NewOutputChunk, StoreError};

/// A process on the machine.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) job: JobId,
    key: Option<String>,
}

/// How long a process may take to end when it is told to.
const GRACE_US: u64 = 2_000_000;

impl History {
    /// Starts a claimed job.
    pub(super) fn start_attempt(&mut self, claimed: Box<ClaimedJob>) -> Result<(), Violation> {
        let execution = claimed.execution_id;
        self.note(format_args!(
            "start {execution} of {} run {} attempt {} for {}",
            claimed.job.definition.name, claimed.fence.run, claimed.fence.attempt, claimed.scheduled_for
        ));
        self.book.start(&claimed)?;
        self.ensure_alone(&claimed)?;
        let process = Process { job: claimed.job.id, key: claimed.job.definition.concurrency_key.clone() };
        self.processes.insert(execution, process);
        self.started_at_us = self.clock.passed_us();
        let outcome = self.outcome();
        let (now, began) = (self.clock.now(), self.clock.boot_time().0);
        let writes = self.dice.chance(300);
        self.server()?.enter(claimed, outcome, now, began);
        let lasts_us = self.dice.spread(1..self.plan.attempt_max_us);
        if writes {
            self.write_output(execution, 0);
            let generation = self.generation;
            self.after(lasts_us / 2, Happening::Flush(generation, execution));
        }
        self.after(lasts_us, Happening::ProcessEnds(execution));
        Ok(())
    }

    fn ensure_alone(&mut self, claimed: &ClaimedJob) -> Result<(), Violation> {
        let definition = &claimed.job.definition;
        let twin = self.processes.iter().find(|(_, process)| process.job == claimed.job.id);
        ensure(twin.is_none(), "attempts of a job do not overlap", || {
            format!("{} starts beside {twin:?}", claimed.execution_id)
        })?;
        let same_key = self
            .processes
            .iter()
            .find(|(_, process)| process.key.is_some() && process.key == definition.concurrency_key);
        ensure(same_key.is_none(), "jobs of a concurrency key do not overlap", || {
            format!("{} of {:?} starts beside {same_key:?}", claimed.execution_id, definition.concurrency_key)
        })?;
        let (workers, limit) = (self.plan.workers, self.plan.type_limits.get(&definition.job_type).copied());
        let job_type = definition.job_type.clone();
        let running = self.server()?.attempts.values().filter(|attempt| attempt.finish.is_none());
        let types: Vec<&String> = running.map(|attempt| &attempt.claimed.job.definition.job_type).collect();
        ensure(types.len() < workers, "no more attempts than slots", || {
            format!("{} run beside one more", types.len())
        })?;
        let same_type = types.iter().filter(|other| ***other == job_type).count();
        ensure(
            limit.is_none_or(|limit| same_type < limit),
            "no more attempts of a type than its limit",
            || format!("{same_type} of {job_type} run beside one more"),
        )
    }

    fn outcome(&self) -> AttemptOutcome {
        if self.dice.chance(650) {
            return AttemptOutcome::success();
        }
        AttemptOutcome::failed(Reason::ExitCode, "it failed").with_exit_code(Some(1))
    }

    /// The output of an attempt is two pieces, of which the first is stored while it runs.
    fn write_output(&mut self, execution: ExecutionId, piece: u8) {
        let at = self.clock.now();
        let Some(attempt) = self.server.as_mut().and_then(|server| server.attempts.get_mut(&execution))
        else {
            return;
        };
        let bytes = Bytes::from(format!("piece {piece} of {execution}\n"));
        let offset = attempt.output_bytes;
        attempt.output_bytes += i64::try_from(bytes.len()).unwrap_or(0);
        attempt.unstored.push(NewOutputChunk { stream: OutputStream::Stdout, offset, at, bytes });
    }

    pub(super) fn flush(&mut self, execution: ExecutionId) {
        if let Some(server) = &mut self.server {
            server.flush(execution);
        }
    }

    /// Output was stored, or will be stored with the outcome.
    pub(super) fn flushed(&mut self, execution: ExecutionId, answer: &Result<(), StoreError>) {
        let Some(attempt) = self.server.as_mut().and_then(|server| server.attempts.get_mut(&execution))
        else {
            return;
        };
        if answer.is_ok() && attempt.finish.is_none() {
            attempt.unstored.clear();
        }
    }

    /// Processes that were told to end will.
    pub(super) fn stop_processes(&mut self) {
        let Some(server) = &mut self.server else { return };
        let mut stopping = Vec::new();
        for (execution, attempt) in &mut server.attempts {
            let Some(reason) =
                attempt.stop.fired().filter(|_| !attempt.is_stopping && attempt.finish.is_none())
            else {
                continue;
            };
            attempt.is_stopping = true;
            attempt.outcome = reason.outcome();
            stopping.push(*execution);
        }
        for execution in stopping {
            let delay_us = self.dice.within(0..GRACE_US);
            self.after(delay_us, Happening::ProcessEnds(execution));
        }
    }

    /// A process ends, by itself or because it was told to.
    pub(super) fn process_ends(&mut self, execution: ExecutionId) {
        if self.processes.remove(&execution).is_none() {
            return;
        }
        self.note(format_args!("end {execution}"));
        let has_output = |server: &super::server::Server| {
            server.attempts.get(&execution).is_some_and(|attempt| attempt.output_bytes > 0)
        };
        if self.server.as_ref().is_some_and(has_output) {
            self.write_output(execution, 1);
        }
        let (now, boot, random) = (self.clock.now(), self.clock.boot_time().0, self.random.next_u64());
        let Some(server) = &mut self.server else { return };
        let Some(attempt) = server.attempts.get_mut(&execution) else { return };
        let finish = Finish {
            execution_id: execution,
            fence: attempt.claimed.fence,
            outcome: attempt.outcome.clone(),
            completed_at: now,
            duration_us: i64::try_from(boot.saturating_sub(attempt.began).as_micros()).unwrap_or(i64::MAX),
            output: attempt.unstored.clone(),
            output_bytes: attempt.output_bytes,
            output_truncated: false,
            random,
        };
        attempt.finish = Some(finish);
        let (slot, job_type) = (slot_of(&attempt.claimed), attempt.claimed.job.definition.job_type.clone());
        self.freed.slot(self.clock.passed_us(), job_type);
        server.runner.running.leave(execution);
        server.mailbox.send(slot);
        self.record(execution);
    }

    /// Offers the outcome of an attempt to the store.
    pub(super) fn record(&mut self, execution: ExecutionId) {
        let Some(server) = &mut self.server else { return };
        let Some(finish) = server.attempts.get(&execution).and_then(|attempt| attempt.finish.clone()) else {
            return;
        };
        server.finish(finish);
    }

    /// The store answered to an outcome.
    pub(super) fn finished(
        &mut self,
        execution: ExecutionId,
        answer: Result<FinishResult, StoreError>,
    ) -> Result<(), Violation> {
        self.note(format_args!("outcome of {execution}: {}", summary(&answer)));
        let generation = self.generation;
        let again = self.dice.chance(100);
        let again_us = self.dice.spread(1..60_000_000);
        let Some(attempt) = self.server()?.attempts.get_mut(&execution) else {
            let accepted = matches!(answer, Ok(FinishResult::Recorded(_)));
            return ensure(!accepted, "an outcome of an attempt that was given up is refused", || {
                format!("{execution}: {answer:?}")
            });
        };
        match answer {
            Ok(FinishResult::Recorded(job)) => {
                self.book.record(execution)?;
                self.book.promise(&job)?;
            }
            Ok(FinishResult::Fenced) => {
                let was_unknown = attempt.is_unknown;
                ensure(was_unknown, "an outcome of an attempt that runs is accepted", || {
                    format!("{execution} was fenced off")
                })?;
                self.book.record(execution)?;
            }
            Err(error) => {
                attempt.is_unknown |= matches!(error, StoreError::OutcomeUnknown(_));
                attempt.tries += 1;
                let backoff_ms = 50_u64.saturating_mul(1 << attempt.tries.min(7)).min(5000);
                self.after(backoff_ms * 1000, Happening::Record(generation, execution));
                return Ok(());
            }
        }
        let over = self.server()?.attempts.remove(&execution);
        if let Some(attempt) = over {
            self.server()?.runner.running.recorded(&attempt.claimed);
            let passed_us = self.clock.passed_us();
            self.freed.key(passed_us, attempt.claimed.job.definition.concurrency_key.clone());
            if let Some(finish) = attempt.finish.filter(|_| again) {
                self.after(again_us, Happening::Late(Box::new(finish)));
            }
        }
        Ok(())
    }

    /// An outcome comes that must be refused: its attempt was recorded or given up before.
    pub(super) fn late(&mut self, finish: Finish) {
        let Some(server) = &mut self.server else { return };
        let execution = finish.execution_id;
        if !server.attempts.contains_key(&execution) {
            server.finish(finish);
            self.note(format_args!("late outcome of {execution}"));
        }
    }

    /// What a dead server's attempts would still like to record.
    pub(super) fn outcomes_of_the_dead(&mut self) -> Vec<Finish> {
        let now = self.clock.now();
        let Some(server) = &self.server else { return Vec::new() };
        let late = |attempt: &super::server::Attempt| {
            attempt.finish.clone().unwrap_or_else(|| Finish {
                execution_id: attempt.claimed.execution_id,
                fence: attempt.claimed.fence,
                outcome: attempt.outcome.clone(),
                completed_at: now,
                duration_us: 0,
                output: Vec::new(),
                output_bytes: attempt.output_bytes,
                output_truncated: false,
                random: 0,
            })
        };
        server.attempts.values().map(late).collect()
    }
}

fn summary(answer: &Result<FinishResult, StoreError>) -> String {
    match answer {
        Ok(FinishResult::Recorded(job)) => {
            format!("recorded, {} is {}", job.definition.name, job.state.status)
        }
        Ok(FinishResult::Fenced) => "fenced".to_owned(),
        Err(error) => error.to_string(),
    }
}
