//! Audit rows: who changed what, written with the change.

use crate::failure::WriteError;
use crate::schema::audit_entries;
use crate::writer::tx::Tx;
use diesel::prelude::*;
use oneoff_domain::{Context, Timestamp};

#[derive(Insertable)]
#[diesel(table_name = audit_entries, treat_none_as_default_value = false)]
struct NewEntry<'a> {
    written_at: i64,
    actor: String,
    action: &'a str,
    subject_kind: &'a str,
    subject_id: String,
    project_id: Option<&'a str>,
    request_id: Option<&'a str>,
}

/// What was done to which record.
pub(crate) struct Deed<'a> {
    /// `job.cancel`.
    pub(crate) action: &'a str,
    /// `job`.
    pub(crate) kind: &'a str,
    /// The record's outer name.
    pub(crate) id: String,
    /// Its project.
    pub(crate) project: Option<&'a str>,
}

/// Writes an audit row.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    deed: Deed<'_>,
) -> Result<(), WriteError> {
    let entry = NewEntry {
        written_at: now.as_micros(),
        actor: context.actor.label(),
        action: deed.action,
        subject_kind: deed.kind,
        subject_id: deed.id,
        project_id: deed.project,
        request_id: context.request_id.as_deref(),
    };
    diesel::insert_into(audit_entries::table).values(entry).execute(tx.conn)?;
    Ok(())
}
