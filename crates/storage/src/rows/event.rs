//! Rows of `events`, the outbox.

use super::{from_json, instant, to_json, word};
use crate::connection::AnyBackend;
use crate::failure::{RowError, WriteError};
use crate::schema::events;
use crate::statement::{self, Bind, Target};
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

// What several nodes write is numbered when it is committed.
statement::statement!(
    InsertUnnumbered,
    "INSERT INTO new_events (written_at, kind, job_id, execution_id, project_id, data, epoch) \
     VALUES (?, ?, ?, ?, ?, ?, ?)"
);

/// Who numbers an event.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// The writer, and it is this.
    Given(i64),
    /// One of several nodes, once it is committed. It was written in this epoch.
    Later { epoch: i64 },
    /// One of several nodes, of what was written beside them.
    OfNoNode,
}

/// Writes an event, under its number where the writer gives them.
pub(crate) fn insert(
    on: &mut impl Target,
    number: Number,
    now: Timestamp,
    event: &NewEvent,
) -> Result<(), WriteError> {
    let job_id = event.job_id.map(|id| id.to_string());
    let execution_id = event.execution_id.map(|id| id.to_string());
    let data = to_json("events.data", &event.data)?;
    let [at, kind, job_id, execution_id, project_id, data]: [Bind<'_>; 6] = [
        now.as_micros().into(),
        event.kind.as_str().into(),
        job_id.as_deref().into(),
        execution_id.as_deref().into(),
        event.project_id.as_str().into(),
        data.as_str().into(),
    ];
    match number {
        Number::Given(sequence) => {
            let values = [sequence.into(), at, kind, job_id, execution_id, project_id, data];
            statement::run::<InsertEvent>(on, &values)?
        }
        Number::Later { .. } | Number::OfNoNode => {
            let epoch = match number {
                Number::Later { epoch } => Some(epoch),
                _ => None,
            };
            let values = [at, kind, job_id, execution_id, project_id, data, epoch.into()];
            statement::run::<InsertUnnumbered>(on, &values)?
        }
    };
    Ok(())
}
