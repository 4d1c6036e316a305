//! Projects and tags: what jobs are ordered by.

use crate::Timestamp;

/// The project of jobs that name none. It is always there.
pub const DEFAULT_PROJECT: &str = "default";

/// What jobs belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The outer name: `default`, or a UUID.
    pub id: String,
    /// What people call it; no two projects have the same.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// How it is shown.
    pub color: Option<String>,
    /// How it is shown.
    pub icon: Option<String>,
    /// Whether it is put away: it takes no new jobs.
    pub is_archived: bool,
    /// Whether nothing of it starts.
    pub is_paused: bool,
    /// Raised by every change; the record's ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A word for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The store's key, by which it is known which jobs have it.
    pub key: i64,
    /// The outer name, a UUID.
    pub id: String,
    /// What people call it; no two tags have the same.
    pub name: String,
    /// How it is shown.
    pub color: Option<String>,
    /// Whether it is one that is offered first.
    pub is_default: bool,
    /// Raised by every change; the record's ETag.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A change of a project: every `Some` replaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectChange {
    /// The name.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// How it is shown.
    pub color: Option<Option<String>>,
    /// How it is shown.
    pub icon: Option<Option<String>>,
    /// Whether it is put away.
    pub is_archived: Option<bool>,
    /// Whether nothing of it starts.
    pub is_paused: Option<bool>,
}

impl ProjectChange {
    /// The project after it.
    #[must_use]
    pub fn applied_to(&self, project: &Project) -> Project {
        let or = |new: &Option<Option<String>>, old: &Option<String>| match new {
            Some(new) => new.clone().filter(|text| !text.is_empty()),
            None => old.clone(),
        };
        Project {
            name: self.name.clone().unwrap_or_else(|| project.name.clone()),
            description: or(&self.description, &project.description),
            color: or(&self.color, &project.color),
            icon: or(&self.icon, &project.icon),
            is_archived: self.is_archived.unwrap_or(project.is_archived),
            is_paused: self.is_paused.unwrap_or(project.is_paused),
            ..project.clone()
        }
    }
}

/// A change of a tag: every `Some` replaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagChange {
    /// The name.
    pub name: Option<String>,
    /// How it is shown.
    pub color: Option<Option<String>>,
    /// Whether it is offered first.
    pub is_default: Option<bool>,
}

impl TagChange {
    /// The tag after it.
    #[must_use]
    pub fn applied_to(&self, tag: &Tag) -> Tag {
        Tag {
            name: self.name.clone().unwrap_or_else(|| tag.name.clone()),
            color: match &self.color {
                Some(color) => color.clone().filter(|text| !text.is_empty()),
                None => tag.color.clone(),
            },
            is_default: self.is_default.unwrap_or(tag.is_default),
            ..tag.clone()
        }
    }
}
