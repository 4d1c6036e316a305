//! Waiting for the end of a job by long-polls, across a restart of the server.

use crate::{Client, ClientError};
use oneoff_api_types::JobView;
use std::time::Duration;
use tokio::time::Instant;

/// The time of one long-poll. Well below what proxies allow.
pub(crate) const LONG_POLL: Duration = Duration::from_secs(25);
/// The least time between two polls, for a server that answers at once.
const POLL_SPACING: Duration = Duration::from_millis(200);
const RECONNECT_DELAY: Duration = Duration::from_millis(500);

/// How a wait ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Waited {
    /// The job is over.
    Over(Box<JobView>),
    /// The time was up before.
    TimedOut,
}

/// Whether nothing more happens by itself to a job of this status.
#[must_use]
pub fn is_final(status: &str) -> bool {
    matches!(status, "completed" | "failed" | "cancelled" | "missed")
}

impl Client {
    /// Waits until a job is over, at most for `timeout`. A server that goes away meanwhile is given
    /// `timeouts.reconnect` to come back.
    ///
    /// # Errors
    /// Any [`ClientError`]; a job that was deleted is a problem of status 404.
    pub async fn wait_for_job(&self, id: &str, timeout: Option<Duration>) -> Result<Waited, ClientError> {
        match timeout {
            None => Ok(Waited::Over(Box::new(self.wait_until_over(id).await?))),
            Some(timeout) => match tokio::time::timeout(timeout, self.wait_until_over(id)).await {
                Ok(job) => Ok(Waited::Over(Box::new(job?))),
                Err(_elapsed) => Ok(Waited::TimedOut),
            },
        }
    }

    async fn wait_until_over(&self, id: &str) -> Result<JobView, ClientError> {
        let mut patience = Patience::new(self);
        let mut job = self.job(id).await?;
        while !is_final(&job.status) {
            let asked_at = Instant::now();
            if let Some(answer) = patience.judge(self.job_after(id, LONG_POLL).await).await? {
                job = answer;
                if !is_final(&job.status) {
                    tokio::time::sleep_until(asked_at + POLL_SPACING).await;
                }
            }
        }
        Ok(job)
    }
}

/// Decides whether a failed poll is worth another one.
#[derive(Debug)]
pub(crate) struct Patience {
    reconnect: Duration,
    lost_at: Option<Instant>,
}

impl Patience {
    pub(crate) fn new(client: &Client) -> Self {
        Self { reconnect: client.settings().timeouts.reconnect, lost_at: None }
    }

    /// The answer of a poll, or `None` after a pause where the server is away and may come back.
    pub(crate) async fn judge<T>(
        &mut self,
        answer: Result<T, ClientError>,
    ) -> Result<Option<T>, ClientError> {
        let error = match answer {
            Ok(answer) => {
                self.lost_at = None;
                return Ok(Some(answer));
            }
            Err(error) => error,
        };
        let is_away = matches!(error, ClientError::Unreachable { .. }) || error.status() == Some(503);
        let lost_at = *self.lost_at.get_or_insert_with(Instant::now);
        if !is_away || lost_at.elapsed() >= self.reconnect {
            return Err(error);
        }
        tokio::time::sleep(RECONNECT_DELAY.min(self.reconnect)).await;
        Ok(None)
    }
}
