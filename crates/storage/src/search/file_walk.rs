//! Walking over the jobs of a file that may be meant, in the order of their creation.
//!
//! The index knows the jobs up to a place. Behind it lie those that were made lately, which are looked at one by one,
//! as are all jobs where nothing is long enough to ask the index for. What has been edited since is looked at too.

use super::file_index;
use super::look::{CHUNK_JOBS, Found, Look};
use super::sql::{self, Keys};
use crate::SortOrder;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use diesel::prelude::*;
use std::time::{Duration, Instant};

/// For how long a page is looked for before it ends as it is.
const LOOK_TIME: Duration = Duration::from_millis(3);
/// Jobs that are looked at for a page.
const LOOK_MAX: usize = 2_000;
/// Keys in which the index is asked at first for common pieces: that they never meet would take it long otherwise.
const FIRST_SPAN: i64 = 1 << 16;
/// Jobs with the rarest piece that the index may go through at first. There is one question for all keys where there
/// are few such jobs.
const FIRST_MATCHES: u64 = 5_000;
/// Pieces of what is looked for that are tried.
const TRIED_GRAMS: usize = 6;
/// Pieces that the index is asked for together: the rarest ones, as each costs time and the rest is looked at anyway.
const ASKED_GRAMS: usize = 3;
/// Matches by which it is judged how rare a piece is.
const TRIED_JOBS: usize = 33;
/// Edits that the index does not have yet, and ids with the same beginning, that are looked at.
const BESIDE_MAX: usize = 1_000;

/// How the jobs that the index knows are found.
enum Way {
    /// All of them are looked at.
    Each,
    /// These are all that there can be.
    Known(Vec<i64>),
    /// The index is asked for jobs with all of these pieces, in so many keys at first.
    Ask(Vec<String>, i64),
}

/// A walk over the jobs of a file that may be meant.
pub(super) struct FileWalk<'a> {
    look: Look<'a>,
    indexed_to: i64,
    /// Jobs that are looked at whatever the index says.
    beside: Vec<i64>,
}

impl<'a> FileWalk<'a> {
    pub(super) fn new(conn: &mut AnyConnection, look: Look<'a>) -> Result<Self, WriteError> {
        let indexed_to = file_index::indexed_to(conn)?;
        let most = i64::try_from(BESIDE_MAX).unwrap_or(i64::MAX);
        let mut beside = file_index::edited_after(conn, indexed_to, most)?;
        if let Some(beginning) = &look.needle.id_beginning {
            beside.extend(sql::jobs_by_id(conn, beginning, BESIDE_MAX)?);
        }
        Ok(Self { look, indexed_to, beside })
    }

    /// The jobs that are meant after a key, at most `limit`, as far as it does not take too long.
    pub(super) fn after(
        &self,
        conn: &mut AnyConnection,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Found, WriteError> {
        let began = Instant::now();
        let mut found = Found { rows: Vec::new(), end: None };
        let (mut place, mut looked, mut span) = (after, 0, FIRST_SPAN);
        let mut way = None;
        while let Some((zone, is_indexed)) = self.zone_after(place) {
            let room = (limit + 1 - found.rows.len()).min(CHUNK_JOBS);
            let (keys, end) = if is_indexed {
                let way = match &way {
                    Some(way) => way,
                    None => way.insert(self.way(conn, zone)?),
                };
                if let Way::Ask(_, first_span) = way {
                    span = span.max(*first_span);
                }
                span = span.saturating_mul(2);
                self.ask(conn, way, zone, span / 2, room)?
            } else {
                each(conn, zone, room)?
            };
            looked += keys.len();
            for row in self.look.at(conn, &keys)? {
                if found.rows.len() == limit {
                    found.end = found.rows.last().map(|row| row.key);
                    return Ok(found);
                }
                found.rows.push(row);
            }
            place = Some(end);
            if looked >= LOOK_MAX || began.elapsed() >= LOOK_TIME {
                found.end = self.zone_after(place).map(|_more| end);
                return Ok(found);
            }
        }
        Ok(found)
    }

    /// The keys that come after a place and are of one kind: those that the index knows, or those behind.
    fn zone_after(&self, place: Option<i64>) -> Option<(Keys, bool)> {
        let keys = |first: i64, last: i64| Keys { first, last, order: self.look.order };
        let (indexed, behind) = match self.look.order {
            SortOrder::Ascending => {
                let next = place.map_or(1, |place| place.saturating_add(1));
                (keys(next, self.indexed_to), keys(next.max(self.indexed_to + 1), i64::MAX - 1))
            }
            SortOrder::Descending => {
                let next = place.map_or(i64::MAX - 1, |place| place.saturating_sub(1));
                (keys(1, next.min(self.indexed_to)), keys(self.indexed_to + 1, next))
            }
        };
        let is_there = |keys: &Keys| keys.first <= keys.last;
        let zones = match self.look.order {
            SortOrder::Ascending => [(indexed, true), (behind, false)],
            SortOrder::Descending => [(behind, false), (indexed, true)],
        };
        zones.into_iter().find(|(keys, _)| is_there(keys))
    }

    /// How the jobs of a zone are best found.
    fn way(&self, conn: &mut AnyConnection, zone: Keys) -> QueryResult<Way> {
        let grams = self.look.needle.grams();
        let apart = grams.len().div_ceil(TRIED_GRAMS).max(1);
        let mut tried: Vec<(u64, String)> = Vec::with_capacity(TRIED_GRAMS);
        for gram in grams.into_iter().step_by(apart) {
            let keys = file_index::matches(conn, &[&gram], zone, TRIED_JOBS)?;
            if keys.len() < TRIED_JOBS {
                return Ok(Way::Known(keys));
            }
            let width = keys.first().zip(keys.last()).map_or(0, |(first, last)| first.abs_diff(*last));
            tried.push((width, gram));
        }
        if tried.is_empty() {
            return Ok(Way::Each);
        }
        tried.sort_unstable_by(|one, other| other.cmp(one));
        let widest = tried.first().map_or(0, |(width, _)| *width);
        let tried_jobs = u64::try_from(TRIED_JOBS).unwrap_or(1);
        let first_span = i64::try_from(widest / tried_jobs * FIRST_MATCHES).unwrap_or(i64::MAX);
        let grams = tried.into_iter().take(ASKED_GRAMS).map(|(_, gram)| gram).collect();
        Ok(Way::Ask(grams, first_span.max(FIRST_SPAN)))
    }

    /// Keys of a zone that the index knows, and up to which key there are no others.
    fn ask(
        &self,
        conn: &mut AnyConnection,
        way: &Way,
        zone: Keys,
        span: i64,
        room: usize,
    ) -> QueryResult<(Vec<i64>, i64)> {
        let (mut keys, end) = match way {
            Way::Each => return each(conn, zone, room),
            Way::Known(known) => {
                let inside = known.iter().copied().filter(|key| zone.contains(*key)).collect();
                (inside, zone.end())
            }
            Way::Ask(grams, _) => {
                let grams: Vec<&str> = grams.iter().map(String::as_str).collect();
                let part = zone.beginning(span);
                let keys = file_index::matches(conn, &grams, part, room)?;
                let end =
                    if keys.len() < room { part.end() } else { keys.last().copied().unwrap_or(part.end()) };
                (keys, end)
            }
        };
        zone.up_to(end).add(&self.beside, &mut keys);
        Ok((keys, end))
    }
}

/// All keys of a zone, and up to which key there are no others.
fn each(conn: &mut AnyConnection, zone: Keys, room: usize) -> QueryResult<(Vec<i64>, i64)> {
    let room = room.max(CHUNK_JOBS);
    let keys = file_index::jobs(conn, zone, room)?;
    let end = if keys.len() < room { zone.end() } else { keys.last().copied().unwrap_or(zone.end()) };
    Ok((keys, end))
}
