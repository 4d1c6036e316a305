//! The migrations, which are part of the program, and applying or undoing them on a connection.

use crate::MigrationStep;
use crate::connection::AnyConnection;
use crate::error::Source;
use crate::postgres::connect::WRITER_SETTINGS;
use diesel::backend::Backend;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::sync::Arc;

const OF_FILES: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
pub(crate) const OF_SERVERS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Of nodes that start at once on a server's database, one migrates and the others wait, however long it takes. A step
/// itself waits for the locks of others no longer than any write: they would wait behind it. `OneOff` in ASCII.
const LOCK: &str = "SET statement_timeout = 0; SET lock_timeout = 0; \
    SELECT pg_advisory_lock(87235166266982); SET lock_timeout = '3s'";
const UNLOCK: &str = "SELECT pg_advisory_unlock(87235166266982)";

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn source(error: BoxError) -> Source {
    Arc::from(error)
}

/// Does the same on either database, with the migrations that are for it.
macro_rules! on_either {
    ($conn:ident, $work:ident) => {
        match $conn {
            AnyConnection::Sqlite(conn) => $work(conn, OF_FILES),
            AnyConnection::Postgres(conn) => $work(conn, OF_SERVERS),
        }
    };
}

fn step<DB: Backend>(migration: &dyn Migration<DB>) -> MigrationStep {
    MigrationStep { name: migration.name().to_string() }
}

fn known<DB: Backend>(migrations: EmbeddedMigrations) -> Result<Vec<Box<dyn Migration<DB>>>, Source> {
    MigrationSource::<DB>::migrations(&migrations).map_err(source)
}

/// The newest migration of the database that this program does not have, if there is one.
pub(crate) fn newest_unknown(conn: &mut AnyConnection) -> Result<Option<String>, Source> {
    fn find<DB: Backend>(
        conn: &mut impl MigrationHarness<DB>,
        migrations: EmbeddedMigrations,
    ) -> Result<Option<String>, Source> {
        let known: Vec<String> =
            known::<DB>(migrations)?.iter().map(|migration| migration.name().version().to_string()).collect();
        let applied = conn.applied_migrations().map_err(source)?;
        Ok(applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).max())
    }
    alone(conn, |conn| on_either!(conn, find))
}

/// Whether a migration is missing.
pub(crate) fn is_behind(conn: &mut AnyConnection) -> Result<bool, Source> {
    fn ask<DB: Backend>(
        conn: &mut impl MigrationHarness<DB>,
        migrations: EmbeddedMigrations,
    ) -> Result<bool, Source> {
        conn.has_pending_migration(migrations).map_err(source)
    }
    alone(conn, |conn| on_either!(conn, ask))
}

/// Applies what is missing. Each step is a transaction of its own.
pub(crate) fn apply(conn: &mut AnyConnection) -> Result<Vec<MigrationStep>, Source> {
    fn all<DB: Backend>(
        conn: &mut impl MigrationHarness<DB>,
        migrations: EmbeddedMigrations,
    ) -> Result<Vec<MigrationStep>, Source> {
        let pending = conn.pending_migrations(migrations).map_err(source)?;
        let mut steps = Vec::with_capacity(pending.len());
        for migration in pending {
            conn.run_migration(migration.as_ref()).map_err(source)?;
            steps.push(step(migration.as_ref()));
        }
        Ok(steps)
    }
    alone(conn, |conn| on_either!(conn, all))
}

/// The migration that was applied last.
pub(crate) fn last(conn: &mut AnyConnection) -> Result<Option<MigrationStep>, Source> {
    alone(conn, newest_applied)
}

fn newest_applied(conn: &mut AnyConnection) -> Result<Option<MigrationStep>, Source> {
    fn find<DB: Backend>(
        conn: &mut impl MigrationHarness<DB>,
        migrations: EmbeddedMigrations,
    ) -> Result<Option<MigrationStep>, Source> {
        let applied = conn.applied_migrations().map_err(source)?;
        let Some(newest) = applied.iter().max() else { return Ok(None) };
        let newest = newest.to_string();
        let of_program = known::<DB>(migrations)?;
        let found = of_program.iter().find(|migration| migration.name().version().to_string() == newest);
        Ok(Some(found.map_or(MigrationStep { name: newest }, |migration| step(migration.as_ref()))))
    }
    on_either!(conn, find)
}

/// Undoes the migration that was applied last; `None` if there is none.
pub(crate) fn undo(conn: &mut AnyConnection) -> Result<Option<MigrationStep>, Source> {
    fn one<DB: Backend>(
        conn: &mut impl MigrationHarness<DB>,
        migrations: EmbeddedMigrations,
    ) -> Result<(), Source> {
        conn.revert_last_migration(migrations).map_err(source).map(drop)
    }
    alone(conn, |conn| {
        let Some(step) = newest_applied(conn)? else { return Ok(None) };
        on_either!(conn, one)?;
        Ok(Some(step))
    })
}

/// Keeps other nodes from migrating meanwhile, and from asking: whoever asks first makes the table of migrations. A file
/// is locked by its server; the lock of a connection that is lost ends with it.
fn alone<T>(
    conn: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, Source>,
) -> Result<T, Source> {
    let is_server = matches!(conn, AnyConnection::Postgres(_));
    let failed = |error| -> Source { Arc::new(error) };
    if is_server {
        conn.batch_execute(LOCK).map_err(failed)?;
    }
    let done = work(conn);
    if !is_server {
        return done;
    }
    // The connection goes on as one that writes. In a transaction that has failed it cannot, and why that failed counts.
    let goes_on = conn.batch_execute(UNLOCK).and_then(|()| conn.batch_execute(WRITER_SETTINGS));
    let done = done?;
    goes_on.map_err(failed)?;
    Ok(done)
}
