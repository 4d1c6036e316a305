//! API keys as they are stored: a hash, never the key.

use crate::connection::{AnyBackend, AnyConnection};
use crate::error::StoreError;
use crate::failure::{WriteError, unavailable};
use crate::rows::{from_json, instant, to_json};
use crate::schema::api_keys;
use crate::startup::OpenDatabase;
use diesel::prelude::*;
use oneoff_domain::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A key to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its outer name, 32 hex characters.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the whole key in lower-case hex.
    pub key_hash: String,
    /// The first 15 characters of the key, for recognition.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its outer name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first 15 characters of the key.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(AnyBackend))]
struct ApiKeyRow {
    id: String,
    name: String,
    key_prefix: String,
    scopes: String,
    expires_at: Option<i64>,
    created_at: i64,
}

/// Stores a key.
pub(crate) fn insert(conn: &mut AnyConnection, now: Timestamp, key: NewApiKey) -> Result<ApiKey, WriteError> {
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(&key.id),
            api_keys::name.eq(&key.name),
            api_keys::key_hash.eq(&key.key_hash),
            api_keys::key_prefix.eq(&key.key_prefix),
            api_keys::scopes.eq(to_json("api_keys.scopes", &key.scopes)?),
            api_keys::expires_at.eq(key.expires_at.map(|at| at.as_micros())),
            api_keys::created_at.eq(now.as_micros()),
        ))
        .execute(conn)?;
    Ok(ApiKey {
        id: key.id,
        name: key.name,
        key_prefix: key.key_prefix,
        scopes: key.scopes,
        expires_at: key.expires_at,
        created_at: now,
    })
}

/// The key with this hash.
pub(crate) fn by_hash(conn: &mut AnyConnection, hash: &str) -> Result<Option<ApiKey>, WriteError> {
    let row = api_keys::table
        .filter(api_keys::key_hash.eq(hash))
        .select(ApiKeyRow::as_select())
        .get_result(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ApiKey {
        scopes: from_json("api_keys.scopes", &row.scopes)?,
        id: row.id,
        name: row.name,
        key_prefix: row.key_prefix,
        expires_at: row.expires_at.map(instant),
        created_at: instant(row.created_at),
    }))
}

/// Whether there is any key.
pub(crate) fn exists(conn: &mut AnyConnection) -> Result<bool, WriteError> {
    Ok(diesel::select(diesel::dsl::exists(api_keys::table.select(api_keys::id))).get_result(conn)?)
}

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

    /// Stores an API key; a server that runs knows it at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn create_api_key(&self, now: Timestamp, key: NewApiKey) -> Result<ApiKey, StoreError> {
        self.run(move |conn| conn.write_transaction(|conn| insert(conn, now, key))).await
    }

    /// The key with this hash, expired or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key_by_hash(&self, key_hash: String) -> Result<Option<ApiKey>, StoreError> {
        self.run(move |conn| by_hash(conn, &key_hash)).await
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
