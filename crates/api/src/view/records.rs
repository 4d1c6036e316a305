//! Projects, tags and settings on the wire.

use oneoff_api_types::{ProjectView, SettingView, TagView};
use oneoff_domain::{Project, Tag};
use oneoff_scheduler::SettingInEffect;

/// A project as the API answers it.
pub(crate) fn project(project: Project) -> ProjectView {
    ProjectView {
        id: project.id,
        name: project.name,
        description: project.description,
        color: project.color,
        icon: project.icon,
        is_archived: project.is_archived,
        is_paused: project.is_paused,
        created_at: project.created_at.to_string(),
        updated_at: project.updated_at.to_string(),
        version: project.version,
    }
}

/// A tag as the API answers it, also in jobs.
pub(crate) fn tag(tag: Tag) -> TagView {
    TagView {
        id: tag.id,
        name: tag.name,
        color: tag.color,
        is_default: tag.is_default,
        created_at: tag.created_at.to_string(),
        updated_at: tag.updated_at.to_string(),
        version: tag.version,
    }
}

/// A setting as the API answers it.
pub(crate) fn setting(setting: SettingInEffect) -> SettingView {
    SettingView {
        key: setting.key.to_owned(),
        value: setting.value,
        updated_at: setting.updated_at.map(|at| at.to_string()),
        source: setting.source,
        started_with: setting.started_with,
        allowed: setting.allowed.to_owned(),
    }
}
