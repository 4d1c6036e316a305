//! Text search over jobs: by pieces of their names, external ids and tags, and by the beginning of their ids. Definitions
//! have the ids of tags, and so does the index: what is looked for in the names of tags is looked for as their ids.
//!
//! The index of a file is behind by what was written lately; what it does not have yet is looked at one by one. That of
//! a server is written with what it is of.

mod file_index;
mod file_walk;
mod fill;
mod list;
mod look;
mod pattern;
mod server_index;
mod server_walk;
mod sql;
mod text;
mod walk;

pub use fill::{SearchLag, SearchSlice};
pub(crate) use list::list;
#[cfg(test)]
pub(crate) use server_index::ASK_SETTINGS;

use crate::connection::AnyConnection;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{JobFilter, JobSort, Page, PageRequest, Store, StoreError};
use diesel::QueryResult;
use oneoff_domain::Job;

/// The largest key that the index of a file may know, which must not be given to a new job.
pub(crate) fn last_known_key(conn: &mut AnyConnection) -> QueryResult<i64> {
    file_index::last_known(conn)
}

impl Store {
    /// A page of the jobs in whose name, external id or tags' names every word of `text` occurs, in any case, or whose id
    /// begins with it. A page may be shorter than its limit and still have a `next_cursor`.
    ///
    /// # Errors
    /// [`crate::Refusal::Invalid`] of the fields `search` and `cursor`, or the database's.
    pub async fn search_jobs(
        &self,
        text: String,
        filter: JobFilter,
        page: PageRequest<JobSort>,
    ) -> Result<Page<Job>, StoreError> {
        let catalog = self.catalog();
        self.inner.reader.read(move |conn| list(conn, &catalog, &text, filter, &page)).await
    }

    /// How far the search index is behind.
    ///
    /// # Errors
    /// The database's.
    pub async fn search_lag(&self) -> Result<SearchLag, StoreError> {
        self.inner.reader.read(fill::lag).await
    }

    /// Fills the search index by one slice.
    ///
    /// # Errors
    /// The database's.
    pub async fn fill_search(&self) -> Result<SearchSlice, StoreError> {
        self.inner.writer.write(Lane::Retention, |tx: &mut Tx<'_>| fill::fill(tx)).await
    }

    /// Merges parts of the search index in one small step; answers whether there may be more to merge.
    ///
    /// # Errors
    /// The database's.
    pub async fn merge_search(&self) -> Result<bool, StoreError> {
        self.inner.writer.write(Lane::Retention, |tx: &mut Tx<'_>| fill::merge(tx)).await
    }
}
