//! API keys and sessions on the wire.

use oneoff_api_types::{ApiKeyView, NewApiKeyView, SessionView};
use oneoff_storage::{ApiKey, Rotated, Session};

/// A key, without the key itself.
pub(crate) fn api_key(key: ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        name: key.name,
        key_prefix: key.key_prefix,
        scopes: key.scopes,
        project_ids: key.project_ids,
        last_used_at: key.last_used_at.map(|at| at.to_string()),
        expires_at: key.expires_at.map(|at| at.to_string()),
        is_active: key.is_active,
        created_at: key.created_at.to_string(),
        updated_at: key.updated_at.to_string(),
        version: key.version,
        replaced_by: key.replaced_by,
    }
}

/// A key that was made, with the key itself where it is at hand.
pub(crate) fn new_api_key(key: ApiKey, secret: Option<String>) -> NewApiKeyView {
    NewApiKeyView { api_key: api_key(key), key: secret, replaces: None }
}

/// A key in the place of another one.
pub(crate) fn rotated(rotated: Rotated, secret: Option<String>) -> NewApiKeyView {
    NewApiKeyView { replaces: Some(api_key(rotated.old)), ..new_api_key(rotated.new, secret) }
}

/// A session, with what its changes must carry.
pub(crate) fn session(session: Session, csrf_token: String) -> SessionView {
    SessionView {
        auth_enabled: true,
        api_key: Some(api_key(session.api_key)),
        expires_at: Some(session.expires_at.to_string()),
        csrf_token: Some(csrf_token),
    }
}
