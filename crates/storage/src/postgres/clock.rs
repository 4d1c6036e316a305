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

/// By how much a clock is ahead: by `micros`, or up to `uncertain_us` more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    micros: i64,
    uncertain_us: i64,
}

impl Measured {
    /// Of all that is possible by this measurement, what is nearest to what was known before. So clocks that agree as far
    /// as can be seen are left alone: two nodes on one machine go by one time, and an end on one of them that is followed
    /// by a start on the other is dated before it.
    fn nearest_to(self, known: i64) -> i64 {
        let Self { micros, uncertain_us } = self;
        known.clamp(micros.saturating_sub(uncertain_us), micros.saturating_add(uncertain_us))
    }
}

fn measure(conn: &mut AnyConnection, local: &dyn Clock) -> QueryResult<Option<Measured>> {
    let mut best: Option<(i64, i64)> = None;
    for _ in 0..SAMPLES {
        let (sent, began) = (local.now(), local.boot_time());
        let ServerTime { micros } = diesel::sql_query(SERVER_TIME).get_result(conn)?;
        let took = i64::try_from(local.boot_time().since(began).as_micros()).unwrap_or(i64::MAX);
        let offset = sent.as_micros() + took / 2 - micros;
        best = best.filter(|(least, _)| *least <= took).or(Some((took, offset)));
    }
    // One more, as both are rounded to microseconds.
    Ok(best.map(|(took, micros)| Measured { micros, uncertain_us: took / 2 + 1 }))
}

/// The time of a server, asked by a connection of its own.
pub(crate) fn time_of_server(conn: &mut AnyConnection, local: &dyn Clock) -> QueryResult<Timestamp> {
    let ahead = measure(conn, local)?.map_or(0, |measured| measured.nearest_to(0));
    Ok(Timestamp::from_micros_clamped(local.now().as_micros().saturating_sub(ahead)))
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
        let measured = server.side.ask(move |conn| Ok(measure(conn, local.as_ref())?)).await?;
        let Some(measured) = measured else { return Ok(()) };
        let known = server.offset.micros.load(Ordering::Acquire);
        server.offset.micros.store(measured.nearest_to(known), Ordering::Release);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A clock that is 40 s behind the one of this machine, and with it of the server.
    struct Behind;

    impl Clock for Behind {
        fn now(&self) -> Timestamp {
            let since_epoch = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
            let micros = i64::try_from(since_epoch.as_micros()).unwrap();
            Timestamp::from_micros_clamped(micros - 40_000_000)
        }

        fn boot_time(&self) -> oneoff_domain::BootTime {
            oneoff_domain::BootTime(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap())
        }
    }

    #[tokio::test]
    async fn keys_that_are_made_beside_the_nodes_end_by_the_time_of_the_server() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let url = crate::DatabaseUrl::new(database.url()).unwrap();
        let store = Store::open_beside(&crate::StoreOptions::on_server(url)).unwrap();
        let asked = store.now(Arc::new(Behind)).await.unwrap();
        let off = Behind.now().as_micros() + 40_000_000 - asked.as_micros();
        assert!((0..20_000_000).contains(&off), "{off} us");
    }

    #[tokio::test]
    async fn a_node_begins_by_the_time_of_the_server_before_it_has_measured_its_clock() {
        let database = oneoff_pg_fixture::shared_cluster().unwrap().database().unwrap();
        let url = crate::DatabaseUrl::new(database.url()).unwrap();
        let store = Store::open_by(crate::StoreOptions::on_server(url), &Behind).unwrap();
        let began = "SELECT extract(epoch FROM clock_timestamp()) * 1000000 - started_at FROM epochs";
        let ago: f64 = database.query(began).unwrap().trim().parse().unwrap();
        assert!(ago < 20_000_000.0, "it began {ago} us ago, by the server's clock");
        store.close();
    }

    #[test]
    fn only_what_a_measurement_proves_changes_what_is_known() {
        let measured = |micros, uncertain_us| Measured { micros, uncertain_us };
        assert_eq!(measured(900, 1_000).nearest_to(0), 0, "they may well agree");
        assert_eq!(measured(-900, 1_000).nearest_to(0), 0);
        assert_eq!(measured(5_000, 1_000).nearest_to(0), 4_000);
        assert_eq!(measured(-5_000, 1_000).nearest_to(0), -4_000);
        assert_eq!(measured(4_500, 100).nearest_to(4_000), 4_400);
        assert_eq!(measured(0, 10).nearest_to(7_000_000), 10, "a clock that was set right");
        assert_eq!(measured(i64::MIN, i64::MAX).nearest_to(3), -1);
    }
}
