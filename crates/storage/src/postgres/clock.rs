//! The clock of a server against this machine's, so that nodes judge by the same time.

use crate::connection::AnyConnection;
use crate::{Store, StoreError};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use oneoff_domain::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// By how much this machine's clock is ahead of the server's.
#[derive(Debug, Default)]
pub(crate) struct MeasuredOffset {
    micros: AtomicI64,
    is_measured: AtomicBool,
}

#[derive(QueryableByName)]
struct ServerTime {
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

// The one statement that asks for the server's time: that is what it is about.
const SERVER_TIME: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros";

/// Measurements that are made at once. The one that took the least time is right to half of that.
const SAMPLES: usize = 5;

fn measure(conn: &mut AnyConnection, local: &dyn Clock) -> QueryResult<i64> {
    let mut best: Option<(i64, i64)> = None;
    for _ in 0..SAMPLES {
        let (sent, began) = (local.now(), local.boot_time());
        let ServerTime { micros } = diesel::sql_query(SERVER_TIME).get_result(conn)?;
        let took = i64::try_from(local.boot_time().since(began).as_micros()).unwrap_or(i64::MAX);
        let offset = sent.as_micros() + took / 2 - micros;
        best = best.filter(|(least, _)| *least <= took).or(Some((took, offset)));
    }
    Ok(best.map_or(0, |(_, offset)| offset))
}

impl Store {
    /// By how much this machine's clock is ahead of the database's, in microseconds; `None` where it is the same clock, or
    /// not measured.
    #[must_use]
    pub fn clock_offset_us(&self) -> Option<i64> {
        let offset = &self.inner.server.as_ref()?.offset;
        offset.is_measured.load(Ordering::Acquire).then(|| offset.micros.load(Ordering::Acquire))
    }

    /// Measures by how much this machine's clock is ahead of the database's. Does nothing where it is the same clock.
    ///
    /// # Errors
    /// The database's; what was measured before holds then.
    pub async fn measure_clock(&self, local: Arc<dyn Clock>) -> Result<(), StoreError> {
        let Some(server) = &self.inner.server else { return Ok(()) };
        let measured = server.side.write(move |conn| Ok(measure(conn, local.as_ref())?)).await?;
        server.offset.micros.store(measured, Ordering::Release);
        server.offset.is_measured.store(true, Ordering::Release);
        Ok(())
    }

    /// The time of the database, by this machine's clock and what was measured last.
    #[must_use]
    pub fn database_time(&self, local: Timestamp) -> Timestamp {
        let ahead = self.clock_offset_us().unwrap_or(0);
        Timestamp::from_micros_clamped(local.as_micros().saturating_sub(ahead))
    }
}
