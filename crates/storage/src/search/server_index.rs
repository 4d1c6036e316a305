//! The index of a server: all SQL of the search that only PostgreSQL has. A file has `file_index` in its place.

use super::pattern;
use super::pattern::Certain;
use super::sql::Keys;
use super::text::Needle;
use crate::SortOrder;
use crate::connection::{AnyBackend, AnyConnection};
use crate::schema::{job_definitions, job_states};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

/// For how long the index is asked, and that it is: pieces that are common or never meet would take it long, and the
/// server, which knows little of how rare a piece is, may go through all definitions.
pub(crate) const ASK_SETTINGS: &str = "SET LOCAL statement_timeout = '50ms'; SET LOCAL enable_seqscan = off; \
    SET LOCAL enable_indexscan = off";

diesel::define_sql_function! {
    /// What of a job is searched, folded as the server does it.
    fn job_search_text(name: Text, external_id: Nullable<Text>, tags: Text) -> Text;
}

diesel::define_sql_function! {
    /// The first characters of a text.
    fn left(text: Text, characters: Integer) -> Text;
}

/// The text of the definition of a job.
macro_rules! text_of_definition {
    () => {
        job_search_text(job_definitions::name, job_definitions::external_id, job_definitions::tags)
    };
}

/// Which characters of what is looked for stand for themselves.
pub(super) fn certain(conn: &mut AnyConnection, needle: &Needle) -> QueryResult<Certain> {
    let questions = pattern::questions(needle);
    if questions.is_empty() {
        return Ok(Certain::new());
    }
    let lines: Vec<String> = questions.iter().flatten().map(char::to_string).collect();
    let folded: String =
        diesel::select(job_search_text(lines.join("\n"), None::<String>, "")).get_result(conn)?;
    let mut folded = folded.split('\n').map(str::to_owned);
    let answers: Vec<Vec<String>> =
        questions.iter().map(|question| folded.by_ref().take(question.len()).collect()).collect();
    Ok(pattern::certain(&questions, &answers))
}

/// Why asking the index ended: so that its settings end with it, it is always taken back.
enum Ended {
    With(Vec<i64>),
    By(diesel::result::Error),
}

impl From<diesel::result::Error> for Ended {
    fn from(error: diesel::result::Error) -> Self {
        Self::By(error)
    }
}

/// All jobs one of whose definitions matches these patterns; `None` if there are more than `limit`, or if they are not
/// found in time.
pub(super) fn all_matches(
    conn: &mut AnyConnection,
    patterns: &[String],
    limit: usize,
) -> QueryResult<Option<Vec<i64>>> {
    let asked = conn.transaction(|conn| -> Result<(), Ended> {
        conn.batch_execute(ASK_SETTINGS)?;
        let mut rows = job_definitions::table.select(job_definitions::job_key).into_boxed::<AnyBackend>();
        for pattern in patterns {
            rows = rows.filter(text_of_definition!().like(pattern));
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        Err(Ended::With(rows.limit(limit).load(conn)?))
    });
    match asked {
        Ok(()) => Ok(None),
        Err(Ended::With(keys)) if keys.len() > limit => Ok(None),
        Err(Ended::With(mut keys)) => {
            keys.sort_unstable();
            keys.dedup();
            Ok(Some(keys))
        }
        Err(Ended::By(error @ diesel::result::Error::RollbackErrorOnCommit { .. })) => Err(error),
        // Ended by the timeout, of which Diesel does not tell. Another error comes again with what is asked next.
        Err(Ended::By(error)) => {
            tracing::debug!(%error, "the search index was not asked to the end");
            Ok(None)
        }
    }
}

/// The first keys of a part that so many jobs have.
pub(super) fn first_jobs(conn: &mut AnyConnection, part: Keys, jobs: usize) -> QueryResult<Keys> {
    let key = job_states::key;
    let offset = i64::try_from(jobs).unwrap_or(i64::MAX).saturating_sub(1);
    let rows = job_states::table.filter(key.ge(part.first)).filter(key.le(part.last)).select(key);
    let last: Option<i64> = match part.order {
        SortOrder::Ascending => rows.order(key.asc()).offset(offset).limit(1).get_result(conn),
        SortOrder::Descending => rows.order(key.desc()).offset(offset).limit(1).get_result(conn),
    }
    .optional()?;
    Ok(last.map_or(part, |last| part.up_to(last)))
}

/// The jobs of a part whose present definition matches these patterns, at most `limit` of them.
pub(super) fn matches(
    conn: &mut AnyConnection,
    patterns: &[String],
    part: Keys,
    limit: usize,
) -> QueryResult<Vec<i64>> {
    let key = job_states::key;
    let mut rows = job_states::table
        .inner_join(job_definitions::table.on(job_definitions::key.eq(job_states::definition_key)))
        .filter(key.ge(part.first))
        .filter(key.le(part.last))
        .select(key)
        .into_boxed::<AnyBackend>();
    for pattern in patterns {
        // What is added is nothing, and keeps the server from looking for definitions before it knows of which jobs: there
        // may be far more of them than are in this part.
        rows = rows.filter(text_of_definition!().concat(left(job_states::id, 0)).like(pattern));
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match part.order {
        SortOrder::Ascending => rows.order(key.asc()).limit(limit).load(conn),
        SortOrder::Descending => rows.order(key.desc()).limit(limit).load(conn),
    }
}
