//! Opening connections to a server, and their settings.

use super::address::DatabaseUrl;
use crate::connect::{ReaderConnection, ReaderManager};
use crate::connection::AnyConnection;
use crate::failure::{in_one_line, on_one_line};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{NopErrorHandler, Pool};
use diesel::sql_types::{Bool, Integer};
use std::time::Duration;

/// The oldest server that the statements are written for.
const VERSION_MIN: i32 = 140_000;

/// A server that is gone without a word is found out within some ten seconds.
pub(crate) const PARAMETERS: [(&str, &str); 6] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
    ("application_name", "oneoff"),
];

/// No statement goes through a table: each is of some keys, or of a part of an index, which the server, that takes every
/// page to be on a disk and knows nothing yet of tables that have just been filled, would rather read by the way.
const BY_INDEX: &str = "SET jit = off; \
    SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// Nothing waits for ever: neither for the lock of somebody else's transaction nor for a plan that went wrong. One plan
/// serves however many rows a statement is of, so that none is planned again. A node that hangs, or is cut off, in the
/// middle of a transaction holds its locks no longer than the shortest lease: with that of its epoch held it could not be
/// given up.
pub(crate) const WRITER_SETTINGS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '500ms'; \
    SET idle_in_transaction_session_timeout = '4s'; SET plan_cache_mode = force_generic_plan; \
    SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on";

/// All that a read reads is of one moment.
const READER_SETTINGS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '30s'; \
    SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on";

/// How long a read waits for a connection. The semaphore in front makes that time short.
const READER_TIMEOUT: Duration = Duration::from_secs(6);

/// Why a connection to a server cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServerError {
    /// There is none.
    #[error(transparent)]
    Establish(#[from] ConnectionError),
    /// It does not answer as it should.
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    /// It is too old.
    #[error("the server is of version {0}, and 14 is the oldest that is supported")]
    TooOld(String),
    /// It is a replica, or set to refuse writes.
    #[error(
        "the server refuses writes: it is a replica, or read-only; name the primary server (with several hosts in the \
         address, `target_session_attrs=read-write` chooses it)"
    )]
    ReadOnly,
}

#[derive(QueryableByName)]
struct About {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Bool)]
    is_read_only: bool,
}

const ABOUT: &str = "SELECT current_setting('server_version_num')::int4 AS version, \
    (pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on') AS is_read_only";

/// `150008` is 15.8.
fn version_text(number: i32) -> String {
    format!("{}.{}", number / 10_000, number % 10_000)
}

/// What libpq says, on one line. What it quotes of an address that it cannot read may be a part of the password.
fn unquoted(error: ConnectionError) -> ConnectionError {
    let (text, make): (_, fn(String) -> ConnectionError) = match &error {
        ConnectionError::BadConnection(text) => (text, ConnectionError::BadConnection),
        ConnectionError::InvalidConnectionUrl(text) => (text, ConnectionError::InvalidConnectionUrl),
        _ => return error,
    };
    match text.split_once('"') {
        Some((said, _quoted)) if !text.starts_with("connection to server") => {
            ConnectionError::InvalidConnectionUrl(said.trim_end_matches([' ', ':']).to_owned())
        }
        _ => make(in_one_line(text)),
    }
}

/// Opens connections to one database of a server.
#[derive(Debug, Clone)]
pub(crate) struct ServerConnector {
    url: DatabaseUrl,
}

impl ServerConnector {
    /// To this address.
    pub(crate) fn new(url: DatabaseUrl) -> Self {
        Self { url }
    }

    /// The address.
    pub(crate) fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    fn connect(&self, settings: &str) -> Result<PgConnection, ServerError> {
        let mut conn = PgConnection::establish(&self.url.with_defaults(&PARAMETERS)).map_err(unquoted)?;
        conn.batch_execute(BY_INDEX).map_err(on_one_line)?;
        conn.batch_execute(settings).map_err(on_one_line)?;
        Ok(conn)
    }

    /// The version of the server.
    pub(crate) fn version(conn: &mut AnyConnection) -> QueryResult<String> {
        let About { version, .. } = diesel::sql_query(ABOUT).get_result(conn)?;
        Ok(version_text(version))
    }

    /// A connection for writing.
    pub(crate) fn writer(&self) -> Result<AnyConnection, ServerError> {
        let mut conn = self.connect(WRITER_SETTINGS)?;
        let About { version, is_read_only } = diesel::sql_query(ABOUT).get_result(&mut conn)?;
        if version < VERSION_MIN {
            return Err(ServerError::TooOld(version_text(version)));
        }
        // A failover may have made a replica of the server that was the primary.
        if is_read_only {
            return Err(ServerError::ReadOnly);
        }
        Ok(AnyConnection::Postgres(conn))
    }

    /// A connection for reading.
    pub(crate) fn reader(&self) -> Result<ReaderConnection, ServerError> {
        Ok(ReaderConnection::new(AnyConnection::Postgres(self.connect(READER_SETTINGS)?), None))
    }

    /// A pool of connections for reading. They are opened as they are needed.
    pub(crate) fn readers(&self, count: u32) -> Pool<ReaderManager> {
        Pool::builder()
            .max_size(count)
            .min_idle(Some(0))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(true)
            .connection_timeout(READER_TIMEOUT)
            // Whoever waits for the connection tells of it.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(ReaderManager::OfServer(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpq_says_is_one_line_and_quotes_no_address() {
        let refused = "connection to server at \"db\", port 5432 failed: Connection refused\n\tIs the server running?\n";
        let told = unquoted(ConnectionError::BadConnection(refused.to_owned())).to_string();
        assert_eq!(
            told,
            "connection to server at \"db\", port 5432 failed: Connection refused Is the server running?"
        );
        let bad = "invalid port number: \"pass/word\"\n".to_owned();
        assert_eq!(unquoted(ConnectionError::BadConnection(bad)).to_string(), "invalid port number");
    }
}
