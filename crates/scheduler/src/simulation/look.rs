//! Looks at everything at once: the store agrees with itself and with the book, what can start has started, and at
//! the end nothing is left to be done.

use super::history::{Happening, History};
use super::server::read_now;
use super::violation::{Violation, ensure};
use oneoff_domain::{Clock, JobId, Timestamp};
use oneoff_storage::PendingJob;
use std::collections::BTreeSet;
use std::time::Duration;

/// After a disturbance nothing is asked of the scheduler for so long: the clock is not trusted for a minute.
const RECOVERS_IN_US: u64 = 240_000_000;
/// How late a job may start that could start.
const STARTS_WITHIN_US: u64 = 60_000_000;
/// Tasks that a server always has: its reconcilers.
const RECONCILERS: usize = 2;

impl History {
    /// Compares everything; answers whether the history is over.
    pub(super) fn look(&mut self) -> Result<bool, Violation> {
        if self.operations_left == 0 && self.disturbances_left == 0 {
            self.end_disturbances();
        }
        self.plan_look();
        if self.server.is_none() {
            return Ok(false);
        }
        self.read_events()?;
        let store = self.server()?.store.clone();
        let faults = self.disk.quietly(|| read_now(store.inconsistencies()));
        let faults = faults.map_err(|error| Violation::no_answer(&error))?;
        ensure(faults.is_empty(), "the tables agree with each other", || faults.join("; "))?;
        self.compare_all()?;
        self.clients.ensure_all_or_none()?;
        self.ensure_found()?;
        self.ensure_kept()?;
        self.ensure_cancelled()?;
        self.ensure_progress()?;
        self.is_over()
    }

    fn end_disturbances(&mut self) {
        if !self.disk.is_well() {
            self.heal();
        }
        if self.server.is_none() {
            self.after(0, Happening::Start);
        }
    }

    fn compare_all(&mut self) -> Result<(), Violation> {
        let keep = self.plan.retention.jobs;
        let latest = self.latest_wall;
        let jobs: BTreeSet<JobId> = self.book.jobs().into_iter().chain(self.clients.promised()).collect();
        for id in jobs {
            let found = self.stored(id)?;
            self.book.compare(id, found.as_ref(), |ended: Timestamp| latest.since(ended) >= keep)?;
        }
        Ok(())
    }

    /// An attempt of a job that is to be cancelled is told so.
    fn ensure_cancelled(&mut self) -> Result<(), Violation> {
        if !self.asked.is_empty() || !self.is_calm_for(RECOVERS_IN_US) {
            return Ok(());
        }
        let running = self.server()?.attempts.values().filter(|attempt| attempt.finish.is_none());
        let untold: Vec<JobId> = running
            .filter(|attempt| attempt.stop.fired().is_none())
            .map(|attempt| attempt.claimed.job.id)
            .collect();
        for id in untold {
            let is_cancelled = self.stored(id)?.is_some_and(|job| job.state.cancel_requested);
            ensure(!is_cancelled, "who is cancelled is told to end", || format!("job {id} goes on"))?;
        }
        Ok(())
    }

    /// What is due and could start has started, unless something was wrong a short while ago.
    fn ensure_progress(&mut self) -> Result<(), Violation> {
        let now = self.clock.now();
        let until = now.saturating_sub(Duration::from_micros(STARTS_WITHIN_US));
        let since_us = self.clock.passed_us().saturating_sub(STARTS_WITHIN_US);
        let is_slow = self.started_at_us.max(self.woke_at_us) > since_us;
        if !self.is_calm_for(RECOVERS_IN_US) || is_slow {
            return Ok(());
        }
        let store = self.server()?.store.clone();
        let waiting = self.disk.quietly(|| read_now(store.pending_window(None, until, 100)));
        let waiting = waiting.map_err(|error| Violation::no_answer(&error))?;
        let could_start = waiting.into_iter().filter(|job| self.could_start_since(since_us, job)).collect();
        let stuck = self.unchanged_since(until, could_start)?;
        ensure(stuck.is_empty(), "what is due starts when there is a slot", || {
            format!("{stuck:?} at {now}")
        })?;
        let holds = self.disk.quietly(|| read_now(store.holds_ending(1)));
        let holds = holds.map_err(|error| Violation::no_answer(&error))?;
        let open = holds.first().filter(|(_, ended)| *ended < until);
        ensure(open.is_none(), "a hold that ended is released", || format!("{open:?} at {now}"))
    }

    /// Whether there has been room for the job ever since, in which time nothing started. What was set free since
    /// then was no room before, and the claim of the job may still be on its way.
    pub(super) fn could_start_since(&self, since_us: u64, job: &PendingJob) -> bool {
        let Some(server) = &self.server else { return false };
        let running = server.attempts.values().filter(|attempt| attempt.finish.is_none());
        let types: Vec<&str> = running
            .map(|attempt| attempt.claimed.job.definition.job_type.as_str())
            .chain(self.freed.types_since(since_us))
            .collect();
        let of_type = types.iter().filter(|job_type| **job_type == job.job_type).count();
        let has_slot = types.len() < self.plan.workers
            && self.plan.type_limits.get(&job.job_type).is_none_or(|limit| of_type < *limit);
        let definitions = server.attempts.values().map(|attempt| &attempt.claimed.job.definition);
        let mut keys = definitions
            .filter_map(|definition| definition.concurrency_key.as_deref())
            .chain(self.freed.keys_since(since_us));
        has_slot && job.concurrency_key.as_deref().is_none_or(|key| keys.all(|taken| taken != key))
    }

    /// The jobs that were as they are then: one that has been made or released since may have been due long ago.
    fn unchanged_since(
        &mut self,
        until: Timestamp,
        mut jobs: Vec<PendingJob>,
    ) -> Result<Vec<PendingJob>, Violation> {
        if jobs.is_empty() {
            return Ok(jobs);
        }
        for id in self.book.jobs() {
            if let Some(job) = self.stored(id)?.filter(|job| job.updated_at > until) {
                jobs.retain(|stuck| stuck.key != job.key);
            }
        }
        Ok(jobs)
    }

    fn is_over(&mut self) -> Result<bool, Violation> {
        let left = self.left()?;
        match &left {
            Some(left) => self.note(format_args!("it goes on: {left}")),
            None => {
                let (jobs, attempts) = (self.book.told.len(), self.book.started.len());
                self.note(format_args!("over: {jobs} jobs, {attempts} attempts"));
            }
        }
        Ok(left.is_none())
    }

    /// What is left to be done; `None` at the end.
    fn left(&mut self) -> Result<Option<String>, Violation> {
        if self.operations_left > 0 || self.disturbances_left > 0 || !self.is_calm_for(0) {
            return Ok(Some("more is to come".to_owned()));
        }
        if !self.asked.is_empty() || !self.processes.is_empty() {
            return Ok(Some(format!("requests {:?}, processes {:?}", self.asked, self.processes)));
        }
        let server = self.server()?;
        let (attempts, tasks) = (server.attempts.len(), server.tasks.count());
        if attempts > 0 || tasks > RECONCILERS {
            return Ok(Some(format!("{attempts} attempts, {tasks} tasks")));
        }
        Ok(self
            .next_due_us()?
            .map(|due_us| format!("something is due in {} us", due_us - self.clock.passed_us())))
    }
}
