//! A webhook as somebody asks for it.

use oneoff_secrets::SecretString;

/// The secret of a new webhook, or a change to one.
#[derive(Debug, Clone, Default)]
pub enum SecretDraft {
    /// Nothing was said: a new webhook gets one, a present one keeps what it has.
    #[default]
    Unsaid,
    /// It is to have none, so that nothing is signed.
    None,
    /// This one.
    Text(SecretString),
}

/// A webhook that is to be made.
#[derive(Debug, Clone, Default)]
pub struct WebhookDraft {
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
    /// The form in which it is told; `generic` if none is named.
    pub preset: Option<String>,
    /// Its own form in place of that.
    pub template: Option<String>,
    /// Its secret.
    pub secret: SecretDraft,
    /// Whether it is told of events; it is if nothing is said.
    pub is_active: Option<bool>,
}

/// A change to a webhook: what is not said stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookPatch {
    /// What people call it.
    pub name: Option<String>,
    /// Where deliveries go.
    pub url: Option<String>,
    /// Which events it wants.
    pub events: Option<Vec<String>>,
    /// Of which projects.
    pub project_ids: Option<Vec<String>>,
    /// Of jobs with one of these tags.
    pub tags: Option<Vec<String>>,
    /// Of jobs of one of these types.
    pub job_types: Option<Vec<String>>,
    /// The form in which it is told.
    pub preset: Option<String>,
    /// Its own form in place of that; `Some(None)` is none.
    pub template: Option<Option<String>>,
    /// Its secret, which replaces the present one at once.
    pub secret: SecretDraft,
    /// Whether it is told of events.
    pub is_active: Option<bool>,
}
