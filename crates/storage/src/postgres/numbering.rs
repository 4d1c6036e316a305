//! Numbering events. What several nodes write commits in no order, so events are written without numbers and moved to
//! where they are read, numbered without gaps, once they are committed. One node does so at a time.

use crate::connection::AnyConnection;
use crate::{Committed, Store, StoreError, statement};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

/// Events that are numbered in one transaction.
const SLICE: i64 = 5_000;

/// Of nodes that number at once, although only the holder of the role should, one waits. `Events` in ASCII.
const ALONE: &str = "SELECT pg_advisory_xact_lock(76230711834739)";

// Events of one job commit one after another, and their keys are drawn in that order.
statement::statement!(
    Number,
    "WITH taken AS ( \
         DELETE FROM new_events WHERE key IN (SELECT key FROM new_events ORDER BY key LIMIT ?) RETURNING * \
     ), moved AS ( \
         INSERT INTO events (sequence, written_at, kind, job_id, execution_id, project_id, data, epoch) \
         SELECT (SELECT coalesce(max(sequence), 0) FROM events) + row_number() OVER (ORDER BY key), \
             written_at, kind, job_id, execution_id, project_id, data, epoch \
         FROM taken ORDER BY key \
         RETURNING sequence \
     ) \
     SELECT count(*) AS numbered, max(sequence) AS last FROM moved"
);

/// A slice of events that were numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumberedSlice {
    /// The number of the last one, where there were any.
    pub last: Option<i64>,
    /// Whether there may be more.
    pub more: bool,
}

#[derive(QueryableByName)]
struct Numbered {
    #[diesel(sql_type = BigInt)]
    numbered: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    last: Option<i64>,
}

fn number(conn: &mut AnyConnection) -> QueryResult<NumberedSlice> {
    let AnyConnection::Postgres(server) = conn else { return Ok(NumberedSlice::default()) };
    server.batch_execute(ALONE)?;
    let numbered: Vec<Numbered> = statement::rows_of::<Number, _>(server, &[SLICE.into()])?;
    let Some(Numbered { numbered, last }) = numbered.into_iter().next() else {
        return Ok(NumberedSlice::default());
    };
    if let Some(last) = last {
        server.batch_execute(&format!("NOTIFY oneoff_events, '{last}'"))?;
    }
    Ok(NumberedSlice { last, more: numbered == SLICE })
}

impl Store {
    /// Numbers a slice of the events that are committed without a number, so that they can be read. On a store that is
    /// not shared the writer numbers events, and there are none.
    ///
    /// # Errors
    /// The database's.
    pub async fn number_events(&self) -> Result<NumberedSlice, StoreError> {
        let Some(server) = &self.inner.server else { return Ok(NumberedSlice::default()) };
        let slice = server.side.write("number", |conn| Ok(number(conn)?)).await?;
        if let (Some(listener), Some(_)) = (self.inner.listener.get(), slice.last) {
            listener.committed(Committed { last_event_sequence: slice.last, ..Committed::default() });
        }
        Ok(slice)
    }

    /// Tells the node that numbers events that there are some.
    ///
    /// # Errors
    /// The database's.
    pub async fn tell_written(&self) -> Result<(), StoreError> {
        let Some(server) = &self.inner.server else { return Ok(()) };
        server.side.ask(|conn| Ok(conn.batch_execute("NOTIFY oneoff_written")?)).await
    }
}
