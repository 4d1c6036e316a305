//! The library as an embedding program uses it, on a real database.

use oneoff::{
    ChainStatus, Error, ExecutionStatus, JobStatus, LinkRule, LinkStatus, NewChain, NewJob, OneOff, Reason,
    RunIf,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_fails_makes_a_failed_attempt_and_retries_follow() {
    let directory = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let oneoff = OneOff::builder()
        .sqlite(directory.path().join("jobs.db"))
        .executor_fn("flaky", move |_context| {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if call == 0 {
                    return Err("the first call fails".into());
                }
                Ok(serde_json::json!({"call": call}))
            }
        })
        .start()
        .await
        .unwrap();
    let id = oneoff.schedule(NewJob::new("flaky").retries(1).retry_delay_seconds(1)).await.unwrap();
    let job = oneoff.wait(id, WAIT).await.unwrap();
    assert_eq!(job.state.status, JobStatus::Completed);
    let executions = oneoff.executions(id).await.unwrap();
    assert_eq!(executions.len(), 2, "{executions:?}");
    assert_eq!(executions[0].result, Some(serde_json::json!({"call": 1})));
    assert_eq!(
        (executions[1].status, executions[1].reason),
        (ExecutionStatus::Failed, Some(Reason::Failure))
    );
    assert_eq!(executions[1].error.as_deref(), Some("the first call fails"));
    oneoff.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_function_is_dropped_by_cancel() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let dropped = Arc::new(AtomicUsize::new(0));
    let (started, mut has_started) = tokio::sync::mpsc::unbounded_channel();
    let counter = Arc::clone(&dropped);
    let oneoff = OneOff::builder()
        .sqlite(directory.path().join("jobs.db"))
        .executor_fn("sleep", move |_context| {
            let guard = Dropped(Arc::clone(&counter));
            let started = started.clone();
            async move {
                let _guard = guard;
                started.send(()).ok();
                std::future::pending::<()>().await;
                Ok(())
            }
        })
        .start()
        .await
        .unwrap();
    let id = oneoff.schedule(NewJob::new("sleep")).await.unwrap();
    has_started.recv().await.unwrap();
    let job = oneoff.cancel(id).await.unwrap();
    assert_eq!(job.state.status, JobStatus::Cancelled);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    oneoff.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_scheduled_waits_for_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs.db");
    let builder =
        || OneOff::builder().sqlite(path.clone()).executor_fn("greet", |_context| async { Ok("hello") });
    let first = builder().start().await.unwrap();
    assert_eq!((first.found().jobs, first.found().overdue), (0, 0));
    let id = first.schedule(NewJob::new("greet").after(Duration::from_millis(300))).await.unwrap();
    first.shutdown().await;
    let second = builder().start().await.unwrap();
    assert_eq!(second.found().jobs, 1);
    assert!(second.database().is_absolute());
    let job = second.wait(id, WAIT).await.unwrap();
    assert_eq!(job.state.status, JobStatus::Completed);
    let execution = job.last_execution.unwrap();
    assert_eq!(second.output(execution).await.unwrap(), b"hello");
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn built_in_types_are_off_until_they_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("jobs.db");
    let none = OneOff::builder().sqlite(path.clone()).start().await.unwrap();
    let refused = none.schedule(NewJob::new("shell").with("script", "echo hi")).await.unwrap_err();
    assert!(matches!(refused, Error::Service(_)), "{refused:?}");
    assert_eq!(none.service().job_types(), Vec::<String>::new());
    none.shutdown().await;
    let shell = OneOff::builder().sqlite(path).builtin("shell").start().await.unwrap();
    assert_eq!(shell.service().job_types(), ["shell"]);
    let id = shell.schedule(NewJob::new("shell").with("script", "echo hi")).await.unwrap();
    let job = shell.wait(id, WAIT).await.unwrap();
    assert_eq!(shell.output(job.last_execution.unwrap()).await.unwrap(), b"hi\n");
    shell.shutdown().await;
}

#[test]
fn a_builder_refuses_what_cannot_be() {
    let refusal = |builder: oneoff::Builder| builder.build().err().map(|error| error.to_string());
    let zone = refusal(OneOff::builder().timezone("Mars/Olympus")).unwrap();
    assert!(zone.contains("Mars/Olympus") && zone.contains("IANA"), "{zone}");
    let builtin = refusal(OneOff::builder().builtin("shel")).unwrap();
    assert!(builtin.contains("shell"), "{builtin}");
    let name = refusal(OneOff::builder().executor_fn("Not A Word", |_| async { Ok(()) })).unwrap();
    assert!(name.contains("Not A Word"), "{name}");
    assert!(refusal(OneOff::builder().default_priority(11)).is_some());
    assert_eq!(refusal(OneOff::builder().timezone("Europe/Madrid")), None);
}

#[test]
fn the_built_in_types_are_those_of_the_registry() {
    let registry = oneoff::Registry::builtin(oneoff::EgressPolicy::default()).unwrap();
    assert!(registry.job_types().eq(oneoff::BUILTIN_JOB_TYPES.iter().copied()));
}

#[test]
fn an_address_that_is_none_is_refused_without_being_shown() {
    for bad in ["", "jobs.db", "postgres://me:hun/ter2@db/jobs", "mysql://me:hunter2@db/jobs"] {
        let error = OneOff::builder().postgres(bad).build().err().unwrap().to_string();
        assert!(error.contains("the address of the database cannot be used"), "{error}");
        assert!(!error.contains("ter2"), "{error}");
    }
    assert!(OneOff::builder().postgres("postgres://me@db/jobs").node_name("one").build().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_functions_runs_in_order_and_each_knows_the_one_before() {
    let directory = tempfile::tempdir().unwrap();
    let oneoff = OneOff::builder()
        .sqlite(directory.path().join("jobs.db"))
        .executor_fn("append", |context| async move {
            let chain = context.chain.as_deref().ok_or("it is no link")?;
            let before = chain.previous.as_ref().map(|link| link.output.clone()).unwrap_or_default();
            Ok(format!("{before}{}", chain.link))
        })
        .executor_fn("fail", |_context| async move { Err::<(), _>("it always does".into()) })
        .start()
        .await
        .unwrap();
    let handler = LinkRule { run_if: RunIf::Failure, stop_on_failure: false };
    let copied = oneoff.schedule(NewJob::new("append").at("2099-01-01T00:00:00Z")).await.unwrap();
    let chain = NewChain::new("counting")
        .then(NewJob::new("append"))
        .then_copy_of(copied, LinkRule::default())
        .then(NewJob::new("append"))
        .then(NewJob::new("fail"))
        .then(NewJob::new("append"))
        .then_if(NewJob::new("fail"), handler);
    let chain = oneoff.create_chain(chain).await.unwrap();
    let run = oneoff.execute_chain(chain.id).await.unwrap();
    let over = oneoff.wait_for_chain(run.id, WAIT).await.unwrap();
    assert_eq!(over.status, ChainStatus::Failed);
    let statuses: Vec<LinkStatus> = over.links.iter().map(|link| link.status).collect();
    use LinkStatus::{Completed, Failed, Skipped};
    assert_eq!(statuses, [Completed, Completed, Completed, Failed, Skipped, Failed]);
    let output = oneoff.output(over.links[2].execution_id.unwrap()).await.unwrap();
    assert_eq!(output, b"123");
    assert_eq!(oneoff.job(copied).await.unwrap().state.status, JobStatus::Scheduled, "it is only copied");
    assert!(oneoff.cancel_chain(run.id).await.is_err(), "it is over");
    let later = oneoff.execute_chain_at(chain.id, "in 1h").await.unwrap();
    assert_eq!(oneoff.cancel_chain(later.id).await.unwrap().status, ChainStatus::Cancelled);
    oneoff.shutdown().await;
}
