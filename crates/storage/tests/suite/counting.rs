//! After any history, the counters equal a count, what waits is what is scheduled, and keys are busy exactly
//! while their job runs.

use crate::fixture::*;
use oneoff_domain::*;
use oneoff_storage::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Create { key: Option<u8>, held: bool, retries: u32 },
    Claim(usize),
    Succeed(usize),
    Fail(usize),
    Cancel(usize),
    Delete(usize),
    Execute(usize),
    Hold(usize),
    Release(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let any_job = 0..12_usize;
    prop_oneof![
        3 => (proptest::option::of(0..2_u8), any::<bool>(), 0..2_u32)
            .prop_map(|(key, held, retries)| Step::Create { key, held, retries }),
        5 => any_job.clone().prop_map(Step::Claim),
        2 => any_job.clone().prop_map(Step::Succeed),
        2 => any_job.clone().prop_map(Step::Fail),
        1 => any_job.clone().prop_map(Step::Cancel),
        1 => any_job.clone().prop_map(Step::Delete),
        1 => any_job.clone().prop_map(Step::Execute),
        1 => any_job.clone().prop_map(Step::Hold),
        1 => any_job.prop_map(Step::Release),
        1 => Just(Step::Restart),
    ]
}

struct History {
    sqlite: TestStore,
    ids: Vec<JobId>,
    running: BTreeMap<JobId, ClaimedJob>,
}

impl History {
    fn job(&self, index: usize) -> JobId {
        self.ids.get(index % self.ids.len().max(1)).copied().unwrap_or_else(job_id)
    }

    async fn change(
        &self,
        index: usize,
        decide: impl FnOnce(&Job) -> Result<JobState, IllegalTransition> + Send + 'static,
    ) {
        let decide = move |job: &Job| Ok(change(decide(job)?, "test", EventKind::JobUpdated));
        refused_or_done(
            self.sqlite.store.change_job(context(), at(50), self.job(index), Box::new(decide)).await,
        );
    }

    async fn end(&mut self, index: usize, outcome: AttemptOutcome) {
        if let Some(claimed) = self.running.remove(&self.job(index)) {
            finish(&self.sqlite.store, &claimed, outcome, at(60)).await;
        }
    }

    async fn take(mut self, step: Step) -> Self {
        match step {
            Step::Create { key, held, retries } => {
                let mut new = if held { held_job(Some(at(1)), None) } else { new_job(at(1)) };
                new.definition.concurrency_key = key.map(|key| format!("k{key}"));
                new.definition.retry.max_retries = retries;
                self.ids.push(create(&self.sqlite.store, new).await.id);
            }
            Step::Claim(index) => {
                let Some(job) = self.sqlite.store.job(self.job(index)).await.unwrap() else { return self };
                if let ClaimResult::Claimed(claimed) = try_claim(&self.sqlite.store, at(100), &job).await {
                    self.running.insert(job.id, *claimed);
                }
            }
            Step::Succeed(index) => self.end(index, AttemptOutcome::success()).await,
            Step::Fail(index) => self.end(index, AttemptOutcome::failed(Reason::ExitCode, "x")).await,
            Step::Cancel(index) => self.change(index, |job| job.state.cancel()).await,
            Step::Execute(index) => self.change(index, |job| job.state.execute(at(70))).await,
            Step::Hold(index) => {
                let hold = Hold { reason: HoldReason::Gate, by: "x".to_owned(), at: noon(), until: None };
                self.change(index, |job| job.state.hold(hold)).await;
            }
            Step::Release(index) => self.change(index, |job| job.state.release(HoldReason::Manual)).await,
            Step::Delete(index) => {
                refused_or_done(
                    self.sqlite.store.change_job(context(), at(50), self.job(index), delete()).await,
                );
            }
            Step::Restart => {
                self.sqlite = self.sqlite.reopen();
                let lost = self.sqlite.store.lost_executions().await.unwrap();
                assert_eq!(lost.len(), self.running.len());
                self.sqlite.store.close_lost(at(80), lost).await.unwrap();
                self.running.clear();
            }
        }
        self
    }
}

fn refused_or_done(result: Result<Written<Job>, StoreError>) {
    assert!(matches!(result, Ok(_) | Err(StoreError::Refused(_))), "{result:?}");
}

async fn check(history: &History) {
    let store = &history.sqlite.store;
    let mut counted: BTreeMap<JobStatus, u64> = JobStatus::ALL.iter().map(|status| (*status, 0)).collect();
    let mut scheduled = Vec::new();
    for id in &history.ids {
        let Some(job) = store.job(*id).await.unwrap() else { continue };
        *counted.entry(job.state.status).or_default() += 1;
        scheduled.extend(job.state.due_at().map(|due_at| (due_at, job.key)));
        assert_eq!(job.state.status == JobStatus::Held, !job.state.holds.is_empty());
        assert_eq!(job.state.status == JobStatus::Running, history.running.contains_key(id));
    }
    assert_eq!(store.counters().await.unwrap().jobs, counted);
    scheduled.sort();
    let waiting = store.pending_window(None, Timestamp::MAX, 1_000).await.unwrap();
    let waiting: Vec<_> = waiting.into_iter().map(|pending| (pending.due_at, pending.key)).collect();
    assert_eq!(waiting, scheduled);
    let free = job_with(at(1), |definition| definition.concurrency_key = Some("k0".to_owned()));
    let probe = create(store, free).await;
    let is_busy = history
        .running
        .values()
        .any(|claimed| claimed.job.definition.concurrency_key.as_deref() == Some("k0"));
    let result = try_claim(store, at(100), &probe).await;
    assert_eq!(matches!(result, ClaimResult::KeyBusy(_)), is_busy, "{result:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_the_books(steps in proptest::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let sqlite = TestStore::new();
            let mut history = History { sqlite, ids: Vec::new(), running: BTreeMap::new() };
            for step in steps {
                history = history.take(step).await;
            }
            check(&history).await;
        });
    }
}
