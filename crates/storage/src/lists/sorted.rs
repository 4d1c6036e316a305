//! Lists that are sorted by what has no index: all rows are read that the filter lets through, and there must not be
//! many of them.

use super::full_rows::Loaded;
use super::{COUNT_SCAN_MAX, Listing, PAGE_CHUNK_ROWS, Wanted};
use crate::connection::AnyConnection;
use crate::cursor::{self, Position};
use crate::failure::WriteError;
use crate::{Page, Refusal, SortOrder};
use oneoff_domain::limits::{PAGE_MAX, SORTED_MAX};
use oneoff_domain::{FieldError, ValidationErrors};

/// All rows that the filter lets through.
pub(super) fn all<L: Listing>(
    conn: &mut AnyConnection,
    listing: &L,
    sort: &str,
    narrow_by: &str,
) -> Result<Vec<L::Row>, WriteError> {
    let (mut rows, mut after, mut scanned) = (Vec::new(), None, 0);
    loop {
        let chunk = listing.rows(conn, after, PAGE_CHUNK_ROWS)?;
        let is_last = chunk.len() < PAGE_CHUNK_ROWS;
        scanned += chunk.len();
        for row in chunk {
            after = Some(listing.position(&row));
            if listing.matches(&row) {
                rows.push(row);
            }
        }
        if rows.len() > SORTED_MAX || (scanned >= COUNT_SCAN_MAX && !is_last) {
            return Err(too_many(sort, narrow_by).into());
        }
        if is_last {
            return Ok(rows);
        }
    }
}

/// So many cannot be sorted by this.
pub(crate) fn too_many(sort: &str, narrow_by: &str) -> Refusal {
    let error = FieldError::new("sort_by", format!("more than {SORTED_MAX} rows cannot be sorted by {sort}"))
        .with_hint(format!("narrow the list by {narrow_by}"));
    Refusal::Invalid(ValidationErrors::one(error))
}

/// A page of rows that are all there, each as what it is sorted by and its key.
pub(crate) fn page<T>(
    conn: &mut AnyConnection,
    mut rows: Vec<(i64, i64)>,
    order: SortOrder,
    wanted: &Wanted<'_>,
    load: impl FnOnce(&mut AnyConnection, &[i64]) -> Result<Loaded<T>, WriteError>,
) -> Result<Page<T>, WriteError> {
    let after = wanted.cursor.map(|text| cursor::decode(wanted.sort, text)).transpose()?;
    let total = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    rows.sort_unstable();
    if order == SortOrder::Descending {
        rows.reverse();
    }
    if let Some(Position { at: Some(at), key }) = after {
        rows.retain(|row| match order {
            SortOrder::Ascending => *row > (at, key),
            SortOrder::Descending => *row < (at, key),
        });
    }
    let limit = usize::try_from(wanted.limit.clamp(1, PAGE_MAX)).unwrap_or(1);
    let keys: Vec<i64> = rows.iter().take(limit).map(|(_, key)| *key).collect();
    let Loaded { rows: items, taken, bytes } = load(conn, &keys)?;
    let last = rows.get(..taken).filter(|_| taken < rows.len()).and_then(<[_]>::last);
    Ok(Page {
        items,
        next_cursor: last.map(|(at, key)| cursor::encode(wanted.sort, Position { at: Some(*at), key: *key })),
        total: wanted.with_total.then_some(total),
        total_is_estimate: false,
        bytes,
    })
}
