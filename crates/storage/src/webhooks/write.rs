//! Writing webhooks: the record, its event, its audit row and the idempotency record are one transaction.

use super::attempt;
use super::row::{self, PauseReason, Webhook};
use super::told::{audit, tell};
use crate::failure::WriteError;
use crate::rows::to_json;
use crate::schema::{removed_webhooks, webhooks};
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError, Written, idempotency, outbox};
use diesel::prelude::*;
use oneoff_domain::limits::WEBHOOKS_MAX;
use oneoff_domain::{Context, EventKind, FieldError, Timestamp, ValidationErrors, WebhookId};
use serde_json::Value;

/// A webhook to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWebhook {
    /// Its outer name.
    pub id: WebhookId,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// Which events it wants.
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
    /// Its secret, sealed.
    pub secret: Option<String>,
    /// Whether it is told of events.
    pub is_active: bool,
}

/// A change to a webhook, as decided from its present state within the transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookChange {
    /// The webhook as it is to be. Its key, id, version and times are left as they are.
    pub webhook: Webhook,
    /// The word for the audit row: `webhook.update`.
    pub action: &'static str,
}

/// What a present webhook becomes.
pub type WebhookDecide = Box<dyn FnOnce(&Webhook) -> Result<WebhookChange, Refusal> + Send>;

/// The webhook, if it is there and the actor may touch it.
pub(super) fn find(tx: &mut Tx<'_>, context: &Context, id: WebhookId) -> Result<Webhook, WriteError> {
    row::lock(tx.conn, id)?;
    let found = row::by_id(tx.conn, id)?.filter(|webhook| webhook.check_allowed(context));
    found.ok_or_else(|| none(id).into())
}

/// There is no such webhook.
pub(super) fn none(id: WebhookId) -> Refusal {
    Refusal::NotFound { kind: "webhook", id: id.to_string() }
}

fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    new: &NewWebhook,
) -> Result<Written<Webhook>, WriteError> {
    if let Some(ids) = idempotency::earlier_subjects::<WebhookId>(tx, context)? {
        let id = ids.first().copied().ok_or(Refusal::IdempotencyMismatch)?;
        let made = row::by_id(tx.conn, id)?.filter(|webhook| webhook.check_allowed(context));
        let value = made.ok_or_else(|| Refusal::Removed { id: id.to_string() })?;
        return Ok(Written { value, replayed: true });
    }
    let count: i64 = webhooks::table.count().get_result(tx.conn)?;
    if usize::try_from(count).is_ok_and(|count| count >= WEBHOOKS_MAX) {
        let error =
            FieldError::new("", format!("there are {WEBHOOKS_MAX} webhooks, which is the most there can be"))
                .with_hint("delete one that is not needed any more");
        return Err(Refusal::Invalid(ValidationErrors::one(error)).into());
    }
    let starts_after = outbox::last_sequence(tx.conn)?;
    let micros = now.as_micros();
    let key: i64 = diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(new.id.to_string()),
            webhooks::name.eq(&new.name),
            webhooks::url.eq(&new.url),
            webhooks::events.eq(to_json("webhooks.events", &new.events)?),
            webhooks::project_ids.eq(to_json("webhooks.project_ids", &new.project_ids)?),
            webhooks::tags.eq(to_json("webhooks.tags", &new.tags)?),
            webhooks::job_types.eq(to_json("webhooks.job_types", &new.job_types)?),
            webhooks::preset.eq(&new.preset),
            webhooks::template.eq(new.template.as_deref()),
            webhooks::secret.eq(new.secret.as_deref()),
            webhooks::is_active.eq(new.is_active),
            webhooks::starts_after.eq(starts_after),
            webhooks::created_by.eq(context.actor.label()),
            webhooks::created_at.eq(micros),
            webhooks::updated_at.eq(micros),
            webhooks::version.eq(1_i64),
        ))
        .returning(webhooks::key)
        .get_result(tx.conn)?;
    let webhook = row::by_key(tx.conn, key)?.ok_or_else(|| none(new.id))?;
    if !webhook.check_allowed(context) {
        let error =
            FieldError::new("/project_ids", "must name projects, and only such as your key is limited to");
        return Err(Refusal::Invalid(ValidationErrors::one(error)).into());
    }
    tell(tx, now, EventKind::WebhookCreated, &webhook, Value::Null)?;
    audit(tx, context, now, "webhook.create", None, Some(&webhook))?;
    idempotency::record(tx, context, now, &[new.id])?;
    Ok(Written { value: webhook, replayed: false })
}

/// Stores what may change of a webhook, and raises its version.
pub(super) fn update(tx: &mut Tx<'_>, now: Timestamp, webhook: &Webhook) -> Result<(), WriteError> {
    diesel::update(webhooks::table.find(webhook.key))
        .set((
            webhooks::name.eq(&webhook.name),
            webhooks::url.eq(&webhook.url),
            webhooks::events.eq(to_json("webhooks.events", &webhook.events)?),
            webhooks::project_ids.eq(to_json("webhooks.project_ids", &webhook.project_ids)?),
            webhooks::tags.eq(to_json("webhooks.tags", &webhook.tags)?),
            webhooks::job_types.eq(to_json("webhooks.job_types", &webhook.job_types)?),
            webhooks::preset.eq(&webhook.preset),
            webhooks::template.eq(webhook.template.as_deref()),
            webhooks::secret.eq(webhook.secret.as_deref()),
            webhooks::previous_secret.eq(webhook.previous_secret.as_deref()),
            webhooks::previous_secret_until.eq(webhook.previous_secret_until.map(Timestamp::as_micros)),
            webhooks::is_active.eq(webhook.is_active),
            webhooks::paused_reason.eq(webhook.paused_reason.map(PauseReason::as_str)),
            webhooks::paused_at.eq(webhook.paused_at.map(Timestamp::as_micros)),
            webhooks::failing_since.eq(webhook.failing_since.map(Timestamp::as_micros)),
            webhooks::starts_after.eq(webhook.starts_after),
            webhooks::updated_at.eq(now.as_micros()),
            webhooks::version.eq(webhooks::version + 1),
        ))
        .execute(tx.conn)?;
    Ok(())
}

fn change(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: WebhookId,
    decide: WebhookDecide,
) -> Result<Written<Webhook>, WriteError> {
    if let Some(ids) = idempotency::earlier_subjects::<WebhookId>(tx, context)? {
        if ids != [id] {
            return Err(Refusal::IdempotencyMismatch.into());
        }
        return Ok(Written { value: find(tx, context, id)?, replayed: true });
    }
    let before = find(tx, context, id)?;
    check_version(context, &before)?;
    let WebhookChange { mut webhook, action } = decide(&before)?;
    if !webhook.check_allowed(context) {
        let error =
            FieldError::new("/project_ids", "must name projects, and only such as your key is limited to");
        return Err(Refusal::Invalid(ValidationErrors::one(error)).into());
    }
    // What happened while a person had it switched off is not for it.
    if webhook.is_active && !before.is_active && before.paused_reason.is_none() {
        webhook.starts_after = outbox::last_sequence(tx.conn)?;
    }
    update(tx, now, &webhook)?;
    if webhook.is_active && !before.is_active {
        attempt::wake_parked(tx.conn, now, before.key)?;
    }
    let after = row::by_key(tx.conn, before.key)?.ok_or_else(|| none(id))?;
    tell(tx, now, EventKind::WebhookUpdated, &after, Value::Null)?;
    audit(tx, context, now, action, Some(&before), Some(&after))?;
    idempotency::record(tx, context, now, &[id])?;
    Ok(Written { value: after, replayed: false })
}

fn check_version(context: &Context, webhook: &Webhook) -> Result<(), Refusal> {
    let actual = webhook.version;
    match context.if_match.filter(|expected| *expected != actual) {
        Some(expected) => Err(Refusal::VersionMismatch { expected, actual }),
        None => Ok(()),
    }
}

fn delete(tx: &mut Tx<'_>, context: &Context, now: Timestamp, id: WebhookId) -> Result<Webhook, WriteError> {
    let webhook = find(tx, context, id)?;
    check_version(context, &webhook)?;
    diesel::insert_into(removed_webhooks::table)
        .values(removed_webhooks::webhook_key.eq(webhook.key))
        .execute(tx.conn)?;
    diesel::delete(webhooks::table.find(webhook.key)).execute(tx.conn)?;
    tell(tx, now, EventKind::WebhookDeleted, &webhook, Value::Null)?;
    audit(tx, context, now, "webhook.delete", Some(&webhook), None)?;
    Ok(webhook)
}

impl Store {
    /// All webhooks that the actor may see, in the order of their creation.
    ///
    /// # Errors
    /// The database's.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.inner.reader.read(|conn| Ok(row::all(conn)?)).await
    }

    /// A webhook.
    ///
    /// # Errors
    /// The database's.
    pub async fn webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.inner.reader.read(move |conn| row::by_id(conn, id)).await
    }

    /// Stores a webhook.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] where there are too many or the actor may not make it, [`Refusal::IdempotencyMismatch`],
    /// or the database's.
    pub async fn create_webhook(
        &self,
        context: Context,
        now: Timestamp,
        new: NewWebhook,
    ) -> Result<Written<Webhook>, StoreError> {
        let body = move |tx: &mut Tx<'_>| create(tx, &context, now, &new);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Changes a webhook as `decide` says.
    ///
    /// # Errors
    /// What `decide` refuses, [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the database's.
    pub async fn change_webhook(
        &self,
        context: Context,
        now: Timestamp,
        id: WebhookId,
        decide: WebhookDecide,
    ) -> Result<Written<Webhook>, StoreError> {
        let body = move |tx: &mut Tx<'_>| change(tx, &context, now, id, decide);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Removes a webhook. Its deliveries are not found any more, and go with time.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the database's.
    pub async fn delete_webhook(
        &self,
        context: Context,
        now: Timestamp,
        id: WebhookId,
    ) -> Result<Webhook, StoreError> {
        let body = move |tx: &mut Tx<'_>| delete(tx, &context, now, id);
        self.inner.writer.write(Lane::Api, body).await
    }
}
