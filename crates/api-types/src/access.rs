//! API keys, sessions and the setup link on the wire.

use serde::{Deserialize, Serialize};

/// An API key. The key itself is only in the answer to the request that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ApiKeyView {
    /// 32 hexadecimal characters.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its first 15 characters.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// The only projects that it may touch; null is all.
    pub project_ids: Option<Vec<String>>,
    /// When it was used last, to about a minute.
    pub last_used_at: Option<String>,
    /// When it stops to be valid; null is never.
    pub expires_at: Option<String>,
    /// Whether it was not revoked.
    pub is_active: bool,
    /// When it was made.
    pub created_at: String,
    /// When it was changed last.
    pub updated_at: String,
    /// Rises with every change; also the entity tag.
    pub version: i64,
    /// The id of the key that took its place by a rotation; null of one that was not rotated.
    #[serde(default)]
    pub replaced_by: Option<String>,
}

/// A key that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NewApiKeyView {
    /// What is known of it.
    #[serde(flatten)]
    pub api_key: ApiKeyView,
    /// The key itself, this once; absent where an earlier request with the same idempotency key made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The key in whose place it is, as that is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ApiKeyView>,
}

impl std::fmt::Debug for NewApiKeyView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewApiKeyView").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// The answer to a revoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RevokedApiKey {
    /// `revoked`.
    pub status: String,
    /// The key as it is now.
    #[serde(flatten)]
    pub api_key: ApiKeyView,
}

/// `POST /api/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CreateApiKey {
    /// What people call it.
    pub name: String,
    /// `read`, `write`, `admin`; `read` and `write` where none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The only projects that it may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_ids: Option<Vec<String>>,
    /// When it stops to be valid: an instant, or an expression such as `in 90d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// `PATCH /api/api-keys/{id}`: what is absent stays; an inner null takes a restriction away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UpdateApiKey {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `read`, `write`, `admin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// The only projects that it may touch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_ids: Option<Option<Vec<String>>>,
    /// Whether it is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    /// When it stops to be valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<String>>,
}

/// `POST /api/api-keys/{id}/rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RotateApiKey {
    /// For how long the old key stays valid; 0, the default, ends it at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
    /// When the new key stops to be valid; as the old one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Option<String>>,
}

/// `GET` and `POST /api/session`: a browser that signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionView {
    /// Whether the server needs keys at all. Where it does not, everybody may do everything.
    pub auth_enabled: bool,
    /// The key by which somebody signed in; null on a server without keys.
    pub api_key: Option<ApiKeyView>,
    /// When the session ends; null where there is none.
    pub expires_at: Option<String>,
    /// What a change must carry as `X-CSRF-Token`; null where there is no session.
    pub csrf_token: Option<String>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntryView {
    /// Its place in the log; rises.
    pub sequence: i64,
    /// When it was written.
    pub at: String,
    /// Who: `key:NAME`, `local`, `command-line`, `setup-link`, `library` or `system`.
    pub actor: String,
    /// The id of the API key.
    pub actor_key_id: Option<String>,
    /// From where, where that is known.
    pub client_address: Option<String>,
    /// What was done: `job.create`, `api_key.revoke`, ...
    pub action: String,
    /// The kind of the record: `job`, `api_key`, ...
    pub subject_kind: String,
    /// The record.
    pub subject_id: String,
    /// Its project, where it has one.
    pub project_id: Option<String>,
    /// The request that did it.
    pub request_id: Option<String>,
    /// What was changed, as it was before; null of something that was made.
    pub before: Option<serde_json::Value>,
    /// The same as it was after; null of something that was removed.
    pub after: Option<serde_json::Value>,
}
