//! What is removed for its age, and what is not: executions and events that are young enough are there, and a search
//! finds the jobs that are.

use super::history::History;
use super::server::read_now;
use super::violation::{Violation, ensure};
use oneoff_domain::{ExecutionId, JobId, Timestamp};
use oneoff_storage::{JobFilter, JobSort, PageRequest, SortOrder};

/// Jobs that are searched for at each look.
const SEARCHES: usize = 2;
/// Executions that are looked for at each look.
const EXECUTIONS: usize = 4;

impl History {
    /// A search for its name finds each of the jobs that were made last, whether or not the index has them.
    pub(super) fn ensure_found(&mut self) -> Result<(), Violation> {
        let jobs: Vec<(String, JobId)> =
            self.clients.found.iter().rev().take(SEARCHES).map(|(name, id)| (name.clone(), *id)).collect();
        for (name, id) in jobs {
            let Some(job) = self.stored(id)? else { continue };
            let is_found = self.search(&name)?.contains(&id);
            ensure(is_found, "a search finds what is there", || {
                format!("{id} by {:?}", job.definition.name)
            })?;
        }
        Ok(())
    }

    /// All that a search finds, page by page: one ends where it took long.
    fn search(&mut self, name: &str) -> Result<Vec<JobId>, Violation> {
        let store = self.server()?.store.clone();
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = PageRequest {
                sort: JobSort::CreatedAt,
                order: SortOrder::Descending,
                limit: 200,
                cursor,
                with_total: false,
            };
            let search = store.search_jobs(name.to_owned(), JobFilter::default(), page);
            let page =
                self.disk.quietly(|| read_now(search)).map_err(|error| Violation::no_answer(&error))?;
            found.extend(page.items.iter().map(|job| job.id));
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    /// What is young enough by every clock that there was is there.
    pub(super) fn ensure_kept(&mut self) -> Result<(), Violation> {
        let latest = self.latest_wall;
        let is_old = |at: Timestamp, keep| latest.since(at) >= keep;
        let (executions, events) = (self.plan.retention.executions, self.plan.retention.events);
        let young = self.book.first_event(|at| !is_old(at, events));
        if let Some(first) = young {
            let store = self.server()?.store.clone();
            let read = self.disk.quietly(|| read_now(store.events_after(first - 1, 1)));
            let read = read.map_err(|error| Violation::no_answer(&error))?;
            ensure(read.is_some_and(|events| !events.is_empty()), "events are kept for their time", || {
                format!("event {first} is gone")
            })?;
        }
        for (execution, job) in self.book.first_ended(EXECUTIONS, |at| !is_old(at, executions)) {
            // A job takes its executions with it, one after another.
            let goes = self.stored(job)?.is_none_or(|job| {
                job.state.status.is_final() && is_old(job.updated_at, self.plan.retention.jobs)
            });
            ensure(goes || self.has_execution(execution)?, "executions are kept for their time", || {
                execution.to_string()
            })?;
        }
        Ok(())
    }

    /// An attempt has an outcome by its event: notes when it ended by the store.
    pub(super) fn note_end(&mut self, execution: ExecutionId, job: JobId) -> Result<(), Violation> {
        let store = self.server()?.store.clone();
        let found = self.disk.quietly(|| read_now(store.execution(execution)));
        let found = found.map_err(|error| Violation::no_answer(&error))?;
        if let Some(at) = found.and_then(|execution| execution.completed_at) {
            self.book.ended(execution, job, at);
        }
        Ok(())
    }

    fn has_execution(&mut self, execution: ExecutionId) -> Result<bool, Violation> {
        let store = self.server()?.store.clone();
        let found = self.disk.quietly(|| read_now(store.execution(execution)));
        found.map(|found| found.is_some()).map_err(|error| Violation::no_answer(&error))
    }
}
