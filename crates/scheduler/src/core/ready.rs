//! Jobs that are due: higher priority first, then the earlier due time, then the older job.

use super::Core;
use oneoff_domain::{BootTime, JobKey, Timestamp};
use oneoff_storage::PendingJob;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

type Rank = (Reverse<u8>, Timestamp, JobKey);

/// Sorted within each type, so that a type at its limit never has to be walked past.
#[derive(Default)]
pub(super) struct Ready {
    by_type: BTreeMap<String, BTreeMap<Rank, PendingJob>>,
    places: HashMap<JobKey, (String, Rank)>,
    /// Since when jobs are due and in memory, until their claim is answered.
    since: HashMap<JobKey, BootTime>,
    now: BootTime,
    /// How long those waited that were claimed by now, by their type.
    waits: Vec<(String, Duration)>,
}

impl Core {
    /// How long the jobs that the last step has started were due and waited in memory, by their type.
    pub(crate) fn waits(&self) -> &[(String, Duration)] {
        &self.ready.waits
    }
}

impl Ready {
    /// It is so late: what is inserted from now on waits since then.
    pub(super) fn is_now(&mut self, now: BootTime) {
        self.now = now;
        self.waits.clear();
    }

    /// The job is claimed.
    pub(super) fn is_claimed(&mut self, key: JobKey, job_type: &str) {
        if let Some(since) = self.since.remove(&key) {
            self.waits.push((job_type.to_owned(), self.now.since(since)));
        }
    }

    /// The job waits no more, or not here.
    pub(super) fn is_left_out(&mut self, key: JobKey) {
        self.since.remove(&key);
    }

    pub(super) fn insert(&mut self, job: PendingJob) {
        self.since.entry(job.key).or_insert(self.now);
        let rank = (Reverse(job.priority), job.due_at, job.key);
        self.places.insert(job.key, (job.job_type.clone(), rank));
        self.by_type.entry(job.job_type.clone()).or_default().insert(rank, job);
    }

    pub(super) fn remove(&mut self, key: JobKey) -> Option<PendingJob> {
        let (job_type, rank) = self.places.remove(&key)?;
        self.by_type.get_mut(&job_type)?.remove(&rank)
    }

    /// Takes the first job that `has_room` by its type and priority. Of each type the first one is the most urgent.
    pub(super) fn take_best(&mut self, has_room: impl Fn(&str, u8) -> bool) -> Option<PendingJob> {
        let jobs = self
            .by_type
            .iter_mut()
            .filter(|(job_type, jobs)| {
                jobs.first_key_value()
                    .is_some_and(|((Reverse(priority), ..), _)| has_room(job_type, *priority))
            })
            .min_by_key(|(_, jobs)| jobs.first_key_value().map(|(rank, _)| *rank))
            .map(|(_, jobs)| jobs)?;
        let (_, job) = jobs.pop_first()?;
        self.places.remove(&job.key);
        Some(job)
    }

    /// The jobs of which this is true.
    pub(super) fn keys_where(&self, is_meant: impl Fn(&PendingJob) -> bool) -> Vec<JobKey> {
        let jobs = self.by_type.values().flat_map(BTreeMap::values);
        jobs.filter(|job| is_meant(job)).map(|job| job.key).collect()
    }

    pub(super) fn contains(&self, key: JobKey) -> bool {
        self.places.contains_key(&key)
    }

    /// The jobs of a type.
    pub(super) fn count_of(&self, job_type: &str) -> usize {
        self.by_type.get(job_type).map_or(0, BTreeMap::len)
    }

    /// The jobs of all types that `has_room`.
    pub(super) fn count(&self, has_room: impl Fn(&str) -> bool) -> usize {
        self.by_type.iter().filter(|(job_type, _)| has_room(job_type)).map(|(_, jobs)| jobs.len()).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, job};
    use super::*;

    #[test]
    fn a_job_waits_since_it_was_first_ready_and_until_it_is_claimed() {
        let mut ready = Ready::default();
        let second = |ready: &mut Ready, second: u64| ready.is_now(at(second).boot);
        second(&mut ready, 10);
        ready.insert(job(1, 5));
        ready.insert(job(2, 5));
        second(&mut ready, 12);
        // Its claim came to nothing, and it is as due as before.
        let first = ready.take_best(|_, _| true).unwrap();
        ready.insert(first);
        ready.is_left_out(JobKey(2));
        ready.insert(job(2, 5));
        second(&mut ready, 15);
        ready.is_claimed(JobKey(1), "a");
        ready.is_claimed(JobKey(2), "b");
        ready.is_claimed(JobKey(3), "c");
        let waited = |job_type: &str, seconds| (job_type.to_owned(), Duration::from_secs(seconds));
        assert_eq!(ready.waits, [waited("a", 5), waited("b", 3)]);
        second(&mut ready, 16);
        assert!(ready.waits.is_empty() && ready.since.is_empty());
    }
}
