//! Opening connections: how a file is addressed, and the settings of writers and readers.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use diesel::sqlite::SqliteConnection;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Marks a database as ours in its header: `OneO` in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x4F6E_654F;

const WRITER_SETTINGS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;";

const READER_SETTINGS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA query_only = ON;
    PRAGMA cache_size = -4096;
    PRAGMA temp_store = MEMORY;";

/// How long a read waits for a connection. The semaphore in front makes that time short.
const READER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The file cannot be opened.
    #[error(transparent)]
    Establish(#[from] ConnectionError),
    /// A setting cannot be made.
    #[error(transparent)]
    Settings(#[from] diesel::result::Error),
    /// The path cannot be passed to SQLite.
    #[error("the path is not valid UTF-8")]
    Path,
}

/// Opens connections to one file.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    address: String,
}

impl Connector {
    /// For this absolute path.
    pub(crate) fn new(path: &Path) -> Result<Self, ConnectError> {
        let path = path.to_str().ok_or(ConnectError::Path)?;
        let mut address = String::from("file:");
        for byte in path.bytes() {
            match byte {
                b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                    address.push(byte.into());
                }
                _ => drop(write!(address, "%{byte:02X}")),
            }
        }
        Ok(Self { address })
    }

    /// A connection that may make the file, without any settings.
    pub(crate) fn creating(&self) -> Result<SqliteConnection, ConnectError> {
        Ok(SqliteConnection::establish(&format!("{}?mode=rwc", self.address))?)
    }

    /// A connection for writing to a file that is there.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, ConnectError> {
        let mut conn = SqliteConnection::establish(&format!("{}?mode=rw", self.address))?;
        set_up_writer(&mut conn)?;
        Ok(conn)
    }

    /// A pool of connections for reading. They are opened as they are needed.
    pub(crate) fn readers(&self, count: u32) -> Pool<ConnectionManager<SqliteConnection>> {
        Pool::builder()
            .max_size(count)
            .min_idle(Some(0))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(READER_TIMEOUT)
            .connection_customizer(Box::new(ReaderSettings))
            .build_unchecked(ConnectionManager::new(format!("{}?mode=rw", self.address)))
    }
}

/// Makes the settings of a connection that writes.
pub(crate) fn set_up_writer(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute(WRITER_SETTINGS)
}

#[derive(Debug)]
struct ReaderSettings;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for ReaderSettings {
    fn on_acquire(&self, conn: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        conn.batch_execute(READER_SETTINGS).map_err(diesel::r2d2::Error::QueryError)
    }
}
