//! Output while it is written, and afterwards.

use crate::harness::{Engine, PATIENCE, draft};
use oneoff_domain::limits::OUTPUT_MAX_BYTES;
use oneoff_domain::{AttemptOutcome, FieldError, OutputStream};
use oneoff_executors::{Executor, Registry, RunContext, RunFuture};
use oneoff_fakes::FakeExecutor;
use oneoff_scheduler::{JobDraft, Schedule, Scheduler, SchedulerSettings, SystemClock, SystemRandom};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn output_can_be_read_while_the_job_runs() {
    let engine = Engine::start(FakeExecutor::new("fake").writing("hello").blocking()).await;
    let job = engine.create(draft("now")).await;
    let execution = engine.running(job.id).await.last_execution.unwrap();
    let page = engine.service.output(execution, 0, 1024, PATIENCE).await.unwrap();
    assert_eq!(page.slices[0].bytes.as_ref(), b"hello");
    assert!(!page.complete);
    let rest = tokio::spawn({
        let service = engine.service.clone();
        async move { service.output(execution, page.next_offset, 1024, PATIENCE).await.unwrap() }
    });
    engine.fake.gate().open();
    let rest = rest.await.unwrap();
    assert!(rest.complete && rest.slices.is_empty());
    assert_eq!(engine.executions(job.id).await[0].output_bytes, 5);
}

/// Writes three times as much as is kept, each chunk with its own number in it.
struct Flood;

const CHUNK_BYTES: usize = 32 * 1024;
const CHUNKS: usize = 3 * (OUTPUT_MAX_BYTES as usize) / CHUNK_BYTES;

fn chunk(index: usize) -> Vec<u8> {
    format!("{index:08}").into_bytes().repeat(CHUNK_BYTES / 8)
}

impl Executor for Flood {
    fn job_type(&self) -> &str {
        "flood"
    }
    fn validate(&self, _config: &Map<String, Value>) -> Result<(), Vec<FieldError>> {
        Ok(())
    }
    fn summary(&self, _config: &Map<String, Value>) -> String {
        "flood".to_owned()
    }
    fn run(&self, context: RunContext) -> RunFuture {
        Box::pin(async move {
            for index in 0..CHUNKS {
                context.output.write(OutputStream::Stdout, chunk(index)).await;
            }
            AttemptOutcome::success()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_flood_the_head_and_the_tail_are_kept_and_the_gap_shows() {
    let directory = crate::harness::place();
    let mut registry = Registry::new();
    registry.register(Flood);
    let store = crate::harness::open(directory.path());
    let settings = SchedulerSettings::default();
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let scheduler = Scheduler::start(store, registry, settings, clock, random).await.unwrap();
    let service = scheduler.service();
    let job = JobDraft::new("flood", Map::new(), Schedule::at("now"));
    let job = service.create_job(crate::harness::context(), job).await.unwrap().value;
    let job = service.wait_for_job(job.id, PATIENCE).await.unwrap();
    let execution = service.execution(job.last_execution.unwrap()).await.unwrap();
    let total = i64::try_from(CHUNKS * CHUNK_BYTES).unwrap();
    assert_eq!((execution.output_bytes, execution.output_truncated), (total, true));

    let (mut offset, mut kept, mut gaps) = (0, 0, 0);
    loop {
        let page = service.output(execution.id, offset, 1 << 20, Duration::ZERO).await.unwrap();
        for slice in &page.slices {
            gaps += usize::from(slice.offset > offset);
            offset = slice.offset;
            for byte in &slice.bytes {
                let position = usize::try_from(offset).unwrap();
                assert_eq!(*byte, chunk(position / CHUNK_BYTES)[position % 8], "at {position}");
                offset += 1;
                kept += 1;
            }
        }
        offset = page.next_offset;
        if page.complete {
            break;
        }
    }
    assert_eq!((offset, gaps), (total, 1));
    assert!(kept as u64 <= OUTPUT_MAX_BYTES + CHUNK_BYTES as u64, "{kept}");
    assert!(kept as u64 >= OUTPUT_MAX_BYTES - CHUNK_BYTES as u64, "{kept}");
    scheduler.shutdown().await;
}
