//! What is told of webhooks when they are written: an event, and an audit row, neither with a secret.

use super::row::{PauseReason, Webhook};
use crate::audit::{self, Deed};
use crate::failure::WriteError;
use crate::writer::tx::Tx;
use oneoff_domain::{Context, EventKind, NewEvent, Timestamp};
use ring::digest;
use serde_json::{Map, Value, json};

/// The project of what is told of a webhook, where it is of one alone: whoever may see that one only is to hear of no other.
fn project_of(webhook: &Webhook) -> Option<&str> {
    match webhook.project_ids.as_slice() {
        [project] => Some(project),
        _ => None,
    }
}

fn event(kind: EventKind, webhook: &Webhook, mut data: Map<String, Value>) -> NewEvent {
    data.insert("webhook_id".to_owned(), webhook.id.to_string().into());
    data.insert("name".to_owned(), webhook.name.as_str().into());
    let project_id = project_of(webhook).unwrap_or_default().to_owned();
    NewEvent { kind, job_id: None, execution_id: None, project_id, data }
}

/// Writes an event of a webhook.
pub(super) fn tell(
    tx: &mut Tx<'_>,
    now: Timestamp,
    kind: EventKind,
    webhook: &Webhook,
    data: Value,
) -> Result<(), WriteError> {
    let data = data.as_object().cloned().unwrap_or_default();
    tx.record(now, &event(kind, webhook, data))
}

/// A URL as an audit row has it: many receivers have their secret in its path or its query, so that is told by a hash. It
/// is stored as it was given, in any way that is understood: with any number of slashes of either kind, or none.
fn recognizable(url: &str) -> String {
    let hash = digest::digest(&digest::SHA256, url.as_bytes());
    let hash: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}… (sha256 {hash})", origin(url).unwrap_or_default())
}

/// The scheme, the host and the port of a URL, with a slash at the end; no user and no password.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.trim().split_once(':')?;
    let authority = rest.trim_start_matches(['/', '\\']).split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    Some(format!("{scheme}://{host}/"))
}

/// What an audit row says of a webhook: nothing of its secrets but whether there is one, and until when the one before signs.
fn seen(webhook: &Webhook) -> Value {
    json!({
        "name": webhook.name,
        "url": recognizable(&webhook.url),
        "events": webhook.events,
        "project_ids": webhook.project_ids,
        "tags": webhook.tags,
        "job_types": webhook.job_types,
        "preset": webhook.preset,
        "template": webhook.template,
        "has_secret": webhook.secret.is_some(),
        "previous_secret_until": webhook.previous_secret_until.map(|until| until.to_string()),
        "is_active": webhook.is_active,
        "paused_reason": webhook.paused_reason.map(PauseReason::as_str),
    })
}

/// What differs, as it was and as it is now.
fn difference(before: &Webhook, after: &Webhook) -> (Value, Value) {
    let (old, mut new) = audit::changed(seen(before), seen(after));
    let is_replaced = before.secret.is_some() && after.secret.is_some() && before.secret != after.secret;
    if let (true, Value::Object(new)) = (is_replaced, &mut new) {
        new.insert("secret_replaced".to_owned(), true.into());
    }
    (old, new)
}

/// Writes an audit row of a webhook that was made, changed or removed.
pub(super) fn audit(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    action: &'static str,
    before: Option<&Webhook>,
    after: Option<&Webhook>,
) -> Result<(), WriteError> {
    let Some(any) = after.or(before) else { return Ok(()) };
    let (old, new) = match (before, after) {
        (Some(before), Some(after)) => {
            let (old, new) = difference(before, after);
            (Some(old), Some(new))
        }
        _ => (before.map(seen), after.map(seen)),
    };
    audit_as(tx, context, now, action, any, (old.as_ref(), new.as_ref()))
}

/// Writes an audit row about a webhook.
pub(super) fn audit_as(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    action: &'static str,
    webhook: &Webhook,
    (before, after): (Option<&Value>, Option<&Value>),
) -> Result<(), WriteError> {
    let id = webhook.id.to_string();
    let deed = Deed { action, kind: "webhook", id, project: project_of(webhook), before, after };
    audit::record(tx, context, now, deed)
}

#[cfg(test)]
mod tests {
    use super::recognizable;

    #[test]
    fn an_audit_row_tells_urls_apart_without_showing_their_secrets() {
        let (one, other) = (
            "https://hooks.slack.com/services/T0/B0/hunter2",
            "https://hooks.slack.com/services/T0/B0/other",
        );
        assert!(recognizable(one).starts_with("https://hooks.slack.com/… (sha256 "), "{}", recognizable(one));
        assert!(!recognizable(one).contains("hunter2") && recognizable(one) != recognizable(other));
        assert!(recognizable("x").starts_with("… (sha256 "));
    }

    #[test]
    fn an_audit_row_shows_nothing_of_a_url_but_where_it_leads() {
        for url in [
            "https://host:8443?token=hunter2",
            "https://host:8443#hunter2",
            "https://host:8443/hunter2",
            r"https:\\host:8443\services\hunter2",
            r"https:/\/host:8443\hunter2",
            "https:host:8443/hunter2",
            " https://host:8443/hunter2",
            "https://hunter2:hunter2@host:8443",
            "https://hunter2@hunter2@host:8443?hunter2@x/hunter2",
        ] {
            let seen = recognizable(url);
            assert!(seen.starts_with("https://host:8443/… (sha256 "), "{url}: {seen}");
            assert!(!seen.contains("hunter2"), "{url}: {seen}");
        }
    }
}
