//! Rows of `chain_executions` and `chain_execution_links`.

use super::{from_json, instant, number, to_json, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::schema::{chain_execution_links as links, chain_executions};
use diesel::prelude::*;
use oneoff_domain::{ChainExecution, ChainExecutionId, JobDefinition, LinkExecution, LinkRule};
use std::collections::HashMap;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = chain_executions, check_for_backend(AnyBackend))]
struct ExecutionRow {
    key: i64,
    id: String,
    chain_id: String,
    chain_name: String,
    project_id: String,
    status: String,
    cancel_requested: bool,
    scheduled_at: i64,
    created_by: Option<String>,
    created_at: i64,
    started_at: Option<i64>,
    ended_at: Option<i64>,
    version: i64,
}

/// A link without its definition.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = links, check_for_backend(AnyBackend))]
struct LinkRow {
    execution_key: i64,
    link_index: i64,
    name: String,
    job_type: String,
    source_job_id: Option<String>,
    run_if: String,
    stop_on_failure: bool,
    status: String,
    reason: Option<String>,
    job_id: String,
    execution_id: Option<String>,
    exit_code: Option<i64>,
    started_at: Option<i64>,
    ended_at: Option<i64>,
}

impl LinkRow {
    fn into_domain(self) -> Result<LinkExecution, RowError> {
        let source_job = self.source_job_id.as_deref();
        let execution_id = self.execution_id.as_deref();
        let exit_code = self.exit_code.map(|code| number("chain_execution_links.exit_code", code));
        Ok(LinkExecution {
            index: number("chain_execution_links.link_index", self.link_index)?,
            name: self.name,
            job_type: self.job_type,
            source_job: source_job.map(|id| word("chain_execution_links.source_job_id", id)).transpose()?,
            rule: LinkRule {
                run_if: word("chain_execution_links.run_if", &self.run_if)?,
                stop_on_failure: self.stop_on_failure,
            },
            status: word("chain_execution_links.status", &self.status)?,
            reason: self.reason,
            job_id: word("chain_execution_links.job_id", &self.job_id)?,
            execution_id: execution_id
                .map(|id| word("chain_execution_links.execution_id", id))
                .transpose()?,
            exit_code: exit_code.transpose()?,
            started_at: self.started_at.map(instant),
            ended_at: self.ended_at.map(instant),
        })
    }
}

impl ExecutionRow {
    fn into_domain(self, links: Vec<LinkExecution>) -> Result<ChainExecution, RowError> {
        Ok(ChainExecution {
            key: self.key,
            id: word("chain_executions.id", &self.id)?,
            chain_id: word("chain_executions.chain_id", &self.chain_id)?,
            chain_name: self.chain_name,
            project_id: self.project_id,
            status: word("chain_executions.status", &self.status)?,
            cancel_requested: self.cancel_requested,
            scheduled_at: instant(self.scheduled_at),
            created_by: self.created_by,
            created_at: instant(self.created_at),
            started_at: self.started_at.map(instant),
            ended_at: self.ended_at.map(instant),
            version: self.version,
            links,
        })
    }
}

/// Chain executions with their links, each on its own.
fn complete(
    conn: &mut AnyConnection,
    rows: Vec<ExecutionRow>,
) -> QueryResult<Vec<(i64, Result<ChainExecution, RowError>)>> {
    let keys: Vec<i64> = rows.iter().map(|row| row.key).collect();
    let found: Vec<LinkRow> = links::table
        .filter(links::execution_key.eq_any(&keys))
        .order((links::execution_key, links::link_index))
        .select(LinkRow::as_select())
        .load(conn)?;
    let mut of: HashMap<i64, Vec<Result<LinkExecution, RowError>>> = HashMap::new();
    for row in found {
        of.entry(row.execution_key).or_default().push(row.into_domain());
    }
    let whole = |row: ExecutionRow| {
        let key = row.key;
        let links: Result<Vec<_>, _> = of.remove(&key).unwrap_or_default().into_iter().collect();
        (key, links.and_then(|links| row.into_domain(links)))
    };
    Ok(rows.into_iter().map(whole).collect())
}

/// The chain execution with this id.
pub(crate) fn by_id(
    conn: &mut AnyConnection,
    id: ChainExecutionId,
) -> Result<Option<ChainExecution>, WriteError> {
    let row: Option<ExecutionRow> = chain_executions::table
        .filter(chain_executions::id.eq(id.to_string()))
        .select(ExecutionRow::as_select())
        .get_result(conn)
        .optional()?;
    let found = complete(conn, row.into_iter().collect())?.pop();
    Ok(found.map(|(_, execution)| execution).transpose()?)
}

/// The same, to be changed: nobody else changes it before the transaction ends. Who changes the job of its active
/// link has locked that job before, so that nodes do not wait for each other in a circle.
pub(crate) fn to_change(
    conn: &mut AnyConnection,
    id: ChainExecutionId,
) -> Result<Option<ChainExecution>, WriteError> {
    if let AnyConnection::Postgres(server) = conn {
        let row = chain_executions::table.filter(chain_executions::id.eq(id.to_string()));
        row.select(chain_executions::key).for_update().get_result::<i64>(server).optional()?;
    }
    by_id(conn, id)
}

/// The chain executions with these keys, in the order of the keys given, without those that cannot be read.
pub(crate) fn by_keys(conn: &mut AnyConnection, keys: &[i64]) -> Result<Vec<ChainExecution>, WriteError> {
    let rows: Vec<ExecutionRow> = chain_executions::table
        .filter(chain_executions::key.eq_any(keys))
        .select(ExecutionRow::as_select())
        .load(conn)?;
    let mut by_key = HashMap::with_capacity(rows.len());
    for (key, execution) in complete(conn, rows)? {
        match execution {
            Ok(execution) => drop(by_key.insert(key, execution)),
            Err(error) => {
                tracing::error!(key, %error, "a chain execution is left out of a list: its row cannot be read");
            }
        }
    }
    Ok(keys.iter().filter_map(|key| by_key.remove(key)).collect())
}

/// Stores a new chain execution; its key.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    execution: &ChainExecution,
    definitions: &[JobDefinition],
) -> Result<i64, WriteError> {
    let values = (
        chain_executions::id.eq(execution.id.to_string()),
        chain_executions::chain_id.eq(execution.chain_id.to_string()),
        chain_executions::chain_name.eq(&execution.chain_name),
        chain_executions::project_id.eq(&execution.project_id),
        chain_executions::status.eq(execution.status.as_str()),
        chain_executions::cancel_requested.eq(execution.cancel_requested),
        chain_executions::scheduled_at.eq(execution.scheduled_at.as_micros()),
        chain_executions::created_by.eq(&execution.created_by),
        chain_executions::created_at.eq(execution.created_at.as_micros()),
        chain_executions::version.eq(execution.version),
    );
    let key: i64 = diesel::insert_into(chain_executions::table)
        .values(values)
        .returning(chain_executions::key)
        .get_result(conn)?;
    for (link, definition) in execution.links.iter().zip(definitions) {
        let values = (
            links::execution_key.eq(key),
            links::link_index.eq(i64::from(link.index)),
            links::name.eq(&link.name),
            links::job_type.eq(&link.job_type),
            links::definition.eq(to_json("chain_execution_links.definition", definition)?),
            links::source_job_id.eq(link.source_job.map(|id| id.to_string())),
            links::run_if.eq(link.rule.run_if.as_str()),
            links::stop_on_failure.eq(link.rule.stop_on_failure),
            links::status.eq(link.status.as_str()),
            links::job_id.eq(link.job_id.to_string()),
        );
        diesel::insert_into(links::table).values(values).execute(conn)?;
    }
    Ok(key)
}

/// Writes what of a chain execution can change, without its links.
pub(crate) fn update(conn: &mut AnyConnection, execution: &ChainExecution) -> QueryResult<()> {
    let values = (
        chain_executions::status.eq(execution.status.as_str()),
        chain_executions::cancel_requested.eq(execution.cancel_requested),
        chain_executions::started_at.eq(execution.started_at.map(|at| at.as_micros())),
        chain_executions::ended_at.eq(execution.ended_at.map(|at| at.as_micros())),
        chain_executions::version.eq(execution.version),
    );
    diesel::update(chain_executions::table.find(execution.key)).set(values).execute(conn).map(drop)
}

/// Writes what of a link can change.
pub(crate) fn update_link(
    conn: &mut AnyConnection,
    execution_key: i64,
    link: &LinkExecution,
) -> QueryResult<()> {
    let values = (
        links::status.eq(link.status.as_str()),
        links::reason.eq(&link.reason),
        links::execution_id.eq(link.execution_id.map(|id| id.to_string())),
        links::exit_code.eq(link.exit_code.map(i64::from)),
        links::started_at.eq(link.started_at.map(|at| at.as_micros())),
        links::ended_at.eq(link.ended_at.map(|at| at.as_micros())),
    );
    let place = links::execution_key.eq(execution_key).and(links::link_index.eq(i64::from(link.index)));
    diesel::update(links::table.filter(place)).set(values).execute(conn).map(drop)
}

/// What a link is to run.
pub(crate) fn definition(
    conn: &mut AnyConnection,
    execution_key: i64,
    index: u32,
) -> Result<JobDefinition, WriteError> {
    let place = links::execution_key.eq(execution_key).and(links::link_index.eq(i64::from(index)));
    let text: String = links::table.filter(place).select(links::definition).get_result(conn)?;
    Ok(from_json("chain_execution_links.definition", &text)?)
}
