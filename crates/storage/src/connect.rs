//! Opening connections: how a file is addressed, and the settings of writers and readers.

use crate::condition::{Condition, Misplaced};
use crate::connection::AnyConnection;
use crate::database_file::DatabaseFile;
use crate::postgres::connect::ServerConnector;
use crate::postgres::connect::ServerError;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool, R2D2Connection};
use diesel::sqlite::SqliteConnection;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Marks a database as ours in its header: `OneO` in ASCII.
pub(crate) const APPLICATION_ID: i32 = 0x4F6E_654F;

/// How long a statement waits for another process that writes.
pub(crate) const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 5000";

const WRITER_SETTINGS: &str = "PRAGMA busy_timeout = 5000;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA wal_autocheckpoint = 12000;
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
    /// The path leads to another file, or to none.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
    /// The server cannot be used.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The path cannot be passed to SQLite.
    #[error("the path is not valid UTF-8")]
    Path,
}

/// The URI of an absolute path, to which `?mode=..` is added.
pub(crate) fn address(path: &Path) -> Result<String, ConnectError> {
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
    Ok(address)
}

/// Opens connections to one file, and keeps the file open.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    address: String,
    condition: Arc<Condition>,
}

impl Connector {
    /// For this absolute path, which leads to this file.
    pub(crate) fn new(path: &Path, file: Arc<DatabaseFile>) -> Result<Self, ConnectError> {
        let address = address(path)?;
        Ok(Self { address, condition: Arc::new(Condition::new(path, file)) })
    }

    /// What is known of the file.
    pub(crate) fn condition(&self) -> &Arc<Condition> {
        &self.condition
    }

    /// A connection without any settings.
    pub(crate) fn plain(&self) -> Result<SqliteConnection, ConnectError> {
        // Another file at this path is not locked, and has another content.
        self.condition.check_place()?;
        Ok(SqliteConnection::establish(&format!("{}?mode=rw", self.address))?)
    }

    /// A connection for writing to a file that is there.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, ConnectError> {
        let mut conn = self.plain()?;
        set_up_writer(&mut conn)?;
        Ok(conn)
    }

    /// A connection for reading.
    pub(crate) fn reader(&self) -> Result<ReaderConnection, ConnectError> {
        let mut conn = self.plain()?;
        conn.batch_execute(READER_SETTINGS)?;
        let file = Arc::clone(self.condition.file());
        Ok(ReaderConnection::new(AnyConnection::Sqlite(conn), Some(file)))
    }

    /// A pool of connections for reading. They are opened as they are needed.
    pub(crate) fn readers(&self, count: u32) -> Pool<ReaderManager> {
        Pool::builder()
            .max_size(count)
            .min_idle(Some(0))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(READER_TIMEOUT)
            .build_unchecked(ReaderManager::OfFile(self.clone()))
    }
}

/// Makes the settings of a connection that writes.
pub(crate) fn set_up_writer(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute(WRITER_SETTINGS)
}

/// A connection that only reads. It closes before the file is let go.
pub(crate) struct ReaderConnection {
    pub(crate) conn: AnyConnection,
    _file: Option<Arc<DatabaseFile>>,
    used_at: Instant,
    /// Whether it failed, so that another one is opened in its place.
    pub(crate) is_suspect: bool,
}

impl ReaderConnection {
    /// Keeps the file open that it reads.
    pub(crate) fn new(conn: AnyConnection, file: Option<Arc<DatabaseFile>>) -> Self {
        Self { conn, _file: file, used_at: Instant::now(), is_suspect: false }
    }
}

/// A connection to a server that was idle for longer is asked first whether it is still there.
const TRUSTED: Duration = Duration::from_secs(1);

/// Opens readers for the pool.
#[derive(Debug)]
pub(crate) enum ReaderManager {
    /// Of a file.
    OfFile(Connector),
    /// Of a server.
    OfServer(ServerConnector),
}

impl ManageConnection for ReaderManager {
    type Connection = ReaderConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<ReaderConnection, ConnectError> {
        match self {
            Self::OfFile(connector) => connector.reader(),
            Self::OfServer(connector) => Ok(connector.reader()?),
        }
    }

    fn is_valid(&self, reader: &mut ReaderConnection) -> Result<(), ConnectError> {
        if reader.used_at.elapsed() > TRUSTED {
            reader.conn.ping()?;
        }
        reader.used_at = Instant::now();
        Ok(())
    }

    fn has_broken(&self, reader: &mut ReaderConnection) -> bool {
        reader.is_suspect
            || std::thread::panicking()
            || AnyConnection::is_broken_transaction_manager(&mut reader.conn)
    }
}
