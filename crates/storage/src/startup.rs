//! From a path to an open, checked and migrated database, or the error that says what to do.

use crate::backup::last;
use crate::connect::{APPLICATION_ID, ConnectError, Connector, set_up_writer};
use crate::connection::AnyConnection;
use crate::database_file::DatabaseFile;
use crate::error::Source;
use crate::failure::{is_damage, is_full, is_read_only};
use crate::lock::{LockError, ServerLock, real_path};
use crate::open::Remedy;
use crate::wal_guard::wal_path;
use crate::writer::log_anew;
use crate::{BackupError, OpenError, migrations};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use diesel::sqlite::SqliteConnection;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Up to this size the whole file is checked at start, which takes some ten milliseconds.
const FULL_CHECK_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A database that is checked and has the settings of a writer.
pub(crate) struct OpenDatabase {
    /// The absolute path as it was given.
    pub(crate) path: PathBuf,
    // Before the connector, which keeps the file open for as long as a connection is.
    /// A connection for writing.
    pub(crate) conn: AnyConnection,
    /// How further connections are opened.
    pub(crate) connector: Connector,
    /// The lock, where it was taken.
    pub(crate) lock: Option<ServerLock>,
}

/// Takes the lock and opens the file, new or old, without migrating it.
pub(crate) fn open_locked(path: &Path) -> Result<OpenDatabase, OpenError> {
    let path = absolute(path)?;
    check_place(&path)?;
    refuse_lost(&path)?;
    let (lock, real) = ServerLock::take(&path).map_err(|error| match error {
        LockError::Held => OpenError::InUse { path: path.clone() },
        LockError::Io(error) => not_writable(&path, error),
    })?;
    let mut database = connect(path, &real, lock.database())?;
    database.lock = Some(lock);
    begin_log_anew(&mut database, &real)?;
    Ok(database)
}

/// A server that was stopped leaves no log. What the log of one that died holds is there, but perhaps not yet on the
/// disk: it is brought there before anything is appended to it.
fn begin_log_anew(database: &mut OpenDatabase, real: &Path) -> Result<(), OpenError> {
    if !std::fs::metadata(wal_path(real)).is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let begun = database.conn.sqlite().and_then(log_anew::begin);
    let begun = begun.map_err(|error| query_error(&database.path, error))?;
    if !begun {
        tracing::warn!(
            "another process reads the database: the log that was left behind is not brought to it yet"
        );
    }
    Ok(())
}

/// Opens the file beside a process that may have it open too.
fn open_unlocked(path: PathBuf) -> Result<OpenDatabase, OpenError> {
    check_place(&path)?;
    let file = DatabaseFile::open(&path).map_err(|error| not_writable(&path, error))?;
    let real = real_path(&path).map_err(|error| not_writable(&path, error))?;
    connect(path, &real, file)
}

/// Opens a file that is there beside a process that may have it open too, and does not migrate it.
pub(crate) fn open_existing(path: &Path) -> Result<OpenDatabase, BackupError> {
    let path = absolute(path)?;
    let is_there = std::fs::metadata(&path).is_ok_and(|found| found.len() > 0);
    if is_there { Ok(open_unlocked(path)?) } else { Err(BackupError::NoDatabase { path }) }
}

/// Connections go to the real path: it is the one that was locked, wherever a link leads later.
fn connect(path: PathBuf, real: &Path, file: Arc<DatabaseFile>) -> Result<OpenDatabase, OpenError> {
    check_file(&path, real, &file)?;
    let connector = Connector::new(real, file).map_err(|error| connect_error(&path, error))?;
    let mut conn = connector.plain().map_err(|error| connect_error(&path, error))?;
    prepare(&path, &mut conn)?;
    let mut conn = AnyConnection::Sqlite(conn);
    refuse_newer(&path, &mut conn)?;
    Ok(OpenDatabase { path, conn, connector, lock: None })
}

/// Opens the file beside a server that may run. Only when none runs is it made or migrated.
pub(crate) fn open_beside(path: &Path) -> Result<OpenDatabase, OpenError> {
    let path = absolute(path)?;
    refuse_lost(&path)?;
    if path.exists() {
        let mut database = open_unlocked(path.clone())?;
        let behind =
            migrations::is_behind(&mut database.conn).map_err(|error| migration_error(&path, error))?;
        if !behind {
            return Ok(database);
        }
    }
    let mut database = open_locked(&path)?;
    migrate(&mut database)?;
    database.lock = None;
    Ok(database)
}

/// Applies what is missing.
pub(crate) fn migrate(database: &mut OpenDatabase) -> Result<(), OpenError> {
    migrations::apply(&mut database.conn).map_err(|error| migration_error(&database.path, error))?;
    Ok(())
}

/// The absolute form of a path.
fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|error| not_writable(path, error))
}

fn not_writable(path: &Path, source: std::io::Error) -> OpenError {
    let directory = path.parent().unwrap_or(path).display();
    let hint = match source.kind() {
        ErrorKind::NotFound => format!(
            "the directory {directory} does not exist: make it with `mkdir -p {directory}`, or name another file with DB_PATH"
        ),
        ErrorKind::IsADirectory => "it is a directory: name a file with DB_PATH".to_owned(),
        ErrorKind::NotADirectory => {
            format!("{directory} is not a directory: name another file with DB_PATH")
        }
        ErrorKind::ReadOnlyFilesystem => {
            "its file system is read-only: mount it for writing, or name another file with DB_PATH".to_owned()
        }
        ErrorKind::PermissionDenied => format!(
            "the user of this process may not write there: give it the directory with `chown -R USER {directory}`, or name another file with DB_PATH"
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or name another file with DB_PATH".to_owned()
        }
        _ => "see the cause below, or name another file with DB_PATH".to_owned(),
    };
    OpenError::NotWritable { path: path.to_owned(), hint, source }
}

/// The error of a damaged or foreign file, with the newest backup of it that is known.
pub(crate) fn damaged(path: &Path, detail: impl Into<String>) -> OpenError {
    let remedy = Remedy::for_database(path);
    OpenError::Damaged { path: path.to_owned(), detail: detail.into(), remedy }
}

fn other(path: &Path, source: Source) -> OpenError {
    OpenError::Other { path: path.to_owned(), source }
}

/// What an error of reading or applying migrations means.
pub(crate) fn migration_error(path: &Path, source: Source) -> OpenError {
    match source.downcast_ref::<diesel::result::Error>() {
        Some(error) if is_damage(error) => damaged(path, error.to_string()),
        Some(error) if is_full(error) => not_writable(path, ErrorKind::StorageFull.into()),
        _ if has_no_room(path) => not_writable(path, ErrorKind::StorageFull.into()),
        _ => other(path, source),
    }
}

fn connect_error(path: &Path, error: ConnectError) -> OpenError {
    match error {
        ConnectError::Settings(error) => query_error(path, error),
        ConnectError::Establish(_) if has_no_room(path) => not_writable(path, ErrorKind::StorageFull.into()),
        error => other(path, Arc::new(error)),
    }
}

/// What an error of the database means to somebody who opens it.
pub(crate) fn query_error(path: &Path, error: diesel::result::Error) -> OpenError {
    if is_damage(&error) {
        return damaged(path, error.to_string());
    }
    if is_full(&error) || has_no_room(path) {
        return not_writable(path, ErrorKind::StorageFull.into());
    }
    if is_read_only(&error) {
        return not_writable(path, ErrorKind::PermissionDenied.into());
    }
    other(path, Arc::new(error))
}

/// Without this much room SQLite cannot make its log and the index of it, and does not say why.
const ROOM_MIN_BYTES: u64 = 256 * 1024;

fn has_no_room(path: &Path) -> bool {
    let directory = path.parent().unwrap_or(path);
    rustix::fs::statvfs(directory)
        .is_ok_and(|found| found.f_bavail.saturating_mul(found.f_frsize) < ROOM_MIN_BYTES)
}

/// The directory is there, and the path does not name another one.
fn check_place(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().unwrap_or(path);
    let found = std::fs::metadata(directory).map_err(|error| not_writable(path, error))?;
    if !found.is_dir() {
        return Err(not_writable(path, ErrorKind::NotADirectory.into()));
    }
    match std::fs::metadata(path) {
        Ok(file) if file.is_dir() => Err(not_writable(path, ErrorKind::IsADirectory.into())),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(not_writable(path, error)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A database of which there is a backup is not begun anew in silence. Before the file is made by opening it.
fn refuse_lost(path: &Path) -> Result<(), OpenError> {
    let found = match std::fs::metadata(path) {
        Ok(file) if file.len() > 0 => return Ok(()),
        Ok(_) => "empty",
        Err(_) => "missing",
    };
    // A log that was left is worse, and told of as such.
    let has_log = real_path(path).is_ok_and(|real| wal_path(&real).exists());
    match last::note_beside(path).filter(|_| !has_log) {
        None => Ok(()),
        Some(note) => {
            let (path, remedy) = (path.to_owned(), Remedy::for_database(path));
            Err(OpenError::Lost { path, found, note, remedy })
        }
    }
}

/// The file is empty, or begins as an SQLite database does and is as long as it says.
pub(crate) fn check_file(path: &Path, real: &Path, file: &DatabaseFile) -> Result<(), OpenError> {
    let begin = file.beginning(HEADER_BYTES).map_err(|error| not_writable(path, error))?;
    let log = wal_path(real);
    let has_log = std::fs::metadata(&log).is_ok_and(|found| found.len() > 0);
    match begin.len() {
        // SQLite would remove the log.
        0 if has_log => {
            Err(damaged(path, format!("it is empty or missing, but its log {} is not", log.display())))
        }
        0 => Ok(()),
        HEADER_BYTES if begin.starts_with(MAGIC) => {
            let bytes = std::fs::metadata(real).map_or(u64::MAX, |found| found.len());
            match bytes_by_header(&begin) {
                // What is missing may be in the log.
                Some(expected) if bytes < expected && !has_log => {
                    Err(damaged(path, format!("it is cut short: {bytes} of {expected} bytes are there")))
                }
                _ => Ok(()),
            }
        }
        _ => Err(damaged(path, "it does not begin as an SQLite database does")),
    }
}

const HEADER_BYTES: usize = 100;

/// The length of the file as its header has it (<https://sqlite.org/fileformat2.html#the_database_header>), where
/// that field is kept up.
fn bytes_by_header(header: &[u8]) -> Option<u64> {
    let word =
        |at: usize| -> Option<u32> { Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?)) };
    let page_bytes = match u16::from_be_bytes(header.get(16..18)?.try_into().ok()?) {
        1 => 65_536,
        bytes => u64::from(bytes),
    };
    let (changes, pages, valid_for) = (word(24)?, word(28)?, word(92)?);
    (changes == valid_for).then(|| u64::from(pages) * page_bytes)
}

#[derive(QueryableByName)]
struct ApplicationId {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    quick_check: String,
}

/// Makes a new file ours, and refuses one that is somebody else's, damaged or too new.
fn prepare(path: &Path, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let failed = |error| query_error(path, error);
    conn.batch_execute("PRAGMA busy_timeout = 5000").map_err(failed)?;
    let found: ApplicationId = diesel::sql_query("PRAGMA application_id").get_result(conn).map_err(failed)?;
    let tables: Count =
        diesel::sql_query("SELECT count(*) AS count FROM sqlite_master").get_result(conn).map_err(failed)?;
    if found.application_id != APPLICATION_ID {
        if found.application_id != 0 || tables.count != 0 {
            return Err(damaged(path, "it is the database of another program"));
        }
        // Both have to be said before the first table and before the journal is changed.
        let begin = format!("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = {APPLICATION_ID}");
        conn.batch_execute(&begin).map_err(failed)?;
    }
    conn.batch_execute("PRAGMA journal_mode = WAL").map_err(failed)?;
    set_up_writer(conn).map_err(failed)?;
    if tables.count > 0 {
        probe(path, conn)?;
    }
    Ok(())
}

/// Refuses a database that a newer program has changed.
fn refuse_newer(path: &Path, conn: &mut AnyConnection) -> Result<(), OpenError> {
    match migrations::newest_unknown(conn).map_err(|error| migration_error(path, error))? {
        Some(newest) => Err(OpenError::TooNew { path: path.to_owned(), newest }),
        None => Ok(()),
    }
}

/// Reads a row of every table, and all of a small file: a check of all of a large one takes too long.
fn probe(path: &Path, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let failed = |error| query_error(path, error);
    let tables: Vec<Name> = diesel::sql_query("SELECT name FROM sqlite_master WHERE type = 'table'")
        .load(conn)
        .map_err(failed)?;
    for table in tables {
        let name = table.name.replace('"', "\"\"");
        let rows = format!("SELECT count(*) AS count FROM (SELECT 1 FROM \"{name}\" LIMIT 1)");
        let _read: Count = diesel::sql_query(rows).get_result(conn).map_err(failed)?;
    }
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if bytes > FULL_CHECK_MAX_BYTES {
        return Ok(());
    }
    let verdicts: Vec<Verdict> = diesel::sql_query("PRAGMA quick_check(1)").load(conn).map_err(failed)?;
    match verdicts.into_iter().find(|verdict| verdict.quick_check != "ok") {
        Some(verdict) => Err(damaged(path, verdict.quick_check.replace('\n', " "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::result::{DatabaseErrorKind, Error};

    #[test]
    fn a_directory_that_cannot_be_written_is_told_with_what_to_do() {
        let said = Box::new("attempt to write a readonly database".to_owned());
        let error =
            query_error(Path::new("/srv/x.db"), Error::DatabaseError(DatabaseErrorKind::Unknown, said));
        assert!(error.to_string().contains("chown -R USER /srv"), "{error}");
    }
}
