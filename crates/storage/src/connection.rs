//! A connection to either database. Queries are written once, for this type; what Diesel cannot do on both is in
//! `dialect`.

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

/// A connection to the database of the store.
#[derive(diesel::MultiConnection)]
pub(crate) enum AnyConnection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PgConnection),
}

/// What queries are written for.
pub(crate) type AnyBackend = MultiBackend;

/// Something was asked of a database that only the other one has.
#[derive(Debug, thiserror::Error)]
#[error("this is done with a database file only")]
struct NotAFile;

impl AnyConnection {
    /// The connection to a file.
    ///
    /// # Errors
    /// It is one to a server.
    pub(crate) fn sqlite(&mut self) -> QueryResult<&mut SqliteConnection> {
        match self {
            Self::Sqlite(conn) => Ok(conn),
            Self::Postgres(_) => Err(diesel::result::Error::QueryBuilderError(NotAFile.into())),
        }
    }

    /// Begins a transaction that writes. On a file it waits for other writers now: one that began by reading could
    /// not go on to write.
    pub(crate) fn begin_write(&mut self) -> QueryResult<()> {
        match self {
            Self::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
            Self::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn),
        }
    }

    /// Runs a part as a transaction that writes.
    pub(crate) fn write_transaction<T, E: From<diesel::result::Error>>(
        &mut self,
        part: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_write()?;
        match part(self) {
            Ok(done) => {
                Self::commit_transaction(self)?;
                Ok(done)
            }
            Err(error) => {
                if let Err(rollback) = Self::rollback_transaction(self) {
                    tracing::debug!(%rollback, "nothing was left to roll back");
                }
                Err(error)
            }
        }
    }
}
