//! Rows of `events`, the outbox.

use super::{from_json, instant, to_json, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::schema::events;
use crate::statement;
use diesel::prelude::*;
use oneoff_domain::{Event, NewEvent, Timestamp};

/// An event.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(AnyBackend))]
pub(crate) struct EventRow {
    sequence: i64,
    written_at: i64,
    kind: String,
    job_id: Option<String>,
    execution_id: Option<String>,
    project_id: String,
    data: String,
}

impl EventRow {
    pub(crate) fn into_domain(self) -> Result<Event, RowError> {
        let execution_id = self.execution_id.map(|id| word("events.execution_id", &id)).transpose()?;
        Ok(Event {
            sequence: self.sequence,
            at: instant(self.written_at),
            event: NewEvent {
                kind: word("events.kind", &self.kind)?,
                job_id: self.job_id.map(|id| word("events.job_id", &id)).transpose()?,
                execution_id,
                project_id: self.project_id,
                data: from_json("events.data", &self.data)?,
            },
        })
    }
}

statement::statement!(
    InsertEvent,
    "INSERT INTO events (sequence, written_at, kind, job_id, execution_id, project_id, data) \
     VALUES (?, ?, ?, ?, ?, ?, ?)"
);

/// Writes an event under its number.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    sequence: i64,
    now: Timestamp,
    event: &NewEvent,
) -> Result<(), WriteError> {
    let job_id = event.job_id.map(|id| id.to_string());
    let execution_id = event.execution_id.map(|id| id.to_string());
    let data = to_json("events.data", &event.data)?;
    let values = [
        sequence.into(),
        now.as_micros().into(),
        event.kind.as_str().into(),
        job_id.as_deref().into(),
        execution_id.as_deref().into(),
        event.project_id.as_str().into(),
        data.as_str().into(),
    ];
    statement::run::<InsertEvent>(conn, &values)?;
    Ok(())
}
