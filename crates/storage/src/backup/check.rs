//! The check of a copy before it has its name: ours, whole, and of a version that this program can open.

use super::BackupError;
use super::partial::Partial;
use crate::connect::{APPLICATION_ID, address};
use crate::connection::AnyConnection;
use crate::migrations;
use crate::schema::job_counters;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};
use diesel::sqlite::SqliteConnection;
use std::path::Path;

#[derive(QueryableByName)]
struct ApplicationId {
    #[diesel(sql_type = Integer)]
    application_id: i32,
}

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

/// Checks the copy of `from`; answers how many jobs it holds.
pub(super) fn check(from: &Path, partial: &Partial) -> Result<u64, BackupError> {
    let path = || partial.target().to_owned();
    let bad = |detail: String| BackupError::BadCopy { path: path(), from: from.to_owned(), detail };
    look(partial).unwrap_or_else(|error| Err(error.to_string())).map_err(bad)
}

/// The outer error is that of reading, the inner one what was read.
fn look(partial: &Partial) -> Result<Result<u64, String>, Box<dyn std::error::Error>> {
    // Nobody else knows the file, so SQLite needs neither locks nor a log for it.
    let place = format!("{}?mode=ro&immutable=1", address(partial.path())?);
    let mut conn = AnyConnection::Sqlite(SqliteConnection::establish(&place)?);
    let found: ApplicationId = diesel::sql_query("PRAGMA application_id").get_result(&mut conn)?;
    if found.application_id != APPLICATION_ID {
        return Ok(Err("it does not carry the mark of OneOff".to_owned()));
    }
    if let Some(newest) = migrations::newest_unknown(&mut conn)? {
        return Ok(Err(format!("it has migration {newest}, which this version does not know")));
    }
    let verdicts: Vec<Verdict> = diesel::sql_query("PRAGMA integrity_check(1)").load(&mut conn)?;
    if let Some(verdict) = verdicts.into_iter().find(|verdict| verdict.integrity_check != "ok") {
        return Ok(Err(verdict.integrity_check.replace('\n', " ")));
    }
    let counts: Vec<i64> = job_counters::table.select(job_counters::jobs).load(&mut conn)?;
    Ok(u64::try_from(counts.iter().sum::<i64>()).map_err(|_negative| "its counters are negative".to_owned()))
}
