//! Removal of deliveries: those that ended long ago, and those of webhooks that are gone.

use crate::failure::WriteError;
use crate::schema::{removed_webhooks, webhook_deliveries as deliveries};
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::Timestamp;

/// Removes at most `limit` deliveries; answers how many. What is still to be sent stays, however old it is.
pub(crate) fn remove_deliveries(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<usize, WriteError> {
    let orphans = remove_orphans(tx, limit)?;
    if orphans > 0 {
        return Ok(orphans);
    }
    let old: Vec<i64> = deliveries::table
        .filter(deliveries::completed_at.is_not_null())
        .filter(deliveries::completed_at.lt(before.as_micros()))
        .order((deliveries::completed_at, deliveries::key))
        .limit(limit)
        .select(deliveries::key)
        .load(tx.conn)?;
    Ok(diesel::delete(deliveries::table.filter(deliveries::key.eq_any(&old))).execute(tx.conn)?)
}

/// Removes deliveries whose webhook is gone.
fn remove_orphans(tx: &mut Tx<'_>, limit: i64) -> Result<usize, WriteError> {
    let gone: Option<i64> = removed_webhooks::table
        .order(removed_webhooks::webhook_key)
        .limit(1)
        .select(removed_webhooks::webhook_key)
        .get_result(tx.conn)
        .optional()?;
    let Some(webhook_key) = gone else { return Ok(0) };
    let orphans: Vec<i64> = deliveries::table
        .filter(deliveries::webhook_key.eq(webhook_key))
        .order(deliveries::key)
        .limit(limit)
        .select(deliveries::key)
        .load(tx.conn)?;
    if orphans.is_empty() {
        diesel::delete(removed_webhooks::table.find(webhook_key)).execute(tx.conn)?;
        return Ok(0);
    }
    Ok(diesel::delete(deliveries::table.filter(deliveries::key.eq_any(&orphans))).execute(tx.conn)?)
}
