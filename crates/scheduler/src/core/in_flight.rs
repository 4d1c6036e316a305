//! Claims that are on their way, and due jobs that wait for a concurrency key.

use oneoff_domain::JobKey;
use oneoff_storage::PendingJob;
use std::collections::{BTreeMap, HashMap};

struct Claim {
    job: PendingJob,
    /// Its key became free while the claim was on its way, so an answer that it is busy is out of date.
    key_freed: bool,
}

#[derive(Default)]
pub(super) struct InFlight {
    claims: HashMap<JobKey, Claim>,
    /// Keys of which a job runs or is being claimed, with the jobs that wait for them.
    waiting: HashMap<String, BTreeMap<JobKey, PendingJob>>,
    waits_for: HashMap<JobKey, String>,
}

impl InFlight {
    /// Gives the job back, unless its key is taken: then it waits here for it.
    pub(super) fn park_if_key_taken(&mut self, job: PendingJob) -> Option<PendingJob> {
        match job.concurrency_key.clone() {
            Some(key) if self.waiting.contains_key(&key) => {
                self.park(key, job);
                None
            }
            _ => Some(job),
        }
    }

    fn park(&mut self, concurrency_key: String, job: PendingJob) {
        self.waits_for.insert(job.key, concurrency_key.clone());
        self.waiting.entry(concurrency_key).or_default().insert(job.key, job);
    }

    fn unpark_all(&mut self, concurrency_key: &str) -> Vec<PendingJob> {
        let jobs: Vec<_> = self.waiting.remove(concurrency_key).unwrap_or_default().into_values().collect();
        for job in &jobs {
            self.waits_for.remove(&job.key);
        }
        jobs
    }

    pub(super) fn begin(&mut self, job: PendingJob) {
        if let Some(key) = &job.concurrency_key {
            self.waiting.entry(key.clone()).or_default();
        }
        self.claims.insert(job.key, Claim { job, key_freed: false });
    }

    pub(super) fn has_claim_of(&self, key: JobKey) -> bool {
        self.claims.contains_key(&key)
    }

    pub(super) fn job_type(&self, key: JobKey) -> Option<String> {
        self.claims.get(&key).map(|claim| claim.job.job_type.clone())
    }

    /// The claim succeeded; its key stays taken until it is free.
    pub(super) fn claimed(&mut self, key: JobKey) {
        self.claims.remove(&key);
    }

    /// Another job has the key: the job waits for it, or is given back because the key is free by now.
    pub(super) fn key_busy(&mut self, key: JobKey) -> Option<PendingJob> {
        let claim = self.claims.remove(&key)?;
        match claim.job.concurrency_key.clone() {
            Some(concurrency_key) if !claim.key_freed => {
                self.park(concurrency_key, claim.job);
                None
            }
            _ => Some(claim.job),
        }
    }

    /// The claim came to nothing: gives the job back, and those that waited for its key.
    pub(super) fn given_up(&mut self, key: JobKey) -> (Option<PendingJob>, Vec<PendingJob>) {
        let Some(claim) = self.claims.remove(&key) else { return (None, Vec::new()) };
        let waiting = match claim.job.concurrency_key.clone() {
            Some(key) => self.unpark_all(&key),
            None => Vec::new(),
        };
        (Some(claim.job), waiting)
    }

    /// A key is free: gives back those that waited for it.
    pub(super) fn key_freed(&mut self, key: &str) -> Vec<PendingJob> {
        for claim in self.claims.values_mut() {
            if claim.job.concurrency_key.as_deref() == Some(key) {
                claim.key_freed = true;
            }
        }
        self.unpark_all(key)
    }

    /// The job does not wait any more, or for another time.
    pub(super) fn unpark(&mut self, key: JobKey) {
        let Some(concurrency_key) = self.waits_for.remove(&key) else { return };
        if let Some(waiting) = self.waiting.get_mut(&concurrency_key) {
            waiting.remove(&key);
        }
    }

    pub(super) fn no_claims(&self) -> bool {
        self.claims.is_empty()
    }

    pub(super) fn parked(&self) -> usize {
        self.waits_for.len()
    }
}
