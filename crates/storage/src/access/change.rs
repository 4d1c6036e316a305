//! Changes to keys: each with its event and its audit row, in one transaction.

use super::api_key::{ApiKey, NewApiKey, by_hash, by_id};
use super::ledger::{Ledger, event_of};
use super::{projects, rules, session};
use crate::audit::Deed;
use crate::failure::{WriteError, is_taken};
use crate::rows::to_json;
use crate::schema::api_keys;
use crate::{AccessRefusal, Refusal};
use diesel::prelude::*;
use oneoff_domain::{Context, EventKind, Timestamp};
use std::time::Duration;

/// What of a key is changed; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyPatch {
    /// What people call it.
    pub name: Option<String>,
    /// `read`, `write`, `admin`.
    pub scopes: Option<Vec<String>>,
    /// The only projects that it may touch.
    pub project_ids: Option<Option<Vec<String>>>,
    /// Whether it is accepted.
    pub is_active: Option<bool>,
    /// When it stops to be valid.
    pub expires_at: Option<Option<Timestamp>>,
}

/// A key to be made in the place of another one, with its name, scopes and projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The outer name of the new one.
    pub id: String,
    /// SHA-256 of the whole new key.
    pub key_hash: String,
    /// The first 15 characters of the new key.
    pub key_prefix: String,
    /// When the new one stops to be valid; as the old one where this is not given.
    pub expires_at: Option<Option<Timestamp>>,
    /// For how long the old one is valid beside it.
    pub overlap: Duration,
}

/// A key that took the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The new one.
    pub new: ApiKey,
    /// The old one, as it is now.
    pub old: ApiKey,
}

/// Stores a key.
pub(super) fn create(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    new: NewApiKey,
) -> Result<ApiKey, WriteError> {
    let hash = new.key_hash;
    let key = ApiKey {
        id: new.id,
        name: new.name,
        key_prefix: new.key_prefix,
        scopes: new.scopes,
        project_ids: new.project_ids,
        is_active: true,
        last_used_at: None,
        expires_at: new.expires_at,
        created_at: now,
        updated_at: now,
        version: 1,
        replaced_by: None,
    };
    rules::check_grant(context, None, &key)?;
    projects::check(ledger.conn(), context, key.project_ids.as_deref())?;
    if context.dry_run {
        return Ok(key);
    }
    insert(ledger, &hash, &key)?;
    tell(ledger, context, now, Told { kind: EventKind::ApiKeyCreated, before: None, after: Some(&key) })?;
    Ok(key)
}

fn insert(ledger: &mut impl Ledger, hash: &str, key: &ApiKey) -> Result<(), WriteError> {
    let projects = key.project_ids.as_ref().map(|ids| to_json("api_keys.project_ids", ids)).transpose()?;
    let inserted = diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(&key.id),
            api_keys::name.eq(&key.name),
            api_keys::key_hash.eq(hash),
            api_keys::key_prefix.eq(&key.key_prefix),
            api_keys::scopes.eq(to_json("api_keys.scopes", &key.scopes)?),
            api_keys::project_ids.eq(projects),
            api_keys::is_active.eq(key.is_active),
            api_keys::expires_at.eq(key.expires_at.map(|at| at.as_micros())),
            api_keys::created_at.eq(key.created_at.as_micros()),
            api_keys::updated_at.eq(key.updated_at.as_micros()),
            api_keys::version.eq(key.version),
        ))
        .execute(ledger.conn());
    match inserted {
        Ok(_one) => Ok(()),
        Err(error) if is_taken(&error, "api_keys.key_hash") => {
            Err(Refusal::Duplicate { field: "key", value: key.key_prefix.clone() }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores a key unless it is there.
pub(super) fn ensure(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    new: NewApiKey,
) -> Result<(ApiKey, bool), WriteError> {
    rules::alone(ledger.conn())?;
    match by_hash(ledger.conn(), &new.key_hash)? {
        Some(key) => Ok((key, false)),
        None => Ok((create(ledger, context, now, new)?, true)),
    }
}

/// The key, if the caller may see it and it has the version that the caller demands.
fn find(ledger: &mut impl Ledger, context: &Context, id: &str) -> Result<(i64, ApiKey), WriteError> {
    rules::alone(ledger.conn())?;
    let found = by_id(ledger.conn(), id)?.filter(|(_, key)| key.is_visible_to(context));
    let (number, key) = found.ok_or_else(|| Refusal::NotFound { kind: "API key", id: id.to_owned() })?;
    let actual = key.version;
    match context.if_match.filter(|expected| *expected != actual) {
        Some(expected) => Err(Refusal::VersionMismatch { expected, actual }.into()),
        None => Ok((number, key)),
    }
}

/// Changes a key.
pub(super) fn update(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    id: &str,
    patch: ApiKeyPatch,
    force: bool,
) -> Result<ApiKey, WriteError> {
    let (number, before) = find(ledger, context, id)?;
    let named = patch.project_ids.clone().flatten();
    let mut after = before.clone();
    after.name = patch.name.unwrap_or(after.name);
    after.scopes = patch.scopes.unwrap_or(after.scopes);
    after.project_ids = patch.project_ids.unwrap_or(after.project_ids);
    after.is_active = patch.is_active.unwrap_or(after.is_active);
    after.expires_at = patch.expires_at.unwrap_or(after.expires_at);
    rules::check_grant(context, Some(&before), &after)?;
    projects::check(ledger.conn(), context, named.as_deref())?;
    write(ledger, context, now, Step { number, before, after, force, kind: EventKind::ApiKeyUpdated })
}

/// Ends a key for good, or until somebody makes it active again.
pub(super) fn revoke(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    id: &str,
    force: bool,
) -> Result<ApiKey, WriteError> {
    let (number, before) = find(ledger, context, id)?;
    let after = ApiKey { is_active: false, ..before.clone() };
    write(ledger, context, now, Step { number, before, after, force, kind: EventKind::ApiKeyRevoked })
}

/// A key as it was and as it is to be.
struct Step {
    number: i64,
    before: ApiKey,
    after: ApiKey,
    force: bool,
    kind: EventKind,
}

fn write(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    step: Step,
) -> Result<ApiKey, WriteError> {
    let Step { number, before, mut after, force, kind } = step;
    if after == before {
        return Ok(before);
    }
    rules::check_last(ledger.conn(), now, &before, Some(&after), force)?;
    after.version = before.version + 1;
    after.updated_at = now;
    if context.dry_run {
        return Ok(after);
    }
    let projects = after.project_ids.as_ref().map(|ids| to_json("api_keys.project_ids", ids)).transpose()?;
    diesel::update(api_keys::table.find(number))
        .set((
            api_keys::name.eq(&after.name),
            api_keys::scopes.eq(to_json("api_keys.scopes", &after.scopes)?),
            api_keys::project_ids.eq(projects),
            api_keys::is_active.eq(after.is_active),
            api_keys::expires_at.eq(after.expires_at.map(|at| at.as_micros())),
            api_keys::updated_at.eq(now.as_micros()),
            api_keys::version.eq(after.version),
            api_keys::replaced_by.eq(&after.replaced_by),
        ))
        .execute(ledger.conn())?;
    if !after.is_active {
        session::end_all(ledger.conn(), number)?;
    }
    tell(ledger, context, now, Told { kind, before: Some(&before), after: Some(&after) })?;
    Ok(after)
}

/// Removes a key; answers it as it was.
pub(super) fn delete(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    id: &str,
    force: bool,
) -> Result<ApiKey, WriteError> {
    let (number, before) = find(ledger, context, id)?;
    rules::check_last(ledger.conn(), now, &before, None, force)?;
    if context.dry_run {
        return Ok(before);
    }
    diesel::delete(api_keys::table.find(number)).execute(ledger.conn())?;
    tell(ledger, context, now, Told { kind: EventKind::ApiKeyDeleted, before: Some(&before), after: None })?;
    Ok(before)
}

/// Makes a key in the place of another one, which is done once: in its overlap the old one has another expiry than it was
/// given, and whoever still holds it could live on by rotating it again.
pub(super) fn rotate(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    id: &str,
    rotation: Rotation,
) -> Result<Rotated, WriteError> {
    let (number, before) = find(ledger, context, id)?;
    if let Some(successor) = &before.replaced_by {
        return Err(rotated_before(ledger, context, now, &before.name, successor)?.into());
    }
    let expires_at = rotation.expires_at.unwrap_or(before.expires_at);
    let why = match (before.is_active, expires_at.is_some_and(|at| at <= now)) {
        (false, _) => Some("is revoked"),
        (true, true) => Some("has expired"),
        (true, false) => None,
    };
    if let Some(why) = why {
        return Err(AccessRefusal::NotRotatable { name: before.name, why }.into());
    }
    let new = ApiKey {
        id: rotation.id,
        key_prefix: rotation.key_prefix,
        expires_at,
        last_used_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
        ..before.clone()
    };
    let as_own = ApiKey { id: before.id.clone(), ..new.clone() };
    rules::check_grant(context, Some(&before), &as_own)?;
    let mut old = ApiKey { replaced_by: Some(new.id.clone()), ..before.clone() };
    match rotation.overlap.is_zero() {
        true => old.is_active = false,
        false => {
            let until = now.saturating_add(rotation.overlap);
            old.expires_at = Some(before.expires_at.map_or(until, |at| at.min(until)));
        }
    }
    if !context.dry_run {
        insert(ledger, &rotation.key_hash, &new)?;
        let deed = Told { kind: EventKind::ApiKeyCreated, before: None, after: Some(&new) };
        tell(ledger, context, now, deed)?;
    }
    // The new one is as good as the old one was.
    let step = Step { number, before, after: old, force: true, kind: EventKind::ApiKeyRotated };
    let old = write(ledger, context, now, step)?;
    Ok(Rotated { new, old })
}

/// Why a key that has a successor has no further one, and what to do instead.
fn rotated_before(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    name: &str,
    successor: &str,
) -> Result<AccessRefusal, WriteError> {
    let found = by_id(ledger.conn(), successor)?.map(|(_, key)| key);
    let instead = match found.filter(|key| key.is_visible_to(context)) {
        Some(key) if key.is_valid(now) => {
            format!("by `{}` ({}, id {successor}): use or rotate that one", key.name, key.key_prefix)
        }
        Some(key) => {
            format!("by `{}` ({}), which is not valid any more: make a new one", key.name, key.key_prefix)
        }
        None => format!("by the key {successor}, which is not there any more: make a new one"),
    };
    Ok(AccessRefusal::Replaced { name: name.to_owned(), instead })
}

struct Told<'a> {
    kind: EventKind,
    before: Option<&'a ApiKey>,
    after: Option<&'a ApiKey>,
}

/// Writes the event and the audit row of a change.
fn tell(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    told: Told<'_>,
) -> Result<(), WriteError> {
    let Some(id) = told.after.or(told.before).map(|key| key.id.clone()) else { return Ok(()) };
    ledger.event(now, &event_of(told.kind, &id))?;
    let (before, after) = (told.before.map(ApiKey::told), told.after.map(ApiKey::told));
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => {
            let (before, after) = crate::audit::changed(before, after);
            (Some(before), Some(after))
        }
        both => both,
    };
    let action = match told.kind {
        EventKind::ApiKeyCreated => "api_key.create",
        EventKind::ApiKeyRevoked => "api_key.revoke",
        EventKind::ApiKeyRotated => "api_key.rotate",
        EventKind::ApiKeyDeleted => "api_key.delete",
        _ => "api_key.update",
    };
    let deed =
        Deed { action, kind: "api_key", id, project: None, before: before.as_ref(), after: after.as_ref() };
    ledger.audit(context, now, deed)
}

/// Notes when keys were used last.
pub(super) fn touch(ledger: &mut impl Ledger, used: &[(String, Timestamp)]) -> Result<(), WriteError> {
    for (id, at) in used {
        let at = at.as_micros();
        let earlier = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(at));
        diesel::update(api_keys::table.filter(api_keys::id.eq(id)).filter(earlier))
            .set(api_keys::last_used_at.eq(at))
            .execute(ledger.conn())?;
    }
    Ok(())
}
