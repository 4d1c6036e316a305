//! Calls about projects, tags and settings.

use crate::transport::Call;
use crate::{Client, ClientError, idempotency};
use oneoff_api_types::{
    CreateProject, CreateTag, ProjectView, SettingView, SettingsUpdated, TagView, UpdateRecord,
};
use reqwest::Method;
use serde_json::{Map, Value};

/// What becomes of the jobs of a project that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectJobs {
    /// There must not be any.
    Refuse,
    /// They go to this project.
    Move(String),
    /// They are deleted, with their executions.
    Delete,
}

impl Client {
    /// The projects, by name.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn projects(&self, with_archived: bool) -> Result<Vec<ProjectView>, ClientError> {
        let query = vec![("include_archived", with_archived.to_string())];
        self.data(&Call::get(&["projects"]).query(query)).await
    }

    /// A project.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn project(&self, id: &str) -> Result<ProjectView, ClientError> {
        self.data(&Call::get(&["projects", id])).await
    }

    /// Makes a project.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_project(&self, project: &CreateProject) -> Result<ProjectView, ClientError> {
        self.data_once(Call::post(&["projects"]).json(project)?, &idempotency::new_key()?).await
    }

    /// Edits a project.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_project(&self, id: &str, patch: &UpdateRecord) -> Result<ProjectView, ClientError> {
        self.data(&Call::new(Method::PATCH, &["projects", id]).json(patch)?).await
    }

    /// Lets nothing of a project start.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn pause_project(&self, id: &str) -> Result<ProjectView, ClientError> {
        self.data(&Call::post(&["projects", id, "pause"]).json(&Map::<String, Value>::new())?).await
    }

    /// Lets the jobs of a project start again.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn resume_project(&self, id: &str) -> Result<ProjectView, ClientError> {
        self.data(&Call::post(&["projects", id, "resume"]).json(&Map::<String, Value>::new())?).await
    }

    /// Deletes a project.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_project(&self, id: &str, jobs: &ProjectJobs) -> Result<(), ClientError> {
        let query = match jobs {
            ProjectJobs::Refuse => vec![("jobs", "refuse".to_owned())],
            ProjectJobs::Move(to) => vec![("jobs", "move".to_owned()), ("move_to", to.clone())],
            ProjectJobs::Delete => vec![("jobs", "delete".to_owned())],
        };
        self.empty(&Call::new(Method::DELETE, &["projects", id]).query(query)).await
    }

    /// The tags, by name.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn tags(&self) -> Result<Vec<TagView>, ClientError> {
        self.data(&Call::get(&["tags"])).await
    }

    /// A tag.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn tag(&self, id: &str) -> Result<TagView, ClientError> {
        self.data(&Call::get(&["tags", id])).await
    }

    /// Makes a tag.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_tag(&self, tag: &CreateTag) -> Result<TagView, ClientError> {
        self.data_once(Call::post(&["tags"]).json(tag)?, &idempotency::new_key()?).await
    }

    /// Edits a tag.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_tag(&self, id: &str, patch: &UpdateRecord) -> Result<TagView, ClientError> {
        self.data(&Call::new(Method::PATCH, &["tags", id]).json(patch)?).await
    }

    /// Deletes a tag, and so takes it from its jobs.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_tag(&self, id: &str) -> Result<(), ClientError> {
        self.empty(&Call::new(Method::DELETE, &["tags", id])).await
    }

    /// The settings that can be changed while servers run.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn live_settings(&self) -> Result<Vec<SettingView>, ClientError> {
        self.data(&Call::get(&["system", "config"])).await
    }

    /// Changes settings: an object of their names, with null for what is to be taken back.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_settings(
        &self,
        settings: &Map<String, Value>,
    ) -> Result<SettingsUpdated, ClientError> {
        self.data(&Call::new(Method::PATCH, &["system", "config"]).json(settings)?).await
    }
}
