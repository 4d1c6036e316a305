//! Projects, tags and settings on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProjectView {
    /// `default`, or a UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is shown, such as `#6366f1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// How it is shown, such as `folder`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Whether it is put away: it takes no new jobs.
    pub is_archived: bool,
    /// Whether nothing of it starts.
    pub is_paused: bool,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// Raised by every change; also the ETag.
    pub version: i64,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TagView {
    /// UUID.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How it is shown, such as `#8b5cf6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Whether it is one that is offered first.
    pub is_default: bool,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    #[serde(default)]
    pub updated_at: String,
    /// Raised by every change; also the ETag.
    #[serde(default)]
    pub version: i64,
}

/// A setting that can be changed while servers run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingView {
    /// Its name.
    pub key: String,
    /// Its text, as it is in effect.
    pub value: String,
    /// When it was stored; null where it was not.
    pub updated_at: Option<String>,
    /// `stored`, or where the server that answers has it from: `default`, `environment WORKERS_COUNT`, ...
    pub source: String,
    /// What it would be if nothing were stored.
    pub started_with: String,
    /// What is allowed.
    pub allowed: String,
}

/// A new project: `POST /api/projects`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CreateProject {
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// How it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Whether nothing of it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_paused: Option<bool>,
}

/// A new tag: `POST /api/tags`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct CreateTag {
    /// What people call it.
    pub name: String,
    /// How it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Whether it is offered first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_default: Option<bool>,
}

/// An edit of a project or a tag, a JSON merge patch: what is sent replaces, null clears, what is absent stays.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UpdateRecord(pub Map<String, Value>);

/// The answer to `PATCH /api/system/config`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SettingsUpdated {
    /// As OneOff v1 answers.
    pub message: String,
    /// The settings that were sent, as they are now.
    pub settings: Vec<SettingView>,
}
