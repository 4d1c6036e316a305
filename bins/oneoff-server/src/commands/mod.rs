//! What the binary can be told to do, one file per command.

pub mod backup;
pub mod check_config;
pub mod healthcheck;
pub mod keys;
pub mod migrate;
pub mod migrate_data;
pub mod progress;
pub mod restore;
pub mod serve;

use crate::settings::Settings;

/// The boxed error of a command: it is printed once, with what caused it.
pub type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// What is asked for is not this program's to do with PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{command}` copies the file of a database, and DATABASE_URL names one on a PostgreSQL server ({database}): use \
     `{tool}`, as docs/postgres.md says, or take DATABASE_URL away to {command} the file of DB_PATH"
)]
pub struct OnServer {
    command: &'static str,
    tool: &'static str,
    database: String,
}

/// Refuses where the database is not a file.
fn require_file(settings: &Settings, command: &'static str, tool: &'static str) -> Result<(), OnServer> {
    match &settings.database_url {
        Some(url) => Err(OnServer { command, tool, database: url.to_string() }),
        None => Ok(()),
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    let bytes = u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from);
    if bytes < 1024.0 { format!("{bytes:.0} KiB") } else { format!("{:.1} MiB", bytes / 1024.0) }
}
