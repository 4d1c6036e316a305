//! Reads on the caller's thread, on one connection that cannot write.

use super::faults::Faults;
use crate::StoreError;
use crate::connect::{Connector, ReaderConnection};
use crate::connection::AnyConnection;
use crate::failure::{WriteError, unavailable};
use diesel::prelude::*;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

enum Link {
    NotYet,
    Open(ReaderConnection),
    Closed,
}

pub(crate) struct InlineReader {
    connection: Mutex<Link>,
    connector: Connector,
    faults: Arc<dyn Faults>,
}

impl InlineReader {
    pub(super) fn new(connector: Connector, faults: Arc<dyn Faults>) -> Self {
        Self { connection: Mutex::new(Link::NotYet), connector, faults }
    }

    /// Runs a query at once.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        if let Some(failure) = self.faults.read() {
            return Err(failure.error().into());
        }
        let mut connection = self.lock();
        if matches!(*connection, Link::NotYet) {
            *connection = Link::Open(self.connector.reader().map_err(unavailable)?);
        }
        match &mut *connection {
            Link::Open(reader) => reader.conn.transaction(query).map_err(StoreError::from),
            Link::NotYet | Link::Closed => Err(StoreError::Closed),
        }
    }

    /// Later reads are refused.
    pub(crate) fn close(&self) {
        *self.lock() = Link::Closed;
    }

    fn lock(&self) -> MutexGuard<'_, Link> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
