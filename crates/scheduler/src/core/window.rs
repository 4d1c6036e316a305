//! The next waiting jobs in memory, bounded in entries; the rest stays in the store.
//!
//! Everything up to the horizon is here, or was and is due. Commits beyond it are ignored: they are read when it is
//! their turn.

use super::aside::{Aside, Line, Place};
use super::{Limits, WindowLoad};
use oneoff_domain::{JobKey, Timestamp};
use oneoff_storage::PendingJob;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How far ahead of the present a load reaches.
const REACH: Duration = Duration::from_secs(2 * 3600);
/// How long before the horizon the next part is read.
const MARGIN: Duration = Duration::from_secs(3600);
/// How long after a failed load the next one is tried.
const LOAD_BACKOFF: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Window {
    limits: Limits,
    by_due: BTreeMap<Place, PendingJob>,
    due_of: HashMap<JobKey, Timestamp>,
    /// Every waiting job up to this place is in `by_due`. `None` before the first load.
    horizon: Option<Place>,
    loading: Option<WindowLoad>,
    /// Jobs that commits told of while a load is under way: what it says of them may be out of date.
    told_meanwhile: HashSet<JobKey>,
    /// What was due and is left out, although it is before the horizon.
    aside: Aside,
    rest_until: Option<Timestamp>,
    /// The horizon was set because there were too many jobs, not because it is far enough ahead.
    crowded: bool,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The load that is to be done now, if one is. It counts as begun. What was left out goes first.
    pub(super) fn wants_load(
        &mut self,
        now: Timestamp,
        startable: usize,
        is_short: impl Fn(&Line) -> bool,
    ) -> Option<WindowLoad> {
        // A longer rest than was asked for means that the clock was set back.
        self.rest_until = self.rest_until.filter(|rest| *rest <= now.saturating_add(LOAD_BACKOFF));
        let short = self.aside.first_short(is_short);
        if self.next_load(startable, short.is_some()).is_none_or(|at| now < at) {
            return None;
        }
        self.rest_until = None;
        let limit = self.limits.window_load;
        let load = match (short, self.horizon) {
            (Some(short), Some((until, _))) => WindowLoad { after: Some(short), until, limit },
            (_, horizon) => WindowLoad { after: horizon, until: now.saturating_add(REACH), limit },
        };
        self.loading = Some(load.clone());
        Some(load)
    }

    /// When the next load is due; `None` while one is under way, or when there is nothing beyond the horizon. An instant in the past is now.
    /// `startable` jobs have left the window and wait for nothing but a slot: they count as much as those in it.
    pub(super) fn next_load(&self, startable: usize, has_short: bool) -> Option<Timestamp> {
        if self.loading.is_some() {
            return None;
        }
        let wanted = match self.horizon {
            None => Timestamp::MIN,
            Some(_) if has_short => Timestamp::MIN,
            Some(_) if self.crowded && self.by_due.len() + startable > self.limits.window_load / 2 => {
                Timestamp::MAX
            }
            Some(_) if self.crowded => Timestamp::MIN,
            // All there is has been read.
            Some((Timestamp::MAX, _)) => return None,
            Some((horizon, _)) => horizon.saturating_sub(MARGIN),
        };
        Some(self.rest_until.map_or(wanted, |rest| wanted.max(rest)))
    }

    /// Takes in what a load has read, except of jobs that commits told of meanwhile. The answer to a load that
    /// was asked for before everything was forgotten is ignored.
    pub(super) fn loaded(&mut self, load: &WindowLoad, jobs: Vec<PendingJob>) {
        if self.loading.as_ref() != Some(load) {
            return;
        }
        self.loading = None;
        let cut = jobs.len() >= load.limit;
        let last = jobs.last().map(|job| (job.due_at, job.key));
        let told_meanwhile = std::mem::take(&mut self.told_meanwhile);
        for job in jobs {
            if !told_meanwhile.contains(&job.key) {
                self.put(job);
            }
        }
        match (load.after, self.horizon) {
            (Some(after), Some(horizon)) if after < horizon => {
                self.aside.read(after, last.filter(|_| cut).unwrap_or(horizon));
                self.shrink_if_large();
            }
            _ => self.reaches(load, last.filter(|_| cut)),
        }
        self.aside.settle(self.horizon);
    }

    /// A load behind the horizon has moved it: to what was read last where that is not all.
    fn reaches(&mut self, load: &WindowLoad, cut: Option<Place>) {
        self.horizon = cut.or(Some((load.until, JobKey(i64::MAX))));
        if let Some(last) = cut {
            self.forget_after(last);
        }
        self.crowded = cut.is_some();
    }

    /// A due job that was taken out is left out, because enough of its line are in memory.
    pub(super) fn leave_out(&mut self, line: Line, job: &PendingJob) {
        self.aside.leave_out(line, job, self.loading.is_some());
    }

    /// Whether jobs were left out that are to be read again.
    pub(super) fn has_short(&self, is_short: impl Fn(&Line) -> bool) -> bool {
        self.aside.first_short(is_short).is_some()
    }

    pub(super) fn load_failed(&mut self, now: Timestamp) {
        self.loading = None;
        self.told_meanwhile.clear();
        self.aside.settle(self.horizon);
        self.rest_until = Some(now.saturating_add(LOAD_BACKOFF));
    }

    /// A job waits, as a commit says; [`Self::remove`] was called for it before.
    pub(super) fn insert(&mut self, job: PendingJob) {
        let place = (job.due_at, job.key);
        let reading = self.loading.as_ref().map(|load| (load.until, JobKey(i64::MAX)));
        if self.horizon.max(reading).is_none_or(|horizon| place > horizon) {
            return;
        }
        self.put(job);
        self.shrink_if_large();
    }

    pub(super) fn remove(&mut self, key: JobKey) {
        if self.loading.is_some() {
            self.told_meanwhile.insert(key);
        }
        if let Some(due_at) = self.due_of.remove(&key) {
            self.by_due.remove(&(due_at, key));
        }
    }

    /// Takes out at most `at_most` jobs that are due.
    pub(super) fn take_due(&mut self, now: Timestamp, at_most: usize) -> Vec<PendingJob> {
        let mut due = Vec::new();
        while due.len() < at_most
            && let Some(entry) = self.by_due.first_entry()
        {
            if entry.key().0 > now {
                break;
            }
            let job = entry.remove();
            self.due_of.remove(&job.key);
            due.push(job);
        }
        due
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first_key_value().map(|((due_at, _), _)| *due_at)
    }

    fn put(&mut self, job: PendingJob) {
        if let Some(earlier) = self.due_of.insert(job.key, job.due_at) {
            self.by_due.remove(&(earlier, job.key));
        }
        self.by_due.insert((job.due_at, job.key), job);
    }

    fn shrink_if_large(&mut self) {
        if self.by_due.len() <= self.limits.window_max || self.loading.is_some() {
            return;
        }
        let Some(last) = self.by_due.keys().nth(self.limits.window_max / 2).copied() else { return };
        self.forget_after(last);
        self.horizon = Some(last);
        self.crowded = true;
        self.aside.settle(self.horizon);
    }

    fn forget_after(&mut self, last: Place) {
        let mut beyond = self.by_due.split_off(&last);
        if let Some(job) = beyond.remove(&last) {
            self.by_due.insert(last, job);
        }
        for (_, key) in beyond.into_keys() {
            self.due_of.remove(&key);
        }
    }
}
