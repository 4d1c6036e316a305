//! Pages of what a search found, in either order of the list of jobs.

use super::sql::Candidate;
use super::text::{Needle, searchable};
use super::walk::Walks;
use crate::connection::AnyConnection;
use crate::cursor::{self, Position};
use crate::failure::WriteError;
use crate::lists;
use crate::lists::full_rows::{self, Loaded};
use crate::lists::{Wanted, sorted};
use crate::{Catalog, JobFilter, JobSort, PAGE_BYTES, Page, PageRequest, SortOrder};
use oneoff_domain::limits::PAGE_MAX;
use oneoff_domain::{Job, JobStatus};

/// Matches that are sorted when they are read. Of more, the list by scheduled time is looked through.
const FEW: usize = 1_000;
/// Jobs of that list that are looked at for a page.
const SCHEDULE_LOOK_MAX: u32 = 600;

/// A page of the jobs that are meant by `text` and pass the filter.
pub(crate) fn list(
    conn: &mut AnyConnection,
    catalog: &Catalog,
    text: &str,
    filter: JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let needles = Needle::parse(text)?.alternatives(catalog);
    match request.sort {
        JobSort::CreatedAt => by_creation(conn, &needles, &filter, request),
        JobSort::ScheduledAt => by_schedule(conn, &needles, filter, request),
        JobSort::Priority => by_priority(conn, &needles, &filter, request),
    }
}

fn by_priority(
    conn: &mut AnyConnection,
    needles: &[Needle],
    filter: &JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let all = Walks::new(conn, needles, filter, SortOrder::Descending)?.after(conn, None, FEW)?;
    if all.end.is_some() {
        return Err(sorted::too_many("priority", "more words, status, project_id or tag_id").into());
    }
    let rows = all.rows.iter().map(|row| (row.priority, row.key)).collect();
    let wanted = Wanted {
        sort: 'p',
        cursor: request.cursor.as_deref(),
        limit: request.limit,
        with_total: request.with_total,
    };
    sorted::page(conn, rows, request.order, &wanted, full_rows::jobs)
}

fn limit_of(request: &PageRequest<JobSort>) -> usize {
    usize::try_from(request.limit.clamp(1, PAGE_MAX)).unwrap_or(1)
}

fn by_creation(
    conn: &mut AnyConnection,
    needles: &[Needle],
    filter: &JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let after = request.cursor.as_deref().map(|text| cursor::decode('c', text)).transpose()?;
    let mut walk = Walks::new(conn, needles, filter, request.order)?;
    let found = walk.after(conn, after.map(|position| position.key), limit_of(request))?;
    let total = match request.with_total {
        true => Some(walk.after(conn, None, usize::MAX - 1)?),
        false => None,
    };
    let keys: Vec<i64> = found.rows.iter().map(|row| row.key).collect();
    let Loaded { rows: items, taken, bytes } = full_rows::jobs(conn, &keys)?;
    let last_taken = keys.get(..taken).filter(|_| taken < keys.len()).and_then(<[_]>::last);
    Ok(Page {
        items,
        next_cursor: last_taken
            .copied()
            .or(found.end)
            .map(|key| cursor::encode('c', Position { at: None, key })),
        total_is_estimate: total.as_ref().is_some_and(|total| total.end.is_some()),
        total: total.map(|total| u64::try_from(total.rows.len()).unwrap_or(u64::MAX)),
        bytes,
    })
}

/// Where a job stands in the list by scheduled time: larger for what comes later.
type Rank = (bool, i128, i128);

fn rank(order: SortOrder, position: Position) -> Rank {
    let sign = if order == SortOrder::Ascending { 1 } else { -1 };
    let at = position.at.map_or(0, |at| i128::from(at) * sign);
    (position.at.is_none(), at, i128::from(position.key) * sign)
}

/// A job that waits stands at its next start.
fn position(row: &Candidate) -> Position {
    let waits = row.status == JobStatus::Scheduled.as_str();
    let at = row.next_attempt_at.filter(|_| waits).or(row.scheduled_at);
    Position { at, key: row.key }
}

fn by_schedule(
    conn: &mut AnyConnection,
    needles: &[Needle],
    filter: JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let after = request.cursor.as_deref().map(|text| cursor::decode('s', text)).transpose()?;
    let all = Walks::new(conn, needles, &filter, SortOrder::Descending)?.after(conn, None, FEW)?;
    let total = request.with_total.then(|| u64::try_from(all.rows.len()).unwrap_or(u64::MAX));
    if all.end.is_some() {
        let page = through_schedule(conn, needles, &filter, request)?;
        return Ok(Page { total, total_is_estimate: total.is_some(), ..page });
    }
    let rank = |position| rank(request.order, position);
    let mut places: Vec<Position> = all.rows.iter().map(position).collect();
    places.sort_unstable_by_key(|place| rank(*place));
    if let Some(after) = after.map(rank) {
        places.retain(|place| rank(*place) > after);
    }
    let limit = limit_of(request);
    let keys: Vec<i64> = places.iter().map(|place| place.key).take(limit).collect();
    let Loaded { rows: items, taken, bytes } = full_rows::jobs(conn, &keys)?;
    let last = places.get(..taken).filter(|_| taken < places.len()).and_then(<[_]>::last);
    Ok(Page {
        items,
        next_cursor: last.map(|place| cursor::encode('s', *place)),
        total,
        total_is_estimate: false,
        bytes,
    })
}

/// Looks through the list by scheduled time, as far as that does not take too long.
fn through_schedule(
    conn: &mut AnyConnection,
    needles: &[Needle],
    filter: &JobFilter,
    request: &PageRequest<JobSort>,
) -> Result<Page<Job>, WriteError> {
    let limit = limit_of(request);
    let mut page = Page {
        items: Vec::new(),
        next_cursor: request.cursor.clone(),
        total: None,
        total_is_estimate: false,
        bytes: 0,
    };
    let (mut looked, mut read_bytes) = (0, 0);
    while page.items.len() < limit && looked < SCHEDULE_LOOK_MAX && read_bytes < PAGE_BYTES {
        // No more than there is room for, so that the page ends where the list's own page does.
        let room = u32::try_from(limit - page.items.len()).unwrap_or(1);
        let part = PageRequest {
            limit: room,
            cursor: page.next_cursor.take(),
            with_total: false,
            ..request.clone()
        };
        let part = lists::job_page::list(conn, filter.clone(), &part)?;
        looked += room;
        read_bytes += part.bytes;
        for job in part.items.into_iter().filter(|job| is_meant(needles, job)) {
            page.bytes += full_rows::bytes_of(&job);
            page.items.push(job);
        }
        page.next_cursor = part.next_cursor;
        if page.next_cursor.is_none() {
            break;
        }
    }
    Ok(page)
}

fn is_meant(needles: &[Needle], job: &Job) -> bool {
    let definition = &job.definition;
    let tags = definition.tags.join("\n");
    let text = searchable(&definition.name, definition.external_id.as_deref(), &[]);
    let id = job.id.to_string();
    needles.iter().any(|needle| needle.matches(&id, &text, &tags))
}
