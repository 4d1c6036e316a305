//! Everything arrives, and nodes go on with it.

use super::*;

/// All that the store's API tells of a database.
#[derive(Debug, PartialEq)]
struct Told {
    jobs: Vec<Job>,
    executions: Vec<Execution>,
    outputs: Vec<OutputPage>,
    events: Vec<Event>,
    pending: Vec<PendingJob>,
    holds: Vec<(JobId, Timestamp)>,
    counters: Counters,
    output_bytes: u64,
    key: Option<ApiKey>,
}

async fn told(store: &Store) -> Told {
    let all = page(JobSort::CreatedAt, SortOrder::Ascending, 100);
    let jobs = store.jobs(JobFilter::default(), all).await.unwrap().items;
    let all = page(ExecutionSort::StartedAt, SortOrder::Ascending, 100);
    let executions = store.executions(ExecutionFilter::default(), all).await.unwrap().items;
    let mut outputs = Vec::new();
    for execution in &executions {
        outputs.push(store.output(execution.id, 0, 1_000).await.unwrap().unwrap());
    }
    Told {
        jobs,
        executions,
        outputs,
        events: store.events_after(0, 1_000).await.unwrap().unwrap(),
        pending: store.pending_window(None, at(1_000), 100).await.unwrap(),
        holds: store.holds_ending(9).await.unwrap(),
        counters: store.counters().await.unwrap(),
        output_bytes: store.space().await.unwrap().output_bytes,
        key: store.api_key_by_hash("h".to_owned()).await.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_file_holds_is_read_from_the_server() {
    let (file, database) = (filled().await, empty());
    let moved = moved(&file.options(&database));
    assert_eq!(moved.jobs.iter().map(|count| count.jobs).sum::<u64>(), 17, "{moved:?}");
    assert_eq!((moved.output_bytes, moved.texts_replaced), (22, 0));
    let server = open_server(&database).unwrap();
    let on_server = told(&server).await;
    server.close();
    let sqlite = Store::open(options(&file.directory), at(2_000)).unwrap();
    let in_file = told(&sqlite).await;
    assert!(in_file.pending.len() == 10 && in_file.events.len() > 20 && in_file.holds.len() == 1);
    assert_eq!(on_server, in_file);
    assert_eq!(on_server.key.unwrap().replaced_by.as_deref(), Some("k2"));
    // What no list tells of.
    let audit = "SELECT count(*) FROM audit_entries";
    let audit = database.query(audit).unwrap().parse::<usize>().unwrap();
    assert!(audit >= 14, "{audit}");
    let removed = "SELECT execution_key FROM removed_output ORDER BY execution_key";
    assert_eq!(database.query(removed).unwrap(), "5\n700");
    assert_eq!(database.query("SELECT backup, settled_at FROM restores").unwrap(), "/b|2");
    assert_eq!(database.query("SELECT concurrency_key FROM busy_keys").unwrap(), "k");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nodes_go_on_where_the_file_ended() {
    let (file, database) = (filled().await, empty());
    moved(&file.options(&database));
    let store = open_server(&database).unwrap();
    let last = store.last_event_sequence().await.unwrap();
    // What a server that died left running follows `on_crash`.
    let epochs = store.epochs_to_close().await.unwrap();
    assert_eq!(epochs.len(), 1);
    assert!(store.epoch() > epochs[0]);
    assert_eq!(store.lost_executions_of(epochs[0]).await.unwrap(), file.running);
    let closed = store.close_lost(at(2_001), file.running.clone()).await.unwrap();
    let statuses: Vec<_> = closed.iter().map(|lost| lost.job.state.status).collect();
    assert_eq!(statuses, [JobStatus::Scheduled, JobStatus::Failed]);
    let retried = claim(&store, at(2_002), &closed[0].job).await;
    finish(&store, &retried, AttemptOutcome::success(), at(2_003)).await;
    // What waits runs, what is over runs again, what is held is released, and all of it is edited.
    for job in &file.waiting[1..] {
        let claimed = claim(&store, at(2_004), &job_now(&store, job.id).await).await;
        let output = vec![chunk(0, b"new")];
        store.append_output(claimed.execution_id, output, 3).await.unwrap();
        finish(&store, &claimed, AttemptOutcome::success(), at(2_005)).await;
    }
    store.change_job(context(), at(2_006), file.waiting[0].id, edit("again")).await.unwrap();
    store.change_job(context(), at(2_006), file.failed, execute_again(at(2_006))).await.unwrap();
    let again = claim(&store, at(2_007), &job_now(&store, file.failed).await).await;
    finish(&store, &again, AttemptOutcome::success(), at(2_008)).await;
    store.change_job(context(), at(2_008), file.held, cancel()).await.unwrap();
    store.change_job(context(), at(2_009), file.held, delete()).await.unwrap();
    create(&store, held_job(None, None)).await;
    // A request that was made before is known.
    let job = vec![job_with(at(1), |definition| definition.name = "once".to_owned())];
    let repeated = store.create_jobs(with_key("once", "f"), at(2_010), job).await.unwrap();
    assert!(repeated.replayed, "{repeated:?}");
    let made = store.create_jobs(with_key("twice", "f"), at(2_010), vec![new_job(at(1))]).await.unwrap();
    assert!(!made.replayed);
    let events = events_after(&store, last, 1_000).await.unwrap().unwrap();
    assert_eq!(events[0].sequence, last + 1);
    assert!(events.len() > 20);
    assert_eq!(store.inconsistencies().await.unwrap(), Vec::<String>::new());
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_file_without_jobs_is_moved_too() {
    let database = empty();
    let directory = tempfile::tempdir().unwrap();
    drop(Store::open(options(&directory), noon()).unwrap());
    let moved = moved(&MoveOptions::new(options(&directory).path, url(&database)));
    assert_eq!((moved.jobs.len(), moved.output_bytes), (0, 0));
    let store = open_server(&database).unwrap();
    assert_eq!(store.epoch(), 2);
    let claimed = claim(&store, at(2_001), &create(&store, new_job(at(1))).await).await;
    finish(&store, &claimed, AttemptOutcome::success(), at(2_002)).await;
    store.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_file_and_its_log_stay_as_they_are() {
    // The image of a crash: the log is not brought to the database.
    let (live, crashed, database) = (TestStore::new(), tempfile::tempdir().unwrap(), empty());
    for _ in 0..5 {
        create(&live.store, new_job(at(1))).await;
    }
    let (from, to) = (options(&live.directory).path, options(&crashed).path);
    let files = ["oneoff.db", "oneoff.db-wal"];
    let read = |name: &str| std::fs::read(crashed.path().join(name)).unwrap();
    for name in files {
        std::fs::copy(from.with_file_name(name), to.with_file_name(name)).unwrap();
    }
    let before = files.map(read);
    assert!(before[1].len() > 4_096);
    let moved = moved(&MoveOptions::new(&to, url(&database)));
    assert_eq!(moved.jobs.iter().map(|count| count.jobs).sum::<u64>(), 5);
    assert!(before == files.map(read), "a file was changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn text_that_a_server_cannot_hold_is_replaced_and_counted() {
    let (file, database) = (filled().await, empty());
    alter(
        &file.path(),
        "UPDATE attempts SET error = 'a' || char(0) || 'b' WHERE status = 'failed';
         UPDATE job_states SET created_by = CAST(x'61ff62' AS TEXT) WHERE key = 1;
         UPDATE job_definitions SET name = 'is \u{FFFD} itself' WHERE key = 1;",
    );
    let moved = moved(&file.options(&database));
    assert_eq!(moved.texts_replaced, 2);
    let error = database.query("SELECT error FROM attempts WHERE status = 'failed'").unwrap();
    assert_eq!(error, "a\u{FFFD}b");
    assert_eq!(database.query("SELECT created_by FROM job_states WHERE key = 1").unwrap(), "a\u{FFFD}b");
    let again = MoveOptions { verify_only: true, ..file.options(&database) };
    assert!(matches!(move_quietly(&again).unwrap(), MoveOutcome::Moved(again) if again == moved));
}
