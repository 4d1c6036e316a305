//! Audit rows: who changed what, written with the change.

use crate::failure::WriteError;
use crate::statement::{self, Target};
use crate::writer::tx::Tx;
use oneoff_domain::{Context, Timestamp};
use serde_json::Value;

statement::statement!(
    InsertEntry,
    "INSERT INTO audit_entries (written_at, actor, actor_key, client_address, action, subject_kind, subject_id, \
     project_id, request_id, before_json, after_json) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);

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
    /// What of it was changed, as it was; without secrets. `None` of one that is made.
    pub(crate) before: Option<&'a Value>,
    /// The same, as it is now. `None` of one that is removed.
    pub(crate) after: Option<&'a Value>,
}

/// Writes an audit row.
pub(crate) fn record(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    deed: Deed<'_>,
) -> Result<(), WriteError> {
    record_on(&mut tx.rows(), context, now, deed)
}

/// Writes an audit row with this connection, or together with others.
pub(crate) fn record_on(
    on: &mut impl Target,
    context: &Context,
    now: Timestamp,
    deed: Deed<'_>,
) -> Result<(), WriteError> {
    let actor = context.actor.label();
    let json = |value: Option<&Value>| value.map(Value::to_string);
    let (before, after) = (json(deed.before), json(deed.after));
    let values = [
        now.as_micros().into(),
        actor.as_str().into(),
        context.actor.key_id().into(),
        context.client_address.as_deref().into(),
        deed.action.into(),
        deed.kind.into(),
        deed.id.as_str().into(),
        deed.project.into(),
        context.request_id.as_deref().into(),
        before.as_deref().into(),
        after.as_deref().into(),
    ];
    statement::run::<InsertEntry>(on, &values)?;
    Ok(())
}

/// What differs between two objects: the fields that are not the same in both.
pub(crate) fn changed(before: Value, after: Value) -> (Value, Value) {
    let (Value::Object(mut old), Value::Object(mut new)) = (before, after) else {
        return (Value::Null, Value::Null);
    };
    let same: Vec<String> = old
        .iter()
        .filter(|(name, value)| new.get(*name) == Some(*value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in same {
        old.remove(&name);
        new.remove(&name);
    }
    (Value::Object(old), Value::Object(new))
}
