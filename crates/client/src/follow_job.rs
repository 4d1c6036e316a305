//! Following a job through all its attempts: their output as it comes, and the end.

use crate::wait::{Patience, is_final};
use crate::{Client, ClientError, ExecutionQuery, OutputFollower};
use oneoff_api_types::{ExecutionView, JobView, OutputChunkView};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The pauses of the first looks for an attempt, which most often begins at once.
const FIRST_PAUSES_MS: [u64; 4] = [50, 100, 200, 400];
/// How long the server holds a later look back. The end of the job is answered at once.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The least time between two looks, for a server that answers at once.
const LOOK_SPACING: Duration = Duration::from_millis(200);
/// Attempts that are looked at; more are not made between two looks.
const ATTEMPTS_MAX: u32 = 200;

/// What happens to a job that is followed.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// An attempt has begun.
    Started(Box<ExecutionView>),
    /// It wrote this.
    Output(Vec<OutputChunkView>),
    /// The job is over. This is the last event.
    Over(Box<JobView>),
}

/// Which attempts are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowFrom {
    /// Those of this run of the job and of later ones.
    Run(u32),
    /// The latest one there is, and those after it.
    Latest,
}

/// A job that is followed to its end.
#[derive(Debug)]
pub struct JobFollower {
    client: Client,
    job_id: String,
    from: FollowFrom,
    seen: HashSet<String>,
    waiting: VecDeque<ExecutionView>,
    output: Option<OutputFollower>,
    has_looked: bool,
    /// Looks since the last event.
    looks: usize,
    is_over: bool,
    patience: Patience,
}

impl Client {
    /// Follows a job to its end.
    #[must_use]
    pub fn follow_job(&self, job_id: &str, from: FollowFrom) -> JobFollower {
        JobFollower {
            client: self.clone(),
            job_id: job_id.to_owned(),
            from,
            seen: HashSet::new(),
            waiting: VecDeque::new(),
            output: None,
            has_looked: false,
            looks: 0,
            is_over: false,
            patience: Patience::new(self),
        }
    }
}

impl JobFollower {
    /// What happens next; `None` after [`JobEvent::Over`].
    ///
    /// # Errors
    /// Any [`ClientError`]. A server that goes away meanwhile is given `timeouts.reconnect` to come back.
    pub async fn next(&mut self) -> Result<Option<JobEvent>, ClientError> {
        while !self.is_over {
            if let Some(output) = &mut self.output {
                match output.next().await? {
                    Some(chunks) => return Ok(Some(JobEvent::Output(chunks))),
                    None => self.output = None,
                }
            }
            if let Some(execution) = self.waiting.pop_front() {
                self.output = Some(self.client.follow_output(&execution.id, 0));
                self.looks = 0;
                return Ok(Some(JobEvent::Started(Box::new(execution))));
            }
            let looked_at = Instant::now();
            let look = self.look().await;
            // A server that was never there is an error at once; one that went away may come back.
            let look = if self.has_looked { self.patience.judge(look).await? } else { Some(look?) };
            let Some((job, executions)) = look else { continue };
            self.take(executions);
            self.has_looked = true;
            if !self.waiting.is_empty() {
                continue;
            }
            if is_final(&job.status) {
                self.is_over = true;
                return Ok(Some(JobEvent::Over(Box::new(job))));
            }
            let pause = FIRST_PAUSES_MS.get(self.looks).map(|&ms| Duration::from_millis(ms));
            self.looks += 1;
            tokio::time::sleep_until(looked_at + pause.unwrap_or(LOOK_SPACING)).await;
        }
        Ok(None)
    }

    /// The job, and then its attempts: an attempt that is missing here began after the job was read.
    async fn look(&self) -> Result<(JobView, Vec<ExecutionView>), ClientError> {
        let job = match self.looks >= FIRST_PAUSES_MS.len() {
            true => self.client.job_after(&self.job_id, LOOK_AGAIN).await?,
            false => self.client.job(&self.job_id).await?,
        };
        let query = ExecutionQuery {
            job_id: Some(self.job_id.clone()),
            sort_order: Some("desc".to_owned()),
            limit: Some(ATTEMPTS_MAX),
            ..ExecutionQuery::default()
        };
        Ok((job, self.client.executions(&query).await?.data))
    }

    /// Notes the attempts that are new; they come latest first.
    fn take(&mut self, executions: Vec<ExecutionView>) {
        let is_first = !self.has_looked;
        for (index, execution) in executions.into_iter().enumerate() {
            let is_wanted = match self.from {
                FollowFrom::Run(run) => execution.run >= run,
                FollowFrom::Latest => !is_first || index == 0,
            };
            if self.seen.insert(execution.id.clone()) && is_wanted {
                self.waiting.push_front(execution);
            }
        }
    }
}
