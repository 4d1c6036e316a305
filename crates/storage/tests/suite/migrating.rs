//! Migrations: up, down and up again lead to the same schema, and the views can be read by people.

use crate::fixture::*;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use oneoff_domain::*;
use oneoff_storage::*;

#[derive(QueryableByName, Debug, PartialEq)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn query(options: &StoreOptions, sql: &str) -> Vec<String> {
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    let lines: Vec<Line> = diesel::sql_query(sql).load(&mut conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// Every object of the schema and every row that the migrations made.
fn dump(options: &StoreOptions) -> Vec<String> {
    let schema = "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_master
        WHERE name NOT LIKE '__diesel%' AND name NOT LIKE 'sqlite_autoindex%' ORDER BY type, name";
    let mut lines = query(options, schema);
    if lines.iter().any(|line| line.starts_with("table job_counters")) {
        lines.extend(query(
            options,
            "SELECT status || shard || jobs AS line FROM job_counters ORDER BY status",
        ));
    }
    lines
}

#[test]
fn up_down_and_up_again_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let options = options(&directory);
    let steps = Store::migrate_up(&options).unwrap();
    assert_eq!(steps[0].name, "2026-11-21-000000_foundation");
    let up = dump(&options);
    assert!(up.iter().any(|line| line.starts_with("view jobs")), "{up:?}");
    assert_eq!(Store::migrate_up(&options).unwrap(), [], "nothing is missing");
    for step in steps.iter().rev() {
        assert_eq!(Store::last_migration(&options).unwrap().as_ref(), Some(step));
        assert_eq!(Store::migrate_down(&options, noon()).unwrap(), *step);
    }
    let down = dump(&options);
    assert!(down.iter().all(|line| line.contains("sqlite_sequence")), "{down:?}");
    assert_eq!(Store::last_migration(&options).unwrap(), None);
    assert!(matches!(Store::migrate_down(&options, noon()), Err(MigrateError::NothingToUndo)));
    assert_eq!(Store::migrate_up(&options).unwrap(), steps);
    assert_eq!(dump(&options), up);
    Store::open(options, noon()).unwrap();
}

#[test]
fn a_file_is_made_as_it_should_be() {
    let sqlite = TestStore::new();
    let options = options(&sqlite.directory);
    let pragma =
        |name: &str| query(&options, &format!("SELECT CAST({name} AS TEXT) AS line FROM pragma_{name}"));
    assert_eq!(pragma("journal_mode"), ["wal"]);
    assert_eq!(pragma("auto_vacuum"), ["2"], "incremental");
    assert_eq!(pragma("application_id"), [0x4F6E_654F.to_string()]);
    assert_eq!(query(&options, "SELECT quick_check AS line FROM pragma_quick_check"), ["ok"]);
}

#[tokio::test]
async fn the_views_are_readable() {
    let sqlite = TestStore::new();
    let due = Timestamp::from_micros(noon().as_micros() + 1_250).unwrap();
    let job = create(&sqlite.store, new_job(due)).await;
    let now = Timestamp::from_micros(due.as_micros() + 1_500).unwrap();
    let claimed = claim(&sqlite.store, now, &job).await;
    finish(&sqlite.store, &claimed, AttemptOutcome::success(), at(9)).await;
    let options = options(&sqlite.directory);
    let jobs = "SELECT name || '|' || type || '|' || status || '|' || scheduled_at || '|' || created_at AS line FROM jobs";
    assert_eq!(
        query(&options, jobs),
        ["Grüße 🌍|shell|completed|2026-11-21 12:00:00.001250Z|2026-11-21 12:00:00.000000Z"]
    );
    let executions = "SELECT job_name || '|' || status || '|' || reason || '|' || completed_at || '|' || lateness_ms || '|' || worker AS line FROM executions";
    assert_eq!(
        query(&options, executions),
        ["Grüße 🌍|completed|success|2026-11-21 12:00:09.000000Z|1.5|local"]
    );
}

/// What lists, claims and windows rely on: none of them may walk a whole table or sort it.
#[test]
fn the_queries_of_lists_use_their_indexes() {
    let sqlite = TestStore::new();
    let options = options(&sqlite.directory);
    let plans = [
        ("SELECT key FROM job_states WHERE key < 9 ORDER BY key DESC LIMIT 5", "INTEGER PRIMARY KEY"),
        (
            "SELECT key FROM job_states WHERE status = 'held' AND scheduled_at IS NOT NULL AND scheduled_at >= 1 AND (scheduled_at > 1 OR key > 1) ORDER BY scheduled_at, key LIMIT 5",
            "job_states_held",
        ),
        (
            "SELECT key FROM job_states WHERE status = 'held' AND scheduled_at IS NULL AND key > 3 ORDER BY key LIMIT 5",
            "job_states_held",
        ),
        (
            "SELECT job_key FROM ended_jobs WHERE scheduled_at >= 1 AND (scheduled_at > 1 OR job_key > 1) ORDER BY scheduled_at, job_key LIMIT 5",
            "PRIMARY KEY",
        ),
        (
            "SELECT job_key FROM ended_jobs WHERE status = ?1 AND status <> 'completed' AND scheduled_at <= 1 AND (scheduled_at < 1 OR job_key < 1) ORDER BY scheduled_at DESC, job_key DESC LIMIT 5",
            "ended_jobs_by_status",
        ),
        (
            "SELECT job_key FROM ended_jobs WHERE ended_at < 1 ORDER BY ended_at, scheduled_at, job_key LIMIT 5",
            "ended_jobs_by_end",
        ),
        ("SELECT key FROM attempts WHERE attempts.status = 'running' AND epoch < 3", "attempts_running"),
        (
            "SELECT key FROM attempts WHERE started_at <= 1 AND (started_at < 1 OR key < 1) ORDER BY started_at DESC, key DESC LIMIT 5",
            "attempts_by_start",
        ),
        ("SELECT min(due_hour) FROM pending_jobs WHERE due_hour >= 1", "PRIMARY KEY"),
    ];
    for (sql, index) in plans {
        let plan = query_plan(&options, sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE") && !plan.contains("SCAN job_states "), "{sql}: {plan}");
    }
}

fn query_plan(options: &StoreOptions, sql: &str) -> String {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }
    let mut conn = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(&mut conn).unwrap();
    steps.into_iter().map(|step| step.detail + "\n").collect()
}
