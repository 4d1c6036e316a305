//! Reads: a pool of connections that cannot write, used on the runtime's blocking threads.
//!
//! A server that hangs says nothing at all, not even that a statement took too long. Who reads by one is answered in time
//! all the same, and the connections that hang, with the threads that wait for them, are left to themselves: others take
//! their place, as long as not too many hang.

use crate::StoreError;
use crate::condition::Condition;
use crate::connect::{Connector, ReaderManager};
use crate::connection::AnyConnection;
use crate::failure::{WriteError, unavailable};
use crate::left_behind::LeftBehind;
use crate::postgres::connect::ServerConnector;
use crate::read_gate::ReadGate;
use diesel::prelude::*;
use diesel::r2d2::Pool;
use oneoff_domain::{RequestScope, current_request};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

type ReaderPool = Pool<ReaderManager>;

/// A read that waits for longer is refused: more are asked for than can be done.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Nobody waits for longer for a read of a server, its turn and its connection included. The server itself ends each
/// statement before; where it does not, or where there were many that all took long, the read goes on without anybody.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// The server has said nothing for so long that nobody waits for it any more.
#[derive(Debug, thiserror::Error)]
#[error("the server has not answered within {} s", .0.as_secs())]
pub(crate) struct Silent(pub(crate) Duration);

/// Connections, and who may use them.
struct Lines {
    pool: ReaderPool,
    // As wide as the pool: who waits for a connection holds no thread.
    permits: Arc<Semaphore>,
    // The scheduler's own reads do not wait behind everybody else's.
    engine_permit: Arc<Semaphore>,
    // Held by each thread that reads.
    threads: Arc<()>,
}

impl Lines {
    fn new(pool: ReaderPool, count: u32) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(usize::try_from(count).unwrap_or(1)));
        Arc::new(Self { pool, permits, engine_permit: Arc::new(Semaphore::new(1)), threads: Arc::default() })
    }

    fn close(&self) {
        self.permits.close();
        self.engine_permit.close();
    }
}

/// The server that is read by.
struct Server {
    connector: ServerConnector,
    count: u32,
    answer_max: Duration,
    left_behind: LeftBehind<()>,
}

impl Server {
    fn lines(&self) -> Arc<Lines> {
        Lines::new(self.connector.readers(self.count + 1), self.count)
    }
}

/// What is read by.
enum Current {
    Open(Arc<Lines>),
    /// Those before hang. Others are opened for whoever reads next.
    GivenUp,
    Closed,
}

/// The readers.
pub(crate) struct Reader {
    current: Mutex<Current>,
    server: Option<Server>,
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
        let lines = Lines::new(connector.readers(count + 1), count);
        Self::of(Current::Open(lines), None, Some(Arc::clone(connector.condition())))
    }

    /// The same of a server.
    pub(crate) fn of_server(connector: &ServerConnector, count: u32) -> Self {
        let (connector, left_behind) = (connector.clone(), LeftBehind::default());
        let server = Server { connector, count: count.max(1), answer_max: ANSWER_MAX, left_behind };
        Self::of(Current::Open(server.lines()), Some(server), None)
    }

    fn of(current: Current, server: Option<Server>, condition: Option<Arc<Condition>>) -> Self {
        Self {
            current: Mutex::new(current),
            server,
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
        let condition = Some(Arc::clone(connector.condition()));
        Self { inline: Some(reader), ..Self::of(Current::Closed, None, condition) }
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
        let lines = self.lines()?;
        self.in_time(&lines, async {
            let permit = Arc::clone(&lines.permits).acquire_owned();
            let permit = tokio::time::timeout(self.wait_max, permit).await;
            let permit = permit.map_err(|_elapsed| StoreError::Overloaded)?;
            self.read_with(&lines, permit.map_err(|_closed| StoreError::Closed)?, query).await
        })
        .await
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
        let lines = self.lines()?;
        self.in_time(&lines, async {
            let permit = Arc::clone(&lines.engine_permit).acquire_owned().await;
            self.read_with(&lines, permit.map_err(|_closed| StoreError::Closed)?, query).await
        })
        .await
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lines(&self) -> Result<Arc<Lines>, StoreError> {
        let mut current = self.current();
        match (&*current, &self.server) {
            (Current::Open(lines), _) => Ok(Arc::clone(lines)),
            (Current::GivenUp, Some(server)) => {
                server.left_behind.check()?;
                let lines = server.lines();
                *current = Current::Open(Arc::clone(&lines));
                Ok(lines)
            }
            _ => Err(StoreError::Closed),
        }
    }

    /// Waits no longer than a server takes that answers, and uses other connections from then on.
    async fn in_time<T>(
        &self,
        lines: &Arc<Lines>,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(server) = &self.server else { return read.await };
        match tokio::time::timeout(server.answer_max, read).await {
            Ok(done) => done,
            Err(_elapsed) => {
                self.give_up(lines, server);
                Err(unavailable(Silent(server.answer_max)))
            }
        }
    }

    /// Leaves connections that hang to the threads that wait for them, unless somebody else has. They are closed when
    /// those threads end.
    fn give_up(&self, hung: &Arc<Lines>, server: &Server) {
        let mut current = self.current();
        if matches!(&*current, Current::Open(lines) if Arc::ptr_eq(lines, hung)) {
            tracing::warn!("reads hang: their connections are given up, and others are opened");
            server.left_behind.add(&hung.threads);
            *current = Current::GivenUp;
        }
    }

    async fn read_with<T, F>(
        &self,
        lines: &Lines,
        permit: OwnedSemaphorePermit,
        query: F,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        let reading = self.gate.enter().await;
        let (pool, thread) = (lines.pool.clone(), Arc::clone(&lines.threads));
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
            drop(thread);
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
        if let Current::Open(lines) = std::mem::replace(&mut *self.current(), Current::Closed) {
            lines.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::left_behind::tests::Hanging;
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

    #[tokio::test]
    async fn a_read_that_a_server_does_not_answer_ends_in_time_and_others_go_on() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let connector = ServerConnector::new(crate::DatabaseUrl::new(database.url()).unwrap());
        let mut reader = Reader::of_server(&connector, 1);
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let hang = move |_conn: &mut AnyConnection| Ok(waits.recv().is_ok());
        reader.read(|_conn| Ok(())).await.unwrap();
        reader.server.as_mut().unwrap().answer_max = Duration::from_millis(50);
        let silent = reader.read(hang).await.unwrap_err();
        assert!(matches!(&silent, StoreError::Unavailable(why) if why.is::<Silent>()), "{silent:?}");
        reader.server.as_mut().unwrap().answer_max = ANSWER_MAX;
        reader.read(|_conn| Ok(())).await.unwrap();
        go_on.send(()).unwrap();
    }

    #[tokio::test]
    async fn where_all_connections_hang_only_so_many_are_opened() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let connector = ServerConnector::new(crate::DatabaseUrl::new(database.url()).unwrap());
        let mut reader = Reader::of_server(&connector, 1);
        reader.server.as_mut().unwrap().answer_max = Duration::from_millis(50);
        let mut hanging = Hanging::default();
        loop {
            let error = reader.read(hanging.another()).await.unwrap_err();
            if hanging.is_bounded(&error) {
                break;
            }
        }
        drop(hanging);
        reader.server.as_mut().unwrap().answer_max = ANSWER_MAX;
        let deadline = std::time::Instant::now() + ANSWER_MAX;
        while let Err(error) = reader.read(|_conn| Ok(())).await {
            assert!(std::time::Instant::now() < deadline, "{error:?}");
        }
    }
}
