//! Writing projects.

use super::write::{Done, check_version, earlier, settle, to_change};
use super::{Catalog, is_allowed};
use crate::failure::WriteError;
use crate::statement;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError, Written};
use oneoff_domain::limits::PROJECTS_MAX;
use oneoff_domain::{
    Context, DEFAULT_PROJECT, EventKind, FieldError, Project, ProjectChange, Timestamp, ValidationErrors,
};
use serde_json::{Value, json};

/// What of a project is in events and audit rows.
pub(super) fn shown(project: &Project) -> Value {
    json!({
        "name": project.name,
        "description": project.description,
        "color": project.color,
        "icon": project.icon,
        "is_archived": project.is_archived,
        "is_paused": project.is_paused,
    })
}

/// A project as it is made of a change, before it is stored.
fn new_project(id: &str, change: &ProjectChange, now: Timestamp) -> Project {
    let empty = Project {
        id: id.to_owned(),
        name: String::new(),
        description: None,
        color: None,
        icon: None,
        is_archived: false,
        is_paused: false,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    change.applied_to(&empty)
}

/// What keeps a project from being as it is to be.
fn check(catalog: &Catalog, project: &Project) -> Result<(), Refusal> {
    let is_other = |other: &&Project| other.name == project.name && other.id != project.id;
    if catalog.projects.values().any(|other| is_other(&other)) {
        return Err(Refusal::Taken { kind: "project", field: "name", value: project.name.clone() });
    }
    if project.id == DEFAULT_PROJECT && project.is_archived {
        let error = FieldError::new("/is_archived", "the default project cannot be archived")
            .with_hint("jobs that name no project go there");
        return Err(Refusal::Invalid(ValidationErrors::one(error)));
    }
    Ok(())
}

/// Makes a project.
fn create(
    catalog: &Catalog,
    context: &Context,
    id: &str,
    change: &ProjectChange,
    now: Timestamp,
) -> Result<Project, Refusal> {
    // A caller who is bound to some projects could not see the new one.
    if context.allowed_projects.is_some() {
        return Err(Refusal::Barred { what: "a key that is bound to some projects makes no others" });
    }
    let project = new_project(id, change, now);
    check(catalog, &project)?;
    if catalog.projects.len() >= PROJECTS_MAX {
        return Err(Refusal::TooMany { kind: "projects", most: PROJECTS_MAX });
    }
    Ok(project)
}

/// Changes a project; `None` when nothing of it would be another.
fn update(
    catalog: &Catalog,
    context: &Context,
    id: &str,
    change: &ProjectChange,
    now: Timestamp,
) -> Result<(Project, Option<Project>), Refusal> {
    let before = catalog.project(context, id)?.clone();
    check_version(context, before.version)?;
    let after = change.applied_to(&before);
    check(catalog, &after)?;
    if after == before {
        return Ok((before, None));
    }
    let after = Project { version: before.version + 1, updated_at: now, ..after };
    Ok((before, Some(after)))
}

statement::statement!(
    Insert,
    "INSERT INTO projects (id, name, description, color, icon, is_archived, is_paused, version, created_at, \
     updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
);
statement::statement!(
    Update,
    "UPDATE projects SET name = ?, description = ?, color = ?, icon = ?, is_archived = ?, is_paused = ?, version = ?, \
     updated_at = ? WHERE id = ?"
);

pub(super) fn store_change(tx: &mut Tx<'_>, project: &Project) -> Result<(), WriteError> {
    let values = [
        project.name.as_str().into(),
        project.description.as_deref().into(),
        project.color.as_deref().into(),
        project.icon.as_deref().into(),
        project.is_archived.into(),
        project.is_paused.into(),
        project.version.into(),
        project.updated_at.as_micros().into(),
        project.id.as_str().into(),
    ];
    statement::run::<Update>(tx.conn, &values)?;
    Ok(())
}

fn store_new(tx: &mut Tx<'_>, project: &Project) -> Result<(), WriteError> {
    let values = [
        project.id.as_str().into(),
        project.name.as_str().into(),
        project.description.as_deref().into(),
        project.color.as_deref().into(),
        project.icon.as_deref().into(),
        project.is_archived.into(),
        project.is_paused.into(),
        project.version.into(),
        project.created_at.as_micros().into(),
        project.updated_at.as_micros().into(),
    ];
    statement::run::<Insert>(tx.conn, &values)?;
    Ok(())
}

impl Store {
    /// Makes a project. In a dry run, answers what it would be.
    ///
    /// # Errors
    /// [`Refusal::Taken`] of its name, [`Refusal::TooMany`], [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn create_project(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        change: ProjectChange,
    ) -> Result<Written<Project>, StoreError> {
        if context.dry_run {
            let value = create(&self.catalog(), &context, &id, &change, now)?;
            return Ok(Written { value, replayed: false });
        }
        let body = move |tx: &mut Tx<'_>| {
            let find = |catalog: &Catalog, id: &str| {
                catalog.projects.get(id).filter(|_| is_allowed(&context, id)).cloned()
            };
            if let Some(value) = earlier(tx, &context, find)? {
                return Ok(Written { value, replayed: true });
            }
            let catalog = to_change(tx)?;
            let value = create(&catalog, &context, &id, &change, now)?;
            store_new(tx, &value)?;
            let done = Done {
                event: EventKind::ProjectCreated,
                action: "project.create",
                kind: "project",
                id: &value.id,
                before: None,
                after: Some(shown(&value)),
            };
            settle(tx, &context, now, done)?;
            Ok(Written { value, replayed: false })
        };
        self.change_catalog(body).await
    }

    /// Changes a project, for which the audit log has this word. In a dry run, answers what it would be. Once it is
    /// answered that a project is paused, nothing of it is claimed any more, on no node.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Taken`] of its name, [`Refusal::VersionMismatch`], or the database's.
    pub async fn update_project(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        change: ProjectChange,
        action: &'static str,
    ) -> Result<Written<Project>, StoreError> {
        if context.dry_run {
            let (before, after) = update(&self.catalog(), &context, &id, &change, now)?;
            return Ok(Written { value: after.unwrap_or(before), replayed: false });
        }
        let body = move |tx: &mut Tx<'_>| {
            let find = |catalog: &Catalog, id: &str| {
                catalog.projects.get(id).filter(|_| is_allowed(&context, id)).cloned()
            };
            if let Some(value) = earlier(tx, &context, find)? {
                return Ok(Written { value, replayed: true });
            }
            let catalog = to_change(tx)?;
            let (before, after) = update(&catalog, &context, &id, &change, now)?;
            let Some(value) = after else { return Ok(Written { value: before, replayed: false }) };
            store_change(tx, &value)?;
            let done = Done {
                event: EventKind::ProjectUpdated,
                action,
                kind: "project",
                id: &value.id,
                before: Some(shown(&before)),
                after: Some(shown(&value)),
            };
            settle(tx, &context, now, done)?;
            Ok(Written { value, replayed: false })
        };
        self.change_catalog(body).await
    }
}
