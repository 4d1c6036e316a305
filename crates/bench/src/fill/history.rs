//! A database that has been in use: jobs that wait, jobs that have ended, and their executions.

use crate::fill::{due, jobs, store};
use crate::random::Numbers;
use futures_util::future::try_join_all;
use oneoff_domain::{AttemptOutcome, ExecutionId, JobKey, Reason, Timestamp};
use oneoff_scheduler::SystemRandom;
use oneoff_storage::{ClaimRequest, ClaimResult, ClaimedJob, Finish, FinishResult, Store};
use std::time::Duration;

/// Jobs that are claimed and finished together.
const TOGETHER: usize = 1_000;
/// How long each attempt took.
const TOOK: Duration = Duration::from_millis(20);
/// One of so many jobs fails in the end.
const FAILS: u64 = 20;
const SEED: u64 = 7;

/// A job that is to have ended, and how many attempts it takes.
struct Past {
    due_at: Timestamp,
    key: JobKey,
    attempts: u32,
    fails: bool,
}

/// Stores `jobs` jobs in no order of due times. Of them 6 in 10 have ended, after `executions` in all; a job
/// takes one execution, or as many more as it takes to reach the number.
pub(crate) async fn fill(store: &Store, now: Timestamp, jobs: u64, executions: u64) -> anyhow::Result<()> {
    let mut numbers = Numbers::new(SEED);
    let ended = (jobs * 6 / 10).min(executions);
    let per_job = executions.checked_div(ended).unwrap_or(0);
    let one_more = executions.checked_rem(ended).unwrap_or(0);
    let mut left = ended;
    let mut with_one_more = one_more;
    let new = (0..jobs).map(|number| {
        let is_past = numbers.below(jobs - number) < left;
        let at = match is_past {
            true => due::one_past(now, &mut numbers),
            false => due::one_ahead(now, &mut numbers),
        };
        let mut job = jobs::named(number, at, &mut numbers);
        if is_past {
            let extra = u64::from(numbers.below(left) < with_one_more);
            with_one_more -= extra;
            left -= 1;
            job.definition.retry.max_retries = u32::try_from(per_job + extra - 1).unwrap_or(0);
        }
        job
    });
    let mut past = Vec::with_capacity(usize::try_from(ended)?);
    store::fill_and(store, new, |created| {
        for job in created {
            if let Some(due_at) = job.state.due_at().filter(|at| *at < now) {
                let attempts = job.definition.retry.max_retries + 1;
                past.push(Past { due_at, key: job.key, attempts, fails: false });
            }
        }
    })
    .await?;
    for job in &mut past {
        job.fails = numbers.below(FAILS) == 0;
    }
    past.sort_unstable_by_key(|job| job.due_at);
    let mut past = past.into_iter();
    loop {
        let together: Vec<Past> = past.by_ref().take(TOGETHER).collect();
        if together.is_empty() {
            return Ok(());
        }
        run(store, together).await?;
    }
}

/// Lets jobs run through all their attempts.
async fn run(store: &Store, mut jobs: Vec<Past>) -> anyhow::Result<()> {
    while let Some(now) = jobs.iter().map(|job| job.due_at).max() {
        let requests = jobs.iter().map(|job| ClaimRequest {
            job: job.key,
            due_at: job.due_at,
            execution_id: ExecutionId::generate(now, &SystemRandom),
        });
        let claimed = store.claim(move || now, requests.collect()).await?;
        let ended_at = now.saturating_add(TOOK);
        let ends = claimed.into_iter().zip(jobs).map(|(result, job)| finish(store, result, job, ended_at));
        jobs = try_join_all(ends).await?.into_iter().flatten().collect();
    }
    Ok(())
}

/// Ends an attempt; answers the job if it takes another one.
async fn finish(
    store: &Store,
    claimed: ClaimResult,
    job: Past,
    ended_at: Timestamp,
) -> anyhow::Result<Option<Past>> {
    let ClaimResult::Claimed(claimed) = claimed else { anyhow::bail!("a job was not claimed: {claimed:?}") };
    let ClaimedJob { execution_id, fence, .. } = *claimed;
    let attempts = job.attempts.saturating_sub(1);
    let outcome = match attempts > 0 || job.fails {
        true => AttemptOutcome::failed(Reason::Transport, "connection refused"),
        false => AttemptOutcome::success(),
    };
    let end = Finish {
        execution_id,
        fence,
        outcome,
        completed_at: ended_at,
        duration_us: i64::try_from(TOOK.as_micros())?,
        output: Vec::new(),
        output_bytes: 0,
        output_truncated: false,
        random: 0,
    };
    match store.finish(end).await? {
        FinishResult::Recorded(next) => Ok(next.state.due_at().filter(|_| attempts > 0).map(|due_at| Past {
            due_at,
            key: next.key,
            attempts,
            fails: job.fails,
        })),
        FinishResult::Fenced => anyhow::bail!("an attempt of job {} was fenced off", job.key.0),
    }
}
