//! Calls about chains and their executions.

use crate::jobs::{present, with_version};
use crate::transport::Call;
use crate::{Client, ClientError, idempotency};
use oneoff_api_types::{ChainExecutionView, ChainView, CreateChain, ExecuteChain, List, UpdateChain};
use reqwest::Method;
use serde_json::{Map, Value};
use std::time::Duration;

/// Which chains are listed, by name. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainQuery {
    /// The project.
    pub project_id: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which chain executions are listed, the latest first. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChainExecutionQuery {
    /// The chain.
    pub chain_id: Option<String>,
    /// One of these statuses.
    pub statuses: Vec<String>,
    /// The project.
    pub project_id: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl ChainQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        present([
            ("project_id", self.project_id.clone()),
            ("limit", self.limit.map(|rows| rows.to_string())),
            ("cursor", self.cursor.clone()),
        ])
    }
}

impl ChainExecutionQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let statuses = (!self.statuses.is_empty()).then(|| self.statuses.join(","));
        present([
            ("chain_id", self.chain_id.clone()),
            ("status", statuses),
            ("project_id", self.project_id.clone()),
            ("limit", self.limit.map(|rows| rows.to_string())),
            ("cursor", self.cursor.clone()),
        ])
    }
}

impl Client {
    /// Makes a chain, once however often the call is sent again for a lost connection.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_chain(&self, chain: &CreateChain) -> Result<ChainView, ClientError> {
        self.create_chain_with_key(chain, &idempotency::new_key()?).await
    }

    /// Makes a chain under an idempotency key: the same key never makes a second one.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_chain_with_key(
        &self,
        chain: &CreateChain,
        key: &str,
    ) -> Result<ChainView, ClientError> {
        self.data_once(Call::post(&["chains"]).json(chain)?, key).await
    }

    /// A page of chains.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn chains(&self, query: &ChainQuery) -> Result<List<ChainView>, ClientError> {
        self.json(&Call::get(&["chains"]).query(query.pairs())).await
    }

    /// A chain.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn chain(&self, id: &str) -> Result<ChainView, ClientError> {
        self.data(&Call::get(&["chains", id])).await
    }

    /// Edits a chain, if it still has the version `if_version` where one is given.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_chain(
        &self,
        id: &str,
        edit: &UpdateChain,
        if_version: Option<i64>,
    ) -> Result<ChainView, ClientError> {
        let call = Call::new(Method::PATCH, &["chains", id]).json(edit)?;
        self.data(&with_version(call, if_version)).await
    }

    /// Deletes a chain, if it still has the version `if_version` where one is given. Its executions stay.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_chain(&self, id: &str, if_version: Option<i64>) -> Result<(), ClientError> {
        self.empty(&with_version(Call::new(Method::DELETE, &["chains", id]), if_version)).await
    }

    /// Begins an execution of a chain, once however often the call is sent again for a lost connection.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn execute_chain(
        &self,
        id: &str,
        start: &ExecuteChain,
    ) -> Result<ChainExecutionView, ClientError> {
        self.execute_chain_with_key(id, start, &idempotency::new_key()?).await
    }

    /// Begins an execution of a chain under an idempotency key: the same key never begins a second one.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn execute_chain_with_key(
        &self,
        id: &str,
        start: &ExecuteChain,
        key: &str,
    ) -> Result<ChainExecutionView, ClientError> {
        self.data_once(Call::post(&["chains", id, "execute"]).json(start)?, key).await
    }

    /// A page of the executions of a chain.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn executions_of_chain(
        &self,
        id: &str,
        query: &ChainExecutionQuery,
    ) -> Result<List<ChainExecutionView>, ClientError> {
        self.json(&Call::get(&["chains", id, "executions"]).query(query.pairs())).await
    }

    /// A page of chain executions.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn chain_executions(
        &self,
        query: &ChainExecutionQuery,
    ) -> Result<List<ChainExecutionView>, ClientError> {
        self.json(&Call::get(&["chain-executions"]).query(query.pairs())).await
    }

    /// A chain execution.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn chain_execution(&self, id: &str) -> Result<ChainExecutionView, ClientError> {
        self.data(&Call::get(&["chain-executions", id])).await
    }

    /// A chain execution, as soon as it is over or `wait` (whole seconds, at most 60) has passed.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn chain_execution_after(
        &self,
        id: &str,
        wait: Duration,
    ) -> Result<ChainExecutionView, ClientError> {
        self.data(&Call::get(&["chain-executions", id]).wait(Some(wait))).await
    }

    /// Cancels a chain execution. One whose running job takes longer to end comes back as `running`, with
    /// `cancel_requested`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn cancel_chain_execution(&self, id: &str) -> Result<ChainExecutionView, ClientError> {
        let call = Call::post(&["chain-executions", id, "cancel"]).json(&Map::<String, Value>::new())?;
        self.data(&call).await
    }
}
