//! The migrations, which are part of the program, and applying or undoing them on a connection.

use crate::MigrationStep;
use crate::error::Source;
use diesel::migration::{Migration, MigrationSource};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::sync::Arc;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn source(error: BoxError) -> Source {
    Arc::from(error)
}

fn step(migration: &dyn Migration<Sqlite>) -> MigrationStep {
    MigrationStep { name: migration.name().to_string() }
}

fn known() -> Result<Vec<Box<dyn Migration<Sqlite>>>, Source> {
    MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(source)
}

/// The newest migration of the file that this program does not have, if there is one.
pub(crate) fn newest_unknown(conn: &mut SqliteConnection) -> Result<Option<String>, Source> {
    let known: Vec<String> =
        known()?.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied = conn.applied_migrations().map_err(source)?;
    Ok(applied.iter().map(ToString::to_string).filter(|version| !known.contains(version)).max())
}

/// Whether a migration is missing.
pub(crate) fn is_behind(conn: &mut SqliteConnection) -> Result<bool, Source> {
    conn.has_pending_migration(MIGRATIONS).map_err(source)
}

/// Applies what is missing. Each step is a transaction of its own.
pub(crate) fn apply(conn: &mut SqliteConnection) -> Result<Vec<MigrationStep>, Source> {
    let pending = conn.pending_migrations(MIGRATIONS).map_err(source)?;
    let mut steps = Vec::with_capacity(pending.len());
    for migration in pending {
        conn.run_migration(migration.as_ref()).map_err(source)?;
        steps.push(step(migration.as_ref()));
    }
    Ok(steps)
}

/// The migration that was applied last.
pub(crate) fn last(conn: &mut SqliteConnection) -> Result<Option<MigrationStep>, Source> {
    let applied = conn.applied_migrations().map_err(source)?;
    let Some(newest) = applied.iter().max() else { return Ok(None) };
    let newest = newest.to_string();
    let of_program = known()?;
    let found = of_program.iter().find(|migration| migration.name().version().to_string() == newest);
    Ok(Some(found.map_or(MigrationStep { name: newest }, |migration| step(migration.as_ref()))))
}

/// Undoes the migration that was applied last; `None` if there is none.
pub(crate) fn undo(conn: &mut SqliteConnection) -> Result<Option<MigrationStep>, Source> {
    let Some(step) = last(conn)? else { return Ok(None) };
    conn.revert_last_migration(MIGRATIONS).map_err(source)?;
    Ok(Some(step))
}
