//! The next free keys of rows that the program numbers itself, which saves a statement per row.

use crate::connection::AnyConnection;
use crate::schema::{attempts, events, job_definitions, removed_output};
use diesel::dsl::max;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many keys a node draws from a sequence of a server at once: its increment.
const BLOCK: i64 = 1024;

/// The next free keys.
#[derive(Debug, Clone)]
pub(crate) enum Keys {
    /// Of a file, which has one writer: it goes on from the highest that is in use.
    Counted {
        /// The last definition.
        definition: i64,
        /// The last attempt.
        attempt: i64,
        /// The last event.
        event: i64,
    },
    /// Of a server: what is left of the blocks that this node drew. All connections of the node take from them, so that
    /// jobs have their keys in the order in which it made them. Events are numbered when they are committed.
    Drawn(Arc<Mutex<Blocks>>),
}

/// What is left of the blocks of keys that a node drew.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    definitions: Range<i64>,
    attempts: Range<i64>,
}

#[derive(QueryableByName)]
struct Drawn {
    #[diesel(sql_type = BigInt)]
    first: i64,
}

fn lock(blocks: &Mutex<Blocks>) -> MutexGuard<'_, Blocks> {
    blocks.lock().unwrap_or_else(PoisonError::into_inner)
}

fn draw(conn: &mut AnyConnection, from: &mut Range<i64>, sequence: &str) -> QueryResult<i64> {
    if let Some(key) = from.next() {
        return Ok(key);
    }
    let AnyConnection::Postgres(conn) = conn else { return Err(diesel::result::Error::NotFound) };
    let Drawn { first } =
        diesel::sql_query(format!("SELECT nextval('{sequence}') AS first")).get_result(conn)?;
    *from = first + 1..first + BLOCK;
    Ok(first)
}

impl Keys {
    /// Those of a server.
    pub(crate) fn drawn() -> Self {
        Self::Drawn(Arc::default())
    }

    /// Reads the highest keys in use.
    pub(crate) fn load(conn: &mut AnyConnection) -> QueryResult<Self> {
        let definition: Option<i64> =
            job_definitions::table.select(max(job_definitions::key)).get_result(conn)?;
        // What was removed may still be in the search index.
        let definition = definition.max(Some(crate::search::last_known_key(conn)?));
        let attempt: Option<i64> = attempts::table.select(max(attempts::key)).get_result(conn)?;
        // The output of removed executions still carries their keys.
        let removed: Option<i64> =
            removed_output::table.select(max(removed_output::execution_key)).get_result(conn)?;
        let attempt = attempt.max(removed);
        let event: Option<i64> = events::table.select(max(events::sequence)).get_result(conn)?;
        Ok(Self::Counted {
            definition: definition.unwrap_or(0),
            attempt: attempt.unwrap_or(0),
            event: event.unwrap_or(0),
        })
    }

    /// A key for a definition.
    pub(crate) fn definition(&mut self, conn: &mut AnyConnection) -> QueryResult<i64> {
        match self {
            Self::Counted { definition, .. } => {
                *definition += 1;
                Ok(*definition)
            }
            Self::Drawn(blocks) => draw(conn, &mut lock(blocks).definitions, "job_definition_keys"),
        }
    }

    /// A key for an attempt.
    pub(crate) fn attempt(&mut self, conn: &mut AnyConnection) -> QueryResult<i64> {
        match self {
            Self::Counted { attempt, .. } => {
                *attempt += 1;
                Ok(*attempt)
            }
            Self::Drawn(blocks) => draw(conn, &mut lock(blocks).attempts, "attempt_keys"),
        }
    }

    /// The number of a new event, where the writer gives it.
    pub(crate) fn event(&mut self) -> Option<i64> {
        match self {
            Self::Counted { event, .. } => {
                *event += 1;
                Some(*event)
            }
            Self::Drawn(_) => None,
        }
    }

    /// The number of the last event, where the writer gives it.
    pub(crate) fn last_event(&self) -> Option<i64> {
        match self {
            Self::Counted { event, .. } => Some(*event),
            Self::Drawn(_) => None,
        }
    }
}
