//! Chains: make, read, edit, delete, execute, wait, cancel.

use super::Service;
use super::chain_draft::{ChainDraft, ChainPatch};
use super::jobs::deadline_after;
use super::validate::Checks;
use crate::{Schedule, ServiceError};
use oneoff_domain::chain_step::{Then, advance};
use oneoff_domain::{
    Chain, ChainExecution, ChainExecutionId, ChainId, ChainLink, Context, JobDefinition, JobId, LinkSource,
    LinkStatus, Timestamp,
};
use oneoff_storage::{
    ChainExecutionFilter, ChainExecutionSort, ChainFilter, ChainSort, NewChain, NewChainExecution, Page,
    PageRequest, Refusal, Written, no_job_of_link,
};
use std::time::Duration;
use tokio::time::Instant;

/// How long cancelling waits for the job of the active link to be over.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

impl Service {
    /// Makes a chain.
    ///
    /// # Errors
    /// [`ServiceError`]: everything that is wrong with the draft, or a store that cannot take it.
    pub async fn create_chain(
        &self,
        context: Context,
        draft: ChainDraft,
    ) -> Result<Written<Chain>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let (mut new, new_tags) = self.plan_chain(&context, draft, now)?;
        if !context.dry_run {
            self.make_tags(&context, new_tags, definitions(&mut new.links)).await?;
            return Ok(self.inner.store.create_chain(context, now, new).await?);
        }
        let value = preview_of(new, &context, now);
        self.definitions_of(&context, &value.links).await?;
        Ok(Written { value, replayed: false })
    }

    /// A chain, if the caller may see its project.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn chain(&self, context: &Context, id: ChainId) -> Result<Chain, ServiceError> {
        let found = self.inner.store.chain(id).await?;
        found.filter(|chain| is_allowed(context, &chain.project_id)).ok_or_else(|| refused("chain", id))
    }

    /// A page of the chains whose projects the caller may see.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one.
    pub async fn chains(
        &self,
        context: &Context,
        filter: ChainFilter,
        page: PageRequest<ChainSort>,
    ) -> Result<Page<Chain>, ServiceError> {
        let filter = ChainFilter { allowed_projects: context.allowed_projects.clone(), ..filter };
        Ok(self.inner.store.chains(filter, page).await?)
    }

    /// Edits a chain: all of it or nothing. Its executions keep what they began with.
    ///
    /// # Errors
    /// [`ServiceError`]: everything that is wrong with the edit, or a store that cannot take it.
    pub async fn update_chain(
        &self,
        context: Context,
        id: ChainId,
        patch: ChainPatch,
    ) -> Result<Chain, ServiceError> {
        self.accepting()?;
        let now = self.now();
        // A chain does not change its project.
        let before = self.chain(&context, id).await?;
        let (mut edit, new_tags) = self.plan_chain_edit(&context, patch, &before.project_id, now)?;
        if !context.dry_run {
            self.make_tags(&context, new_tags, edit.links.iter_mut().flat_map(|links| definitions(links)))
                .await?;
            return Ok(self.inner.store.change_chain(context, now, id, edit).await?);
        }
        check_version(&context, before.version)?;
        let after = Chain {
            name: edit.name.unwrap_or(before.name),
            description: edit.description.unwrap_or(before.description),
            links: edit.links.unwrap_or(before.links),
            updated_at: now,
            version: before.version + 1,
            ..before
        };
        self.definitions_of(&context, &after.links).await?;
        Ok(after)
    }

    /// Removes a chain; answers it as it was. Its executions stay, and those that are under way go on.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it does not exist.
    pub async fn delete_chain(&self, context: Context, id: ChainId) -> Result<Chain, ServiceError> {
        self.accepting()?;
        if context.dry_run {
            let chain = self.chain(&context, id).await?;
            check_version(&context, chain.version)?;
            return Ok(chain);
        }
        Ok(self.inner.store.delete_chain(context, self.now(), id).await?)
    }

    /// Begins an execution of a chain: what its links are to run is what they are now, and the first job starts at the
    /// time of `schedule`, or now if that says nothing.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the chain does not exist; [`ServiceError::Invalid`] for a bad time, and where a
    /// job is not there that a link names.
    pub async fn execute_chain(
        &self,
        context: Context,
        id: ChainId,
        schedule: Schedule,
    ) -> Result<Written<ChainExecution>, ServiceError> {
        self.accepting()?;
        let now = self.now();
        let mut checks = Checks::default();
        let immediate = schedule.immediate || schedule.at.is_none();
        let time = self.time(&Schedule { immediate, ..schedule }, now, &mut checks);
        checks.into_result()?;
        let random = self.inner.random.clone();
        let new = NewChainExecution {
            id: ChainExecutionId::generate(now, random.as_ref()),
            chain_id: id,
            scheduled_at: time.instant.unwrap_or(now),
        };
        let new_job_id = move || JobId::generate(now, random.as_ref());
        if !context.dry_run {
            return Ok(self.inner.store.execute_chain(context, now, new, new_job_id).await?);
        }
        let chain = self.chain(&context, id).await?;
        check_version(&context, chain.version)?;
        let mut checks = Checks::default();
        self.check_project(&context, &chain.project_id, &mut checks);
        checks.into_result()?;
        let definitions = self.definitions_of(&context, &chain.links).await?;
        let (named, who_and_when) = ((new.id, new.scheduled_at), (context.actor.label(), now));
        let mut value = ChainExecution::of(chain, &definitions, named, who_and_when, new_job_id);
        begin(&mut value, now);
        Ok(Written { value, replayed: false })
    }

    /// An execution of a chain, if the caller may see its project.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or a store that does not answer.
    pub async fn chain_execution(
        &self,
        context: &Context,
        id: ChainExecutionId,
    ) -> Result<ChainExecution, ServiceError> {
        let found = self.inner.store.chain_execution(id).await?;
        let found = found.filter(|execution| is_allowed(context, &execution.project_id));
        found.ok_or_else(|| refused("chain execution", id))
    }

    /// A page of the chain executions whose projects the caller may see.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one.
    pub async fn chain_executions(
        &self,
        context: &Context,
        filter: ChainExecutionFilter,
        page: PageRequest<ChainExecutionSort>,
    ) -> Result<Page<ChainExecution>, ServiceError> {
        let filter = ChainExecutionFilter { allowed_projects: context.allowed_projects.clone(), ..filter };
        Ok(self.inner.store.chain_executions(filter, page).await?)
    }

    /// Waits until an execution of a chain is over or `timeout` has passed; answers it as it is then.
    ///
    /// # Errors
    /// As [`Self::chain_execution`].
    pub async fn wait_for_chain_execution(
        &self,
        context: &Context,
        id: ChainExecutionId,
        timeout: Duration,
    ) -> Result<ChainExecution, ServiceError> {
        let deadline = deadline_after(timeout);
        let mut execution = self.chain_execution(context, id).await?;
        loop {
            // It changes only together with the job of its active link.
            let active = execution.active_link().map(|link| link.job_id);
            let Some(job) = active.filter(|_| Instant::now() < deadline) else { return Ok(execution) };
            let mut watch = self.inner.mailbox.watch_job(job);
            execution = self.chain_execution(context, id).await?;
            if execution.active_link().map(|link| link.job_id) == Some(job) {
                let _timed_out = tokio::time::timeout_at(deadline, watch.changed()).await;
                execution = self.chain_execution(context, id).await?;
            }
        }
    }

    /// Cancels an execution of a chain: the job of its active link is told to end, and no other link starts. Answers
    /// when that has ended or after five seconds, with `cancel_requested` set.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it is over, or does not exist.
    pub async fn cancel_chain_execution(
        &self,
        context: Context,
        id: ChainExecutionId,
    ) -> Result<Written<ChainExecution>, ServiceError> {
        if context.dry_run {
            let value = self.chain_execution(&context, id).await?;
            check_version(&context, value.version)?;
            if value.status.is_final() {
                let (id, status) = (id.to_string(), value.status.to_string());
                return Err(ServiceError::Refused(Refusal::Over { kind: "chain execution", id, status }));
            }
            return Ok(Written {
                value: ChainExecution { cancel_requested: true, ..value },
                replayed: false,
            });
        }
        let written = self.inner.store.cancel_chain_execution(context.clone(), self.now(), id).await?;
        // The cancel is recorded. That the record was removed since, or cannot be read, takes nothing of it back.
        let over = self.wait_for_chain_execution(&context, id, CANCEL_WAIT).await;
        Ok(Written { value: over.unwrap_or(written.value), replayed: written.replayed })
    }

    /// What the links would run now. Every job that a link names has to be there, and the caller has to be one who may
    /// touch it.
    async fn definitions_of(
        &self,
        context: &Context,
        links: &[ChainLink],
    ) -> Result<Vec<JobDefinition>, ServiceError> {
        let mut checks = Checks::default();
        let mut definitions = Vec::with_capacity(links.len());
        for (index, link) in links.iter().enumerate() {
            let id = match &link.source {
                LinkSource::Job(id) => id,
                LinkSource::Definition(definition) => {
                    definitions.push(definition.as_ref().clone());
                    continue;
                }
            };
            let job = self.inner.store.job(*id).await?;
            match job.filter(|job| is_allowed(context, &job.definition.project_id)) {
                Some(job) => definitions.push(job.definition),
                None => checks.add(no_job_of_link(index, id)),
            }
        }
        checks.into_result()?;
        Ok(definitions)
    }
}

/// What the store does with a new execution first.
fn begin(execution: &mut ChainExecution, now: Timestamp) {
    let next = advance(&execution.states(), false);
    for (index, reason) in next.skips {
        if let Some(link) = execution.links.get_mut(index) {
            link.skip(reason, now);
        }
    }
    match next.then {
        Then::Wait => {}
        Then::Start(index) => {
            if let Some(link) = execution.links.get_mut(index) {
                link.status = LinkStatus::Scheduled;
            }
        }
        Then::End(status) => {
            execution.status = status;
            execution.ended_at = Some(now);
        }
    }
}

fn is_allowed(context: &Context, project: &str) -> bool {
    context.allowed_projects.as_ref().is_none_or(|allowed| allowed.iter().any(|name| name == project))
}

fn refused(kind: &'static str, id: impl ToString) -> ServiceError {
    ServiceError::Refused(Refusal::NotFound { kind, id: id.to_string() })
}

fn check_version(context: &Context, actual: i64) -> Result<(), ServiceError> {
    match context.if_match.filter(|expected| *expected != actual) {
        Some(expected) => Err(ServiceError::Refused(Refusal::VersionMismatch { expected, actual })),
        None => Ok(()),
    }
}

/// A new chain as it would be stored.
fn preview_of(new: NewChain, context: &Context, now: Timestamp) -> Chain {
    let NewChain { id, name, description, project_id, links } = new;
    let created_by = Some(context.actor.label());
    Chain {
        key: 0,
        id,
        name,
        description,
        project_id,
        links,
        created_by,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}

/// What the links define themselves.
fn definitions(links: &mut [ChainLink]) -> impl Iterator<Item = &mut JobDefinition> {
    links.iter_mut().filter_map(|link| match &mut link.source {
        LinkSource::Definition(definition) => Some(definition.as_mut()),
        LinkSource::Job(_) => None,
    })
}
