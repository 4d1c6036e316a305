//! Looking at jobs that may be meant, each as it is now.

use super::sql::{self, Candidate};
use super::text::{Needle, searchable};
use crate::connection::AnyConnection;
use crate::schema::running_jobs;
use crate::{JobFilter, SortOrder};
use diesel::prelude::*;
use oneoff_domain::JobStatus;
use std::collections::{HashMap, HashSet};

/// Jobs that are looked at together.
pub(super) const CHUNK_JOBS: usize = 200;

/// What was found.
pub(super) struct Found {
    /// The jobs that are meant, in order.
    pub(super) rows: Vec<Candidate>,
    /// After which key to go on; `None` at the end.
    pub(super) end: Option<i64>,
}

/// What is looked for.
pub(super) struct Look<'a> {
    pub(super) needle: &'a Needle,
    filter: &'a JobFilter,
    /// The order of the keys.
    pub(super) order: SortOrder,
    running: HashSet<i64>,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        conn: &mut AnyConnection,
        needle: &'a Needle,
        filter: &'a JobFilter,
        order: SortOrder,
    ) -> QueryResult<Self> {
        let running = running_jobs::table.select(running_jobs::job_key).load(conn)?.into_iter().collect();
        Ok(Self { needle, filter, order, running })
    }

    /// Those of the jobs that are meant, as they are now, in the order of the keys.
    pub(super) fn at(&self, conn: &mut AnyConnection, keys: &[i64]) -> QueryResult<Vec<Candidate>> {
        let mut by_key = HashMap::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK_JOBS) {
            for mut row in sql::candidates(conn, keys)? {
                if self.running.contains(&row.key) {
                    JobStatus::Running.as_str().clone_into(&mut row.status);
                }
                if row.passes(self.filter) && self.is_meant(&row) {
                    by_key.insert(row.key, row);
                }
            }
        }
        Ok(keys.iter().filter_map(|key| by_key.remove(key)).collect())
    }

    fn is_meant(&self, row: &Candidate) -> bool {
        self.needle.matches(&row.id, &searchable(&row.name, row.external_id.as_deref(), &[]), &row.tags)
    }
}
