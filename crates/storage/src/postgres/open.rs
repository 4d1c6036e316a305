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
use crate::{MigrateError, MigrationStep, OpenError, Store, StoreOptions, migrations};
use diesel::connection::SimpleConnection;
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

/// Opens the database of a server, migrates it, and begins a new epoch. Blocks.
pub(crate) fn open(url: DatabaseUrl, options: StoreOptions, now: Timestamp) -> Result<Store, OpenError> {
    let connector = ServerConnector::new(url);
    let url = connector.url();
    let mut conn = connector.writer().map_err(|error| connect_error(url, error))?;
    let newest = migrations::newest_unknown(&mut conn).map_err(|error| of_source(url, error))?;
    if let Some(newest) = newest {
        return Err(OpenError::TooNew { path: PathBuf::from(url.to_string()), newest });
    }
    migrations::apply(&mut conn).map_err(|error| of_source(url, error))?;
    oneoff_faults::reach("epoch.before_commit");
    let epoch = begin_moved(&mut conn, &options.node_name, now).map_err(|error| failed(url, error))?;
    let epoch = epoch.ok_or_else(|| OpenError::HalfMoved { url: url.to_string() })?;
    oneoff_faults::reach("epoch.after_commit");
    let node = Arc::new(Node::sharing(options.node_name, epoch));
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

/// Begins an epoch, unless the database is being filled from a file. A moving that begins meanwhile locks the table of
/// epochs: it either sees this one or is seen.
fn begin_moved(conn: &mut AnyConnection, node: &str, now: Timestamp) -> QueryResult<Option<i64>> {
    conn.write_transaction(|conn| {
        conn.batch_execute("LOCK TABLE epochs IN ROW EXCLUSIVE MODE")?;
        let unfinished = moving::table.filter(moving::finished_at.is_null()).count();
        match unfinished.get_result::<i64>(conn)? {
            0 => begin_epoch(conn, node, now).map(Some),
            _ => Ok(None),
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
