//! The step from one link of a chain execution to the next. It is part of the transaction that changes the job of the
//! link, so that no crash comes between, and nothing has to look for it afterwards.
//!
//! It refuses nothing: it is part of claims and finishes, which are not undone alone. A definition that cannot be read
//! any more fails its link.

use crate::failure::WriteError;
use crate::job_write::{NewJob, create_accepted};
use crate::rows::chain_execution as rows;
use crate::writer::tx::Tx;
use oneoff_domain::chain_step::{Then, advance};
use oneoff_domain::{
    Actor, ChainExecution, ChainExecutionId, ChainStatus, Context, EventKind, ExecutionId, Job, JobId,
    JobState, LinkExecution, LinkStatus, NewEvent, Origin, OriginKind, SkipReason, Timestamp,
};
use serde_json::{Map, Value, json};

/// What happened to the job of a link.
struct News<'a> {
    kind: EventKind,
    execution: Option<ExecutionId>,
    data: &'a Map<String, Value>,
}

impl News<'_> {
    fn exit_code(&self) -> Option<i32> {
        self.data.get("exit_code")?.as_i64()?.try_into().ok()
    }

    fn reason(&self) -> Option<String> {
        match self.kind {
            EventKind::JobMissed => Some("missed".to_owned()),
            EventKind::JobDeleted => Some("deleted".to_owned()),
            EventKind::JobCancelled => Some("cancelled".to_owned()),
            _ => Some(self.data.get("reason")?.as_str()?.to_owned()),
        }
    }

    /// Where the link stands after it; `None` if it is nothing to the chain.
    fn status(&self) -> Option<LinkStatus> {
        match self.kind {
            EventKind::JobStarted => Some(LinkStatus::Running),
            EventKind::JobRetrying => Some(LinkStatus::Scheduled),
            EventKind::JobCompleted => Some(LinkStatus::Completed),
            EventKind::JobFailed | EventKind::JobMissed => Some(LinkStatus::Failed),
            EventKind::JobCancelled | EventKind::JobDeleted => Some(LinkStatus::Cancelled),
            _ => None,
        }
    }
}

/// Follows the job of a link, of which an event was just written.
pub(crate) fn follow(
    tx: &mut Tx<'_>,
    now: Timestamp,
    kind: EventKind,
    job: &Job,
    execution: Option<ExecutionId>,
    data: &Map<String, Value>,
) -> Result<(), WriteError> {
    let Some(Origin { kind: OriginKind::Chain, id, index }) = &job.origin else { return Ok(()) };
    let news = News { kind, execution, data };
    let Some(status) = news.status() else { return Ok(()) };
    let Ok(id) = id.parse::<ChainExecutionId>() else { return Ok(()) };
    let mut chain = match rows::to_change(tx.conn, id) {
        Ok(Some(chain)) => chain,
        Ok(None) => return Ok(()),
        Err(WriteError::Row(error)) => {
            tracing::error!(%id, %error, "a chain execution does not go on: its rows cannot be read");
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let of_job = |link: &&mut LinkExecution| link.index == *index && link.job_id == job.id;
    let Some(link) = chain.links.iter_mut().find(of_job) else { return Ok(()) };
    // A job that runs again after its end does so for itself.
    if !link.status.is_active() {
        return Ok(());
    }
    change_link(link, status, &news, now);
    rows::update_link(tx.conn, chain.key, link)?;
    chain.version += 1;
    if status == LinkStatus::Running && chain.status == ChainStatus::Scheduled {
        chain.status = ChainStatus::Running;
        chain.started_at = Some(now);
        tell(tx, now, &chain, EventKind::ChainExecutionStarted, Some(job.id))?;
    }
    if status.is_over() {
        go_on(tx, now, now, &mut chain, Some(job.id))?;
        tx.effects.operations.add("chain_step");
    }
    Ok(rows::update(tx.conn, &chain)?)
}

fn change_link(link: &mut LinkExecution, status: LinkStatus, news: &News<'_>, now: Timestamp) {
    link.status = status;
    link.execution_id = news.execution.or(link.execution_id);
    if status == LinkStatus::Running {
        link.started_at = link.started_at.or(Some(now));
        return;
    }
    link.reason = news.reason();
    // A job that ends while it waits has no execution but its last one.
    if news.execution.is_some() {
        link.exit_code = news.exit_code();
    }
    if status.is_over() {
        link.ended_at = Some(now);
    }
}

/// Does what follows from the present state of the links: skips those that do not run, makes the job of the next one
/// for `start_at`, or ends the execution. Writes all of it but the row of the execution itself. `cause` is the job that ended.
pub(super) fn go_on(
    tx: &mut Tx<'_>,
    now: Timestamp,
    start_at: Timestamp,
    chain: &mut ChainExecution,
    cause: Option<JobId>,
) -> Result<(), WriteError> {
    loop {
        let next = advance(&chain.states(), chain.cancel_requested);
        for (index, reason) in next.skips {
            skip(tx, now, chain, index, reason)?;
        }
        match next.then {
            Then::Wait => return Ok(()),
            Then::Start(index) if start(tx, now, start_at, chain, index)? => return Ok(()),
            // It failed at once: what follows from that?
            Then::Start(_) => {}
            Then::End(status) => return end(tx, now, chain, status, cause),
        }
    }
}

fn skip(
    tx: &mut Tx<'_>,
    now: Timestamp,
    chain: &mut ChainExecution,
    index: usize,
    reason: SkipReason,
) -> Result<(), WriteError> {
    let key = chain.key;
    let Some(link) = chain.links.get_mut(index) else { return Ok(()) };
    link.skip(reason, now);
    Ok(rows::update_link(tx.conn, key, link)?)
}

/// Makes the job of a link; `false` if that cannot be, and the link has failed.
fn start(
    tx: &mut Tx<'_>,
    now: Timestamp,
    at: Timestamp,
    chain: &mut ChainExecution,
    index: usize,
) -> Result<bool, WriteError> {
    let (key, id) = (chain.key, chain.id);
    let Some(link) = chain.links.get_mut(index) else { return Ok(true) };
    let definition = match rows::definition(tx.conn, key, link.index) {
        Ok(definition) => definition,
        Err(WriteError::Row(error)) => {
            tracing::error!(chain_execution = %id, %error, "a link fails: its definition cannot be read");
            link.status = LinkStatus::Failed;
            link.reason = Some("unreadable".to_owned());
            link.ended_at = Some(now);
            rows::update_link(tx.conn, key, link)?;
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    link.status = LinkStatus::Scheduled;
    rows::update_link(tx.conn, key, link)?;
    let job = NewJob {
        id: link.job_id,
        definition,
        state: JobState::scheduled(at, None),
        origin: Some(Origin { kind: OriginKind::Chain, id: id.to_string(), index: link.index }),
        created_by: Actor::System,
    };
    create_accepted(tx, &Context::new(Actor::System), now, job)?;
    Ok(true)
}

fn end(
    tx: &mut Tx<'_>,
    now: Timestamp,
    chain: &mut ChainExecution,
    status: ChainStatus,
    cause: Option<JobId>,
) -> Result<(), WriteError> {
    chain.status = status;
    chain.ended_at = Some(now);
    let kind = match status {
        ChainStatus::Failed => EventKind::ChainExecutionFailed,
        ChainStatus::Cancelled => EventKind::ChainExecutionCancelled,
        ChainStatus::Scheduled | ChainStatus::Running | ChainStatus::Completed => {
            EventKind::ChainExecutionCompleted
        }
    };
    tell(tx, now, chain, kind, cause)
}

/// Writes an event of a chain execution.
fn tell(
    tx: &mut Tx<'_>,
    now: Timestamp,
    chain: &ChainExecution,
    kind: EventKind,
    job_id: Option<JobId>,
) -> Result<(), WriteError> {
    let failed = chain.failed_link().map(|link| link.index + 1);
    let fields = [
        ("chain_id", json!(chain.chain_id)),
        ("chain_name", json!(chain.chain_name)),
        ("chain_execution_id", json!(chain.id)),
        ("status", json!(chain.status)),
        ("links", json!(chain.links.len())),
        ("failed_link", json!(failed)),
    ];
    let data = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let event = NewEvent { kind, job_id, execution_id: None, project_id: chain.project_id.clone(), data };
    tx.record(now, &event)
}
