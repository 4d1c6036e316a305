//! Writing tags.

use super::write::{Done, check_version, earlier, publish, settle, tell, to_change};
use super::{Catalog, job_tags};
use crate::failure::WriteError;
use crate::statement;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError, Written};
use oneoff_domain::limits::ALL_TAGS_MAX;
use oneoff_domain::{Context, EventKind, Tag, TagChange, Timestamp};
use serde_json::{Value, json};

fn shown(tag: &Tag) -> Value {
    json!({ "name": tag.name, "color": tag.color, "is_default": tag.is_default })
}

fn check(catalog: &Catalog, tag: &Tag) -> Result<(), Refusal> {
    match catalog.tag_named(&tag.name) {
        Some(other) if other.id != tag.id => {
            Err(Refusal::Taken { kind: "tag", field: "name", value: tag.name.clone() })
        }
        _ => Ok(()),
    }
}

fn create(catalog: &Catalog, id: &str, change: &TagChange, now: Timestamp) -> Result<Tag, Refusal> {
    let empty = Tag {
        key: 0,
        id: id.to_owned(),
        name: String::new(),
        color: None,
        is_default: false,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let tag = change.applied_to(&empty);
    check(catalog, &tag)?;
    if catalog.tags.len() >= ALL_TAGS_MAX {
        return Err(Refusal::TooMany { kind: "tags", most: ALL_TAGS_MAX });
    }
    Ok(tag)
}

fn update(
    catalog: &Catalog,
    context: &Context,
    id: &str,
    change: &TagChange,
    now: Timestamp,
) -> Result<(Tag, Option<Tag>), Refusal> {
    let before = catalog.tag(id)?.clone();
    check_version(context, before.version)?;
    let after = change.applied_to(&before);
    check(catalog, &after)?;
    if after == before {
        return Ok((before, None));
    }
    let after = Tag { version: before.version + 1, updated_at: now, ..after };
    Ok((before, Some(after)))
}

statement::statement!(
    Insert,
    "INSERT INTO tags (id, name, color, is_default, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)"
);
statement::statement!(
    Update,
    "UPDATE tags SET name = ?, color = ?, is_default = ?, version = ?, updated_at = ? WHERE id = ?"
);
statement::statement!(Delete, "DELETE FROM tags WHERE id = ?");

fn store_new(tx: &mut Tx<'_>, tag: &Tag) -> Result<(), WriteError> {
    let values = [
        tag.id.as_str().into(),
        tag.name.as_str().into(),
        tag.color.as_deref().into(),
        tag.is_default.into(),
        tag.version.into(),
        tag.created_at.as_micros().into(),
        tag.updated_at.as_micros().into(),
    ];
    statement::run::<Insert>(tx.conn, &values)?;
    Ok(())
}

fn store_change(tx: &mut Tx<'_>, tag: &Tag) -> Result<(), WriteError> {
    let values = [
        tag.name.as_str().into(),
        tag.color.as_deref().into(),
        tag.is_default.into(),
        tag.version.into(),
        tag.updated_at.as_micros().into(),
        tag.id.as_str().into(),
    ];
    statement::run::<Update>(tx.conn, &values)?;
    Ok(())
}

/// Makes a tag, which the caller publishes, as it may make many.
fn make(
    tx: &mut Tx<'_>,
    catalog: &mut Catalog,
    context: &Context,
    now: Timestamp,
    (id, name): (&str, &str),
) -> Result<(), WriteError> {
    let change = TagChange { name: Some(name.to_owned()), ..TagChange::default() };
    let tag = create(catalog, id, &change, now)?;
    store_new(tx, &tag)?;
    tell(tx, context, now, created(&tag))?;
    catalog.tags.insert(tag.id.clone(), tag);
    Ok(())
}

fn created(tag: &Tag) -> Done<'_> {
    Done {
        event: EventKind::TagCreated,
        action: "tag.create",
        kind: "tag",
        id: &tag.id,
        before: None,
        after: Some(shown(tag)),
    }
}

impl Store {
    /// Makes a tag. In a dry run, answers what it would be.
    ///
    /// # Errors
    /// [`Refusal::Taken`] of its name, [`Refusal::TooMany`], [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn create_tag(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        change: TagChange,
    ) -> Result<Written<Tag>, StoreError> {
        if context.dry_run {
            return Ok(Written { value: create(&self.catalog(), &id, &change, now)?, replayed: false });
        }
        let body = move |tx: &mut Tx<'_>| {
            let find = |catalog: &Catalog, id: &str| catalog.tags.get(id).cloned();
            if let Some(value) = earlier(tx, &context, find)? {
                return Ok(Written { value, replayed: true });
            }
            let catalog = to_change(tx)?;
            let tag = create(&catalog, &id, &change, now)?;
            store_new(tx, &tag)?;
            let stored = settle(tx, &context, now, created(&tag))?.tags.get(&tag.id).cloned();
            Ok(Written { value: stored.unwrap_or(tag), replayed: false })
        };
        self.change_catalog(body).await
    }

    /// Makes tags of these names, under these ids. Of those whose name a tag has by then, answers its id in place of the
    /// name.
    ///
    /// # Errors
    /// [`Refusal::TooMany`], or the database's.
    pub async fn ensure_tags(
        &self,
        context: Context,
        now: Timestamp,
        named: Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        // The key is that of the job that they are for.
        let context = Context { idempotency_key: None, if_match: None, ..context };
        let body = move |tx: &mut Tx<'_>| {
            let mut others = Vec::new();
            let mut catalog = to_change(tx)?;
            for (id, name) in &named {
                match catalog.tag_named(name) {
                    Some(tag) => others.push((id.clone(), tag.id.clone())),
                    None => make(tx, &mut catalog, &context, now, (id, name))?,
                }
            }
            if others.len() < named.len() {
                publish(tx)?;
            }
            Ok(Written { value: others, replayed: false })
        };
        self.change_catalog(body).await.map(|written| written.value)
    }

    /// Changes a tag. In a dry run, answers what it would be.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::Taken`] of its name, [`Refusal::VersionMismatch`], or the database's.
    pub async fn update_tag(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        change: TagChange,
    ) -> Result<Tag, StoreError> {
        if context.dry_run {
            let (before, after) = update(&self.catalog(), &context, &id, &change, now)?;
            return Ok(after.unwrap_or(before));
        }
        let body = move |tx: &mut Tx<'_>| {
            let catalog = to_change(tx)?;
            let (before, after) = update(&catalog, &context, &id, &change, now)?;
            let Some(value) = after else { return Ok(Written { value: before, replayed: false }) };
            store_change(tx, &value)?;
            let done = Done {
                event: EventKind::TagUpdated,
                action: "tag.update",
                kind: "tag",
                id: &value.id,
                before: Some(shown(&before)),
                after: Some(shown(&value)),
            };
            settle(tx, &context, now, done)?;
            Ok(Written { value, replayed: false })
        };
        self.change_catalog(body).await.map(|written| written.value)
    }

    /// Deletes a tag, and so takes it from its jobs; answers it as it was. In a dry run, nothing is deleted.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], or the database's.
    pub async fn delete_tag(&self, context: Context, now: Timestamp, id: String) -> Result<Tag, StoreError> {
        if context.dry_run {
            let tag = self.catalog().tag(&id)?.clone();
            check_version(&context, tag.version)?;
            return Ok(tag);
        }
        let body = move |tx: &mut Tx<'_>| {
            let value = to_change(tx)?.tag(&id)?.clone();
            check_version(&context, value.version)?;
            statement::run::<Delete>(tx.conn, &[id.as_str().into()])?;
            let done = Done {
                event: EventKind::TagDeleted,
                action: "tag.delete",
                kind: "tag",
                id: &id,
                before: Some(shown(&value)),
                after: None,
            };
            settle(tx, &context, now, done)?;
            Ok(Written { value, replayed: false })
        };
        let tag = self.change_catalog(body).await?.value;
        self.forget_jobs_of(tag.key).await?;
        Ok(tag)
    }

    /// Removes the rows of a tag that is gone. Nobody finds them, so nothing is wrong with those that a crash leaves.
    async fn forget_jobs_of(&self, tag_key: i64) -> Result<(), StoreError> {
        while self
            .inner
            .writer
            .write(Lane::Retention, move |tx: &mut Tx<'_>| Ok(job_tags::forget(tx.conn, tag_key)?))
            .await?
        {}
        Ok(())
    }
}
