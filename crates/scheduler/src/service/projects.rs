//! Projects: made, changed, paused and deleted, as far as that decides what may run.

use super::Service;
use super::validate::Checks;
use crate::ServiceError;
use crate::core::{Alarm, Input};
use oneoff_domain::limits::{DESCRIPTION_MAX_CHARS, LOOK_MAX_CHARS};
use oneoff_domain::{Context, FieldError, Project, ProjectChange, new_record_id};
use oneoff_storage::{Catalog, JobsOfProject, ProjectRemoval, Written};
use std::sync::Arc;

impl Service {
    /// Projects, tags and settings as this process knows them.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.store.catalog()
    }

    /// A project.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`].
    pub fn project(&self, context: &Context, id: &str) -> Result<Project, ServiceError> {
        let catalog = self.catalog();
        catalog.project(context, id).cloned().map_err(ServiceError::Refused)
    }

    /// The projects that the caller may touch, by name; those that are put away only where they are asked for.
    #[must_use]
    pub fn projects(&self, context: &Context, with_archived: bool) -> Vec<Project> {
        let catalog = self.catalog();
        let is_shown = |project: &&Project| {
            (with_archived || !project.is_archived) && catalog.project(context, &project.id).is_ok()
        };
        let mut projects: Vec<Project> = catalog.projects.values().filter(is_shown).cloned().collect();
        projects.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        projects
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], a name that is taken, or a store that cannot take it.
    pub async fn create_project(
        &self,
        context: Context,
        change: ProjectChange,
    ) -> Result<Written<Project>, ServiceError> {
        self.accepting()?;
        let mut checks = Checks::default();
        if change.name.is_none() {
            checks.add(FieldError::new("/name", "is missing").with_hint("text of at most 256 characters"));
        }
        let change = checked(change, checks)?;
        let now = self.now();
        let id = new_record_id(now, self.inner.random.as_ref());
        Ok(self.inner.store.create_project(context, now, id, change).await?)
    }

    /// Changes a project. When this answers that it is paused, nothing of it starts any more, on no node; what runs goes on.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], a name that is taken, a version that is not the expected one, no such project.
    pub async fn update_project(
        &self,
        context: Context,
        id: String,
        change: ProjectChange,
    ) -> Result<Written<Project>, ServiceError> {
        self.accepting()?;
        let change = checked(change, Checks::default())?;
        self.change_project(context, id, change, "project.update").await
    }

    /// Lets nothing of a project start until it is resumed. It may be paused already.
    ///
    /// # Errors
    /// As [`Self::update_project`].
    pub async fn pause_project(
        &self,
        context: Context,
        id: String,
    ) -> Result<Written<Project>, ServiceError> {
        self.accepting()?;
        let change = ProjectChange { is_paused: Some(true), ..ProjectChange::default() };
        self.change_project(context, id, change, "project.pause").await
    }

    /// Lets the jobs of a project start again: those that are due by then at once, unless they are too late by their own
    /// policy.
    ///
    /// # Errors
    /// As [`Self::update_project`].
    pub async fn resume_project(
        &self,
        context: Context,
        id: String,
    ) -> Result<Written<Project>, ServiceError> {
        self.accepting()?;
        let change = ProjectChange { is_paused: Some(false), ..ProjectChange::default() };
        self.change_project(context, id, change, "project.resume").await
    }

    async fn change_project(
        &self,
        context: Context,
        id: String,
        change: ProjectChange,
        action: &'static str,
    ) -> Result<Written<Project>, ServiceError> {
        Ok(self.inner.store.update_project(context, self.now(), id, change, action).await?)
    }

    /// Deletes a project, and does with its jobs what is said. Of many jobs it goes on in slices; whoever calls it again after
    /// a crash goes on where it ended.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::ProjectHasJobs`], [`oneoff_storage::Refusal::ProjectRuns`], [`oneoff_storage::Refusal::DefaultProject`], no such project, a version that
    /// is not the expected one.
    pub async fn delete_project(
        &self,
        context: Context,
        id: String,
        jobs: JobsOfProject,
    ) -> Result<(), ServiceError> {
        self.accepting()?;
        let store = &self.inner.store;
        let begun =
            store.begin_project_removal(context.clone(), self.now(), id.clone(), jobs.clone()).await?;
        let mut state = begun;
        while state != ProjectRemoval::Gone {
            self.accepting()?;
            let step =
                store.go_on_with_project_removal(context.clone(), self.now(), id.clone(), jobs.clone());
            state = step.await?;
        }
        if jobs == JobsOfProject::Delete {
            // Output of deleted jobs is left for retention to remove, in slices.
            self.inner.mailbox.send(Input::SetAlarm(Alarm::Retention, self.now()));
        }
        Ok(())
    }
}

/// The change with its texts trimmed, if they are within their bounds.
fn checked(mut change: ProjectChange, mut checks: Checks) -> Result<ProjectChange, ServiceError> {
    change.name = change.name.map(|name| checks.record_name(&name));
    let texts = [
        ("/description", &change.description, DESCRIPTION_MAX_CHARS),
        ("/color", &change.color, LOOK_MAX_CHARS),
        ("/icon", &change.icon, LOOK_MAX_CHARS),
    ];
    for (pointer, text, most) in texts {
        if let Some(Some(text)) = text {
            checks.text(pointer, text, most);
        }
    }
    checks.into_result()?;
    Ok(change)
}
