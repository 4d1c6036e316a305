//! Due jobs that are left out of memory, because enough of their line are there: what they wait for, and from where
//! on they are read again.

use super::in_flight::InFlight;
use super::limits::Limits;
use super::ready::Ready;
use super::slots::Slots;
use oneoff_domain::{JobKey, Timestamp};
use oneoff_storage::{Catalog, PendingJob};
use std::collections::BTreeMap;

/// A place in the order of due times.
pub(super) type Place = (Timestamp, JobKey);

/// Due jobs that wait for the same, beside a slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Line {
    /// For the limit of this job type.
    Type(String),
    /// For this concurrency key.
    Key(String),
    /// For this project to be resumed.
    Project(String),
}

/// What of the lines is in memory.
pub(super) struct Lines<'a> {
    pub(super) ready: &'a Ready,
    pub(super) in_flight: &'a InFlight,
    pub(super) slots: &'a Slots,
    pub(super) catalog: &'a Catalog,
}

impl Lines<'_> {
    /// Jobs that are due and wait for nothing but a slot, or for a key without having been asked.
    pub(super) fn startable(&self) -> usize {
        self.ready.count(|job_type| self.slots.is_below_limit(job_type))
    }

    /// Whether further jobs of the line are left out.
    pub(super) fn is_full(&self, line: &Line, limits: Limits) -> bool {
        match line {
            Line::Project(project) => self.catalog.is_paused(project),
            line => self.kept(line) >= self.room(line, limits),
        }
    }

    /// Whether those that were left out are to be read again.
    pub(super) fn is_short(&self, line: &Line, limits: Limits) -> bool {
        match line {
            Line::Project(project) => !self.catalog.is_paused(project),
            line => 2 * self.kept(line) < self.room(line, limits),
        }
    }

    fn kept(&self, line: &Line) -> usize {
        match line {
            Line::Type(job_type) => self.ready.count_of(job_type),
            Line::Key(key) => self.in_flight.waiting_for(key),
            // Nothing of a paused project is kept.
            Line::Project(_) => 0,
        }
    }

    fn room(&self, line: &Line, limits: Limits) -> usize {
        let room = match line {
            Line::Type(_) => limits.type_line_max,
            // A key is taken by a job that runs, so there are no more of them than slots.
            Line::Key(_) => limits.key_lines_max / self.slots.total(),
            Line::Project(_) => 0,
        };
        room.max(1)
    }
}

/// What is left out. There are no more lines than limited types, keys of running jobs and paused projects, about.
#[derive(Default)]
pub(super) struct Aside {
    /// Every job of the line up to this place is in memory. Of those behind it some are not.
    kept_to: BTreeMap<Line, Place>,
    /// The same of jobs that were left out while a load is under way, which may know nothing of them.
    meanwhile: BTreeMap<Line, Place>,
}

impl Aside {
    /// A job of the line is left out.
    pub(super) fn leave_out(&mut self, line: Line, job: &PendingJob, is_loading: bool) {
        let before = (job.due_at, JobKey(job.key.0.saturating_sub(1)));
        if is_loading {
            lower(&mut self.meanwhile, line.clone(), before);
        }
        lower(&mut self.kept_to, line, before);
    }

    /// From where on the lines are to be read of which too little is in memory.
    pub(super) fn first_short(&self, is_short: impl Fn(&Line) -> bool) -> Option<Place> {
        self.kept_to.iter().filter(|(line, _)| is_short(line)).map(|(_, place)| *place).min()
    }

    /// Every job between these places is in memory again.
    pub(super) fn read(&mut self, after: Place, end: Place) {
        self.kept_to.values_mut().filter(|place| (after..end).contains(place)).for_each(|place| *place = end);
    }

    /// A load is over. What is behind the horizon is read in any case.
    pub(super) fn settle(&mut self, horizon: Option<Place>) {
        for (line, place) in std::mem::take(&mut self.meanwhile) {
            lower(&mut self.kept_to, line, place);
        }
        self.kept_to.retain(|_, place| Some(*place) < horizon);
    }
}

fn lower(places: &mut BTreeMap<Line, Place>, line: Line, to: Place) {
    places.entry(line).and_modify(|place| *place = to.min(*place)).or_insert(to);
}
