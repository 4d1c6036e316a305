//! Opening a store on a server: many nodes may do so at once.

use super::ServerSide;
use super::address::DatabaseUrl;
use super::clock::MeasuredOffset;
use super::connect::{ServerConnector, ServerError};
use super::group::ServerGroups;
use super::side::SideConnection;
use crate::connection::AnyConnection;
use crate::error::Source;
use crate::reader::Reader;
use crate::schema::moving;
use crate::store::{Inner, begin_epoch};
use crate::writer::Writer;
use crate::writer::announce::Announcer;
use crate::writer::group::Listener;
use crate::writer::tx::Node;
use crate::{
    ApiKeyStore, MigrateError, MigrationStep, OpenError, Store, StoreOptions, catalog, migrations, nodes,
};
use diesel::connection::{SimpleConnection, TransactionManager};
use diesel::prelude::*;
use oneoff_domain::Timestamp;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

fn failed(url: &DatabaseUrl, source: impl std::error::Error + Send + Sync + 'static) -> OpenError {
    of_source(url, Arc::new(source))
}

fn of_source(url: &DatabaseUrl, source: Source) -> OpenError {
    OpenError::Server { url: url.to_string(), source }
}

fn connect_error(url: &DatabaseUrl, error: ServerError) -> OpenError {
    match error {
        ServerError::Establish(error) => {
            OpenError::Unreachable { url: url.to_string(), source: Arc::new(error) }
        }
        error => failed(url, error),
    }
}

/// Opens the database of a server, migrates it, and begins a new epoch at the time that is told then. Blocks.
pub(crate) fn open(
    url: DatabaseUrl,
    options: StoreOptions,
    now: impl FnOnce(&mut AnyConnection) -> QueryResult<Timestamp>,
) -> Result<Store, OpenError> {
    let connector = ServerConnector::new(url);
    let url = connector.url();
    let mut conn = connector.writer().map_err(|error| connect_error(url, error))?;
    migrate(url, &mut conn)?;
    let now = now(&mut conn).map_err(|error| failed(url, error))?;
    oneoff_faults::reach("epoch.before_commit");
    let epoch = begin_moved(&mut conn, &options.node_name, now).map_err(|error| failed(url, error))?;
    let epoch = epoch.ok_or_else(|| OpenError::HalfMoved { url: url.to_string() })?;
    oneoff_faults::reach("epoch.after_commit");
    let node = Arc::new(Node::sharing(options.node_name, epoch, now));
    let catalog = catalog::load(&mut conn).map_err(|error| failed(url, error))?;
    node.catalog.offer(&Arc::new(catalog));
    let listener: Listener = Arc::new(OnceLock::new());
    let reader = Reader::of_server(&connector, options.readers);
    let announcer = Announcer::new(Arc::clone(&listener), options.slow_commit);
    let groups = ServerGroups::new(connector.clone(), conn, Arc::clone(&node), announcer);
    let commits = groups.commits();
    let writer = Writer::start_on_server(groups, options.max_waiting_writes)
        .map_err(|error| failed(connector.url(), error))?;
    let path = PathBuf::from(connector.url().to_string());
    let url = connector.url().clone();
    let (side, offset) = (SideConnection::new(connector), MeasuredOffset::default());
    let server = Some(ServerSide { side, offset, url });
    let lock = Mutex::new(None);
    Ok(Store { inner: Arc::new(Inner { path, node, listener, writer, reader, commits, lock, server }) })
}

/// Applies what is missing, unless a newer program has changed the database.
fn migrate(url: &DatabaseUrl, conn: &mut AnyConnection) -> Result<(), OpenError> {
    let newest = migrations::newest_unknown(conn).map_err(|error| of_source(url, error))?;
    if let Some(newest) = newest {
        return Err(OpenError::TooNew { path: PathBuf::from(url.to_string()), newest });
    }
    migrations::apply(conn).map_err(|error| of_source(url, error)).map(drop)
}

/// The API keys, beside the nodes that may run.
pub(crate) fn beside(url: &DatabaseUrl) -> Result<ApiKeyStore, OpenError> {
    let mut conn = connection(url)?;
    migrate(url, &mut conn)?;
    refuse_half_moved(url, &mut conn)?;
    Ok(ApiKeyStore::of_server(PathBuf::from(url.to_string()), conn))
}

/// What is written while the database is being filled from a file would be in the way of its rows.
fn refuse_half_moved(url: &DatabaseUrl, conn: &mut AnyConnection) -> Result<(), OpenError> {
    match is_half_moved(conn).map_err(|error| failed(url, error))? {
        true => Err(OpenError::HalfMoved { url: url.to_string() }),
        false => Ok(()),
    }
}

fn is_half_moved(conn: &mut AnyConnection) -> QueryResult<bool> {
    let unfinished = moving::table.filter(moving::finished_at.is_null()).count();
    Ok(unfinished.get_result::<i64>(conn)? > 0)
}

/// What a server says of itself and of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AboutServer {
    /// The version of PostgreSQL.
    pub version: String,
    /// Whether a migration is missing, which the next start applies.
    pub is_behind: bool,
}

/// Looks at the database of a server.
pub(crate) fn look_at(url: &DatabaseUrl) -> Result<AboutServer, OpenError> {
    let mut conn = connection(url)?;
    let version = ServerConnector::version(&mut conn).map_err(|error| failed(url, error))?;
    // Asking for migrations makes their table.
    conn.begin_write().map_err(|error| failed(url, error))?;
    let is_behind = migrations::is_behind(&mut conn).map_err(|error| of_source(url, error));
    AnyConnection::rollback_transaction(&mut conn).map_err(|error| failed(url, error))?;
    let is_behind = is_behind?;
    if !is_behind {
        refuse_half_moved(url, &mut conn)?;
    }
    Ok(AboutServer { version, is_behind })
}

/// A connection to a database that no node uses.
pub(crate) fn unused(url: &DatabaseUrl, now: Timestamp) -> Result<AnyConnection, OpenError> {
    let mut conn = connection(url)?;
    let is_empty = migrations::last(&mut conn).map_err(|error| of_source(url, error))?.is_none();
    if !is_empty {
        let nodes = nodes::holding(&mut conn, now).map_err(|error| failed(url, error))?;
        if !nodes.is_empty() {
            return Err(OpenError::InUseByNodes { url: url.to_string(), nodes: nodes.join(", ") });
        }
    }
    Ok(conn)
}

/// Begins an epoch, unless the database is being filled from a file. A moving that begins meanwhile locks the table of
/// epochs: it either sees this one or is seen.
fn begin_moved(conn: &mut AnyConnection, node: &str, now: Timestamp) -> QueryResult<Option<i64>> {
    conn.write_transaction(|conn| {
        conn.batch_execute("LOCK TABLE epochs IN ROW EXCLUSIVE MODE")?;
        match is_half_moved(conn)? {
            false => begin_epoch(conn, node, now).map(Some),
            true => Ok(None),
        }
    })
}

/// A connection to the database of a server, whatever its migrations.
pub(crate) fn connection(url: &DatabaseUrl) -> Result<AnyConnection, OpenError> {
    ServerConnector::new(url.clone()).writer().map_err(|error| connect_error(url, error))
}

/// Applies every migration that is missing.
pub(crate) fn migrate_up(url: &DatabaseUrl) -> Result<Vec<MigrationStep>, MigrateError> {
    migrations::apply(&mut connection(url)?).map_err(MigrateError::Failed)
}
