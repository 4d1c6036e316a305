//! Writing settings that take effect while servers run.

use super::write::{Done, settle, to_change};
use crate::failure::WriteError;
use crate::statement;
use crate::writer::tx::Tx;
use crate::{Store, StoreError, Written};
use oneoff_domain::{Context, EventKind, Timestamp};
use serde_json::{Map, Value, json};

/// What a setting is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// Its name.
    pub key: String,
    /// Its text; `None` takes back what was stored, and it is again what servers are started with.
    pub value: Option<String>,
}

statement::statement!(
    Set,
    "INSERT INTO settings (name, value, updated_at) VALUES (?, ?, ?) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at"
);
statement::statement!(Unset, "DELETE FROM settings WHERE name = ?");

impl Store {
    /// Stores settings, all of them in one transaction. They were found good.
    ///
    /// # Errors
    /// The database's.
    pub async fn set_settings(
        &self,
        context: Context,
        now: Timestamp,
        changes: Vec<SettingChange>,
    ) -> Result<(), StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            set_all(tx, &context, now, &changes)?;
            Ok(Written { value: (), replayed: false })
        };
        self.change_catalog(body).await.map(|written| written.value)
    }
}

fn set_all(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    changes: &[SettingChange],
) -> Result<(), WriteError> {
    let catalog = to_change(tx)?;
    let (mut before, mut after) = (Map::new(), Map::new());
    for change in changes {
        let old = catalog.settings.get(&change.key).map(|stored| stored.value.as_str());
        if old == change.value.as_deref() {
            continue;
        }
        match &change.value {
            Some(value) => {
                let values = [change.key.as_str().into(), value.as_str().into(), now.as_micros().into()];
                statement::run::<Set>(tx.conn, &values)?
            }
            None => statement::run::<Unset>(tx.conn, &[change.key.as_str().into()])?,
        };
        before.insert(change.key.clone(), json!(old));
        after.insert(change.key.clone(), json!(change.value));
    }
    if after.is_empty() {
        return Ok(());
    }
    let id = after.keys().cloned().collect::<Vec<_>>().join(",");
    let done = Done {
        event: EventKind::SettingsUpdated,
        action: "settings.update",
        kind: "settings",
        id: &id,
        before: Some(Value::Object(before)),
        after: Some(Value::Object(after)),
    };
    settle(tx, context, now, done).map(drop)
}
