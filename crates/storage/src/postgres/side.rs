//! A second connection of a node that writes, for what does not wait behind its writer: the renewal of its lease, its
//! roles, and the numbering of events.

use super::connect::ServerConnector;
use crate::StoreError;
use crate::connection::AnyConnection;
use crate::failure::{WriteError, unavailable};
use oneoff_domain::{RequestScope, current_request};
use oneoff_faults::{Moment, Operations};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
enum Link {
    Up(AnyConnection),
    #[default]
    Down,
    Closed,
}

/// The connection, opened at its first use and again after it failed.
#[derive(Clone)]
pub(crate) struct SideConnection {
    connector: ServerConnector,
    link: Arc<Mutex<Link>>,
}

impl SideConnection {
    /// To this server.
    pub(crate) fn new(connector: ServerConnector) -> Self {
        Self { connector, link: Arc::default() }
    }

    /// Ends the connection, after the transaction that runs. None follows.
    pub(crate) fn close(&self) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = Link::Closed;
    }

    /// Runs a transaction that changes something. One after another: none takes long.
    pub(crate) async fn write<T, F>(&self, operation: &'static str, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        let operations = Arc::new(Operations::only(operation));
        let of_body = Arc::clone(&operations);
        let written = self.ask(move |conn| {
            let done = body(conn)?;
            of_body.reach(Moment::BeforeCommit);
            Ok(done)
        });
        let written = written.await?;
        operations.reach(Moment::AfterCommit);
        Ok(written)
    }

    /// Runs a transaction that changes nothing that is stored.
    pub(crate) async fn ask<T, F>(&self, body: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        let (this, asked_by) = (self.clone(), current_request());
        let work = move || {
            let _scope = RequestScope::enter(asked_by);
            this.run(body)
        };
        tokio::task::spawn_blocking(work).await.map_err(unavailable)?
    }

    fn run<T>(
        &self,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let mut conn = match std::mem::take(&mut *link) {
            Link::Up(conn) => conn,
            Link::Down => self.connector.writer().map_err(unavailable)?,
            Link::Closed => {
                *link = Link::Closed;
                return Err(StoreError::Closed);
            }
        };
        // A connection that failed is not kept.
        let done = conn.write_transaction(body)?;
        *link = Link::Up(conn);
        Ok(done)
    }
}
