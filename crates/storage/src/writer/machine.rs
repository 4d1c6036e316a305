//! What the writer asks of the machine beneath it: the time, connections, commits.

use crate::connect::{ConnectError, Connector};
use crate::connection::AnyConnection;
use diesel::connection::TransactionManager;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;
use std::time::Instant;

/// The machine. Inline mode has one that fails as it is told to.
pub(crate) trait Machine: Send + Sync {
    /// The present, by which reopening is paced.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Opens a connection for writing.
    fn connect(&self, connector: &Connector) -> Result<SqliteConnection, ConnectError> {
        connector.writer()
    }

    /// Arrivals are to be moved in a transaction of their own.
    fn moves_arrivals(&self) -> QueryResult<()> {
        Ok(())
    }

    /// Commits the transaction that is open.
    fn commit(&self, conn: &mut AnyConnection) -> QueryResult<()> {
        AnyConnection::commit_transaction(conn)
    }
}

/// The machine as it is.
pub(crate) struct RealMachine;

impl Machine for RealMachine {}
