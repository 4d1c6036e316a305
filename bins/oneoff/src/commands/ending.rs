//! Waiting for a job, with or without its output, and ending with the truth about it.

use crate::args::{ExitStatus, PlainWaitArgs, WaitArgs};
use crate::commands::{Outcome, Session};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{ChunkSink, escape_controls};
use oneoff_api_types::JobView;
use oneoff_client::{FollowFrom, JobEvent, Waited};
use std::time::Duration;

/// How a command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// Whether its output is shown instead of the job.
    pub(crate) follows: bool,
    /// The longest to wait.
    pub(crate) timeout: Option<Duration>,
    /// Which exit code it ends with.
    pub(crate) exit_status: ExitStatus,
}

impl Waiting {
    /// What the flags of a command ask for, if they ask for a wait.
    pub(crate) fn of_flags(args: &WaitArgs) -> Result<Option<Self>, Failure> {
        let waits = args.wait || args.follow;
        if !waits && (args.wait_timeout.is_some() || args.exit_status == ExitStatus::Propagate) {
            return Err(Failure::usage("--wait-timeout and --exit-status need --wait or --follow"));
        }
        let waiting =
            Self { follows: args.follow, timeout: args.wait_timeout, exit_status: args.exit_status };
        Ok(waits.then_some(waiting))
    }

    /// A wait as such.
    pub(crate) fn of_plain(args: &PlainWaitArgs, follows: bool) -> Self {
        Self { follows, timeout: args.timeout, exit_status: args.exit_status }
    }
}

/// `oneoff wait`.
pub(crate) async fn wait(session: &Session, id: &str, args: &PlainWaitArgs) -> Outcome {
    end_with(session, id, FollowFrom::Latest, Waiting::of_plain(args, false)).await
}

/// Waits for a job as asked and ends with its truth.
pub(crate) async fn end_with(session: &Session, id: &str, from: FollowFrom, waiting: Waiting) -> Outcome {
    let over = match (waiting.follows, waiting.timeout) {
        (true, None) => Some(follow_output(session, id, from).await?),
        (true, Some(timeout)) => {
            tokio::time::timeout(timeout, follow_output(session, id, from)).await.ok().transpose()?
        }
        (false, timeout) => match session.client.wait_for_job(id, timeout).await? {
            Waited::Over(job) => Some(*job),
            Waited::TimedOut => None,
        },
    };
    let Some(job) = over else {
        session.console.notes.say(&format!("job {id} is not over yet; it goes on: oneoff wait {id}"));
        return Ok(Exit::WaitTimedOut);
    };
    if !waiting.follows {
        session.console.printer.one(&job)?;
    }
    truth(session, &job, waiting.exit_status).await
}

/// Prints the output of a job's attempts as it comes; the job as it ended.
pub(crate) async fn follow_output(session: &Session, id: &str, from: FollowFrom) -> Result<JobView, Failure> {
    let mut follower = session.client.follow_job(id, from);
    let mut sink = ChunkSink::new(&session.console.printer);
    while let Some(event) = follower.next().await? {
        match event {
            JobEvent::Started(execution) if execution.attempt == 0 => {}
            JobEvent::Started(execution) => {
                session.console.notes.say(&format!("attempt {} begins", execution.attempt + 1));
            }
            JobEvent::Output(chunks) => sink.write(&chunks)?,
            JobEvent::Over(job) => {
                sink.end()?;
                return Ok(*job);
            }
        }
    }
    Err(Failure::not_found(format!("job {id} has no end")))
}

/// Says how a job ended, and the exit code that tells it.
async fn truth(session: &Session, job: &JobView, exit_status: ExitStatus) -> Outcome {
    let exit = Exit::of_job_status(&job.status);
    let (reason, code) = match (&job.last_execution, exit) {
        (Some(execution), exit) if exit != Exit::Ok => {
            let execution = session.client.execution(execution).await?;
            let reason = execution.error.or(execution.reason).filter(|reason| *reason != job.status);
            let reason = reason.map(|reason| format!(": {}", escape_controls(&reason)));
            (reason.unwrap_or_default(), execution.exit_code)
        }
        _ => (String::new(), None),
    };
    session.console.notes.say(&format!("job {} {}{reason}", job.id, job.status));
    let own = code.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    Ok(match (exit_status, exit, own) {
        (ExitStatus::Propagate, Exit::JobFailed, Some(code)) => Exit::Job(code),
        _ => exit,
    })
}
