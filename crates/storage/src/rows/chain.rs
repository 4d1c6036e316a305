//! Rows of `chains`.

use super::{from_json, instant, to_json, word};
use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::schema::chains;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use oneoff_domain::{Chain, ChainId};

/// A chain.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = chains, check_for_backend(AnyBackend))]
pub(crate) struct ChainRow {
    pub(crate) key: i64,
    id: String,
    project_id: String,
    name: String,
    description: Option<String>,
    links: String,
    created_by: Option<String>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl ChainRow {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.links.len() + self.description.as_ref().map_or(0, String::len)
    }

    pub(crate) fn into_domain(self) -> Result<Chain, RowError> {
        Ok(Chain {
            key: self.key,
            id: word("chains.id", &self.id)?,
            name: self.name,
            description: self.description,
            project_id: self.project_id,
            links: from_json("chains.links", &self.links)?,
            created_by: self.created_by,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
            version: self.version,
        })
    }
}

/// The chain with this id.
pub(crate) fn by_id(conn: &mut AnyConnection, id: ChainId) -> Result<Option<Chain>, WriteError> {
    let row: Option<ChainRow> = chains::table
        .filter(chains::id.eq(id.to_string()))
        .select(ChainRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(ChainRow::into_domain).transpose()?)
}

/// The same, to be changed: nobody else changes it before the transaction ends.
pub(crate) fn to_change(conn: &mut AnyConnection, id: ChainId) -> Result<Option<Chain>, WriteError> {
    if let AnyConnection::Postgres(server) = conn {
        lock(server, id)?;
    }
    by_id(conn, id)
}

fn lock(server: &mut PgConnection, id: ChainId) -> QueryResult<()> {
    let row = chains::table.filter(chains::id.eq(id.to_string())).select(chains::key).for_update();
    row.get_result::<i64>(server).optional().map(drop)
}

/// Stores a new chain; its key.
pub(crate) fn insert(conn: &mut AnyConnection, chain: &Chain) -> Result<i64, WriteError> {
    let links = to_json("chains.links", &chain.links)?;
    let values = (
        chains::id.eq(chain.id.to_string()),
        chains::project_id.eq(&chain.project_id),
        chains::name.eq(&chain.name),
        chains::description.eq(&chain.description),
        chains::links.eq(links),
        chains::created_by.eq(&chain.created_by),
        chains::created_at.eq(chain.created_at.as_micros()),
        chains::updated_at.eq(chain.updated_at.as_micros()),
        chains::version.eq(chain.version),
    );
    Ok(diesel::insert_into(chains::table).values(values).returning(chains::key).get_result(conn)?)
}

/// Writes what of a chain can change.
pub(crate) fn update(conn: &mut AnyConnection, chain: &Chain) -> Result<(), WriteError> {
    let links = to_json("chains.links", &chain.links)?;
    let values = (
        chains::project_id.eq(&chain.project_id),
        chains::name.eq(&chain.name),
        chains::description.eq(&chain.description),
        chains::links.eq(links),
        chains::updated_at.eq(chain.updated_at.as_micros()),
        chains::version.eq(chain.version),
    );
    diesel::update(chains::table.find(chain.key)).set(values).execute(conn)?;
    Ok(())
}

/// Removes a chain.
pub(crate) fn delete(conn: &mut AnyConnection, key: i64) -> QueryResult<()> {
    diesel::delete(chains::table.find(key)).execute(conn).map(drop)
}
