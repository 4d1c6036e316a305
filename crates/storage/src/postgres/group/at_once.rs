//! A group that only makes jobs, in a single statement that is a transaction by itself: it needs no locks that are taken
//! before and none that are held after, and each further statement is a way to the server and back.

use super::Live;
use super::wanted::Wanted;
use crate::connection::AnyConnection;
use crate::failure::{WriteError, server_commit_failed};
use crate::idempotency::Records;
use crate::postgres::gathered::Gathered;
use crate::postgres::over_rows::Together;
use crate::writer::request::Request;
use crate::writer::tx::{Effects, Node};
use crate::{Committed, StoreError};
use diesel::connection::TransactionManager;
use diesel::prelude::*;
use oneoff_faults::{Moment, Operations};

impl Live {
    /// Runs and commits; `None` where nothing was written and the requests are to run in the usual way.
    pub(super) fn execute_at_once(
        &mut self,
        node: &Node,
        requests: &mut [Box<dyn Request>],
        wanted: &Wanted,
    ) -> Result<Option<(Committed, Operations)>, StoreError> {
        self.forget_others();
        let (effects, statement) = match self.gather_all(node, requests, wanted) {
            Ok((effects, Some(statement))) => (effects, statement),
            Ok((_, None)) => return Ok(None),
            Err(error) => {
                tracing::debug!(%error, "requests could not be gathered");
                self.gathered = Gathered::default();
                return Ok(None);
            }
        };
        effects.operations.reach(Moment::BeforeCommit);
        if let Err(error) = statement.write(&mut self.conn) {
            self.shards.avoid();
            // A server that goes on to answer said itself that the statement failed, and undid it.
            return match self.still_answers() {
                Ok(()) => Ok(None),
                Err(gone) => {
                    tracing::debug!(%gone, "the connection is lost");
                    Err(server_commit_failed(error))
                }
            };
        }
        self.committed(effects).map(Some)
    }

    fn still_answers(&mut self) -> QueryResult<()> {
        self.conn.begin_write()?;
        AnyConnection::rollback_transaction(&mut self.conn)
    }

    fn gather_all(
        &mut self,
        node: &Node,
        requests: &mut [Box<dyn Request>],
        wanted: &Wanted,
    ) -> QueryResult<(Effects, Option<Together>)> {
        if let (Records::OfServer(known), false) = (&mut self.records, wanted.hashes.is_empty()) {
            known.look_for(&mut self.conn, &wanted.hashes)?;
        }
        let mut effects = Effects::default();
        for request in requests {
            self.gather(node, request.as_mut(), &mut effects)?;
        }
        self.gather_counts(node, &effects)?;
        let statement = self.gathered.take_as_one()?;
        Ok((effects, statement))
    }

    /// Runs a request that writes nothing but what is gathered.
    pub(super) fn gather(
        &mut self,
        node: &Node,
        request: &mut dyn Request,
        effects: &mut Effects,
    ) -> QueryResult<()> {
        let mark = self.gathered.mark();
        match self.run(node, request, true) {
            Ok(made) => effects.merge(made),
            Err(WriteError::Database(error)) => {
                self.gathered = Gathered::default();
                return Err(error);
            }
            Err(refused) => {
                self.gathered.forget_since(&mark);
                request.fail(refused.into());
            }
        }
        Ok(())
    }
}
