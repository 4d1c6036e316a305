//! Projects, tags and settings: few rows, which every server has in memory as one value with a version. Each change
//! writes its rows, raises the version and reads all of it anew, so that no server knows one part without another.

pub(crate) mod job_tags;
mod load;
mod projects;
mod removal;
mod settings;
mod tags;
pub(crate) mod write;

pub use removal::{JobsOfProject, ProjectRemoval};
pub use settings::SettingChange;

pub(crate) use load::load;

use crate::{Refusal, Store};
use oneoff_domain::{Context, FieldError, LiveSettings, Project, Tag, Timestamp, ValidationErrors};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// A setting that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSetting {
    /// Its text.
    pub value: String,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// All projects, tags and settings, at one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// Raised by every change.
    pub version: i64,
    /// Projects by id.
    pub projects: BTreeMap<String, Project>,
    /// Tags by id.
    pub tags: BTreeMap<String, Tag>,
    /// Settings that were stored, by name.
    pub settings: BTreeMap<String, StoredSetting>,
    /// What the settings mean.
    pub live: LiveSettings,
    /// The projects of which nothing starts.
    pub paused: BTreeSet<String>,
}

impl Catalog {
    /// Whether nothing of a project starts.
    #[must_use]
    pub fn is_paused(&self, project: &str) -> bool {
        !self.paused.is_empty() && self.paused.contains(project)
    }

    /// The tag with this name.
    #[must_use]
    pub fn tag_named(&self, name: &str) -> Option<&Tag> {
        self.tags.values().find(|tag| tag.name == name)
    }

    /// The tags with these ids, without those that are gone.
    #[must_use]
    pub fn tags_of(&self, ids: &[String]) -> Vec<Tag> {
        ids.iter().filter_map(|id| self.tags.get(id).cloned()).collect()
    }

    /// Why a project takes no new jobs of this caller; `None` when it does.
    #[must_use]
    pub fn refuses_jobs(&self, context: &Context, project: &str) -> Option<FieldError> {
        let unknown = || {
            let name: String = project.chars().take(64).collect();
            FieldError::new("/project_id", format!("there is no project `{name}`"))
                .with_hint(projects_hint(context))
        };
        match self.projects.get(project) {
            None => Some(unknown()),
            Some(_) if !is_allowed(context, project) => Some(unknown()),
            Some(found) if found.is_archived => Some(
                FieldError::new("/project_id", format!("the project `{}` is archived", found.name))
                    .with_hint("name another project, or set its is_archived to false"),
            ),
            Some(_) => None,
        }
    }

    /// The project, if it is there and the actor may touch it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn project(&self, context: &Context, id: &str) -> Result<&Project, Refusal> {
        let found = self.projects.get(id).filter(|_| is_allowed(context, id));
        found.ok_or_else(|| Refusal::NotFound { kind: "project", id: id.to_owned() })
    }

    /// The tag.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn tag(&self, id: &str) -> Result<&Tag, Refusal> {
        self.tags.get(id).ok_or_else(|| Refusal::NotFound { kind: "tag", id: id.to_owned() })
    }
}

use crate::job_write::is_allowed;

/// Projects that a hint names at most.
const PROJECTS_NAMED_MAX: usize = 10;

fn projects_hint(context: &Context) -> String {
    let Some(allowed) = &context.allowed_projects else {
        return "the id of one of GET /api/projects; what names none goes to `default`".to_owned();
    };
    let named: Vec<String> = allowed.iter().take(PROJECTS_NAMED_MAX).map(|id| format!("`{id}`")).collect();
    let more = if allowed.len() > named.len() { ", or another of GET /api/projects" } else { "" };
    format!("the API key is restricted to projects: {}{more}", named.join(", "))
}

/// What takes no new jobs, as a refusal.
pub(crate) fn check_takes_jobs(catalog: &Catalog, context: &Context, project: &str) -> Result<(), Refusal> {
    match catalog.refuses_jobs(context, project) {
        None => Ok(()),
        Some(error) => Err(Refusal::Invalid(ValidationErrors::one(error))),
    }
}

/// The newest catalog that this process knows.
#[derive(Debug, Default)]
pub(crate) struct CatalogCell(RwLock<Arc<Catalog>>);

impl CatalogCell {
    pub(crate) fn get(&self) -> Arc<Catalog> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes it over, unless a newer one is known.
    pub(crate) fn offer(&self, catalog: &Arc<Catalog>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if catalog.version > known.version {
            *known = Arc::clone(catalog);
        }
    }
}

impl Store {
    /// Projects, tags and settings as this process knows them: what it has committed, and what it has heard of others.
    /// It is in memory.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.node.catalog.get()
    }

    /// The same, read from the database.
    ///
    /// # Errors
    /// The database's.
    pub async fn read_catalog(&self) -> Result<Arc<Catalog>, crate::StoreError> {
        let catalog = Arc::new(self.inner.reader.read_first(|conn| Ok(load(conn)?)).await?);
        self.inner.node.catalog.offer(&catalog);
        Ok(catalog)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_catalog_does_not_replace_a_newer_one() {
        let cell = CatalogCell::default();
        for (offered, known) in [(3, 3), (2, 3), (3, 3), (4, 4)] {
            cell.offer(&Arc::new(Catalog { version: offered, ..Catalog::default() }));
            assert_eq!(cell.get().version, known);
        }
    }
}
