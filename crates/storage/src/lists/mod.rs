//! Lists: keyset pages over an index, with a bound on the rows that are looked at.
//!
//! A list reads narrow rows in the order of an index and keeps those that its filter lets through. When so
//! many were looked at that the answer would take long, the page ends early with a cursor to go on from.

pub(crate) mod audit;
pub(crate) mod deliveries;
pub(crate) mod executions;
pub(crate) mod full_rows;
pub(crate) mod job_page;
mod job_parts;
mod job_sets;
pub(crate) mod jobs;
mod narrow;
#[cfg(test)]
mod plans;
pub(crate) mod request_of;
mod schedule;
#[cfg(test)]
mod server_plans;
pub(crate) mod sorted;

use crate::Page;
use crate::connection::AnyConnection;
use crate::cursor::{self, Position};
use crate::failure::WriteError;
use full_rows::Loaded;
use oneoff_domain::limits::PAGE_MAX;
use std::time::{Duration, Instant};

/// Rows that one page looks at.
const PAGE_SCAN_MAX: usize = 5_000;
/// For how long a page looks for more of them.
const PAGE_SCAN_TIME: Duration = Duration::from_millis(2);
/// Rows that counting looks at.
const COUNT_SCAN_MAX: usize = 50_000;
/// Rows that are counted.
pub(crate) const COUNT_MAX: u64 = 10_000;
/// Rows that a page reads at a time after the first ones: what it looks at beyond its time.
const PAGE_CHUNK_ROWS: usize = 400;
/// Rows that counting reads at a time.
const COUNT_CHUNK_ROWS: usize = 1000;

/// An ordered source of narrow rows.
pub(crate) trait Listing {
    /// A narrow row.
    type Row;
    /// The rows after `after` in the list's order, at most `limit`; fewer only at its end.
    fn rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<Self::Row>, WriteError>;
    /// The key of a row.
    fn key(&self, row: &Self::Row) -> i64;
    /// Where a row stands.
    fn position(&self, row: &Self::Row) -> Position;
    /// Whether the filter lets a row through.
    fn matches(&self, row: &Self::Row) -> bool;
}

/// The key of a row, and where it stands.
type Place = (i64, Position);

/// The keys of the rows of a page with their places, and where it ended; no place if that is the end of the list. However slow the machine, the
/// second page of two begins behind the first.
fn scan<L: Listing>(
    conn: &mut AnyConnection,
    listing: &L,
    mut after: Option<Position>,
    limit: usize,
) -> Result<(Vec<Place>, Option<Position>), WriteError> {
    let began = Instant::now();
    let mut keys = Vec::with_capacity(limit);
    let mut scanned = 0;
    let mut last_kept = after;
    let mut chunk_rows = limit + 1;
    while scanned == 0 || (scanned < PAGE_SCAN_MAX && began.elapsed() < PAGE_SCAN_TIME) {
        let rows = listing.rows(conn, after, chunk_rows)?;
        let is_last = rows.len() < chunk_rows;
        for row in rows {
            scanned += 1;
            let position = listing.position(&row);
            if listing.matches(&row) {
                if keys.len() == limit {
                    return Ok((keys, last_kept));
                }
                keys.push((listing.key(&row), position));
                last_kept = Some(position);
            }
            after = Some(position);
        }
        if is_last {
            return Ok((keys, None));
        }
        chunk_rows = PAGE_CHUNK_ROWS;
    }
    Ok((keys, after))
}

/// How many rows the filter lets through, counted up to [`COUNT_MAX`], and whether there may be more.
fn count<L: Listing>(conn: &mut AnyConnection, listing: &L) -> Result<(u64, bool), WriteError> {
    let (mut after, mut scanned, mut found) = (None, 0, 0);
    while scanned < COUNT_SCAN_MAX {
        let rows = listing.rows(conn, after, COUNT_CHUNK_ROWS)?;
        let is_last = rows.len() < COUNT_CHUNK_ROWS;
        for row in rows {
            scanned += 1;
            after = Some(listing.position(&row));
            if !listing.matches(&row) {
                continue;
            }
            if found == COUNT_MAX {
                return Ok((COUNT_MAX, true));
            }
            found += 1;
        }
        if is_last {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

/// Which page of a list is wanted.
pub(crate) struct Wanted<'a> {
    /// Names the list's order in its cursors.
    pub(crate) sort: char,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) limit: u32,
    pub(crate) with_total: bool,
}

/// A page of a list, with its rows loaded by `load`.
pub(crate) fn page<L: Listing, T>(
    conn: &mut AnyConnection,
    listing: &L,
    wanted: &Wanted<'_>,
    known_total: Option<(u64, bool)>,
    load: impl FnOnce(&mut AnyConnection, &[i64]) -> Result<Loaded<T>, WriteError>,
) -> Result<Page<T>, WriteError> {
    let after = wanted.cursor.map(|text| cursor::decode(wanted.sort, text)).transpose()?;
    let limit = usize::try_from(wanted.limit.clamp(1, PAGE_MAX)).unwrap_or(1);
    let (rows, end) = scan(conn, listing, after, limit)?;
    let total = match (wanted.with_total, known_total) {
        (false, _) => None,
        (true, Some(known)) => Some(known),
        (true, None) => Some(count(conn, listing)?),
    };
    let keys: Vec<i64> = rows.iter().map(|(key, _)| *key).collect();
    let Loaded { rows: items, taken, bytes } = load(conn, &keys)?;
    let last_taken = rows.get(..taken).filter(|_| taken < rows.len()).and_then(<[_]>::last);
    let end = last_taken.map(|(_, position)| *position).or(end);
    Ok(Page {
        items,
        next_cursor: end.map(|position| cursor::encode(wanted.sort, position)),
        total: total.map(|(total, _)| total),
        total_is_estimate: total.is_some_and(|(_, is_floor)| is_floor),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Rows that no filter lets through, each read of which takes at least a time.
    struct Endless {
        each_takes: Duration,
        reads: Cell<usize>,
        rows: Cell<usize>,
    }

    impl Listing for Endless {
        type Row = i64;

        fn rows(
            &self,
            _conn: &mut AnyConnection,
            after: Option<Position>,
            limit: usize,
        ) -> Result<Vec<i64>, WriteError> {
            let began = Instant::now();
            while began.elapsed() < self.each_takes {
                std::hint::spin_loop();
            }
            self.reads.set(self.reads.get() + 1);
            self.rows.set(self.rows.get() + limit);
            let first = after.map_or(0, |after| after.key) + 1;
            Ok((first..).take(limit).collect())
        }

        fn key(&self, row: &i64) -> i64 {
            *row
        }

        fn position(&self, row: &i64) -> Position {
            Position { at: None, key: *row }
        }

        fn matches(&self, _row: &i64) -> bool {
            false
        }
    }

    fn scan_endless(each_takes: Duration) -> (Endless, Option<Position>) {
        use diesel::Connection;
        let mut conn = AnyConnection::establish(":memory:").unwrap();
        let listing = Endless { each_takes, reads: Cell::new(0), rows: Cell::new(0) };
        let (keys, end) = scan(&mut conn, &listing, None, 50).unwrap();
        assert!(keys.is_empty());
        (listing, end)
    }

    #[test]
    fn a_page_whose_time_is_over_reads_no_more_and_goes_on_behind_what_it_read() {
        let (listing, end) = scan_endless(PAGE_SCAN_TIME);
        assert_eq!((listing.reads.get(), end.map(|end| end.key)), (1, Some(51)));
    }

    #[test]
    fn a_page_looks_at_a_bounded_number_of_rows() {
        let (listing, end) = scan_endless(Duration::ZERO);
        assert_eq!(end.map(|end| end.key), i64::try_from(listing.rows.get()).ok());
        assert!(listing.rows.get() < PAGE_SCAN_MAX + PAGE_CHUNK_ROWS, "{}", listing.rows.get());
    }
}
