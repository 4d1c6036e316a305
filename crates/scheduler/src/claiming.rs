//! Claiming by the store, to an answer that is known: a failed commit may have taken effect all the same.

use crate::core::Input;
use oneoff_domain::{Clock, JobKey};
use oneoff_storage::{ClaimRequest, ClaimResult, Store, StoreError};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

const FIRST_REST: Duration = Duration::from_millis(50);
const LAST_REST: Duration = Duration::from_secs(2);

/// Claims, and answers what the core is to be told. `rest` lets time pass between two tries.
pub(crate) async fn claim(
    store: &Store,
    clock: Arc<dyn Clock>,
    requests: Vec<ClaimRequest>,
    rest: impl AsyncFn(Duration),
) -> Vec<Input> {
    match store.claim(move || clock.now(), requests.clone()).await {
        Ok(results) => vec![Input::ClaimsAnswered(results)],
        Err(error) => {
            let jobs = requests.len();
            tracing::error!(
                error = &error as &dyn std::error::Error,
                jobs,
                "cannot claim jobs that are due; trying again"
            );
            match error {
                StoreError::OutcomeUnknown(_) => settle(store, requests, rest).await,
                _ => vec![Input::ClaimsFailed(requests)],
            }
        }
    }
}

/// Asks until it is known which of the claims took effect. Until then nobody else may start these jobs: a claim
/// that was taken for failed would leave its job running with nobody who runs it.
async fn settle(store: &Store, requests: Vec<ClaimRequest>, rest: impl AsyncFn(Duration)) -> Vec<Input> {
    let mut rest_time = FIRST_REST;
    let taken = loop {
        match store.claims_taken(requests.clone()).await {
            Ok(taken) => break taken,
            // The next start finds them, and closes what is recorded as running.
            Err(StoreError::Closed) => return vec![Input::ClaimsFailed(requests)],
            Err(error) => {
                tracing::debug!(%error, "it is not known yet which claims took effect");
                rest(rest_time).await;
                rest_time = (rest_time * 2).min(LAST_REST);
            }
        }
    };
    let known: HashSet<JobKey> = taken.iter().map(|claimed| claimed.job.key).collect();
    let (claimed, failed) = (taken.len(), requests.len() - known.len());
    tracing::warn!(claimed, failed, "it is known now which claims of a failed commit took effect");
    let results = taken.into_iter().map(|claimed| ClaimResult::Claimed(Box::new(claimed))).collect();
    let failed = requests.into_iter().filter(|request| !known.contains(&request.job)).collect();
    vec![Input::ClaimsAnswered(results), Input::ClaimsFailed(failed)]
}
