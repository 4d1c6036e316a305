//! A second connection of a node that writes, for what does not wait behind its writer: the renewal of its lease, its
//! roles, and the numbering of events. One that hangs with its server is given up, and another one is opened, as long as
//! not too many hang.

use super::connect::ServerConnector;
use crate::StoreError;
use crate::connection::AnyConnection;
use crate::failure::{WriteError, unavailable};
use crate::left_behind::LeftBehind;
use crate::reader::Silent;
use diesel::result::Error as DieselError;
use oneoff_domain::{RequestScope, current_request};
use oneoff_faults::{Moment, Operations};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A transaction that is not answered for longer never will be. What it changed holds its locks until the server has
/// undone it, or done it after all: nothing of a later one comes before that.
const ANSWER_MAX: Duration = Duration::from_secs(10);

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
    current: Arc<Mutex<Option<Line>>>,
    answer_max: Duration,
    left_behind: Arc<LeftBehind<Mutex<Link>>>,
}

/// A connection that one transaction after another uses. Another one takes its place when it hangs.
type Line = Arc<Mutex<Link>>;

/// The connection was given up while the transaction ran.
#[derive(Debug, thiserror::Error)]
#[error("the transaction took too long, and another connection took its place")]
struct GivenUp;

impl SideConnection {
    /// To this server.
    pub(crate) fn new(connector: ServerConnector) -> Self {
        Self { connector, current: Arc::default(), answer_max: ANSWER_MAX, left_behind: Arc::default() }
    }

    fn current(&self) -> MutexGuard<'_, Option<Line>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> Result<Line, StoreError> {
        let mut current = self.current();
        if current.is_none() {
            self.left_behind.check()?;
        }
        Ok(Arc::clone(current.get_or_insert_default()))
    }

    /// Ends the connection. A transaction that runs is undone, and none follows.
    pub(crate) fn close(&self) {
        *self.current() = Some(Arc::new(Mutex::new(Link::Closed)));
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
        let (this, asked_by, line) = (self.clone(), current_request(), self.line()?);
        let its_line = Arc::clone(&line);
        let work = move || {
            let _scope = RequestScope::enter(asked_by);
            this.run(&its_line, body)
        };
        match tokio::time::timeout(self.answer_max, tokio::task::spawn_blocking(work)).await {
            Ok(done) => done.map_err(unavailable)?,
            Err(_elapsed) => {
                self.give_up(&line);
                Err(StoreError::OutcomeUnknown(Arc::new(Silent(self.answer_max))))
            }
        }
    }

    fn give_up(&self, hung: &Line) {
        let mut current = self.current();
        if current.take_if(|current| Arc::ptr_eq(current, hung)).is_some() {
            self.left_behind.add(hung);
        }
    }

    fn check(&self, line: &Line) -> Result<(), WriteError> {
        match self.current().as_ref().is_some_and(|current| Arc::ptr_eq(current, line)) {
            true => Ok(()),
            false => Err(DieselError::QueryBuilderError(GivenUp.into()).into()),
        }
    }

    fn run<T>(
        &self,
        line: &Line,
        body: impl FnOnce(&mut AnyConnection) -> Result<T, WriteError>,
    ) -> Result<T, StoreError> {
        let mut link = line.lock().unwrap_or_else(PoisonError::into_inner);
        self.check(line)?;
        let mut conn = match std::mem::take(&mut *link) {
            Link::Up(conn) => conn,
            Link::Down => self.connector.writer().map_err(unavailable)?,
            Link::Closed => {
                *link = Link::Closed;
                return Err(StoreError::Closed);
            }
        };
        let in_time = |conn: &mut AnyConnection| {
            let done = body(conn)?;
            // What another connection has done since comes first.
            self.check(line)?;
            Ok::<T, WriteError>(done)
        };
        // A connection that failed is not kept.
        let done = conn.write_transaction(in_time)?;
        *link = Link::Up(conn);
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DatabaseUrl;
    use crate::left_behind::tests::Hanging;
    use diesel::prelude::*;
    use diesel::sql_query;
    use std::sync::mpsc::{Receiver, Sender, channel};

    fn mark(conn: &mut AnyConnection, mark: &str) -> Result<(), WriteError> {
        sql_query(format!("INSERT INTO marks VALUES ('{mark}')")).execute(conn)?;
        Ok(())
    }

    /// A transaction that hangs until it is told to go on, and that says when it has ended; `None` if it was given up before
    /// its thread began, as may be where there is much else to do.
    async fn hang(side: &SideConnection) -> Option<(Sender<()>, Receiver<()>)> {
        let ((go_on, waits), (began, begins), (ended, ends)) = (channel(), channel::<()>(), channel());
        let hangs = side.write("test", move |conn| {
            mark(conn, "hung")?;
            began.send(()).unwrap();
            let _told = waits.recv();
            drop::<Sender<()>>(ended);
            Ok(())
        });
        assert!(matches!(hangs.await, Err(StoreError::OutcomeUnknown(_))));
        begins.recv().ok().map(|()| (go_on, ends))
    }

    #[tokio::test]
    async fn a_transaction_that_hangs_is_given_up_and_leaves_nothing_behind() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        database.query("CREATE TABLE marks (mark text); GRANT ALL ON marks TO PUBLIC").unwrap();
        let connector = ServerConnector::new(DatabaseUrl::new(database.url()).unwrap());
        let mut side = SideConnection::new(connector);
        side.write("test", move |conn| mark(conn, "before")).await.unwrap();
        side.answer_max = Duration::from_millis(300);
        let (go_on, ends) = loop {
            if let Some(hanging) = hang(&side).await {
                break hanging;
            }
        };
        side.answer_max = ANSWER_MAX;
        side.write("test", move |conn| mark(conn, "after")).await.unwrap();
        go_on.send(()).unwrap();
        assert!(ends.recv().is_err());
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while database.query(open).unwrap().trim() != "0" {
            assert!(std::time::Instant::now() < deadline, "it is undone");
        }
        assert_eq!(database.query("SELECT string_agg(mark, ' ') FROM marks").unwrap().trim(), "before after");
        side.close();
        assert!(matches!(side.ask(|_conn| Ok(())).await, Err(StoreError::Closed)));
    }

    #[tokio::test]
    async fn where_all_connections_hang_only_so_many_are_opened() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let mut side = SideConnection::new(ServerConnector::new(DatabaseUrl::new(database.url()).unwrap()));
        side.answer_max = Duration::from_millis(50);
        let mut hanging = Hanging::default();
        loop {
            let error = side.ask(hanging.another()).await.unwrap_err();
            if hanging.is_bounded(&error) {
                break;
            }
        }
        drop(hanging);
        side.answer_max = ANSWER_MAX;
        let deadline = std::time::Instant::now() + ANSWER_MAX;
        while let Err(error) = side.ask(|_conn| Ok(())).await {
            assert!(std::time::Instant::now() < deadline, "{error:?}");
        }
    }
}
