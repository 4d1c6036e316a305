//! Chains and their executions: what is written of them, and the step from one link to the next, which is part of the
//! transaction that ends the job of the one.

mod audit_of_chain;
mod cancel;
mod execute;
mod lists;
pub(crate) mod of_project;
mod previous;
mod records;
pub(crate) mod step;

use crate::connection::AnyConnection;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Page, PageRequest, Refusal, Store, StoreError, Written, rows};
use oneoff_domain::{
    Chain, ChainExecution, ChainExecutionId, ChainId, ChainStatus, Context, JobId, Origin, PreviousLink,
    Timestamp,
};

pub use execute::NewChainExecution;
pub use records::{ChainEdit, NewChain, no_job_of_link};

/// Which chains are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainFilter {
    /// Of this project.
    pub project_id: Option<String>,
    /// Of one of these projects.
    pub allowed_projects: Option<Vec<String>>,
}

/// Chains are sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainSort {
    /// By name, by its bytes.
    Name,
}

/// Which chain executions are listed; every part that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainExecutionFilter {
    /// Of this chain.
    pub chain_id: Option<ChainId>,
    /// One of these; empty is any.
    pub statuses: Vec<ChainStatus>,
    /// Of this project.
    pub project_id: Option<String>,
    /// Of one of these projects.
    pub allowed_projects: Option<Vec<String>>,
}

/// Chain executions are sorted by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainExecutionSort {
    /// By creation.
    CreatedAt,
}

/// How often a cancel looks again because a step came in between.
const TRIES_MAX: usize = 8;

pub(crate) fn no_chain(id: ChainId) -> Refusal {
    Refusal::NotFound { kind: "chain", id: id.to_string() }
}

pub(crate) fn no_execution(id: ChainExecutionId) -> Refusal {
    Refusal::NotFound { kind: "chain execution", id: id.to_string() }
}

impl Store {
    /// Stores a chain.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where a link names a job that is not there or that the actor may not touch,
    /// [`Refusal::NotFound`] of such a project, [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn create_chain(
        &self,
        context: Context,
        now: Timestamp,
        chain: NewChain,
    ) -> Result<Written<Chain>, StoreError> {
        let body = move |tx: &mut Tx<'_>| records::create(tx, &context, now, chain);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Edits a chain. Its executions keep what they began with.
    ///
    /// # Errors
    /// As [`Self::create_chain`], [`Refusal::VersionMismatch`], and [`Refusal::NotFound`] of the chain.
    pub async fn change_chain(
        &self,
        context: Context,
        now: Timestamp,
        id: ChainId,
        edit: ChainEdit,
    ) -> Result<Chain, StoreError> {
        let body = move |tx: &mut Tx<'_>| records::change(tx, &context, now, id, edit);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Removes a chain, and answers it as it was. Its executions stay, and those that are under way go on.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the database's.
    pub async fn delete_chain(
        &self,
        context: Context,
        now: Timestamp,
        id: ChainId,
    ) -> Result<Chain, StoreError> {
        let body = move |tx: &mut Tx<'_>| records::delete(tx, &context, now, id);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Begins an execution of a chain: what its links are to run is read in the same transaction, and the first job is
    /// made. `new_job_id` names the jobs.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] of the chain, [`Refusal::Invalid`] where a job is not there that a link names, or what is
    /// to be run is too large together, [`Refusal::VersionMismatch`], [`Refusal::IdempotencyMismatch`], or the
    /// database's.
    pub async fn execute_chain(
        &self,
        context: Context,
        now: Timestamp,
        new: NewChainExecution,
        new_job_id: impl FnMut() -> JobId + Send + 'static,
    ) -> Result<Written<ChainExecution>, StoreError> {
        let body = move |tx: &mut Tx<'_>| execute::execute(tx, &context, now, new, new_job_id);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Cancels an execution of a chain: the job of its active link is cancelled, and no other link starts.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Over`], [`Refusal::VersionMismatch`], [`Refusal::IdempotencyMismatch`], or
    /// the database's.
    pub async fn cancel_chain_execution(
        &self,
        context: Context,
        now: Timestamp,
        id: ChainExecutionId,
    ) -> Result<Written<ChainExecution>, StoreError> {
        for _ in 0..TRIES_MAX {
            let context = context.clone();
            let body = move |tx: &mut Tx<'_>| cancel::cancel(tx, &context, now, id);
            if let Some(written) = self.inner.writer.write(Lane::Api, body).await? {
                return Ok(written);
            }
        }
        Err(StoreError::Overloaded)
    }

    /// A chain.
    ///
    /// # Errors
    /// The database's.
    pub async fn chain(&self, id: ChainId) -> Result<Option<Chain>, StoreError> {
        self.inner.reader.read(move |conn| rows::chain::by_id(conn, id)).await
    }

    /// A page of chains. It may be shorter than its limit and still have a `next_cursor`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn chains(
        &self,
        filter: ChainFilter,
        page: PageRequest<ChainSort>,
    ) -> Result<Page<Chain>, StoreError> {
        self.inner.reader.read(move |conn| lists::chains(conn, &filter, &page)).await
    }

    /// An execution of a chain.
    ///
    /// # Errors
    /// The database's.
    pub async fn chain_execution(&self, id: ChainExecutionId) -> Result<Option<ChainExecution>, StoreError> {
        self.inner.reader.read(move |conn| rows::chain_execution::by_id(conn, id)).await
    }

    /// A page of chain executions. It may be shorter than its limit and still have a `next_cursor`.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn chain_executions(
        &self,
        filter: ChainExecutionFilter,
        page: PageRequest<ChainExecutionSort>,
    ) -> Result<Page<ChainExecution>, StoreError> {
        self.inner.reader.read(move |conn| lists::executions(conn, filter, &page)).await
    }

    /// What the job of a link is told of the link before it: the last one that was not skipped. `None` of the first,
    /// and of a job whose chain execution is not kept any more.
    ///
    /// # Errors
    /// The database's.
    pub async fn previous_link(
        &self,
        origin: Origin,
        max_bytes: usize,
    ) -> Result<Option<PreviousLink>, StoreError> {
        let query = move |conn: &mut AnyConnection| previous::previous(conn, &origin, max_bytes);
        self.inner.reader.read_first(query).await
    }
}
