//! The machine of inline mode: the real one, and failures where they are planned.

use super::faults::{Failure, Faults, GroupFault};
use crate::StoreError;
use crate::connect::{ConnectError, Connector};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::writer::machine::Machine;
use crate::writer::request::Request;
use crate::writer::tx::Tx;
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sqlite::SqliteConnection;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is tried out is the death of processes, which takes no written page away, and not of machines.
const WITHOUT_SYNC: &str = "PRAGMA synchronous = OFF";

impl Failure {
    /// The error with the words of SQLite, which is what the rest of the crate knows it by.
    pub(super) fn error(self) -> DieselError {
        let message = match self {
            Self::Io => "disk I/O error",
            Self::Full => "database or disk is full",
        };
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }
}

pub(super) struct PlannedMachine {
    faults: Arc<dyn Faults>,
    group: Mutex<Option<GroupFault>>,
}

impl PlannedMachine {
    pub(super) fn new(faults: Arc<dyn Faults>) -> Self {
        Self { faults, group: Mutex::new(None) }
    }

    /// A group begins: answers what goes wrong with it.
    pub(super) fn begin_group(&self) -> Option<GroupFault> {
        let fault = self.faults.group();
        *self.group() = fault;
        fault
    }

    fn group(&self) -> MutexGuard<'_, Option<GroupFault>> {
        self.group.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for PlannedMachine {
    fn now(&self) -> Instant {
        self.faults.now()
    }

    fn connect(&self, connector: &Connector) -> Result<SqliteConnection, ConnectError> {
        if let Some(failure) = self.faults.reopen() {
            return Err(failure.error().into());
        }
        let mut conn = connector.writer()?;
        skip_syncs(&mut conn)?;
        Ok(conn)
    }

    fn moves_arrivals(&self) -> QueryResult<()> {
        self.faults.moving().map_or(Ok(()), |failure| Err(failure.error()))
    }

    fn commit(&self, conn: &mut AnyConnection) -> QueryResult<()> {
        match self.group().take() {
            Some(GroupFault::CommitLost(failure)) => Err(failure.error()),
            Some(GroupFault::CommitDone) => {
                AnyConnection::commit_transaction(conn).and(Err(Failure::Io.error()))
            }
            Some(GroupFault::Within { .. }) | None => AnyConnection::commit_transaction(conn),
        }
    }
}

pub(super) fn skip_syncs(conn: &mut SqliteConnection) -> QueryResult<()> {
    conn.batch_execute(WITHOUT_SYNC)
}

/// A request that fails as a statement does on a disk that fails.
pub(super) struct FailingRequest(pub(super) Failure);

impl Request for FailingRequest {
    fn run(&mut self, _tx: &mut Tx<'_>) -> Result<(), WriteError> {
        Err(self.0.error().into())
    }

    fn fail(&mut self, _error: StoreError) {}

    fn answer(self: Box<Self>) {}

    fn answer_error(self: Box<Self>, _error: StoreError) {}
}
