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
