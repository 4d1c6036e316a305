//! What is measured of the store for metrics, read in one transaction.

use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::schema::new_events;
use crate::webhooks::{self, WebhookBacklog};
use crate::{Space, Store, StoreError, outbox, queue, space};
use diesel::prelude::*;
use oneoff_domain::Timestamp;
use std::collections::BTreeSet;

/// Events without a number that are counted at most.
const COUNTED_MAX: i64 = 10_000;

/// What is measured of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// How much space it takes.
    pub space: Space,
    /// When the next job is due, without those of paused projects.
    pub next_due: Option<Timestamp>,
    /// The number of the newest event.
    pub last_event: i64,
    /// Events that were written and have no number yet, counted up to 10,000; of a store that is shared.
    pub unnumbered_events: Option<u64>,
    /// How far webhooks are behind.
    pub webhooks: WebhookBacklog,
}

fn read(
    conn: &mut AnyConnection,
    now: Timestamp,
    paused: &BTreeSet<String>,
    is_shared: bool,
) -> Result<Gauges, WriteError> {
    let unnumbered_events = match is_shared {
        true => {
            let keys: Vec<i64> = new_events::table
                .order(new_events::key)
                .limit(COUNTED_MAX)
                .select(new_events::key)
                .load(conn)?;
            u64::try_from(keys.len()).ok()
        }
        false => None,
    };
    Ok(Gauges {
        space: space::space(conn)?,
        next_due: queue::next_start(conn, paused)?,
        last_event: outbox::last_sequence(conn)?,
        unnumbered_events,
        webhooks: webhooks::backlog(conn, now)?,
    })
}

impl Store {
    /// Measures it.
    ///
    /// # Errors
    /// The database's.
    pub async fn gauges(&self, now: Timestamp) -> Result<Gauges, StoreError> {
        let (catalog, is_shared) = (self.catalog(), self.is_shared());
        let read = move |conn: &mut AnyConnection| read(conn, now, &catalog.paused, is_shared);
        let gauges = self.inner.reader.read(read).await?;
        Ok(Gauges { space: self.with_log(gauges.space), ..gauges })
    }
}
