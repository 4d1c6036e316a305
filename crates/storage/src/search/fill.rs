//! Filling the index of a file: from the definitions, in the order of writing, a slice at a time.
//!
//! What a slice put into the index and how far it got are one transaction, so a crash costs nothing but the slice.
//! Definitions are kept as long as their jobs, so the index is never too far behind to go on, and one that is empty
//! is filled from the beginning in the same way.

use super::file_index::{self, Definition};
use super::text::searchable;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::from_json;
use crate::writer::tx::Tx;
use diesel::prelude::*;

/// Jobs of a slice. They take a few milliseconds.
const SLICE_JOBS: i64 = 1000;
/// Pages that are written by one step of merging.
const MERGE_PAGES: i64 = 16;

/// What one slice of filling did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchSlice {
    /// Definitions that were put into the index.
    pub indexed: usize,
    /// Jobs that were taken out of it because they are gone.
    pub removed: usize,
    /// Whether there is more to do now.
    pub more: bool,
}

/// How far the index is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SearchLag {
    /// Definitions that it does not have yet.
    pub unindexed: u64,
    /// Whether it still has jobs that are gone.
    pub has_removed: bool,
}

/// How far the index is behind. That of a server is written with the definitions.
pub(super) fn lag(conn: &mut AnyConnection) -> Result<SearchLag, WriteError> {
    if is_of_server(conn) {
        return Ok(SearchLag::default());
    }
    let behind = file_index::last_definition(conn)? - file_index::indexed_to(conn)?;
    let has_removed = !file_index::removed(conn, 1)?.is_empty();
    Ok(SearchLag { unindexed: u64::try_from(behind).unwrap_or(0), has_removed })
}

/// Does one slice. Jobs that are gone come first: no new job has the key of one that is still to be taken out.
pub(super) fn fill(tx: &mut Tx<'_>) -> Result<SearchSlice, WriteError> {
    if is_of_server(tx.conn) {
        return Ok(SearchSlice::default());
    }
    tx.effects.operations.add("search");
    let mut slice = SearchSlice::default();
    for key in file_index::removed(tx.conn, SLICE_JOBS)? {
        file_index::forget(tx.conn, key)?;
        slice.removed += 1;
    }
    if is_full(slice.removed) {
        return Ok(SearchSlice { more: true, ..slice });
    }
    let indexed_to = file_index::indexed_to(tx.conn)?;
    let definitions = file_index::definitions_after(tx.conn, indexed_to, SLICE_JOBS)?;
    let Some(last) = definitions.last().map(|definition| definition.key) else { return Ok(slice) };
    slice.indexed = definitions.len();
    slice.more = is_full(slice.indexed);
    for definition in definitions {
        index(tx.conn, definition)?;
    }
    file_index::set_indexed_to(tx.conn, last)?;
    Ok(slice)
}

fn is_of_server(conn: &AnyConnection) -> bool {
    matches!(conn, AnyConnection::Postgres(_))
}

fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= SLICE_JOBS)
}

fn index(conn: &mut AnyConnection, definition: Definition) -> QueryResult<()> {
    if definition.previous_key.is_some() {
        file_index::remove(conn, definition.job_key)?;
    }
    let text = text_of(&definition.name, definition.external_id.as_deref(), &definition.tags);
    file_index::insert(conn, definition.job_key, &text)
}

/// What is searched of a job. Tags that cannot be read are none.
pub(super) fn text_of(name: &str, external_id: Option<&str>, tags: &str) -> String {
    let tags: Vec<String> = from_json("job_definitions.tags", tags).unwrap_or_default();
    searchable(name, external_id, &tags)
}

/// Merges parts of the index, as far as that takes a few milliseconds; `true` when there may be more to do.
pub(super) fn merge(tx: &mut Tx<'_>) -> Result<bool, WriteError> {
    Ok(!is_of_server(tx.conn) && file_index::merge(tx.conn, MERGE_PAGES)?)
}
