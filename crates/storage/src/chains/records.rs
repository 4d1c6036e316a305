//! Making, editing and removing chains.

use super::{audit_of_chain, no_chain};
use crate::audit::{self, Deed};
use crate::catalog::check_takes_jobs;
use crate::failure::WriteError;
use crate::idempotency;
use crate::job_write::{is_allowed, no_project};
use crate::rows::chain as chain_rows;
use crate::rows::job as job_rows;
use crate::writer::tx::Tx;
use crate::{Refusal, Written};
use oneoff_domain::{
    Chain, ChainId, ChainLink, Context, EventKind, FieldError, LinkSource, NewEvent, Timestamp,
    ValidationErrors,
};
use serde_json::{Map, Value, json};

/// A chain to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChain {
    /// Its outer name.
    pub id: ChainId,
    /// Its name.
    pub name: String,
    /// More of it.
    pub description: Option<String>,
    /// Its project.
    pub project_id: String,
    /// What it runs.
    pub links: Vec<ChainLink>,
}

/// An edit of a chain: every `Some` replaces.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChainEdit {
    /// The name.
    pub name: Option<String>,
    /// The description, or none.
    pub description: Option<Option<String>>,
    /// All links.
    pub links: Option<Vec<ChainLink>>,
}

/// Stores a chain.
pub(super) fn create(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    new: NewChain,
) -> Result<Written<Chain>, WriteError> {
    if let Some(ids) = idempotency::earlier_subjects::<ChainId>(tx, context)? {
        let Some(id) = ids.first() else { return Err(Refusal::IdempotencyMismatch.into()) };
        let value = chain_rows::by_id(tx.conn, *id)?.filter(|chain| is_allowed(context, &chain.project_id));
        return Ok(Written { value: value.ok_or_else(|| no_chain(*id))?, replayed: true });
    }
    if !is_allowed(context, &new.project_id) {
        return Err(no_project(&new.project_id).into());
    }
    check_takes_jobs(tx.catalog, context, &new.project_id)?;
    check_jobs(tx, context, &new.links)?;
    let NewChain { id, name, description, project_id, links } = new;
    let mut chain = Chain {
        key: 0,
        id,
        name,
        description,
        project_id,
        links,
        created_by: Some(context.actor.label()),
        created_at: now,
        updated_at: now,
        version: 1,
    };
    chain.key = chain_rows::insert(tx.conn, &chain)?;
    let after = audit_of_chain::whole(&chain, tx.catalog);
    note(tx, context, now, &chain, Deeds::CREATE, (None, Some(&after)))?;
    idempotency::record(tx, context, now, &[id])?;
    Ok(Written { value: chain, replayed: false })
}

/// Edits a chain: all of it or nothing.
pub(super) fn change(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: ChainId,
    edit: ChainEdit,
) -> Result<Chain, WriteError> {
    let before = find(tx, context, id)?;
    if let Some(links) = &edit.links {
        check_jobs(tx, context, links)?;
    }
    let chain = Chain {
        name: edit.name.unwrap_or_else(|| before.name.clone()),
        description: edit.description.unwrap_or_else(|| before.description.clone()),
        links: edit.links.unwrap_or_else(|| before.links.clone()),
        updated_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    chain_rows::update(tx.conn, &chain)?;
    let (was, is) = audit_of_chain::of_change(&before, &chain, tx.catalog);
    note(tx, context, now, &chain, Deeds::UPDATE, (Some(&was), Some(&is)))?;
    Ok(chain)
}

/// Gives a chain, with what its links define, to another project.
pub(super) fn move_to(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: ChainId,
    project_id: &str,
) -> Result<(), WriteError> {
    let before = find(tx, context, id)?;
    let mut chain = Chain {
        project_id: project_id.to_owned(),
        updated_at: now,
        version: before.version + 1,
        ..before.clone()
    };
    for link in &mut chain.links {
        if let LinkSource::Definition(definition) = &mut link.source {
            project_id.clone_into(&mut definition.project_id);
        }
    }
    chain_rows::update(tx.conn, &chain)?;
    let (was, is) = (json!({ "project_id": before.project_id }), json!({ "project_id": project_id }));
    note(tx, context, now, &chain, Deeds::UPDATE, (Some(&was), Some(&is)))
}

/// Removes a chain.
pub(super) fn delete(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: ChainId,
) -> Result<Chain, WriteError> {
    let chain = find(tx, context, id)?;
    chain_rows::delete(tx.conn, chain.key)?;
    let was = audit_of_chain::whole(&chain, tx.catalog);
    note(tx, context, now, &chain, Deeds::DELETE, (Some(&was), None))?;
    Ok(chain)
}

/// The chain, if it is there, the actor may touch it, and it has the version that is expected.
pub(super) fn find(tx: &mut Tx<'_>, context: &Context, id: ChainId) -> Result<Chain, WriteError> {
    let found = chain_rows::to_change(tx.conn, id)?;
    let chain = found.filter(|chain| is_allowed(context, &chain.project_id)).ok_or_else(|| no_chain(id))?;
    match context.if_match.filter(|expected| *expected != chain.version) {
        Some(expected) => Err(Refusal::VersionMismatch { expected, actual: chain.version }.into()),
        None => Ok(chain),
    }
}

/// Every job that a link names has to be there, and the actor has to be one who may touch it.
fn check_jobs(tx: &mut Tx<'_>, context: &Context, links: &[ChainLink]) -> Result<(), WriteError> {
    let mut errors = Vec::new();
    for (index, link) in links.iter().enumerate() {
        let LinkSource::Job(id) = &link.source else { continue };
        let job = job_rows::by_id(tx.conn, *id)?;
        if job.is_none_or(|stored| !is_allowed(context, &stored.job.definition.project_id)) {
            errors.push(no_job_of_link(index, id));
        }
    }
    Ok(ValidationErrors(errors).into_result().map_err(Refusal::from)?)
}

/// A link names a job that is not there.
#[must_use]
pub fn no_job_of_link(index: usize, id: impl std::fmt::Display) -> FieldError {
    FieldError::new(format!("/links/{index}/job_id"), format!("there is no job `{id}`"))
        .with_hint("the id of an existing job, or leave it out and define the job of the link as `job`")
}

struct Deeds {
    action: &'static str,
    event: EventKind,
    point: &'static str,
}

impl Deeds {
    const CREATE: Self =
        Self { action: "chain.create", event: EventKind::ChainCreated, point: "chain_create" };
    const UPDATE: Self =
        Self { action: "chain.update", event: EventKind::ChainUpdated, point: "chain_update" };
    const DELETE: Self =
        Self { action: "chain.delete", event: EventKind::ChainDeleted, point: "chain_delete" };
}

/// Writes event and audit row.
fn note(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    chain: &Chain,
    deed: Deeds,
    (before, after): (Option<&Value>, Option<&Value>),
) -> Result<(), WriteError> {
    let mut data = Map::new();
    data.insert("chain_id".to_owned(), json!(chain.id));
    data.insert("chain_name".to_owned(), json!(chain.name));
    let event = NewEvent {
        kind: deed.event,
        job_id: None,
        execution_id: None,
        project_id: chain.project_id.clone(),
        data,
    };
    tx.record(now, &event)?;
    let project = Some(chain.project_id.as_str());
    let id = chain.id.to_string();
    audit::record(tx, context, now, Deed { action: deed.action, kind: "chain", id, project, before, after })?;
    tx.effects.operations.add(deed.point);
    Ok(())
}
