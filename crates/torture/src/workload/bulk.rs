//! Requests for several jobs at once.

use super::{OneClient, orders};
use crate::ledger::{Answer, Bulk, Deed, Seen};
use oneoff_api_types::{BulkResult, CreateJob, CreateJobs, ReleaseJobs};

/// Jobs of one request.
const TOGETHER: usize = 3;

impl OneClient {
    /// Asks for all jobs to be released that were held by hand.
    pub(super) async fn release_together(&mut self) -> Answer {
        let ledger = self.workload.ledger.clone();
        let request = ledger.release_all();
        match self.client().await.release_jobs(&ReleaseJobs { reason: "manual".to_owned() }, false).await {
            Ok(released) => {
                ledger.released(request, released.released);
                Answer::Acknowledged(None)
            }
            Err(error) => Answer::from(Err(error)),
        }
    }

    pub(super) async fn create_together(&mut self) -> Answer {
        let jobs: Vec<String> = (0..TOGETHER).map(|_| self.new_order()).collect();
        let key = format!("bulk-{}", jobs.join("-"));
        let bulk = Bulk { jobs, atomic: self.choices.percent(60) };
        self.workload.ledger.bulk(&key, bulk);
        let mut answer = self.create_together_again(&key).await;
        while answer == Answer::Unknown && self.asks_another() {
            answer = self.create_together_again(&key).await;
        }
        answer
    }

    /// Asks for jobs that are in the books, under their idempotency key. Answers what was answered of the first.
    pub(super) async fn create_together_again(&mut self, key: &str) -> Answer {
        let ledger = self.workload.ledger.clone();
        let (bulk, jobs) = ledger.read(|pages| {
            let bulk = pages.bulks.get(key).cloned().unwrap_or_default();
            let requests = bulk.jobs.iter().filter_map(|name| {
                Some(orders::request(name, pages.orders.get(name)?, pages.due.get(name)?.clone()))
            });
            let requests: Vec<CreateJob> = requests.collect();
            (bulk, requests)
        });
        let sent: Vec<usize> = bulk.jobs.iter().map(|name| ledger.sent(name, Deed::Create)).collect();
        let request = CreateJobs { jobs, atomic: Some(bulk.atomic) };
        let answers: Vec<Answer> = match self.client().await.create_jobs_with_key(&request, key).await {
            Ok(created) => created.results.into_iter().map(answer_of).collect(),
            Err(error) => vec![Answer::from(Err(error)); sent.len()],
        };
        for (sent, answer) in sent.iter().zip(&answers) {
            ledger.answered(*sent, answer.clone());
        }
        answers.into_iter().next().unwrap_or(Answer::Unknown)
    }
}

fn answer_of(result: BulkResult) -> Answer {
    match (result.data, result.error) {
        (Some(job), _) => {
            let status = job.status.unwrap_or_default();
            let scheduled_at = job.scheduled_at.and_then(|text| text.parse().ok());
            Answer::Acknowledged(Some(Seen { id: job.id, status, version: 0, scheduled_at }))
        }
        (None, Some(problem)) if problem.code == "outcome_unknown" => Answer::Unknown,
        (None, Some(problem)) => Answer::Refused(format!("{} {}", problem.status, problem.detail)),
        (None, None) => Answer::Unknown,
    }
}
