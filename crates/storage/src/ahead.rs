//! Jobs that are read ahead of their claim, beside the writer, and whether what was read still holds when the writer
//! comes to them. The writer's time is what bounds how many jobs run, and reading takes a third of a claim.

use crate::claim::ClaimRequest;
use crate::connection::AnyConnection;
use crate::rows::job::{self as job_rows, StoredJob};
use crate::store::Inner;
use oneoff_domain::JobKey;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Fewer claims are not worth the way to another thread.
const CLAIMS_MIN: usize = if cfg!(any(test, feature = "inline")) { 2 } else { 16 };
/// Changes that are remembered. When there are more, what was read before is read again.
const CHANGES_MAX: usize = if cfg!(any(test, feature = "inline")) { 20 } else { 50_000 };

/// The number of the last commit of the writer, shared with who reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommitCount(Arc<AtomicU64>);

impl CommitCount {
    /// What is read from now on has all of the commits up to this one.
    pub(crate) fn last(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn advance(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// What the writer changed lately.
pub(crate) struct ChangedJobs {
    commits: CommitCount,
    /// The commit with which each was changed last.
    changed: HashMap<JobKey, u64>,
    /// Of earlier commits it is not known what they changed.
    known_from: u64,
}

impl ChangedJobs {
    /// For a connection that was just opened: a commit before it may have taken effect without a word.
    pub(crate) fn new(commits: CommitCount) -> Self {
        let known_from = commits.advance();
        Self { commits, changed: HashMap::new(), known_from }
    }

    /// The transaction that is open changes a job.
    pub(crate) fn note(&mut self, job: JobKey) {
        self.changed.insert(job, self.commits.last() + 1);
    }

    /// The transaction is committed.
    pub(crate) fn committed(&mut self) {
        let last = self.commits.advance();
        if self.changed.len() > CHANGES_MAX {
            self.changed.clear();
            self.known_from = last;
        }
    }

    fn are_none_since(&self, job: JobKey, commit: u64) -> bool {
        commit >= self.known_from && self.changed.get(&job).is_none_or(|changed| *changed <= commit)
    }
}

/// Jobs as they were after a commit.
#[derive(Default)]
pub(crate) struct ReadAhead {
    commit: u64,
    jobs: HashMap<JobKey, StoredJob>,
}

impl ReadAhead {
    /// The job, if it was read and has not changed since.
    pub(crate) fn take(&mut self, job: JobKey, changed: &ChangedJobs) -> Option<StoredJob> {
        self.jobs.remove(&job).filter(|_| changed.are_none_since(job, self.commit))
    }
}

/// Reads the jobs of many claims. Those that cannot be read are left to the writer, which knows what to do about it.
pub(crate) async fn read_ahead(inner: &Inner, requests: &[ClaimRequest]) -> ReadAhead {
    if requests.len() < CLAIMS_MIN {
        return ReadAhead::default();
    }
    let keys: Vec<JobKey> = requests.iter().map(|request| request.job).collect();
    let commits = inner.commits.clone();
    let query = move |conn: &mut AnyConnection| {
        // Before the first row is read, which is when the transaction gets its view of the database.
        let commit = commits.last();
        let mut jobs = HashMap::with_capacity(keys.len());
        for key in keys {
            if let Ok(Some(stored)) = job_rows::by_key(conn, key) {
                jobs.insert(key, stored);
            }
        }
        Ok(ReadAhead { commit, jobs })
    };
    match inner.reader.read_first(query).await {
        Ok(read) => read,
        Err(error) => {
            tracing::debug!(%error, "jobs are not read ahead of their claims");
            ReadAhead::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_not_changed_since_it_was_read_is_trusted() {
        let commits = CommitCount::default();
        let before = commits.last();
        let mut changed = ChangedJobs::new(commits.clone());
        let (one, other) = (JobKey(1), JobKey(2));
        assert!(!changed.are_none_since(one, before), "a connection was opened since");
        let opened = commits.last();
        assert!(changed.are_none_since(one, opened));
        changed.note(one);
        assert!(!changed.are_none_since(one, opened), "changed in the transaction that is open");
        assert!(changed.are_none_since(other, opened));
        changed.committed();
        assert!(!changed.are_none_since(one, opened), "changed and committed");
        assert!(changed.are_none_since(one, commits.last()), "read after the commit");
        (10..).take(CHANGES_MAX + 1).for_each(|key| changed.note(JobKey(key)));
        let read = commits.last();
        changed.committed();
        assert!(!changed.are_none_since(other, read), "it was forgotten what changed");
        assert!(changed.are_none_since(one, commits.last()));
    }
}
