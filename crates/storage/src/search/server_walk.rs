//! Walking over the jobs of a server that may be meant, in the order of their creation.
//!
//! The index finds few jobs among many at once, but not in an order and not a part of them. So what is common is looked
//! for part by part among the jobs themselves, and only where a part does not fill the page the index is asked.

use super::look::{CHUNK_JOBS, Found, Look};
use super::pattern;
use super::server_index;
use super::sql::{self, Keys};
use crate::SortOrder;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use diesel::prelude::*;
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// For how long a page is looked for before it ends as it is. The index may take the same once more.
const LOOK_TIME: Duration = Duration::from_millis(25);
/// Matches that are looked at for a page.
const LOOK_MAX: usize = 2_000;
/// Jobs of the first part that is gone through, and at most of a later one.
const PART_JOBS: usize = 500;
const PART_JOBS_MAX: usize = 2_000;
/// Matches that the index may find for all of them to be known.
const KNOWN_MAX: usize = 2_000;
/// Patterns of what is looked for that are tried, the longest ones, and the jobs among which it is judged how rare they are.
const TRIED_PATTERNS: usize = 6;
const TRIED_JOBS: usize = 200;
/// Patterns that the index is asked for together: the rarest ones, as the rest is looked at anyway.
const ASKED_PATTERNS: usize = 3;
/// Ids with the same beginning that are looked at.
const BESIDE_MAX: usize = 1_000;

/// What the index says.
enum Index {
    /// Nothing yet.
    NotAsked,
    /// These are all that there can be.
    Known(Vec<i64>),
    /// Nothing that helps.
    NoHelp,
}

/// A walk over the jobs of a server that may be meant.
pub(super) struct ServerWalk<'a> {
    look: Look<'a>,
    patterns: Vec<String>,
    /// Jobs that are looked at whatever their text is.
    beside: Vec<i64>,
    index: Index,
}

impl<'a> ServerWalk<'a> {
    pub(super) fn new(conn: &mut AnyConnection, look: Look<'a>) -> Result<Self, WriteError> {
        let certain = server_index::certain(conn, look.needle)?;
        let patterns = pattern::of(look.needle, &certain);
        let beside = match &look.needle.id_beginning {
            Some(beginning) => sql::jobs_by_id(conn, beginning, BESIDE_MAX)?,
            None => Vec::new(),
        };
        let index = if patterns.iter().any(|pattern| pattern::has_pieces(pattern)) {
            Index::NotAsked
        } else {
            Index::NoHelp
        };
        Ok(Self { look, patterns, beside, index })
    }

    /// The jobs that are meant after a key, at most `limit`, as far as it does not take too long.
    pub(super) fn after(
        &mut self,
        conn: &mut AnyConnection,
        after: Option<i64>,
        limit: usize,
    ) -> Result<Found, WriteError> {
        let mut found = Found { rows: Vec::new(), end: None };
        let (mut place, mut looked, mut part_jobs) = (after, 0, PART_JOBS);
        // One part does not fill a page that is longer.
        if limit > PART_JOBS {
            self.ask(conn)?;
        }
        let mut began = Instant::now();
        while let Some(zone) = self.zone_after(place) {
            let room = (limit + 1 - found.rows.len()).min(CHUNK_JOBS);
            let (keys, end) = self.keys(conn, zone, part_jobs, room)?;
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
            if self.ask(conn)? {
                began = Instant::now();
            }
            part_jobs = (part_jobs * 2).min(PART_JOBS_MAX);
        }
        Ok(found)
    }

    /// Asks the index, if it was not asked before; answers whether that was done.
    fn ask(&mut self, conn: &mut AnyConnection) -> QueryResult<bool> {
        if !matches!(self.index, Index::NotAsked) {
            return Ok(false);
        }
        let patterns = self.rarest(conn)?;
        let known = server_index::all_matches(conn, &patterns, KNOWN_MAX)?;
        self.index = known.map_or(Index::NoHelp, Index::Known);
        Ok(true)
    }

    /// The patterns that the index is asked for. The rarest among the last jobs is the first: the index goes through what it
    /// has of that, and looks up the others.
    fn rarest(&self, conn: &mut AnyConnection) -> QueryResult<Vec<String>> {
        let mut patterns: Vec<&String> =
            self.patterns.iter().filter(|pattern| pattern::has_pieces(pattern)).collect();
        patterns.sort_unstable_by_key(|pattern| Reverse(pattern.len()));
        patterns.truncate(TRIED_PATTERNS);
        if patterns.len() > 1 {
            let all = Keys { first: 1, last: i64::MAX - 1, order: SortOrder::Descending };
            let part = server_index::first_jobs(conn, all, TRIED_JOBS)?;
            let mut tried = Vec::with_capacity(patterns.len());
            for pattern in patterns {
                let jobs = server_index::matches(conn, std::slice::from_ref(pattern), part, TRIED_JOBS)?;
                tried.push((jobs.len(), pattern));
            }
            tried.sort_by_key(|(jobs, _)| *jobs);
            patterns = tried.into_iter().map(|(_, pattern)| pattern).collect();
        }
        Ok(patterns.into_iter().take(ASKED_PATTERNS).cloned().collect())
    }

    /// The keys that come after a place.
    fn zone_after(&self, place: Option<i64>) -> Option<Keys> {
        let order = self.look.order;
        let zone = match order {
            SortOrder::Ascending => {
                Keys { first: place.map_or(1, |place| place.saturating_add(1)), last: i64::MAX - 1, order }
            }
            SortOrder::Descending => {
                Keys { first: 1, last: place.map_or(i64::MAX - 1, |place| place.saturating_sub(1)), order }
            }
        };
        (zone.first <= zone.last).then_some(zone)
    }

    /// Keys of a zone that may be meant, and up to which key there are no others.
    fn keys(
        &self,
        conn: &mut AnyConnection,
        zone: Keys,
        part_jobs: usize,
        room: usize,
    ) -> QueryResult<(Vec<i64>, i64)> {
        let (mut keys, part) = match &self.index {
            Index::Known(known) => {
                let mut keys = Vec::new();
                zone.add(known, &mut keys);
                keys.truncate(room);
                (keys, zone)
            }
            Index::NotAsked | Index::NoHelp => {
                let part = server_index::first_jobs(conn, zone, part_jobs)?;
                (server_index::matches(conn, &self.patterns, part, room)?, part)
            }
        };
        let end = if keys.len() < room { part.end() } else { keys.last().copied().unwrap_or(part.end()) };
        zone.up_to(end).add(&self.beside, &mut keys);
        Ok((keys, end))
    }
}
