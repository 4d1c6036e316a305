//! How SQLite runs what is asked for on request paths: by an index, and without sorting more than a few rows.

use crate::connection::AnyConnection;
use crate::schema::job_states;
use crate::startup::{self, OpenDatabase};
use crate::{
    ClaimRequest, ExecutionFilter, ExecutionSort, JobFilter, JobSort, NewJob, PageRequest, SortOrder, Store,
    StoreOptions, lists, rows, search, system,
};
use diesel::connection::InstrumentationEvent;
use diesel::prelude::*;
use diesel::sql_types::Text;
use oneoff_domain::{
    Actor, Context, ExecutionId, ExecutionStatus, HoldReason, JobDefinition, JobId, JobKey, JobState,
    JobStatus, OnCrash, OnLate, Random, RetryPolicy, Timestamp,
};
use serde_json::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Tables of as many rows as there are jobs, or more.
const LARGE: [&str; 8] = [
    "job_states",
    "ended_jobs",
    "job_definitions",
    "pending_jobs",
    "attempts",
    "events",
    "output_chunks",
    "audit_entries",
];
/// Ways to few rows, which may be sorted as they are read: those that run, those of given keys or of a given hour,
/// those that have just arrived.
const FEW: [&str; 5] = [
    "attempts_running",
    "USING INTEGER PRIMARY KEY (rowid=?)",
    "USING PRIMARY KEY (due_hour=?",
    "arrivals",
    "job_holds",
];

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

struct Same(u8);

impl Random for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// The queries that `ask` runs, each with what is bound to it first.
pub(super) fn queries_of(
    conn: &mut AnyConnection,
    ask: impl FnOnce(&mut AnyConnection),
) -> BTreeMap<String, String> {
    let seen = Arc::new(Mutex::new(BTreeMap::new()));
    let noted = Arc::clone(&seen);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let (sql, binds) = text.split_once(" -- binds: ").unwrap_or((&text, "[]"));
            noted.lock().unwrap().entry(sql.to_owned()).or_insert_with(|| binds.to_owned());
        }
    });
    ask(conn);
    conn.set_instrumentation(|_: InstrumentationEvent<'_>| ());
    let mut seen = std::mem::take(&mut *seen.lock().unwrap());
    seen.retain(|sql, _| sql.starts_with("SELECT"));
    seen
}

/// The queries alone.
fn statements_of(conn: &mut AnyConnection, ask: impl FnOnce(&mut AnyConnection)) -> BTreeSet<String> {
    queries_of(conn, ask).into_keys().collect()
}

/// What is wrong with how a statement is run.
fn faults(conn: &mut AnyConnection, sql: &str) -> Vec<String> {
    if sql.contains("WHERE (1=0)") {
        return Vec::new();
    }
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}")).load(conn).unwrap();
    let plan: Vec<&str> = steps.iter().map(|step| step.detail.as_str()).collect();
    // In the order of its keys a table needs no index, as long as only the first rows are taken.
    let is_by_key =
        !sql.contains("WHERE") && sql.contains("ORDER BY `job_states`.`key`") && sql.contains("LIMIT");
    let scans = plan.iter().filter(|step| {
        let name = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        LARGE.contains(&name) && !step.contains("INDEX") && !is_by_key
    });
    // What runs is few of what there is: whatever else is asked of it, it is looked for among itself.
    let misses = sql.contains("attempts.status = 'running'") && !plan.join(" ").contains("attempts_running");
    let missed = misses.then_some(&"not by attempts_running");
    let few = plan.iter().any(|step| FEW.iter().any(|way| step.contains(way)));
    let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE") && !few);
    scans.chain(sorts).chain(missed).map(|step| format!("{step}\n  of {plan:?}\n  of {sql}")).collect()
}

fn check(conn: &mut AnyConnection, what: &str, ask: impl FnOnce(&mut AnyConnection)) {
    let statements = statements_of(conn, ask);
    assert!(!statements.is_empty(), "{what}: nothing was asked");
    for sql in statements {
        let faults = faults(conn, &sql);
        assert!(faults.is_empty(), "{what}: {}", faults.join("\n"));
    }
}

fn job(number: u8) -> NewJob {
    let definition = JobDefinition {
        name: "nightly backup".to_owned(),
        job_type: "shell".to_owned(),
        config: Map::new(),
        project_id: "default".to_owned(),
        tags: vec!["a".to_owned()],
        priority: 5,
        timezone: "UTC".to_owned(),
        timeout_seconds: None,
        retry: RetryPolicy::default(),
        max_lateness_seconds: None,
        on_late: OnLate::Run,
        on_crash: OnCrash::Retry,
        concurrency_key: None,
        external_id: Some(number.to_string()),
        metadata: Map::new(),
    };
    NewJob {
        id: JobId::generate(Timestamp::EPOCH, &Same(number)),
        definition,
        state: JobState::scheduled(Timestamp::EPOCH, None),
        origin: None,
        created_by: Actor::Local,
    }
}

/// A database with a few jobs, one of which runs. Plans depend on nothing else, as no statistics are kept.
fn database() -> (tempfile::TempDir, OpenDatabase) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.db");
    let store = Store::open(StoreOptions::new(path.clone()), Timestamp::EPOCH).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let context = Context::new(Actor::Local);
        let created = store.create_jobs(context, Timestamp::EPOCH, (1..5).map(job).collect()).await.unwrap();
        store.fill_search().await.unwrap();
        let due = store.pending_window(None, Timestamp::EPOCH, 1).await.unwrap();
        let execution_id = ExecutionId::generate(Timestamp::EPOCH, &Same(9));
        let claim = ClaimRequest { job: due[0].key, due_at: due[0].due_at, execution_id };
        assert_eq!(store.claim(|| Timestamp::EPOCH, vec![claim]).await.unwrap().len(), 1);
        assert_eq!(created.value.len(), 4);
    });
    store.close();
    drop(store);
    let database = startup::open_locked(&path).unwrap();
    (directory, database)
}

pub(super) fn pages<S: Copy>(sort: S, sign: char) -> Vec<PageRequest<S>> {
    let place = |at: &str| Some(format!("{sign}{at}{:016x}", 99));
    let cursors = [None, place(&format!("{:016x}", 5)), place("")];
    let mut pages = Vec::new();
    for order in [SortOrder::Ascending, SortOrder::Descending] {
        for cursor in cursors.clone() {
            pages.push(PageRequest { sort, order, limit: 50, cursor, with_total: true });
        }
    }
    pages
}

pub(super) fn job_filters() -> Vec<JobFilter> {
    let instant = Timestamp::from_micros;
    let none = JobFilter::default;
    let mut filters = vec![
        none(),
        JobFilter { scheduled_from: instant(1), ..none() },
        JobFilter { scheduled_from: instant(1), scheduled_to: instant(9), ..none() },
        JobFilter { project_id: Some("p".to_owned()), job_type: Some("shell".to_owned()), ..none() },
        JobFilter { external_id: Some("e".to_owned()), ..none() },
        JobFilter { tag_ids: vec!["t".to_owned()], ..none() },
        JobFilter { statuses: JobStatus::ALL.to_vec(), ..none() },
    ];
    filters.extend(JobStatus::ALL.iter().map(|status| JobFilter { statuses: vec![*status], ..none() }));
    filters
}

pub(super) fn execution_filters() -> Vec<ExecutionFilter> {
    let instant = Timestamp::from_micros;
    let none = ExecutionFilter::default;
    let id = JobId::generate(Timestamp::EPOCH, &Same(1));
    let mut filters = vec![
        none(),
        ExecutionFilter { job_id: Some(id), ..none() },
        ExecutionFilter { started_from: instant(1), started_to: instant(9), ..none() },
        ExecutionFilter { project_id: Some("p".to_owned()), ..none() },
        ExecutionFilter {
            statuses: vec![ExecutionStatus::Running],
            started_from: instant(1),
            started_to: instant(9),
            ..none()
        },
    ];
    let statuses = [
        ExecutionStatus::Running,
        ExecutionStatus::Completed,
        ExecutionStatus::Failed,
        ExecutionStatus::Cancelled,
    ];
    filters.extend(statuses.map(|status| ExecutionFilter { statuses: vec![status], ..none() }));
    filters
}

pub(super) fn execution_pages() -> Vec<PageRequest<ExecutionSort>> {
    let mut pages = pages(ExecutionSort::StartedAt, 'e');
    // There are no executions without a start.
    pages.retain(|page| page.cursor.as_ref().is_none_or(|cursor| cursor.len() > 17));
    pages
}

#[test]
fn every_list_of_jobs_uses_an_index() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    for filter in job_filters() {
        for (sort, sign) in [(JobSort::CreatedAt, 'c'), (JobSort::ScheduledAt, 's')] {
            for page in pages(sort, sign) {
                let what = format!("{filter:?} {page:?}");
                check(conn, &what, |conn| {
                    lists::job_page::list(conn, filter.clone(), &page).unwrap();
                });
                for text in ["a", "nightly backup", "019aa7a0-0000-7"] {
                    check(conn, &format!("{text} {what}"), |conn| {
                        search::list(conn, &crate::Catalog::default(), text, filter.clone(), &page).unwrap();
                    });
                }
            }
        }
    }
}

#[test]
fn every_list_of_executions_uses_an_index() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    for filter in execution_filters() {
        for page in execution_pages() {
            check(conn, &format!("{filter:?} {page:?}"), |conn| {
                lists::executions::list(conn, filter.clone(), &page).unwrap();
            });
        }
    }
}

#[test]
fn the_audit_log_is_read_by_its_keys() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    let filters = [
        crate::AuditFilter::default(),
        crate::AuditFilter {
            actor: Some("local".to_owned()),
            from: Some(Timestamp::EPOCH),
            to: Some(Timestamp::MAX),
            ..crate::AuditFilter::default()
        },
    ];
    let context = Context::new(Actor::Local);
    for filter in filters {
        check(conn, &format!("{filter:?}"), |conn| {
            let page =
                lists::audit::list(conn, &crate::Catalog::default(), &context, &filter, 2, None).unwrap();
            let next = page.next_cursor.as_deref();
            assert!(next.is_some(), "there are more than two entries");
            lists::audit::list(conn, &crate::Catalog::default(), &context, &filter, 2, next).unwrap();
        });
    }
    let execution = ExecutionId::generate(Timestamp::EPOCH, &Same(9));
    check(conn, "the request of an execution", |conn| {
        lists::request_of::request_of(conn, execution).unwrap();
    });
}

#[test]
fn what_a_start_asks_for_does_not_grow_with_what_is_stored() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    check(conn, "lost executions", |conn| drop(crate::recover::lost(conn, 9).unwrap()));
    check(conn, "last written", |conn| {
        crate::recover::last_written(conn, 9, Timestamp::MAX).unwrap();
    });
    check(conn, "next keys", |conn| {
        crate::writer::keys::Keys::load(conn).unwrap();
    });
    check(conn, "last event", |conn| {
        crate::outbox::last_sequence(conn).unwrap();
    });
    check(conn, "cancelled attempts", |conn| drop(crate::queue::cancelled(conn, 1).unwrap()));
}

#[test]
fn single_records_and_counters_use_an_index() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    let job = JobId::generate(Timestamp::EPOCH, &Same(1));
    let execution = ExecutionId::generate(Timestamp::EPOCH, &Same(1));
    check(conn, "job", |conn| drop(rows::job::by_id(conn, job).unwrap()));
    check(conn, "execution", |conn| drop(rows::attempt::by_id(conn, execution).unwrap()));
    check(conn, "output", |conn| drop(crate::output::read(conn, execution, 0, 1000).unwrap()));
    check(conn, "counters", |conn| drop(system::counters(conn).unwrap()));
    check(conn, "next due", |conn| {
        crate::queue::next_due(conn).unwrap();
    });
    check(conn, "next start", |conn| {
        crate::queue::next_start(conn, &BTreeSet::from(["p".to_owned()])).unwrap();
    });
    check(conn, "held jobs of a project", |conn| {
        let held = crate::HeldFor {
            reason: HoldReason::Restore,
            project: Some("p".to_owned()),
            after: 0,
            limit: 200,
        };
        crate::held::of_project(conn, &held, "p").unwrap();
    });
    check(conn, "overdue", |conn| {
        crate::queue::overdue(conn, Timestamp::EPOCH, 10).unwrap();
    });
    check(conn, "holds", |conn| drop(crate::queue::holds_ending(conn, 10).unwrap()));
    check(conn, "events", |conn| drop(crate::outbox::after(conn, 0, 10).unwrap()));
}

#[test]
fn a_statement_without_an_index_is_noticed() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    let scan = statements_of(conn, |conn| {
        let named = job_states::table.filter(job_states::created_by.eq("x")).select(job_states::key);
        drop(named.load::<i64>(conn).unwrap());
    });
    let sorted = statements_of(conn, |conn| {
        let late = job_states::table.order(job_states::updated_at).limit(5).select(job_states::key);
        drop(late.load::<i64>(conn).unwrap());
    });
    for sql in scan.iter().chain(&sorted) {
        assert!(!faults(conn, sql).is_empty(), "{sql}");
    }
    assert_eq!((scan.len(), sorted.len()), (1, 1));
}

/// Diesel prepares a statement with a piece of plain text in it each time anew, which takes longer than to run it.
#[test]
fn what_is_read_at_each_claim_is_prepared_once() {
    let (_directory, mut database) = database();
    let conn = &mut database.conn;
    let cached = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&cached);
    conn.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            noted.lock().unwrap().push(sql.to_owned());
        }
    });
    for key in [1, 2, 1] {
        rows::job::by_key(conn, JobKey(key)).unwrap();
        rows::job::by_id(conn, JobId::generate(Timestamp::EPOCH, &Same(1))).unwrap();
    }
    assert_eq!(cached.lock().unwrap().len(), 2, "{:?}", cached.lock().unwrap());
}
