//! Writes on the caller's thread: they wait in the lanes of production and share commits as they are told to.

use super::faults::GroupFault;
use super::machine::{FailingRequest, PlannedMachine};
use crate::StoreError;
use crate::writer::group::GroupWriter;
use crate::writer::lanes::{Lane, Lanes, Takes, Turns};
use crate::writer::place::Place;
use crate::writer::request::Request;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// When writes are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// Each at its first poll, in a transaction of its own.
    AtOnce,
    /// When [`Inline::commit`] is called.
    WhenTold,
}

/// The handle by which waiting writes are committed.
#[derive(Clone)]
pub struct Inline(InlineWriter);

impl Inline {
    pub(super) fn new(writer: InlineWriter) -> Self {
        Self(writer)
    }

    /// Commits at most so many of the writes that wait as one transaction, in the order in which production
    /// takes them, and answers them. Answers how many were taken.
    ///
    /// Where nothing waits it opens a lost connection anew, if it is time.
    pub fn commit(&self, at_most: usize) -> usize {
        self.0.commit(at_most)
    }

    /// Whether a write waits.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.0.lanes.is_idle()
    }

    /// In how long a lost connection is to be opened anew; `None` unless it is lost.
    #[must_use]
    pub fn reopens_in(&self) -> Option<Duration> {
        let parts = self.0.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.as_ref().and_then(|parts| parts.group.reopens_in())
    }
}

struct Parts {
    group: GroupWriter,
    turns: Turns,
}

#[derive(Clone)]
pub(crate) struct InlineWriter {
    lanes: Arc<Lanes>,
    parts: Arc<Mutex<Option<Parts>>>,
    machine: Arc<PlannedMachine>,
    commits: Commits,
}

impl InlineWriter {
    pub(super) fn new(
        group: GroupWriter,
        machine: Arc<PlannedMachine>,
        max_waiting: usize,
        commits: Commits,
    ) -> Self {
        let lanes = Arc::new(Lanes::on(Arc::clone(&machine) as _, max_waiting));
        let parts = Parts { group, turns: lanes.turns(Takes::All) };
        Self { lanes, parts: Arc::new(Mutex::new(Some(parts))), machine, commits }
    }

    /// Where requests wait.
    pub(crate) fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// Lets a request wait, or commits it.
    pub(crate) fn push(&self, lane: Lane, request: Box<dyn Request>) -> Result<Place, StoreError> {
        let place = self.lanes.push(lane, request)?;
        if self.commits == Commits::AtOnce {
            self.commit(1);
        }
        Ok(place)
    }

    fn commit(&self, at_most: usize) -> usize {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Parts { group, turns }) = &mut *parts else { return 0 };
        if self.lanes.is_idle() {
            group.mend();
            return 0;
        }
        self.lanes.begin_group(turns);
        let mut failing = match self.machine.begin_group() {
            Some(GroupFault::Within { after, failure }) => Some((after, failure)),
            _ => None,
        };
        let mut taken = 0;
        group.run(&mut || {
            let is_full = taken >= at_most.max(1);
            if let Some((_, failure)) = failing.take_if(|(after, _)| is_full || taken >= *after) {
                return Some(Box::new(FailingRequest(failure)));
            }
            let next = if is_full { None } else { self.lanes.take(turns) };
            taken += usize::from(next.is_some());
            next.or_else(|| failing.take().map(|(_, failure)| Box::new(FailingRequest(failure)) as _))
        });
        taken
    }

    /// Ends writing. What waits is dropped, as by the death of a process.
    pub(crate) fn close(&self) {
        self.lanes.close();
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(parts);
        // One by one and without a lock: a request may hold the last handle of the store.
        let mut turns = self.lanes.turns(Takes::All);
        while self.lanes.take(&mut turns).is_some() {
            self.lanes.begin_group(&mut turns);
        }
    }
}
