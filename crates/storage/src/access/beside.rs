//! The API keys of a database that a server may have open at the same time.

use super::api_key::{self, ApiKey, NewApiKey};
use super::change::{self, Rotated, Rotation};
use super::ledger::BesideLedger;
use crate::connection::AnyConnection;
use crate::error::StoreError;
use crate::failure::{WriteError, unavailable};
use crate::postgres::clock::time_of_server;
use crate::query::Page;
use crate::startup::OpenDatabase;
use oneoff_domain::{Clock, Context, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What API keys are written to.
enum Beside {
    File(OpenDatabase),
    Server(AnyConnection),
}

impl Beside {
    fn conn(&mut self) -> &mut AnyConnection {
        match self {
            Self::File(database) => &mut database.conn,
            Self::Server(conn) => conn,
        }
    }
}

/// The API keys of a database that a server may have open at the same time.
#[derive(Clone)]
pub struct ApiKeyStore {
    path: PathBuf,
    database: Arc<Mutex<Beside>>,
}

impl ApiKeyStore {
    pub(crate) fn of_file(database: OpenDatabase) -> Self {
        Self { path: database.path.clone(), database: Arc::new(Mutex::new(Beside::File(database))) }
    }

    pub(crate) fn of_server(address: PathBuf, conn: AnyConnection) -> Self {
        Self { path: address, database: Arc::new(Mutex::new(Beside::Server(conn))) }
    }

    /// The absolute path of the database; of one on a server, its address.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The time by which keys end: of a database on a server, the server's.
    ///
    /// # Errors
    /// The database's.
    pub async fn now(&self, local: Arc<dyn Clock>) -> Result<Timestamp, StoreError> {
        let now = move |conn: &mut AnyConnection| match conn {
            AnyConnection::Postgres(_) => Ok(time_of_server(conn, local.as_ref())?),
            AnyConnection::Sqlite(_) => Ok(local.now()),
        };
        self.run(now).await
    }

    /// Stores an API key; a server that runs knows it at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_api_key(
        &self,
        context: Context,
        now: Timestamp,
        key: NewApiKey,
    ) -> Result<ApiKey, StoreError> {
        self.write(move |ledger| change::create(ledger, &context, now, key)).await
    }

    /// Ends a key. Servers that run refuse it within a second.
    ///
    /// # Errors
    /// [`crate::Refusal::NotFound`], [`crate::AccessRefusal::LastAdminKey`] unless it is forced, or the database's.
    pub async fn revoke_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        force: bool,
    ) -> Result<ApiKey, StoreError> {
        self.write(move |ledger| change::revoke(ledger, &context, now, &id, force)).await
    }

    /// Makes a key in the place of another one.
    ///
    /// # Errors
    /// [`crate::Refusal::NotFound`], [`crate::AccessRefusal::NotRotatable`], or the database's.
    pub async fn rotate_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        rotation: Rotation,
    ) -> Result<Rotated, StoreError> {
        self.write(move |ledger| change::rotate(ledger, &context, now, &id, rotation)).await
    }

    /// A page of the keys, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_keys(
        &self,
        context: Context,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<ApiKey>, StoreError> {
        self.run(move |conn| api_key::list(conn, &context, limit, cursor.as_deref())).await
    }

    /// The key with this hash, valid or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_by_hash(&self, key_hash: String) -> Result<Option<ApiKey>, StoreError> {
        self.run(move |conn| api_key::by_hash(conn, &key_hash)).await
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut BesideLedger<'_>) -> Result<T, WriteError> + Send + 'static,
    {
        self.run(move |conn| conn.write_transaction(|conn| work(&mut BesideLedger(conn)))).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut AnyConnection) -> Result<T, WriteError> + Send + 'static,
    {
        let database = Arc::clone(&self.database);
        let work = tokio::task::spawn_blocking(move || {
            let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
            work(database.conn()).map_err(StoreError::from)
        });
        work.await.map_err(unavailable)?
    }
}
