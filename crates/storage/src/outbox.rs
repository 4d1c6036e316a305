//! Reading the event outbox by cursor.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::event::EventRow;
use crate::schema::events;
use diesel::dsl::{max, min};
use diesel::prelude::*;
use oneoff_domain::Event;

/// The number of the newest event that was ever written, kept or not; 0 when there was none.
pub(crate) fn last_sequence(conn: &mut AnyConnection) -> Result<i64, WriteError> {
    let last: Option<i64> = events::table.select(max(events::sequence)).get_result(conn)?;
    Ok(last.unwrap_or(0))
}

/// Events after the cursor, oldest first; `None` when some of them are not kept any more, or when the cursor
/// lies ahead of all events, as it does when an older backup was restored.
pub(crate) fn after(
    conn: &mut AnyConnection,
    sequence: i64,
    limit: usize,
) -> Result<Option<Vec<Event>>, WriteError> {
    let last = last_sequence(conn)?;
    let oldest: Option<i64> = events::table.select(min(events::sequence)).get_result(conn)?;
    let next_kept = oldest.unwrap_or(last + 1);
    if sequence > last || sequence < next_kept - 1 {
        return Ok(None);
    }
    let rows: Vec<EventRow> = events::table
        .filter(events::sequence.gt(sequence))
        .order(events::sequence)
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .select(EventRow::as_select())
        .load(conn)?;
    let found: Result<Vec<Event>, _> = rows.into_iter().map(EventRow::into_domain).collect();
    Ok(Some(found?))
}
