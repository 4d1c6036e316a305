//! PostgreSQL: libpq as it is linked here, and the schema, which is that of SQLite where they do not differ by intent.

use crate::fixture::noon;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use oneoff_pg_fixture::{Cluster, Settings, shared_cluster};
use oneoff_storage::{DatabaseUrl, Store, StoreOptions};
use std::collections::BTreeSet;
use std::sync::Barrier;

const ON_POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const ON_SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(conn: &mut PgConnection, sql: &str) -> Vec<String> {
    let lines: Vec<Line> = diesel::sql_query(sql).load(conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// Everything that migrations make: relations with their definitions, functions, triggers, and the first rows.
fn objects(conn: &mut PgConnection) -> Vec<String> {
    let all = "SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' ||
                coalesce(collation_name, '') || ' ' || is_identity AS line
            FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'
        UNION ALL SELECT 'index ' || indexdef FROM pg_indexes
            WHERE schemaname = 'public' AND tablename NOT LIKE '\\_\\_diesel%'
        UNION ALL SELECT 'view ' || viewname || definition FROM pg_views WHERE schemaname = 'public'
        UNION ALL SELECT 'sequence ' || sequencename || increment_by FROM pg_sequences WHERE schemaname = 'public'
        UNION ALL SELECT 'trigger ' || trigger_name || action_statement FROM information_schema.triggers
        UNION ALL SELECT 'constraint ' || conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_\\_diesel%'
        UNION ALL SELECT 'parameters ' || relname || array_to_string(reloptions, ',') FROM pg_class
            WHERE reloptions IS NOT NULL AND relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'function ' || p.oid::regprocedure || prosrc
            FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
            WHERE pronamespace = 'public'::regnamespace AND lanname IN ('sql', 'plpgsql')
        ORDER BY line";
    lines(conn, all)
}

#[test]
fn up_down_and_up_again_is_the_same() {
    let database = shared_cluster().unwrap().database().unwrap();
    let mut conn = PgConnection::establish(database.url()).unwrap();
    conn.run_pending_migrations(ON_POSTGRES).unwrap();
    let counted = "SELECT string_agg(status, ' ' ORDER BY status) || sum(jobs) AS line FROM job_counters";
    assert_eq!(lines(&mut conn, counted), ["cancelled completed failed held missed running scheduled0"]);
    let up = objects(&mut conn);
    assert!(up.iter().any(|line| line.starts_with("view jobs")), "{up:?}");
    assert!(up.iter().any(|line| line.starts_with("function job_search_text")), "{up:?}");
    conn.revert_all_migrations(ON_POSTGRES).unwrap();
    assert_eq!(objects(&mut conn), Vec::<String>::new());
    conn.run_pending_migrations(ON_POSTGRES).unwrap();
    assert_eq!(objects(&mut conn), up);
}

/// The columns with their positions and whether they may be null; what only one of the two has is left out.
fn columns_of_postgres() -> BTreeSet<String> {
    let database = shared_cluster().unwrap().database().unwrap();
    let mut conn = PgConnection::establish(database.url()).unwrap();
    conn.run_pending_migrations(ON_POSTGRES).unwrap();
    let all = "SELECT c.table_name || '.' || (c.ordinal_position - 1) || ' ' || c.column_name
            || CASE WHEN t.table_type = 'VIEW' OR c.is_nullable = 'YES' THEN '' ELSE ' not null' END AS line
        FROM information_schema.columns AS c JOIN information_schema.tables AS t USING (table_schema, table_name)
        WHERE t.table_schema = 'public' AND c.table_name NOT IN ('new_events', 'moving', 'moving_tables')
            AND c.table_name NOT LIKE '\\_\\_diesel%'";
    lines(&mut conn, all).into_iter().collect()
}

fn columns_of_sqlite() -> BTreeSet<String> {
    let mut conn = SqliteConnection::establish(":memory:").unwrap();
    conn.run_pending_migrations(ON_SQLITE).unwrap();
    let all = "SELECT m.name || '.' || c.cid || ' ' || c.name
            || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END AS line
        FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
        WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_\\_diesel%' ESCAPE '\\'
            AND m.name NOT IN ('pending_jobs', 'idempotency_hashes', 'idempotency_progress')
            AND m.name NOT LIKE 'job_search%'";
    let lines: Vec<Line> = diesel::sql_query(all).load(&mut conn).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn both_databases_have_the_same_columns() {
    let (postgres, sqlite) = (columns_of_postgres(), columns_of_sqlite());
    assert!(sqlite.contains("attempts.0 key not null"), "{sqlite:?}");
    let differences: Vec<_> = postgres.symmetric_difference(&sqlite).collect();
    // Several nodes write events, and each follows those of the others.
    assert_eq!(differences, ["events.7 epoch"]);
}

#[test]
fn text_is_ordered_by_its_bytes_and_times_can_be_read() {
    let database = shared_cluster().unwrap().database().unwrap();
    let mut conn = PgConnection::establish(database.url()).unwrap();
    conn.run_pending_migrations(ON_POSTGRES).unwrap();
    let otherwise = "SELECT table_name || '.' || column_name AS line
        FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(lines(&mut conn, otherwise), Vec::<String>::new());
    let times = "SELECT coalesce(utc(at), 'none') AS line FROM (VALUES (1, 1763726400001250), (2, 0),
        (3, 253402300799999999), (4, NULL)) AS times (number, at) ORDER BY number";
    assert_eq!(
        lines(&mut conn, times),
        ["2025-11-21 12:00:00.001250Z", "1970-01-01 00:00:00.000000Z", "9999-12-31 23:59:59.999999Z", "none"]
    );
}

/// What an execution writes at its end must not touch any index.
#[test]
fn the_end_of_an_execution_changes_no_index() {
    let database = shared_cluster().unwrap().database().unwrap();
    let mut conn = PgConnection::establish(database.url()).unwrap();
    conn.run_pending_migrations(ON_POSTGRES).unwrap();
    let indexed = "SELECT DISTINCT attname::text AS line FROM pg_index JOIN pg_attribute
        ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = 'attempts'::regclass ORDER BY line";
    assert_eq!(lines(&mut conn, indexed), ["id", "key", "started_at"]);
    let expressions = "SELECT indexrelid::regclass::text AS line FROM pg_index
        WHERE indrelid = 'attempts'::regclass AND (indpred IS NOT NULL OR indexprs IS NOT NULL)";
    assert_eq!(lines(&mut conn, expressions), Vec::<String>::new());
}

#[test]
fn the_server_is_checked_by_its_certificate_and_name() {
    let cluster = Cluster::start(&Settings { has_tls: true, ..Settings::default() }).unwrap();
    let database = cluster.database().unwrap();
    let checked = cluster.tls_url(&database).unwrap();
    let mut conn = PgConnection::establish(&checked).unwrap();
    let tls = "SELECT ssl::text AS line FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(lines(&mut conn, tls), ["true"]);
    let refused = |url: &str| PgConnection::establish(url).err().unwrap().to_string();
    let other_name = checked.replace("localhost", "127.0.0.1");
    assert!(refused(&other_name).contains("does not match host name"), "{}", refused(&other_name));
    let certificates = cluster.certificates().unwrap();
    let other = certificates.other_authority.to_str().unwrap();
    let not_trusted = database.url_with(&[("sslmode", "verify-ca"), ("sslrootcert", other)]);
    assert!(refused(&not_trusted).contains("certificate verify failed"), "{}", refused(&not_trusted));
}

#[test]
fn nodes_that_start_at_once_on_an_empty_database_all_start() {
    const NODES: usize = 4;
    for _ in 0..12 {
        let database = shared_cluster().unwrap().database().unwrap();
        let at_once = Barrier::new(NODES);
        let epochs: BTreeSet<i64> = std::thread::scope(|scope| {
            let start = || {
                at_once.wait();
                let options = StoreOptions::on_server(DatabaseUrl::new(database.url()).unwrap());
                Store::open(options, noon()).unwrap().epoch()
            };
            let nodes: Vec<_> = (0..NODES).map(|_| scope.spawn(start)).collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        assert_eq!(epochs.len(), NODES);
    }
}
