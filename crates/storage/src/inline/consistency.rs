//! Whether the tables agree with each other: what is kept twice for speed must be the same in both places.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::{Store, StoreError};
use diesel::prelude::*;
use diesel::sql_types::Text;

/// What of a file waits elsewhere than of a server.
const CLUSTERED: &str = " UNION ALL SELECT job_key, due_at FROM pending_jobs";

/// Jobs as they are now, and what waits, wherever it is kept.
const PRESENT: &str = "WITH
    present AS (
        SELECT s.key, s.id, s.definition_key, coalesce(s.next_attempt_at, s.scheduled_at) AS due_at,
            CASE WHEN r.job_key IS NOT NULL THEN 'running' ELSE coalesce(e.status, s.status) END AS status
        FROM job_states AS s LEFT JOIN running_jobs AS r ON r.job_key = s.key
        LEFT JOIN ended_jobs AS e
            ON e.scheduled_at = coalesce(s.scheduled_at, -9223372036854775808) AND e.job_key = s.key),
    waiting AS (
        SELECT job_key, due_at FROM arrivals{MORE_WAITING}),
    counted AS (SELECT status, count(*) AS jobs FROM present GROUP BY status) ";

/// Each answers a line of text per fault.
const CHECKS: [&str; 19] = [
    "SELECT 'the counter of ' || c.status || ' is ' || c.jobs || ', there are ' || coalesce(n.jobs, 0) AS fault
     FROM (SELECT status, CAST(sum(jobs) AS BIGINT) AS jobs FROM job_counters GROUP BY status) AS c
     LEFT JOIN counted AS n ON n.status = c.status
     WHERE c.jobs <> coalesce(n.jobs, 0)",
    "SELECT 'job ' || s.id || ' is scheduled and does not wait' AS fault FROM present AS s
     WHERE s.status = 'scheduled' AND NOT EXISTS (
         SELECT 1 FROM waiting AS w WHERE w.job_key = s.key AND w.due_at = s.due_at)",
    "SELECT 'key ' || w.job_key || ' waits for ' || w.due_at || ', and its job does not' AS fault
     FROM waiting AS w WHERE NOT EXISTS (
         SELECT 1 FROM present AS s WHERE w.job_key = s.key AND s.status = 'scheduled' AND w.due_at = s.due_at)",
    "SELECT 'key ' || job_key || ' waits ' || count(*) || ' times' AS fault
     FROM waiting GROUP BY job_key HAVING count(*) > 1",
    "SELECT 'job ' || r.job_key || ' runs without an attempt that runs' AS fault FROM running_jobs AS r
     WHERE NOT EXISTS (
         SELECT 1 FROM attempts AS a
         WHERE a.key = r.execution_key AND a.job_key = r.job_key AND a.status = 'running' AND a.epoch = r.epoch
             AND a.id = r.execution_id AND a.run = r.run AND a.attempt = r.attempt)",
    "SELECT 'attempt ' || a.id || ' runs, and its job is not in it' AS fault FROM attempts AS a
     WHERE a.status = 'running' AND NOT EXISTS (
         SELECT 1 FROM running_jobs AS r WHERE r.job_key = a.job_key AND r.execution_key = a.key)",
    "SELECT 'a job that is not there runs: ' || r.job_key AS fault FROM running_jobs AS r
     WHERE NOT EXISTS (SELECT 1 FROM job_states AS s WHERE s.key = r.job_key)",
    "SELECT 'the key ' || d.concurrency_key || ' of job ' || s.id || ', which runs, is not busy' AS fault
     FROM present AS s JOIN job_definitions AS d ON d.key = s.definition_key
     WHERE s.status = 'running' AND d.concurrency_key IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM busy_keys AS b WHERE b.job_key = s.key AND b.concurrency_key = d.concurrency_key)",
    "SELECT 'the key ' || b.concurrency_key || ' is busy, and its job does not run' AS fault
     FROM busy_keys AS b WHERE NOT EXISTS (SELECT 1 FROM running_jobs AS r WHERE r.job_key = b.job_key)",
    "SELECT 'job ' || s.id || ' is ' || s.status || ' and has ' || count(h.key) || ' holds' AS fault
     FROM present AS s LEFT JOIN job_holds AS h ON h.job_key = s.key
     GROUP BY s.key, s.id, s.status HAVING (s.status = 'held') <> (count(h.key) > 0)",
    "SELECT 'there are ' || count(*) || ' events from ' || min(sequence) || ' to ' || max(sequence) AS fault
     FROM events HAVING count(*) <> max(sequence) - min(sequence) + 1",
    "SELECT 'the end of job ' || e.job_key || ' lies at ' || e.scheduled_at || ', where nothing leads to' AS fault
     FROM ended_jobs AS e WHERE NOT EXISTS (
         SELECT 1 FROM job_states AS s WHERE s.key = e.job_key
             AND coalesce(s.scheduled_at, -9223372036854775808) = e.scheduled_at
             AND s.job_type = e.job_type AND s.project_id = e.project_id)",
    "SELECT 'job ' || s.id || ' is stored as ' || s.status || ', and there is more of it' AS fault
     FROM job_states AS s
     WHERE s.status NOT IN ('scheduled', 'held') OR (s.status = 'held' AND (
         EXISTS (SELECT 1 FROM ended_jobs AS e WHERE e.job_key = s.key)
         OR EXISTS (SELECT 1 FROM running_jobs AS r WHERE r.job_key = s.key)))",
    "SELECT 'attempt ' || a.id || ' is of no job' AS fault FROM attempts AS a
     WHERE NOT EXISTS (SELECT 1 FROM job_states AS s WHERE s.key = a.job_key)",
    "SELECT 'definition ' || d.key || ' is of no job' AS fault FROM job_definitions AS d
     WHERE NOT EXISTS (SELECT 1 FROM job_states AS s WHERE s.key = d.job_key)",
    "SELECT 'the last attempt of job ' || s.id || ' is not there' AS fault FROM job_states AS s
     WHERE s.last_attempt_key IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM ended_jobs AS e WHERE e.job_key = s.key)
         AND NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.key = s.last_attempt_key AND a.job_key = s.key)",
    "SELECT 'the last attempt of job ' || e.job_key || ', which is over, is not there' AS fault
     FROM ended_jobs AS e WHERE e.last_attempt_key IS NOT NULL AND NOT EXISTS (
         SELECT 1 FROM attempts AS a WHERE a.key = e.last_attempt_key AND a.job_key = e.job_key)",
    "SELECT 'output ' || c.key || ' is of no attempt' AS fault FROM output_chunks AS c
     WHERE NOT EXISTS (SELECT 1 FROM attempts AS a WHERE a.key = c.execution_key)
         AND NOT EXISTS (SELECT 1 FROM removed_output AS r WHERE r.execution_key = c.execution_key)",
    "SELECT 'the total of output is ' || total.bytes || ', there are ' || kept.bytes AS fault
     FROM (SELECT sum(bytes) AS bytes FROM output_totals) AS total,
         (SELECT coalesce(sum(length(bytes)), 0) AS bytes FROM output_chunks) AS kept
     WHERE total.bytes <> kept.bytes",
];

/// What only a file has.
const CHECKS_OF_FILES: [&str; 4] = [
    "SELECT 'idempotency record ' || i.key || ' is not found by its hash' AS fault FROM idempotency_records AS i
     WHERE i.key <= (SELECT indexed_to FROM idempotency_progress) AND NOT EXISTS (
         SELECT 1 FROM idempotency_hashes AS h WHERE h.key_hash = i.key_hash AND h.record_key = i.key)",
    "SELECT 'a hash leads to idempotency record ' || h.record_key || ', which is not there' AS fault
     FROM idempotency_hashes AS h WHERE NOT EXISTS (
         SELECT 1 FROM idempotency_records AS i WHERE i.key = h.record_key)",
    "SELECT 'job ' || s.id || ' is not in the search index' AS fault FROM job_states AS s
     WHERE s.key <= (SELECT indexed_to FROM job_search_progress)
         AND NOT EXISTS (SELECT 1 FROM job_search AS i WHERE i.rowid = s.key)",
    "SELECT 'the search index has ' || i.rowid || ', which is no job' AS fault FROM job_search AS i
     WHERE NOT EXISTS (SELECT 1 FROM job_states AS s WHERE s.key = i.rowid)
         AND NOT EXISTS (SELECT 1 FROM job_search_removed AS r WHERE r.job_key = i.rowid)",
];

#[derive(QueryableByName)]
struct Fault {
    #[diesel(sql_type = Text)]
    fault: String,
}

fn check(conn: &mut AnyConnection) -> Result<Vec<String>, WriteError> {
    let (more, more_waiting): (&[&str], _) = match conn {
        AnyConnection::Sqlite(_) => (&CHECKS_OF_FILES, CLUSTERED),
        AnyConnection::Postgres(_) => (&[], ""),
    };
    let present = PRESENT.replace("{MORE_WAITING}", more_waiting);
    let mut faults = Vec::new();
    for check in CHECKS.iter().chain(more) {
        let found: Vec<Fault> = diesel::sql_query(format!("{present}{check}")).load(conn)?;
        faults.extend(found.into_iter().map(|found| found.fault));
    }
    Ok(faults)
}

impl Store {
    /// Reads all of the database and answers where it contradicts itself: a line of text for each.
    ///
    /// # Errors
    /// The database's.
    pub async fn inconsistencies(&self) -> Result<Vec<String>, StoreError> {
        self.inner.reader.read(check).await
    }
}
