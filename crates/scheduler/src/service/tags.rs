//! Tags, and how jobs name them.

use super::validate::Checks;
use super::{Service, check_unrestricted};
use crate::ServiceError;
use oneoff_domain::limits::{LOOK_MAX_CHARS, TAG_MAX_CHARS, TAGS_MAX};
use oneoff_domain::{Context, FieldError, JobDefinition, Tag, TagChange, new_record_id};
use oneoff_storage::{Catalog, Written};

/// Why a caller who is restricted to projects makes tags, but changes none.
const SHARED: &str = "tags belong to all projects together: a key that is restricted to projects makes some, and neither changes nor deletes any";

/// Tags that are to be made for jobs, by the ids that these have for them.
pub(super) type NewTags = Vec<(String, String)>;

impl Service {
    /// A tag.
    ///
    /// # Errors
    /// [`oneoff_storage::Refusal::NotFound`].
    pub fn tag(&self, id: &str) -> Result<Tag, ServiceError> {
        self.catalog().tag(id).cloned().map_err(ServiceError::Refused)
    }

    /// All tags, by name.
    #[must_use]
    pub fn tags(&self) -> Vec<Tag> {
        let mut tags: Vec<Tag> = self.catalog().tags.values().cloned().collect();
        tags.sort_by(|one, other| one.name.cmp(&other.name));
        tags
    }

    /// Makes a tag.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], a name that is taken, or a store that cannot take it.
    pub async fn create_tag(
        &self,
        context: Context,
        change: TagChange,
    ) -> Result<Written<Tag>, ServiceError> {
        self.accepting()?;
        let mut checks = Checks::default();
        if change.name.is_none() {
            checks.add(FieldError::new("/name", "is missing").with_hint("text of at most 64 characters"));
        }
        let change = checked(change, checks)?;
        let now = self.now();
        let id = new_record_id(now, self.inner.random.as_ref());
        Ok(self.inner.store.create_tag(context, now, id, change).await?)
    }

    /// Changes a tag. A new name is that of all jobs that have it, at once.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`], a name that is taken, a version that is not the expected one, no such tag, a caller who is
    /// restricted to projects.
    pub async fn update_tag(
        &self,
        context: Context,
        id: String,
        change: TagChange,
    ) -> Result<Tag, ServiceError> {
        self.accepting()?;
        check_unrestricted(&context, SHARED)?;
        let change = checked(change, Checks::default())?;
        Ok(self.inner.store.update_tag(context, self.now(), id, change).await?)
    }

    /// Deletes a tag, and so takes it from its jobs. Answers it as it was.
    ///
    /// # Errors
    /// A version that is not the expected one, no such tag, a caller who is restricted to projects.
    pub async fn delete_tag(&self, context: Context, id: String) -> Result<Tag, ServiceError> {
        self.accepting()?;
        check_unrestricted(&context, SHARED)?;
        Ok(self.inner.store.delete_tag(context, self.now(), id).await?)
    }

    /// The ids of the tags that a job names, and those of them that are yet to be made: a name that no tag has makes one.
    pub(super) fn resolve_tags(
        &self,
        tags: Vec<String>,
        tag_ids: Vec<String>,
        checks: &mut Checks,
    ) -> (Vec<String>, NewTags) {
        let catalog = self.catalog();
        let mut ids = known_ids(&catalog, tag_ids, checks);
        let mut new = NewTags::new();
        for name in checks.tags(tags) {
            let name = name.trim();
            let known = catalog.tags.get(name).or_else(|| catalog.tag_named(name));
            let id = known.map_or_else(
                || {
                    let id = new_record_id(self.now(), self.inner.random.as_ref());
                    new.push((id.clone(), name.to_owned()));
                    id
                },
                |tag| tag.id.clone(),
            );
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        if ids.len() > TAGS_MAX {
            let error = FieldError::new("/tags", format!("{} tags are too many", ids.len()));
            checks.add(error.with_hint(format!("at most {TAGS_MAX}")));
        }
        (ids, new)
    }

    /// Makes the tags that jobs need, and gives the jobs the ids of those that somebody else has made meanwhile.
    pub(super) async fn make_tags<'a>(
        &self,
        context: &Context,
        new: NewTags,
        definitions: impl Iterator<Item = &'a mut JobDefinition>,
    ) -> Result<(), ServiceError> {
        if new.is_empty() || context.dry_run {
            return Ok(());
        }
        let others = self.made_tags(context, new).await?;
        for definition in definitions {
            replace(&mut definition.tags, &others);
        }
        Ok(())
    }

    /// Makes tags; answers the ids of those that were there by then, in place of the planned ones.
    pub(super) async fn made_tags(&self, context: &Context, new: NewTags) -> Result<NewTags, ServiceError> {
        if new.is_empty() || context.dry_run {
            return Ok(NewTags::new());
        }
        Ok(self.inner.store.ensure_tags(context.clone(), self.now(), new).await?)
    }
}

/// Ids in place of others. What is the same twice then is there once.
pub(super) fn replace(ids: &mut Vec<String>, others: &NewTags) {
    for id in ids.iter_mut() {
        if let Some((_, other)) = others.iter().find(|(planned, _)| planned == id) {
            other.clone_into(id);
        }
    }
    let mut seen = std::collections::HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
}

fn known_ids(catalog: &Catalog, given: Vec<String>, checks: &mut Checks) -> Vec<String> {
    let mut ids: Vec<String> = Vec::with_capacity(given.len());
    for (index, id) in given.into_iter().enumerate() {
        if !catalog.tags.contains_key(&id) {
            let shown: String = id.chars().take(64).collect();
            let error = FieldError::new(format!("/tag_ids/{index}"), format!("there is no tag `{shown}`"));
            checks.add(error.with_hint("the id of one of GET /api/tags; names go into `tags`"));
        } else if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The change with its name trimmed, if it is within its bounds.
fn checked(mut change: TagChange, mut checks: Checks) -> Result<TagChange, ServiceError> {
    change.name = change.name.map(|name| checks.short_name(&name, TAG_MAX_CHARS));
    if let Some(Some(color)) = &change.color {
        checks.text("/color", color, LOOK_MAX_CHARS);
    }
    checks.into_result()?;
    Ok(change)
}
