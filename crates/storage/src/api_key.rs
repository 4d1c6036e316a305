//! API keys as they are stored: a hash, never the key.

use oneoff_domain::Timestamp;

/// A key to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its outer name, 32 hex characters.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the whole key in lower-case hex.
    pub key_hash: String,
    /// The first 15 characters of the key, for recognition.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its outer name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first 15 characters of the key.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}
