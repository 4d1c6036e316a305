//! A chain as an embedding program writes it down, and what a handle does with chains.

use crate::handle::context;
use crate::{Error, Handle, NewJob};
use oneoff_domain::{Chain, ChainExecution, ChainExecutionId, ChainId, JobId, LinkRule};
use oneoff_scheduler::{ChainDraft, JobDraft, LinkDraft, LinkJob, Schedule};
use std::time::Duration;

/// Jobs that run one after another. The time of a job that is put into a chain does not count: its turn does.
///
/// ```
/// use oneoff::{LinkRule, NewChain, NewJob, RunIf};
/// let chain = NewChain::new("nightly")
///     .then(NewJob::new("export"))
///     .then(NewJob::new("upload").retries(3))
///     .then_if(NewJob::new("alert"), LinkRule { run_if: RunIf::Failure, stop_on_failure: false });
/// # let _ = chain;
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NewChain {
    draft: ChainDraft,
}

impl NewChain {
    /// A chain without links.
    pub fn new(name: impl Into<String>) -> Self {
        Self { draft: ChainDraft { name: name.into(), ..ChainDraft::default() } }
    }

    /// More of it.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.draft.description = Some(description.into());
        self
    }

    /// The project of the chain and of its jobs.
    #[must_use]
    pub fn project(mut self, project: impl Into<String>) -> Self {
        self.draft.project_id = Some(project.into());
        self
    }

    /// Adds a link that runs while none has failed, and whose failure stops the chain.
    #[must_use]
    pub fn then(self, job: NewJob) -> Self {
        self.then_if(job, LinkRule::default())
    }

    /// Adds a link with a rule of its own.
    #[must_use]
    pub fn then_if(mut self, job: NewJob, rule: LinkRule) -> Self {
        let mut draft = JobDraft::from(job);
        draft.schedule = Schedule { at: None, immediate: false, ..draft.schedule };
        self.draft.links.push(LinkDraft { job: LinkJob::Inline(Box::new(draft)), rule });
        self
    }

    /// Adds a link that runs a copy of what this job is when the chain is executed.
    #[must_use]
    pub fn then_copy_of(mut self, job: JobId, rule: LinkRule) -> Self {
        self.draft.links.push(LinkDraft { job: LinkJob::CopyOf(job), rule });
        self
    }
}

impl Handle {
    /// Makes a chain. It runs when it is executed.
    ///
    /// # Errors
    /// Every field that is wrong, or that the store failed.
    pub async fn create_chain(&self, chain: NewChain) -> Result<Chain, Error> {
        Ok(self.service().create_chain(context(), chain.draft).await?.value)
    }

    /// Begins an execution of a chain, at once.
    ///
    /// # Errors
    /// There is no such chain, or no job that one of its links names, or the store failed.
    pub async fn execute_chain(&self, id: ChainId) -> Result<ChainExecution, Error> {
        Ok(self.service().execute_chain(context(), id, Schedule::at("now")).await?.value)
    }

    /// Begins an execution of a chain whose first job starts at a time expression.
    ///
    /// # Errors
    /// As [`Self::execute_chain`], and a time that is not understood or has passed.
    pub async fn execute_chain_at(&self, id: ChainId, time: &str) -> Result<ChainExecution, Error> {
        Ok(self.service().execute_chain(context(), id, Schedule::at(time)).await?.value)
    }

    /// An execution of a chain as it is now.
    ///
    /// # Errors
    /// There is no such chain execution, or the store failed.
    pub async fn chain_execution(&self, id: ChainExecutionId) -> Result<ChainExecution, Error> {
        Ok(self.service().chain_execution(&context(), id).await?)
    }

    /// Waits until an execution of a chain is over, or until `timeout` has passed; answers it as it is then.
    ///
    /// # Errors
    /// There is no such chain execution, or the store failed.
    pub async fn wait_for_chain(
        &self,
        id: ChainExecutionId,
        timeout: Duration,
    ) -> Result<ChainExecution, Error> {
        Ok(self.service().wait_for_chain_execution(&context(), id, timeout).await?)
    }

    /// Cancels an execution of a chain: its running job ends, and no other starts.
    ///
    /// # Errors
    /// There is no such chain execution, it is over, or the store failed.
    pub async fn cancel_chain(&self, id: ChainExecutionId) -> Result<ChainExecution, Error> {
        Ok(self.service().cancel_chain_execution(context(), id).await?.value)
    }
}
