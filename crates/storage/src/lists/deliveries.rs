//! The list of the deliveries of a webhook, the newest first.

use super::full_rows::Loaded;
use super::{Listing, Wanted};
use crate::Page;
use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::Position;
use crate::failure::WriteError;
use crate::schema::webhook_deliveries as deliveries;
use crate::webhooks::{DeliveryFilter, DeliveryRecord, DeliveryStatus, deliveries_by_keys};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = deliveries, check_for_backend(AnyBackend))]
pub(crate) struct NarrowRow {
    key: i64,
    status: String,
    event: String,
    created_at: i64,
}

struct DeliveryListing {
    webhook_key: i64,
    filter: DeliveryFilter,
}

impl Listing for DeliveryListing {
    type Row = NarrowRow;

    fn rows(
        &self,
        conn: &mut AnyConnection,
        after: Option<Position>,
        limit: usize,
    ) -> Result<Vec<NarrowRow>, WriteError> {
        let mut rows = deliveries::table
            .filter(deliveries::webhook_key.eq(self.webhook_key))
            .order(deliveries::key.desc())
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select(NarrowRow::as_select())
            .into_boxed();
        if self.filter.statuses == [DeliveryStatus::Failed] {
            rows = rows.filter(sql::<Bool>("webhook_deliveries.status = 'failed'"));
        }
        if let Some(Position { key, .. }) = after {
            rows = rows.filter(deliveries::key.lt(key));
        }
        Ok(rows.load(conn)?)
    }

    fn key(&self, row: &NarrowRow) -> i64 {
        row.key
    }

    fn position(&self, row: &NarrowRow) -> Position {
        Position { at: None, key: row.key }
    }

    fn matches(&self, row: &NarrowRow) -> bool {
        let DeliveryFilter { statuses, event, from, to } = &self.filter;
        (statuses.is_empty() || statuses.iter().any(|status| status.as_str() == row.status))
            && event.as_ref().is_none_or(|event| *event == row.event)
            && from.is_none_or(|from| row.created_at >= from.as_micros())
            && to.is_none_or(|to| row.created_at <= to.as_micros())
    }
}

/// A page of the deliveries of a webhook.
pub(crate) fn list(
    conn: &mut AnyConnection,
    webhook_key: i64,
    filter: DeliveryFilter,
    limit: u32,
    cursor: Option<&str>,
    with_total: bool,
) -> Result<Page<DeliveryRecord>, WriteError> {
    let listing = DeliveryListing { webhook_key, filter };
    let wanted = Wanted { sort: 'd', cursor, limit, with_total };
    super::page(conn, &listing, &wanted, None, |conn, keys| {
        Ok(Loaded::small(deliveries_by_keys(conn, keys)?, keys))
    })
}
