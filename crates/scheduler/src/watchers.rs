//! Who waits for a job to change. They are told by the commit that changes it, so that waiting costs nothing, however
//! much else goes on.

use oneoff_domain::JobId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Everybody who waits.
#[derive(Default)]
pub(crate) struct Watchers {
    jobs: Mutex<HashMap<JobId, watch::Sender<()>>>,
}

/// Somebody who waits for one job.
pub(crate) struct JobWatch {
    id: JobId,
    changes: watch::Receiver<()>,
    watchers: Arc<Watchers>,
}

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, watch::Sender<()>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait for a job: what changes it from now on is not missed.
    pub(crate) fn watch(self: &Arc<Self>, id: JobId) -> JobWatch {
        let changes = self.lock().entry(id).or_insert_with(|| watch::Sender::new(())).subscribe();
        JobWatch { id, changes, watchers: Arc::clone(self) }
    }

    /// These jobs have changed.
    pub(crate) fn changed(&self, ids: &[JobId]) {
        let jobs = self.lock();
        if jobs.is_empty() {
            return;
        }
        for watched in ids.iter().filter_map(|id| jobs.get(id)) {
            watched.send_replace(());
        }
    }

    /// Any job may have changed.
    pub(crate) fn all_changed(&self) {
        self.lock().values().for_each(|watched| watched.send_replace(()));
    }
}

impl JobWatch {
    /// Resolves when the job has changed since this was last called, or since the watch began.
    pub(crate) async fn changed(&mut self) {
        // The sender is there for as long as this is.
        let _changed = self.changes.changed().await;
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        let mut jobs = self.watchers.lock();
        // This one is still counted.
        if jobs.get(&self.id).is_some_and(|watched| watched.receiver_count() <= 1) {
            jobs.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn id(last: u8) -> JobId {
        format!("01a20144-2e34-741f-a669-3fcb2bd0ee{last:02x}").parse().unwrap()
    }

    async fn is_told(watch: &mut JobWatch) -> bool {
        tokio::time::timeout(Duration::from_millis(1), watch.changed()).await.is_ok()
    }

    #[tokio::test]
    async fn who_waits_is_told_of_their_job_and_of_no_other() {
        let watchers = Arc::new(Watchers::default());
        let (mut first, mut second) = (watchers.watch(id(1)), watchers.watch(id(1)));
        let mut other = watchers.watch(id(2));
        watchers.changed(&[id(3), id(1)]);
        assert!(is_told(&mut first).await && is_told(&mut second).await && !is_told(&mut other).await);
        assert!(!is_told(&mut first).await, "once");
        watchers.all_changed();
        assert!(is_told(&mut first).await && is_told(&mut other).await);
    }

    #[tokio::test]
    async fn a_job_is_forgotten_with_the_last_who_waits_for_it() {
        let watchers = Arc::new(Watchers::default());
        let (first, mut second) = (watchers.watch(id(1)), watchers.watch(id(1)));
        drop(first);
        watchers.changed(&[id(1)]);
        assert!(is_told(&mut second).await);
        drop(second);
        assert!(watchers.lock().is_empty());
    }
}
