//! How PostgreSQL runs what is asked for on request paths: by an index, and without sorting more than a few rows, in a
//! database of many rows and known statistics.

use super::plans::{execution_filters, execution_pages, job_filters, pages, queries_of};
use crate::DatabaseUrl;
use crate::connection::AnyConnection;
use crate::postgres::connect::ServerConnector;
use crate::schema::job_states;
use crate::search::ASK_SETTINGS;
use crate::{JobSort, lists, migrations, rows, search, system};
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_migrations::MigrationHarness;
use oneoff_domain::{ExecutionId, HoldReason, JobId, JobKey, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;

/// Tables of as many rows as there are jobs, or more.
const LARGE: [&str; 8] = [
    "job_states",
    "ended_jobs",
    "job_definitions",
    "arrivals",
    "attempts",
    "events",
    "output_chunks",
    "audit_entries",
];
/// Rows that may be sorted as they are read: what is read by keys or of a rare status.
const SORTED_MAX: f64 = 2_000.0;

/// 20,000 jobs: of each five, one waits and the others are over; a few are held or run. Every tenth of those that are over
/// did not complete, and every fiftieth job has been edited.
const ROWS: &str = "
    INSERT INTO job_definitions (key, previous_key, job_key, revision, name, job_type, config, project_id, tags, priority,
            timezone, max_retries, retry_delay_seconds, retry_max_delay_seconds, on_late, on_crash, external_id, metadata,
            created_at)
        SELECT key, CASE WHEN key > 20000 THEN key - 20000 END, (key - 1) % 20000 + 1, 1, 'nightly backup ' || key, 'shell',
            '{}', 'p', '[\"a\"]', 5, 'UTC', 0, 60, 3600, 'run', 'retry', 'e' || key, '{}', key
        FROM generate_series(1, 20400) AS key;
    INSERT INTO job_states (key, id, definition_key, job_type, project_id, external_id, status, scheduled_at, run, attempt,
            next_attempt_at, cancel_requested, version, created_at, updated_at)
        SELECT key, '019aa7a0-0000-7000-8000-' || lpad(to_hex(key), 12, '0'), CASE WHEN key <= 400 THEN key + 20000 ELSE key END,
            'shell', 'p', 'e' || key, CASE WHEN key % 1000 = 7 THEN 'held' ELSE 'scheduled' END,
            CASE WHEN key % 100 = 7 THEN NULL ELSE key * 1000000::bigint END, 1, 1, key * 1000000::bigint, FALSE, 1, key, key
        FROM generate_series(1, 20000) AS key;
    INSERT INTO arrivals (job_key, due_at, priority, job_type, project_id)
        SELECT key, key * 1000000::bigint, 5, 'shell', 'p' FROM generate_series(1, 20000) AS key WHERE key % 5 = 0 AND key % 1000 > 10;
    INSERT INTO running_jobs (job_key, execution_key, execution_id, epoch, run, attempt, cancel_requested, version, updated_at)
        SELECT key, key, 'x' || key, 1, 1, 1, FALSE, 1, key FROM generate_series(1, 20000) AS key WHERE key % 1000 = 0;
    INSERT INTO ended_jobs (scheduled_at, job_key, status, job_type, project_id, run, attempt, cancel_requested, version,
            last_attempt_key, ended_at)
        SELECT coalesce(scheduled_at, -9223372036854775808), key,
            CASE WHEN key % 10 = 1 THEN (ARRAY['failed', 'cancelled', 'missed'])[key / 10 % 3 + 1] ELSE 'completed' END,
            'shell', 'p', 1, 1, FALSE, 1, key, key
        FROM job_states WHERE key % 5 > 0 AND status <> 'held';
    INSERT INTO attempts (key, id, job_key, definition_key, project_id, node_id, epoch, run, attempt, status, scheduled_for,
            started_at, lateness_us, output_bytes, output_truncated)
        SELECT key, '019aa7a0-0000-7000-9000-' || lpad(to_hex(key), 12, '0'), key, key, 'p', 'n', 1, 1, 1,
            CASE WHEN key % 1000 = 0 THEN 'running' WHEN key % 10 = 1 THEN 'failed' ELSE 'completed' END,
            key, key, 0, 0, FALSE
        FROM generate_series(1, 20000) AS key;
    INSERT INTO output_chunks (execution_key, start_offset, stream, written_at, bytes)
        SELECT key, 0, 'stdout', key, 'x' FROM generate_series(1, 20000) AS key;
    INSERT INTO events (sequence, written_at, kind, job_id, project_id, data)
        SELECT key, key, 'job.created', NULL, 'p', '{}' FROM generate_series(1, 20000) AS key;
    INSERT INTO audit_entries (written_at, actor, action, subject_kind, subject_id)
        SELECT key, 'local', 'job.create', 'job', 'x' FROM generate_series(1, 20000) AS key;
    INSERT INTO job_holds (job_key, reason, held_by, held_at)
        SELECT key, 'manual', 'local', key FROM job_states WHERE status = 'held';
    UPDATE job_counters SET jobs = CASE status WHEN 'completed' THEN 14000 WHEN 'scheduled' THEN 4000 ELSE 600 END;
    ANALYZE";

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// A database, to be kept for as long as the connection to it.
struct Server {
    conn: AnyConnection,
    _database: oneoff_pg_fixture::Database,
}

fn database() -> Server {
    let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
    let mut server = PgConnection::establish(database.url()).unwrap();
    server.run_pending_migrations(migrations::OF_SERVERS).unwrap();
    server.batch_execute(ROWS).unwrap();
    let reader = ServerConnector::new(DatabaseUrl::new(database.url()).unwrap()).reader().unwrap();
    Server { conn: reader.conn, _database: database }
}

/// A value as it is written in SQL.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            format!("'{{{}}}'", values.join(","))
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// How a prepared statement is run: at first for the values that are bound to it, later whatever they are.
fn plan(conn: &mut AnyConnection, sql: &str, binds: &str, is_generic: bool) -> Vec<String> {
    let AnyConnection::Postgres(conn) = conn else { panic!("not a server") };
    let values: Vec<Value> = serde_json::from_str(&binds.replace("None", "null")).unwrap();
    let values: Vec<String> = values.iter().map(literal).collect();
    let values = if values.is_empty() { String::new() } else { format!("({})", values.join(", ")) };
    let kind = if is_generic { "generic" } else { "custom" };
    // What asks the search index does so under settings of its own.
    let settings = if sql.starts_with("SELECT \"job_definitions\".\"job_key\"") { ASK_SETTINGS } else { "" };
    conn.batch_execute(&format!(
        "BEGIN; {settings}; SET LOCAL plan_cache_mode = force_{kind}_plan; PREPARE asked AS {sql}"
    ))
    .unwrap();
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN EXECUTE asked{values}")).load(conn).unwrap();
    conn.batch_execute("DEALLOCATE asked; ROLLBACK").unwrap();
    steps.into_iter().map(|step| step.line).collect()
}

/// How many rows the server takes a step to yield.
fn rows_of(step: &str) -> f64 {
    let after = step.split("rows=").nth(1).unwrap_or_default();
    after.split(' ').next().unwrap_or_default().parse().unwrap()
}

/// What is wrong with a plan.
fn faults(plan: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for (step, details) in steps_of(plan) {
        let has = |detail: &str| details.iter().any(|line| line.trim_start().starts_with(detail));
        let is_large = LARGE.iter().any(|table| step.contains(&format!(" on {table} ")));
        // An index in whose order all rows are looked at until some have been let through is none.
        let is_filter = step.contains("Index") && has("Filter:") && !has("Index Cond:");
        let is_scan = is_large && (step.contains("Seq Scan") || is_filter);
        if is_scan || step.contains("Sort  (") && rows_of(step) > SORTED_MAX {
            faults.push(step.to_owned());
        }
    }
    faults
}

/// The steps of a plan, each with what is said of it.
fn steps_of(plan: &[String]) -> Vec<(&str, &[String])> {
    let begins: Vec<usize> = (0..plan.len()).filter(|line| plan[*line].contains("  (cost=")).collect();
    let ends = begins.iter().skip(1).copied().chain([plan.len()]);
    begins.iter().zip(ends).map(|(begin, end)| (plan[*begin].as_str(), &plan[begin + 1..end])).collect()
}

/// Looks at what is asked for, each statement once with the same values.
#[derive(Default)]
struct Check {
    seen: BTreeSet<(String, String)>,
    faults: Vec<String>,
}

impl Check {
    fn that(&mut self, conn: &mut AnyConnection, what: &str, ask: impl FnOnce(&mut AnyConnection)) {
        let queries = queries_of(conn, ask);
        assert!(!queries.is_empty(), "{what}: nothing was asked");
        for (sql, binds) in queries {
            let is_seen_generic = !self.seen.insert((sql.clone(), String::new()));
            let is_seen = !self.seen.insert((sql.clone(), binds.clone()));
            for (is_generic, _) in
                [(true, is_seen_generic), (false, is_seen)].iter().filter(|(_, seen)| !seen)
            {
                let plan = plan(conn, &sql, &binds, *is_generic);
                let faults = faults(&plan);
                self.faults.extend(
                    faults.iter().map(|fault| format!("{what}: {fault}\n  of {plan:#?}\n  of {sql} {binds}")),
                );
            }
        }
    }
}

impl Check {
    fn assert_none(&self) {
        assert!(self.faults.is_empty(), "{} faults: {}", self.faults.len(), self.faults.join("\n"));
    }
}

#[test]
fn every_list_of_jobs_uses_an_index() {
    let mut server = database();
    let conn = &mut server.conn;
    let mut check = Check::default();
    for filter in job_filters() {
        for (sort, sign) in [(JobSort::CreatedAt, 'c'), (JobSort::ScheduledAt, 's')] {
            for page in pages(sort, sign) {
                let what = format!("{filter:?} {page:?}");
                check.that(conn, &what, |conn| {
                    lists::job_page::list(conn, filter.clone(), &page).unwrap();
                });
                for text in ["a", "nightly 17123", "019aa7a0-0000-7", "été"] {
                    check.that(conn, &format!("{text} {what}"), |conn| {
                        search::list(conn, &crate::Catalog::default(), text, filter.clone(), &page).unwrap();
                    });
                }
            }
        }
    }
    check.assert_none();
}

#[test]
fn every_list_of_executions_uses_an_index() {
    let mut server = database();
    let mut check = Check::default();
    for filter in execution_filters() {
        for page in execution_pages() {
            check.that(&mut server.conn, &format!("{filter:?} {page:?}"), |conn| {
                lists::executions::list(conn, filter.clone(), &page).unwrap();
            });
        }
    }
    check.assert_none();
}

#[test]
fn single_records_and_counters_use_an_index() {
    let mut server = database();
    let conn = &mut server.conn;
    let job: JobId = "019aa7a0-0000-7000-8000-000000000010".parse().unwrap();
    let execution: ExecutionId = "019aa7a0-0000-7000-9000-000000000010".parse().unwrap();
    let mut check = Check::default();
    check.that(conn, "job", |conn| drop(rows::job::by_id(conn, job).unwrap()));
    check.that(conn, "job by key", |conn| drop(rows::job::by_key(conn, JobKey(16)).unwrap()));
    check.that(conn, "execution", |conn| drop(rows::attempt::by_id(conn, execution).unwrap()));
    check.that(conn, "output", |conn| drop(crate::output::read(conn, execution, 0, 1000).unwrap()));
    check.that(conn, "counters", |conn| drop(system::counters(conn).unwrap()));
    check.that(conn, "next due", |conn| {
        crate::queue::next_due(conn).unwrap();
    });
    check.that(conn, "next start", |conn| {
        crate::queue::next_start(conn, &BTreeSet::from(["q".to_owned()])).unwrap();
    });
    check.that(conn, "held jobs of a project", |conn| {
        let held =
            crate::HeldFor { reason: HoldReason::Restore, project: Some("p".to_owned()), after: 0, limit: 5 };
        crate::held::of_project(conn, &held, "p").unwrap();
    });
    check.that(conn, "overdue", |conn| {
        crate::queue::overdue(conn, Timestamp::EPOCH, 10).unwrap();
    });
    check.that(conn, "holds", |conn| drop(crate::queue::holds_ending(conn, 10).unwrap()));
    check.that(conn, "events", |conn| drop(crate::outbox::after(conn, 0, 10).unwrap()));
    check.that(conn, "last event", |conn| {
        crate::outbox::last_sequence(conn).unwrap();
    });
    check.that(conn, "last written", |conn| {
        crate::recover::last_written(conn, 9, Timestamp::MAX).unwrap();
    });
    check.that(conn, "cancelled attempts", |conn| drop(crate::queue::cancelled(conn, 1).unwrap()));
    check.assert_none();
}

#[test]
fn a_statement_without_an_index_is_noticed() {
    let mut server = database();
    let conn = &mut server.conn;
    let mut scanned = Check::default();
    scanned.that(conn, "by creator", |conn| {
        let named = job_states::table.filter(job_states::created_by.eq("x")).select(job_states::key);
        drop(named.load::<i64>(conn).unwrap());
    });
    let mut sorted = Check::default();
    sorted.that(conn, "by change", |conn| {
        let late = job_states::table.filter(job_states::key.gt(0)).order(job_states::updated_at);
        drop(late.select(job_states::key).load::<i64>(conn).unwrap());
    });
    for check in [scanned, sorted] {
        assert_eq!(check.faults.len(), 2, "once for its values and once for any: {:?}", check.faults);
    }
}
