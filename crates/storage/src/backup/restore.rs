//! Restoring: a checked copy of a backup where no database is, marked, so that its first start does not fire
//! everything at once that became due since the backup was made.

use super::partial::Partial;
use super::{BackupError, Copied, check, copy, last, mark};
use crate::connect::{APPLICATION_ID, address};
use crate::connection::AnyConnection;
use crate::lock::{LockError, hold_beside, real_path};
use crate::schema::restores;
use crate::{OpenError, migrations, startup};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::Timestamp;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes the database file `database` of a backup. The first start of a server holds the jobs that are overdue
/// then, with the reason `restore`. Blocks.
///
/// # Errors
/// [`BackupError`], whose text says what to do. Nothing that is there is overwritten, and there is no file at
/// `database` then.
pub fn restore(backup: &Path, database: &Path, now: Timestamp) -> Result<Copied, BackupError> {
    let failed = |error| BackupError::of_file(database, error);
    let database = std::path::absolute(database).map_err(failed)?;
    let real = real_path(&database).map_err(failed)?;
    // Held until the end: no server starts meanwhile.
    let _lock = hold_beside(&real).map_err(|error| match error {
        LockError::Held => BackupError::Open(OpenError::InUse { path: database.clone() }),
        LockError::Io(error) => BackupError::of_file(&database, error),
    })?;
    refuse_in_the_way(&real)?;
    warn_of_unmarked(backup);
    let mut source = open(backup)?;
    let partial = Partial::begin(&real)?;
    copy(&mut source, backup, &partial)?;
    oneoff_faults::reach("restore.after_copy");
    note(&partial, backup, now).map_err(|error| BackupError::of_copy(backup, &database, error))?;
    oneoff_faults::reach("restore.after_mark");
    let jobs = check::check(backup, &partial)?;
    let (_real, bytes) = partial.keep(["restore.after_sync", "restore.after_rename"])?;
    Ok(Copied { path: database, bytes, jobs })
}

/// A file may be whole, and yet not have been made by a backup.
fn warn_of_unmarked(backup: &Path) {
    if backup.canonicalize().is_ok_and(|backup| !last::is_backup(&backup)) {
        tracing::warn!(
            "{} was not made by `oneoff-server backup`: a plain copy of a database may miss its newest changes",
            backup.display()
        );
    }
}

/// A log that is left of another database would be played into this one.
fn refuse_in_the_way(database: &Path) -> Result<(), BackupError> {
    for suffix in ["", "-wal", "-journal"] {
        let found = with_suffix(database, suffix);
        if std::fs::symlink_metadata(&found).is_ok() {
            return Err(BackupError::InTheWay { found, database: database.to_owned() });
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(suffix);
    path.into()
}

#[derive(QueryableByName)]
struct ApplicationId {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

/// Opens a backup for reading, also on a medium that cannot be written.
fn open(backup: &Path) -> Result<AnyConnection, BackupError> {
    let backup = std::path::absolute(backup).map_err(|error| BackupError::of_file(backup, error))?;
    match std::fs::metadata(&backup) {
        Ok(found) if found.is_file() => {}
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(BackupError::of_file(&backup, error));
        }
        Ok(_) | Err(_) => return Err(BackupError::NoBackup { path: backup }),
    }
    let other = |source| BackupError::Open(OpenError::Other { path: backup.clone(), source });
    let place = address(&backup).map_err(|error| other(Arc::new(error)))?;
    // Without a log beside it the file is all there is, and needs neither locks nor files of SQLite's own.
    let has_log = std::fs::metadata(with_suffix(&backup, "-wal")).is_ok_and(|log| log.len() > 0);
    let mode = if has_log { "?mode=ro" } else { "?mode=ro&immutable=1" };
    let conn =
        SqliteConnection::establish(&format!("{place}{mode}")).map_err(|error| other(Arc::new(error)))?;
    let mut conn = AnyConnection::Sqlite(conn);
    let failed = |error| BackupError::Open(startup::query_error(&backup, error));
    conn.batch_execute("PRAGMA busy_timeout = 5000").map_err(failed)?;
    let mark: ApplicationId =
        diesel::sql_query("PRAGMA application_id").get_result(&mut conn).map_err(failed)?;
    if mark.application_id != APPLICATION_ID {
        let detail = "it is empty or the database of another program".to_owned();
        return Err(BackupError::Open(startup::damaged(&backup, detail)));
    }
    let migrations = migrations::newest_unknown(&mut conn);
    match migrations.map_err(|error| BackupError::Open(startup::migration_error(&backup, error)))? {
        Some(newest) => Err(BackupError::Open(OpenError::TooNew { path: backup, newest })),
        None => Ok(conn),
    }
}

/// Says in the copy that it was restored and is not settled yet.
fn note(partial: &Partial, backup: &Path, now: Timestamp) -> QueryResult<()> {
    let mut conn = mark::open(partial)?;
    mark::clear(&mut conn)?;
    diesel::insert_into(restores::table)
        .values((restores::restored_at.eq(now.as_micros()), restores::backup.eq(backup.to_string_lossy())))
        .execute(&mut conn)?;
    Ok(())
}
