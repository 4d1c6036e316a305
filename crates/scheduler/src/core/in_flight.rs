//! Claims that are on their way, and due jobs that wait for a concurrency key.

use oneoff_domain::{JobKey, Timestamp};
use oneoff_storage::PendingJob;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

struct Claim {
    job: PendingJob,
    /// Its key became free while the claim was on its way, so an answer that it is busy is out of date.
    key_freed: bool,
    /// The job is due again, for another time, while the claim for the earlier one was on its way.
    due_again: Option<PendingJob>,
}

/// What is left of a claim that came to nothing.
#[derive(Default)]
pub(super) struct GivenUp {
    /// The job as it was claimed.
    pub(super) job: Option<PendingJob>,
    /// The job as it waits since.
    pub(super) due_again: Option<PendingJob>,
    /// The job that is next in line for its key.
    pub(super) next: Option<PendingJob>,
}

type Rank = (Reverse<u8>, Timestamp, JobKey);

/// The jobs that wait for one concurrency key.
#[derive(Default)]
struct Line {
    /// A job of the key runs or is being claimed.
    taken: bool,
    waiting: BTreeMap<Rank, PendingJob>,
}

#[derive(Default)]
pub(super) struct InFlight {
    claims: HashMap<JobKey, Claim>,
    lines: HashMap<String, Line>,
    waits_for: HashMap<JobKey, (String, Rank)>,
}

impl InFlight {
    /// Gives the job back, unless its key is taken: then it waits here for it.
    pub(super) fn park_if_key_taken(&mut self, job: PendingJob) -> Option<PendingJob> {
        match job.concurrency_key.clone() {
            Some(key) if self.is_taken(&key) => {
                self.park(key, job);
                None
            }
            _ => Some(job),
        }
    }

    /// How many jobs wait for a key.
    pub(super) fn waiting_for(&self, key: &str) -> usize {
        self.lines.get(key).map_or(0, |line| line.waiting.len())
    }

    pub(super) fn is_taken(&self, key: &str) -> bool {
        self.lines.get(key).is_some_and(|line| line.taken)
    }

    pub(super) fn is_parked(&self, key: JobKey) -> bool {
        self.waits_for.contains_key(&key)
    }

    fn park(&mut self, key: String, job: PendingJob) {
        let rank = (Reverse(job.priority), job.due_at, job.key);
        self.waits_for.insert(job.key, (key.clone(), rank));
        let line = self.lines.entry(key).or_default();
        line.taken = true;
        line.waiting.insert(rank, job);
    }

    pub(super) fn begin(&mut self, job: PendingJob) {
        if let Some(key) = &job.concurrency_key {
            self.lines.entry(key.clone()).or_default().taken = true;
        }
        self.claims.insert(job.key, Claim { job, key_freed: false, due_again: None });
    }

    /// Gives the job back, unless a claim of it is on its way: then it waits here for the answer.
    pub(super) fn wait_if_claimed(&mut self, job: PendingJob) -> Option<PendingJob> {
        match self.claims.get_mut(&job.key) {
            Some(claim) => {
                claim.due_again = Some(job);
                None
            }
            None => Some(job),
        }
    }

    /// The job of a claim that is on its way.
    pub(super) fn job(&self, key: JobKey) -> Option<&PendingJob> {
        self.claims.get(&key).map(|claim| &claim.job)
    }

    /// The claim succeeded; its key stays taken until it is free.
    pub(super) fn claimed(&mut self, key: JobKey) {
        self.claims.remove(&key);
    }

    /// Another job has the key: the job waits for it, or is given back because the key is free by now.
    pub(super) fn key_busy(&mut self, key: JobKey) -> Option<PendingJob> {
        let claim = self.claims.remove(&key)?;
        if claim.due_again.is_some() {
            return claim.due_again;
        }
        match claim.job.concurrency_key.clone() {
            Some(concurrency_key) if !claim.key_freed => {
                self.park(concurrency_key, claim.job);
                None
            }
            _ => Some(claim.job),
        }
    }

    /// The claim came to nothing.
    pub(super) fn given_up(&mut self, key: JobKey) -> GivenUp {
        let Some(Claim { job, due_again, .. }) = self.claims.remove(&key) else { return GivenUp::default() };
        let next = job.concurrency_key.clone().and_then(|key| self.next_in_line(&key));
        GivenUp { job: Some(job), due_again, next }
    }

    /// A key is free: gives back the job that is next in line for it.
    pub(super) fn key_freed(&mut self, key: &str) -> Option<PendingJob> {
        for claim in self.claims.values_mut() {
            if claim.job.concurrency_key.as_deref() == Some(key) {
                claim.key_freed = true;
            }
        }
        self.next_in_line(key)
    }

    /// A job that was next in line does not wait any more: the one behind it is.
    pub(super) fn passed_over(&mut self, job: &PendingJob) -> Option<PendingJob> {
        let key = job.concurrency_key.as_ref()?;
        if self.lines.get(key)?.taken { None } else { self.next_in_line(key) }
    }

    fn next_in_line(&mut self, key: &str) -> Option<PendingJob> {
        let line = self.lines.get_mut(key)?;
        line.taken = false;
        let next = line.waiting.pop_first();
        if line.waiting.is_empty() {
            self.lines.remove(key);
        }
        let (_, job) = next?;
        self.waits_for.remove(&job.key);
        Some(job)
    }

    /// The job does not wait any more, or for another time.
    pub(super) fn unpark(&mut self, key: JobKey) {
        if let Some(claim) = self.claims.get_mut(&key) {
            claim.due_again = None;
        }
        let Some((concurrency_key, rank)) = self.waits_for.remove(&key) else { return };
        if let Some(line) = self.lines.get_mut(&concurrency_key) {
            line.waiting.remove(&rank);
        }
    }

    /// Forgets who waits for which key. Claims that are on their way stay.
    pub(super) fn forget_lines(&mut self) {
        self.lines.clear();
        self.waits_for.clear();
    }

    pub(super) fn no_claims(&self) -> bool {
        self.claims.is_empty()
    }

    pub(super) fn parked(&self) -> usize {
        self.waits_for.len()
    }
}
