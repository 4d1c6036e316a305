//! Reads: a pool of connections that cannot write, used on the runtime's blocking threads.

use crate::StoreError;
use crate::condition::Condition;
use crate::connect::{Connector, ReaderManager};
use crate::failure::{RowError, WriteError, unavailable};
use crate::read_gate::ReadGate;
use diesel::prelude::*;
use diesel::r2d2::Pool;
use diesel::sqlite::SqliteConnection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

type ReaderPool = Pool<ReaderManager>;

/// The readers.
pub(crate) struct Reader {
    pool: Mutex<Option<ReaderPool>>,
    // As wide as the pool: who waits for a connection holds no thread.
    permits: Arc<Semaphore>,
    gate: Arc<ReadGate>,
    condition: Arc<Condition>,
    #[cfg(any(test, feature = "inline"))]
    inline: Option<crate::inline::InlineReader>,
}

impl Reader {
    /// `count` connections, opened as they are needed.
    pub(crate) fn new(connector: &Connector, count: u32) -> Self {
        let count = count.max(1);
        let permits = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(1)));
        Self {
            pool: Mutex::new(Some(connector.readers(count))),
            permits,
            gate: Arc::default(),
            condition: Arc::clone(connector.condition()),
            #[cfg(any(test, feature = "inline"))]
            inline: None,
        }
    }

    /// Reads on the caller's thread.
    #[cfg(any(test, feature = "inline"))]
    pub(crate) fn inline(reader: crate::inline::InlineReader, connector: &Connector) -> Self {
        Self {
            pool: Mutex::new(None),
            permits: Arc::new(Semaphore::new(0)),
            gate: Arc::default(),
            condition: Arc::clone(connector.condition()),
            inline: Some(reader),
        }
    }

    /// What is known of the file.
    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Where reads can be made to wait for a moment.
    pub(crate) fn gate(&self) -> Arc<ReadGate> {
        Arc::clone(&self.gate)
    }

    /// Runs `query` on a connection, within one transaction, so that all it reads is of one moment.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, WriteError> + Send + 'static,
    {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            return inline.read(query);
        }
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_closed| StoreError::Closed)?;
        let reading = self.gate.enter().await;
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let pool = pool.ok_or(StoreError::Closed)?;
        let condition = Arc::clone(&self.condition);
        let work = tokio::task::spawn_blocking(move || {
            let mut reader = pool.get().map_err(unavailable)?;
            let result = reader.conn.transaction(query).map_err(|error| condition.told(read_error(error)));
            drop(reader);
            drop(reading);
            drop(permit);
            result
        });
        work.await.map_err(unavailable)?
    }

    /// Closes the connections as they become idle; later reads are refused.
    pub(crate) fn close(&self) {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            inline.close();
        }
        self.permits.close();
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// What the caller of a read is told.
pub(crate) fn read_error(error: WriteError) -> StoreError {
    match error {
        WriteError::Refused(refusal) => refusal.into(),
        WriteError::Row(row) => StoreError::from(row),
        WriteError::Database(error) => error.into(),
        WriteError::Panicked(text) => RowError { place: "request", detail: text }.into(),
    }
}
