//! Lists of any length, page by page.

use crate::{Client, ClientError, ExecutionQuery, JobQuery};
use oneoff_api_types::{ExecutionView, JobView, List};
use std::future::Future;

/// A query whose answer has pages.
pub trait PageQuery: Send {
    /// A row.
    type Row: Send;

    /// Asks for the page that begins at the query's cursor.
    fn page(&self, client: &Client) -> impl Future<Output = Result<List<Self::Row>, ClientError>> + Send;
    /// Moves on to the page that begins there.
    fn set_cursor(&mut self, cursor: String);
}

impl PageQuery for JobQuery {
    type Row = JobView;

    async fn page(&self, client: &Client) -> Result<List<JobView>, ClientError> {
        client.jobs(self).await
    }

    fn set_cursor(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

impl PageQuery for ExecutionQuery {
    type Row = ExecutionView;

    async fn page(&self, client: &Client) -> Result<List<ExecutionView>, ClientError> {
        client.executions(self).await
    }

    fn set_cursor(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

/// The pages of a list, asked for one after another.
#[derive(Debug, Clone)]
pub struct Pages<Q> {
    client: Client,
    query: Option<Q>,
}

impl<Q: PageQuery> Pages<Q> {
    pub(crate) fn new(client: Client, query: Q) -> Self {
        Self { client, query: Some(query) }
    }

    /// The rows of the next page; `None` after the last one.
    ///
    /// # Errors
    /// Any [`ClientError`]. The same page is asked for again by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<Q::Row>>, ClientError> {
        let Some(query) = &mut self.query else { return Ok(None) };
        let page = query.page(&self.client).await?;
        match page.next_cursor {
            Some(cursor) => query.set_cursor(cursor),
            None => self.query = None,
        }
        Ok(Some(page.data))
    }

    /// Whether the page that came last was not the last one.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.query.is_some()
    }
}
