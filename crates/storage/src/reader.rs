//! Reads: a pool of connections that cannot write, used on the runtime's blocking threads.

use crate::StoreError;
use crate::condition::Condition;
use crate::connect::{Connector, ReaderManager};
use crate::connection::AnyConnection;
use crate::failure::{WriteError, unavailable};
use crate::postgres::connect::ServerConnector;
use crate::read_gate::ReadGate;
use diesel::prelude::*;
use diesel::r2d2::Pool;
use oneoff_domain::{RequestScope, current_request};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type ReaderPool = Pool<ReaderManager>;

/// A read that waits for longer is refused: more are asked for than can be done.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The readers.
pub(crate) struct Reader {
    pool: Mutex<Option<ReaderPool>>,
    // As wide as the pool: who waits for a connection holds no thread.
    permits: Arc<Semaphore>,
    // The scheduler's own reads do not wait behind everybody else's.
    engine_permit: Arc<Semaphore>,
    wait_max: Duration,
    gate: Arc<ReadGate>,
    // Of a file.
    condition: Option<Arc<Condition>>,
    #[cfg(any(test, feature = "inline"))]
    inline: Option<crate::inline::InlineReader>,
}

impl Reader {
    /// `count` connections, opened as they are needed.
    pub(crate) fn new(connector: &Connector, count: u32) -> Self {
        let count = count.max(1);
        Self::of(connector.readers(count + 1), count, Some(Arc::clone(connector.condition())))
    }

    /// The same of a server.
    pub(crate) fn of_server(connector: &ServerConnector, count: u32) -> Self {
        let count = count.max(1);
        Self::of(connector.readers(count + 1), count, None)
    }

    fn of(pool: ReaderPool, count: u32, condition: Option<Arc<Condition>>) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(1)));
        Self {
            pool: Mutex::new(Some(pool)),
            permits,
            engine_permit: Arc::new(Semaphore::new(1)),
            wait_max: WAIT_MAX,
            gate: Arc::default(),
            condition,
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
            engine_permit: Arc::new(Semaphore::new(0)),
            wait_max: WAIT_MAX,
            gate: Arc::default(),
            condition: Some(Arc::clone(connector.condition())),
            inline: Some(reader),
        }
    }

    /// What is known of the file.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_deref()
    }

    /// Where reads can be made to wait for a moment.
    pub(crate) fn gate(&self) -> Arc<ReadGate> {
        Arc::clone(&self.gate)
    }

    /// Runs `query` on a connection, within one transaction, so that all it reads is of one moment.
    pub(crate) async fn read<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            return inline.read(query);
        }
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit =
            tokio::time::timeout(self.wait_max, permit).await.map_err(|_elapsed| StoreError::Overloaded)?;
        self.read_with(permit.map_err(|_closed| StoreError::Closed)?, query).await
    }

    /// The same for the scheduler itself, ahead of all others.
    pub(crate) async fn read_first<T, F>(&self, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        #[cfg(any(test, feature = "inline"))]
        if let Some(inline) = &self.inline {
            return inline.read(query);
        }
        let permit = Arc::clone(&self.engine_permit).acquire_owned().await;
        self.read_with(permit.map_err(|_closed| StoreError::Closed)?, query).await
    }

    async fn read_with<T, F>(&self, permit: OwnedSemaphorePermit, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        let reading = self.gate.enter().await;
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let pool = pool.ok_or(StoreError::Closed)?;
        let condition = self.condition.clone();
        let asked_by = current_request();
        let work = tokio::task::spawn_blocking(move || {
            let _scope = RequestScope::enter(asked_by);
            let mut reader = pool.get().map_err(unavailable)?;
            let result = reader.conn.transaction(query);
            let is_server = condition.is_none();
            reader.is_suspect = is_server && matches!(result, Err(WriteError::Database(_)));
            let told = |error| {
                let error = StoreError::from(error);
                condition.map_or(error.clone(), |file| file.told(error))
            };
            let result = result.map_err(told);
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
        self.engine_permit.close();
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::startup;

    #[tokio::test]
    async fn when_all_readers_are_busy_reads_are_refused_but_for_the_schedulers_own() {
        let directory = tempfile::tempdir().unwrap();
        let database = startup::open_locked(&directory.path().join("x.db")).unwrap();
        let reader = Reader { wait_max: Duration::from_millis(1), ..Reader::new(&database.connector, 1) };
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let (began, begins) = tokio::sync::oneshot::channel();
        let busy = reader.read(move |_conn| {
            began.send(()).unwrap();
            Ok(waits.recv().is_ok())
        });
        let others = async {
            begins.await.unwrap();
            assert!(matches!(reader.read(|_conn| Ok(())).await, Err(StoreError::Overloaded)));
            reader.read_first(|_conn| Ok(())).await.unwrap();
            go_on.send(()).unwrap();
        };
        let (busy, ()) = tokio::join!(busy, others);
        assert!(busy.unwrap());
        reader.read(|_conn| Ok(())).await.unwrap();
    }
}
