//! Rows of `webhooks`.

use crate::connection::{AnyBackend, AnyConnection};
use crate::failure::{RowError, WriteError};
use crate::rows::{from_json, instant, word};
use crate::schema::webhooks;
use diesel::prelude::*;
use oneoff_domain::job::UnknownName;
use oneoff_domain::{Context, Timestamp, WebhookId};
use std::fmt;
use std::str::FromStr;

/// Why the server itself switched a webhook off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// The receiver said that it is gone for good (410).
    Gone,
    /// Nothing could be delivered for days.
    Failing,
}

impl PauseReason {
    /// The word that stands for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PauseReason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "gone" => Ok(Self::Gone),
            "failing" => Ok(Self::Failing),
            _ => Err(UnknownName { given: text.to_owned(), allowed: "gone, failing".to_owned() }),
        }
    }
}

/// A webhook as the store holds it: its secrets are sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The store's key.
    pub key: i64,
    /// The outer name.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Which events it wants: names, `job.*`, `*`.
    pub events: Vec<String>,
    /// Of which projects; empty is any.
    pub project_ids: Vec<String>,
    /// Of jobs with one of these tags; empty is any.
    pub tags: Vec<String>,
    /// Of jobs of one of these types; empty is any.
    pub job_types: Vec<String>,
    /// The name of the form in which it is told.
    pub preset: String,
    /// Its own form in place of that.
    pub template: Option<String>,
    /// The secret that signs, sealed.
    pub secret: Option<String>,
    /// The secret before, sealed.
    pub previous_secret: Option<String>,
    /// Until when that one signs, too.
    pub previous_secret_until: Option<Timestamp>,
    /// Whether it is told of events.
    pub is_active: bool,
    /// Why the server switched it off, if it did.
    pub paused_reason: Option<PauseReason>,
    /// When it did.
    pub paused_at: Option<Timestamp>,
    /// Since when nothing could be delivered.
    pub failing_since: Option<Timestamp>,
    /// Events up to this one are not for it.
    pub starts_after: i64,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Raised by every change.
    pub version: i64,
}

impl Webhook {
    /// Whether the actor may see and change it: one that is limited to projects may only touch what is limited to the
    /// same ones.
    #[must_use]
    pub fn is_allowed(&self, allowed: Option<&[String]>) -> bool {
        let Some(allowed) = allowed else { return true };
        !self.project_ids.is_empty() && self.project_ids.iter().all(|project| allowed.contains(project))
    }

    pub(super) fn check_allowed(&self, context: &Context) -> bool {
        self.is_allowed(context.allowed_projects.as_deref())
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = webhooks, check_for_backend(AnyBackend))]
pub(super) struct WebhookRow {
    key: i64,
    id: String,
    name: String,
    url: String,
    events: String,
    project_ids: String,
    tags: String,
    job_types: String,
    preset: String,
    template: Option<String>,
    secret: Option<String>,
    previous_secret: Option<String>,
    previous_secret_until: Option<i64>,
    is_active: bool,
    paused_reason: Option<String>,
    paused_at: Option<i64>,
    failing_since: Option<i64>,
    starts_after: i64,
    created_by: String,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl WebhookRow {
    fn into_domain(self) -> Result<Webhook, RowError> {
        let paused_reason = self.paused_reason.map(|reason| word("webhooks.paused_reason", &reason));
        Ok(Webhook {
            key: self.key,
            id: word("webhooks.id", &self.id)?,
            name: self.name,
            url: self.url,
            events: from_json("webhooks.events", &self.events)?,
            project_ids: from_json("webhooks.project_ids", &self.project_ids)?,
            tags: from_json("webhooks.tags", &self.tags)?,
            job_types: from_json("webhooks.job_types", &self.job_types)?,
            preset: self.preset,
            template: self.template,
            secret: self.secret,
            previous_secret: self.previous_secret,
            previous_secret_until: self.previous_secret_until.map(instant),
            is_active: self.is_active,
            paused_reason: paused_reason.transpose()?,
            paused_at: self.paused_at.map(instant),
            failing_since: self.failing_since.map(instant),
            starts_after: self.starts_after,
            created_by: self.created_by,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
            version: self.version,
        })
    }
}

/// All webhooks, in the order of their creation. One that cannot be read is left out, and the log says so.
pub(super) fn all(conn: &mut AnyConnection) -> QueryResult<Vec<Webhook>> {
    let rows: Vec<WebhookRow> =
        webhooks::table.order(webhooks::key).select(WebhookRow::as_select()).load(conn)?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let key = row.key;
        match row.into_domain() {
            Ok(webhook) => all.push(webhook),
            Err(error) => tracing::error!(key, %error, "a webhook is left out: its row cannot be read"),
        }
    }
    Ok(all)
}

/// The webhook of this id.
pub(super) fn by_id(conn: &mut AnyConnection, id: WebhookId) -> Result<Option<Webhook>, WriteError> {
    let row: Option<WebhookRow> = webhooks::table
        .filter(webhooks::id.eq(id.to_string()))
        .select(WebhookRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(WebhookRow::into_domain).transpose()?)
}

/// The webhook of this key.
pub(super) fn by_key(conn: &mut AnyConnection, key: i64) -> Result<Option<Webhook>, WriteError> {
    let row: Option<WebhookRow> =
        webhooks::table.find(key).select(WebhookRow::as_select()).get_result(conn).optional()?;
    Ok(row.map(WebhookRow::into_domain).transpose()?)
}

/// Keeps others from changing the webhook before this transaction ends. A file has one writer.
pub(super) fn lock(conn: &mut AnyConnection, id: WebhookId) -> QueryResult<()> {
    if let AnyConnection::Postgres(server) = conn {
        let row = webhooks::table.filter(webhooks::id.eq(id.to_string())).select(webhooks::key).for_update();
        row.get_result::<i64>(server).optional()?;
    }
    Ok(())
}

/// The same by its key.
pub(super) fn lock_by_key(conn: &mut AnyConnection, key: i64) -> QueryResult<()> {
    if let AnyConnection::Postgres(server) = conn {
        webhooks::table.find(key).select(webhooks::key).for_update().get_result::<i64>(server).optional()?;
    }
    Ok(())
}
