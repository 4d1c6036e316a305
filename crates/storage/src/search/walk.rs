//! Walking over the jobs that may be meant, in the order of their creation, on either database.

use super::file_walk::FileWalk;
use super::look::{Found, Look};
use super::server_walk::ServerWalk;
use super::text::Needle;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::{JobFilter, SortOrder};

/// A walk over the jobs that may be meant.
pub(super) enum Walk<'a> {
    /// Of a file.
    File(FileWalk<'a>),
    /// Of a server.
    Server(ServerWalk<'a>),
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        conn: &mut AnyConnection,
        needle: &'a Needle,
        filter: &'a JobFilter,
        order: SortOrder,
    ) -> Result<Self, WriteError> {
        let look = Look::new(conn, needle, filter, order)?;
        match conn {
            AnyConnection::Sqlite(_) => FileWalk::new(conn, look).map(Self::File),
            AnyConnection::Postgres(_) => ServerWalk::new(conn, look).map(Self::Server),
        }
    }

    /// The jobs that are meant after a key, at most `limit`, as far as it does not take too long.
    pub(super) fn after(
        &mut self,
        conn: &mut AnyConnection,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Found, WriteError> {
        match self {
            Self::File(walk) => walk.after(conn, after, limit),
            Self::Server(walk) => walk.after(conn, after, limit),
        }
    }
}

/// Walks over the jobs that may be meant in one way or another.
pub(super) struct Walks<'a> {
    walks: Vec<Walk<'a>>,
    order: SortOrder,
}

impl<'a> Walks<'a> {
    pub(super) fn new(
        conn: &mut AnyConnection,
        needles: &'a [Needle],
        filter: &'a JobFilter,
        order: SortOrder,
    ) -> Result<Self, WriteError> {
        let mut walks = Vec::with_capacity(needles.len());
        for needle in needles {
            walks.push(Walk::new(conn, needle, filter, order)?);
        }
        Ok(Self { walks, order })
    }

    /// As [`Walk::after`], of all of them: up to where the first ended that did not come to its end.
    pub(super) fn after(
        &mut self,
        conn: &mut AnyConnection,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Found, WriteError> {
        if let [only] = self.walks.as_mut_slice() {
            return only.after(conn, after, limit);
        }
        let mut all = Found { rows: Vec::new(), end: None };
        for walk in &mut self.walks {
            let found = walk.after(conn, after, limit)?;
            all.rows.extend(found.rows);
            all.end = match (all.end, found.end) {
                (Some(one), Some(other)) if self.order == SortOrder::Ascending => Some(one.min(other)),
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            };
        }
        let ascending = self.order == SortOrder::Ascending;
        if let Some(end) = all.end {
            all.rows.retain(|row| if ascending { row.key <= end } else { row.key >= end });
        }
        all.rows.sort_unstable_by_key(|row| row.key);
        all.rows.dedup_by_key(|row| row.key);
        if !ascending {
            all.rows.reverse();
        }
        if all.rows.len() > limit {
            all.rows.truncate(limit);
            all.end = all.rows.last().map(|row| row.key);
        }
        Ok(all)
    }
}
