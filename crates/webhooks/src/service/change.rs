//! Making, changing and deleting webhooks.

use super::{MadeWebhook, Webhooks};
use crate::draft::{SecretDraft, WebhookDraft, WebhookPatch};
use crate::endpoint::Checks;
use crate::error::WebhookError;
use crate::preset::Preset;
use crate::signature::generate_secret;
use oneoff_domain::{Context, FieldError, Timestamp, ValidationErrors, WebhookId};
use oneoff_secrets::SecretString;
use oneoff_storage::webhooks::{NewWebhook, WebhookChange, WebhookDecide};
use oneoff_storage::{Refusal, StoreError, Webhook, Written};
use std::time::Duration;

/// For how long the secret before signs, too, if nothing else is said.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// The longest that may be asked for.
const OVERLAP_MAX_SECONDS: i64 = 30 * 24 * 3600;

impl Webhooks {
    /// Makes a webhook.
    ///
    /// # Errors
    /// Every field that is wrong, or the store's.
    pub async fn create(&self, context: Context, draft: WebhookDraft) -> Result<MadeWebhook, WebhookError> {
        let preset = draft.preset.clone().unwrap_or_else(|| Preset::default().to_string());
        let mut checks = Checks::default();
        checks.name(&draft.name);
        checks.url(&draft.url, self.inner.client.policy());
        checks.events(&draft.events);
        checks.filters(&draft.project_ids, &draft.tags, &draft.job_types);
        checks.preset(&preset);
        checks.template(draft.template.as_deref());
        if let SecretDraft::Text(secret) = &draft.secret {
            checks.secret(secret.expose());
        }
        ValidationErrors(checks.0).into_result()?;
        let id = WebhookId::generate(self.now(), self.inner.random.as_ref());
        let secret = match draft.secret {
            SecretDraft::Unsaid => Some(generate_secret(self.inner.random.as_ref())),
            SecretDraft::None => None,
            SecretDraft::Text(secret) => Some(secret),
        };
        let sealed = match &secret {
            Some(secret) => Some(self.seal(id, secret).await?),
            None => None,
        };
        let new = NewWebhook {
            id,
            name: draft.name,
            url: draft.url,
            events: in_full(&draft.events),
            project_ids: draft.project_ids,
            tags: draft.tags,
            job_types: draft.job_types,
            preset,
            template: draft.template,
            secret: sealed,
            is_active: draft.is_active.unwrap_or(true),
        };
        if context.dry_run {
            let value = as_it_would_be(&new, &context, self.now());
            return Ok(MadeWebhook { webhook: Written { value, replayed: false }, secret: None });
        }
        let webhook = self.inner.store.create_webhook(context, self.now(), new).await?;
        self.inner.look.notify_one();
        let secret = secret.filter(|_| !webhook.replayed);
        Ok(MadeWebhook { webhook, secret })
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// Every field that is wrong, [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the store's.
    pub async fn update(
        &self,
        context: Context,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Written<Webhook>, WebhookError> {
        self.check_patch(&patch)?;
        let secret = match &patch.secret {
            SecretDraft::Unsaid => None,
            SecretDraft::None => Some(None),
            SecretDraft::Text(secret) => Some(Some(self.seal(id, secret).await?)),
        };
        let decide = move |before: &Webhook| {
            let webhook = patched(before.clone(), patch, secret);
            Ok(WebhookChange { webhook, action: "webhook.update" })
        };
        self.change(context, id, Box::new(decide)).await
    }

    fn check_patch(&self, patch: &WebhookPatch) -> Result<(), WebhookError> {
        let mut checks = Checks::default();
        if let Some(name) = &patch.name {
            checks.name(name);
        }
        if let Some(url) = &patch.url {
            checks.url(url, self.inner.client.policy());
        }
        if let Some(events) = &patch.events {
            checks.events(events);
        }
        let words = |words: &Option<Vec<String>>| words.clone().unwrap_or_default();
        checks.filters(&words(&patch.project_ids), &words(&patch.tags), &words(&patch.job_types));
        if let Some(preset) = &patch.preset {
            checks.preset(preset);
        }
        checks.template(patch.template.as_ref().and_then(Option::as_deref));
        if let SecretDraft::Text(secret) = &patch.secret {
            checks.secret(secret.expose());
        }
        Ok(ValidationErrors(checks.0).into_result()?)
    }

    async fn change(
        &self,
        context: Context,
        id: WebhookId,
        decide: WebhookDecide,
    ) -> Result<Written<Webhook>, WebhookError> {
        if context.dry_run {
            let before = self.get(&context, id).await?;
            if let Some(expected) = context.if_match.filter(|expected| *expected != before.version) {
                let refusal = Refusal::VersionMismatch { expected, actual: before.version };
                return Err(StoreError::Refused(refusal).into());
            }
            let value = decide(&before).map_err(StoreError::Refused)?.webhook;
            return Ok(Written { value, replayed: false });
        }
        let written = self.inner.store.change_webhook(context, self.now(), id, decide).await?;
        self.inner.look.notify_one();
        Ok(written)
    }

    /// Gives a webhook another secret. The one before signs, too, for `overlap_seconds`, by default a day.
    ///
    /// # Errors
    /// Every field that is wrong, [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the store's.
    pub async fn rotate_secret(
        &self,
        context: Context,
        id: WebhookId,
        secret: Option<SecretString>,
        overlap_seconds: Option<i64>,
    ) -> Result<MadeWebhook, WebhookError> {
        let mut checks = Checks::default();
        if let Some(secret) = &secret {
            checks.secret(secret.expose());
        }
        let overlap = match overlap_seconds {
            None => OVERLAP,
            Some(seconds @ 0..=OVERLAP_MAX_SECONDS) => Duration::from_secs(seconds.unsigned_abs()),
            Some(seconds) => {
                let error = FieldError::new("/overlap_seconds", format!("cannot be {seconds}"));
                checks.0.push(error.with_hint(format!("0 to {OVERLAP_MAX_SECONDS}")));
                Duration::ZERO
            }
        };
        ValidationErrors(checks.0).into_result()?;
        let secret = secret.unwrap_or_else(|| generate_secret(self.inner.random.as_ref()));
        let sealed = self.seal(id, &secret).await?;
        let until = self.now().saturating_add(overlap);
        let is_dry_run = context.dry_run;
        let decide = move |before: &Webhook| {
            let mut webhook = before.clone();
            let previous = webhook.secret.replace(sealed).filter(|_| !overlap.is_zero());
            webhook.previous_secret_until = previous.is_some().then_some(until);
            webhook.previous_secret = previous;
            Ok(WebhookChange { webhook, action: "webhook.rotate_secret" })
        };
        let webhook = self.change(context, id, Box::new(decide)).await?;
        let secret = Some(secret).filter(|_| !webhook.replayed && !is_dry_run);
        Ok(MadeWebhook { webhook, secret })
    }

    /// Deletes a webhook, with its deliveries.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the store's.
    pub async fn delete(&self, context: Context, id: WebhookId) -> Result<Webhook, WebhookError> {
        if context.dry_run {
            return self.get(&context, id).await;
        }
        let deleted = self.inner.store.delete_webhook(context, self.now(), id).await?;
        self.inner.look.notify_one();
        Ok(deleted)
    }
}

/// The events as they are kept: each once, without white space.
fn in_full(events: &[String]) -> Vec<String> {
    crate::EventFilter::new(events.iter().map(String::as_str)).map(Into::into).unwrap_or_default()
}

fn patched(mut webhook: Webhook, patch: WebhookPatch, secret: Option<Option<String>>) -> Webhook {
    fn replace<T>(place: &mut T, with: Option<T>) {
        if let Some(value) = with {
            *place = value;
        }
    }
    replace(&mut webhook.name, patch.name);
    replace(&mut webhook.url, patch.url);
    replace(&mut webhook.events, patch.events.map(|events| in_full(&events)));
    replace(&mut webhook.project_ids, patch.project_ids);
    replace(&mut webhook.tags, patch.tags);
    replace(&mut webhook.job_types, patch.job_types);
    replace(&mut webhook.preset, patch.preset);
    replace(&mut webhook.template, patch.template);
    if let Some(secret) = secret {
        webhook.secret = secret;
        webhook.previous_secret = None;
        webhook.previous_secret_until = None;
    }
    if let Some(is_active) = patch.is_active {
        // A person has decided.
        webhook.failing_since = webhook.failing_since.filter(|_| webhook.is_active && is_active);
        webhook.is_active = is_active;
        webhook.paused_reason = None;
        webhook.paused_at = None;
    }
    webhook
}

fn as_it_would_be(new: &NewWebhook, context: &Context, now: Timestamp) -> Webhook {
    Webhook {
        key: 0,
        id: new.id,
        name: new.name.clone(),
        url: new.url.clone(),
        events: new.events.clone(),
        project_ids: new.project_ids.clone(),
        tags: new.tags.clone(),
        job_types: new.job_types.clone(),
        preset: new.preset.clone(),
        template: new.template.clone(),
        secret: new.secret.clone(),
        previous_secret: None,
        previous_secret_until: None,
        is_active: new.is_active,
        paused_reason: None,
        paused_at: None,
        failing_since: None,
        starts_after: 0,
        created_by: context.actor.label(),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}
