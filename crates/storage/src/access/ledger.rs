//! Where a change to access is written, with its event and its audit row: through the writer of a server, or beside it.

use crate::audit::{self, Deed};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::event;
use crate::writer::tx::Tx;
use diesel::connection::SimpleConnection;
use oneoff_domain::{Context, EventKind, NewEvent, Timestamp};
use serde_json::{Map, Value};

/// What a change writes.
pub(super) trait Ledger {
    /// The connection, within a transaction.
    fn conn(&mut self) -> &mut AnyConnection;

    /// Writes an audit row.
    fn audit(&mut self, context: &Context, now: Timestamp, deed: Deed<'_>) -> Result<(), WriteError>;

    /// Writes an event.
    fn event(&mut self, now: Timestamp, event: &NewEvent) -> Result<(), WriteError>;
}

impl Ledger for Tx<'_> {
    fn conn(&mut self) -> &mut AnyConnection {
        self.conn
    }

    fn audit(&mut self, context: &Context, now: Timestamp, deed: Deed<'_>) -> Result<(), WriteError> {
        audit::record(self, context, now, deed)
    }

    fn event(&mut self, now: Timestamp, event: &NewEvent) -> Result<(), WriteError> {
        self.record(now, event)
    }
}

/// A connection beside a server that may run.
pub(super) struct BesideLedger<'a>(pub(super) &'a mut AnyConnection);

impl Ledger for BesideLedger<'_> {
    fn conn(&mut self) -> &mut AnyConnection {
        self.0
    }

    fn audit(&mut self, context: &Context, now: Timestamp, deed: Deed<'_>) -> Result<(), WriteError> {
        audit::record_on(self.0, context, now, deed)
    }

    /// In a file the events are numbered by the server that has it open, if one does: it finds the change without an
    /// event, as it looks at every key again after a second.
    fn event(&mut self, now: Timestamp, event: &NewEvent) -> Result<(), WriteError> {
        if matches!(self.0, AnyConnection::Sqlite(_)) {
            return Ok(());
        }
        event::insert(self.0, event::Number::OfNoNode, now, event)?;
        Ok(self.0.batch_execute("NOTIFY oneoff_written")?)
    }
}

/// An event about a key. Whoever reads events learns no more than that there was something.
pub(super) fn event_of(kind: EventKind, id: &str) -> NewEvent {
    let data = Map::from_iter([("api_key_id".to_owned(), Value::from(id))]);
    NewEvent { kind, job_id: None, execution_id: None, project_id: String::new(), data }
}
