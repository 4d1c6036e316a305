//! Deleting a project, with what becomes of its jobs. It is closed first, so that nothing of it starts and nothing new
//! comes; then its jobs go in slices; the project goes last. After a crash in between, it is there, closed, with the jobs
//! that are left, and deleting it again goes on.

use super::projects::{shown, store_change};
use super::write::{Done, check_version, settle, to_change};
use super::{Catalog, check_takes_jobs};
use crate::chains::of_project;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::job as job_rows;
use crate::rows::job::StoredJob;
use crate::schema::{job_states, running_jobs};
use crate::statement;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{JobChange, Refusal, Store, StoreError, Written, job_write};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use oneoff_domain::{
    Context, DEFAULT_PROJECT, EventKind, FieldError, Job, JobKey, JobState, JobStatus, Project, Timestamp,
    ValidationErrors,
};
use serde_json::Map;
use std::sync::Arc;

/// Jobs of a slice.
const SLICE_JOBS: i64 = 200;
/// Chains of a slice. One may be megabytes.
const SLICE_CHAINS: i64 = 20;

/// What becomes of the jobs of a project that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobsOfProject {
    /// There must not be any.
    Refuse,
    /// They go to this project.
    Move(String),
    /// They are deleted, with their executions.
    Delete,
}

/// How far the deletion of a project is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectRemoval {
    /// It is gone.
    Gone,
    /// So many of its jobs were moved or deleted, and there may be more.
    More(usize),
}

statement::statement!(Delete, "DELETE FROM projects WHERE id = ?");

/// The first jobs of a project, in the order of their creation.
pub(crate) fn jobs_of(conn: &mut AnyConnection, project: &str, limit: i64) -> QueryResult<Vec<i64>> {
    job_states::table
        .filter(job_states::project_id.eq(project))
        // Written out, the condition is that of the partial index.
        .filter(sql::<Bool>("job_states.project_id <> 'default'"))
        .order(job_states::key)
        .limit(limit)
        .select(job_states::key)
        .load(conn)
}

fn is_empty(conn: &mut AnyConnection, project: &str) -> QueryResult<bool> {
    Ok(jobs_of(conn, project, 1)?.is_empty() && of_project::ids(conn, project, 1)?.is_empty())
}

fn has_running(conn: &mut AnyConnection, project: &str) -> QueryResult<bool> {
    let running: Vec<i64> = running_jobs::table.select(running_jobs::job_key).load(conn)?;
    let of_project = job_states::table
        .filter(job_states::key.eq_any(running))
        .filter(job_states::project_id.eq(project))
        .select(job_states::key);
    Ok(!of_project.load::<i64>(conn)?.is_empty())
}

/// The project, unless something keeps it from being deleted in this way.
fn deletable(
    conn: &mut AnyConnection,
    catalog: &Catalog,
    context: &Context,
    id: &str,
    jobs: &JobsOfProject,
) -> Result<Project, WriteError> {
    let project = catalog.project(context, id)?.clone();
    if id == DEFAULT_PROJECT {
        return Err(Refusal::DefaultProject.into());
    }
    if let JobsOfProject::Move(to) = jobs {
        check_target(catalog, context, id, to)?;
    }
    if has_running(conn, id)? || of_project::has_active(conn, id)? {
        return Err(Refusal::ProjectRuns { id: id.to_owned() }.into());
    }
    if *jobs == JobsOfProject::Refuse && !is_empty(conn, id)? {
        return Err(Refusal::ProjectHasJobs { id: id.to_owned() }.into());
    }
    Ok(project)
}

fn check_target(catalog: &Catalog, context: &Context, from: &str, to: &str) -> Result<(), Refusal> {
    let at_parameter = |error: FieldError| {
        let error = FieldError { pointer: "move_to".to_owned(), ..error };
        Refusal::Invalid(ValidationErrors::one(error))
    };
    if from == to {
        return Err(at_parameter(FieldError::new("", "is the project that is deleted")));
    }
    check_takes_jobs(catalog, context, to).map_err(|refusal| match refusal {
        Refusal::Invalid(errors) => errors.0.into_iter().next().map_or(Refusal::DefaultProject, at_parameter),
        other => other,
    })
}

impl Store {
    /// Closes a project that is to be deleted, or deletes it at once if it has no jobs.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], [`Refusal::DefaultProject`], [`Refusal::ProjectRuns`],
    /// [`Refusal::ProjectHasJobs`], [`Refusal::Invalid`] of the project that the jobs are to go to, or the database's.
    pub async fn begin_project_removal(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        jobs: JobsOfProject,
    ) -> Result<ProjectRemoval, StoreError> {
        if context.dry_run {
            let catalog = self.catalog();
            let check = move |conn: &mut AnyConnection| {
                let project = deletable(conn, &catalog, &context, &id, &jobs)?;
                Ok(check_version(&context, project.version)?)
            };
            return self.inner.reader.read(check).await.map(|()| ProjectRemoval::Gone);
        }
        let body = move |tx: &mut Tx<'_>| {
            let catalog = to_change(tx)?;
            let project = deletable(tx.conn, &catalog, &context, &id, &jobs)?;
            check_version(&context, project.version)?;
            let value = if is_empty(tx.conn, &id)? {
                remove(tx, &context, now, &project)?;
                ProjectRemoval::Gone
            } else {
                close(tx, &context, now, &project)?;
                ProjectRemoval::More(0)
            };
            Ok(Written { value, replayed: false })
        };
        self.change_catalog(body).await.map(|written| written.value)
    }

    /// Moves or deletes a slice of the jobs of a project that is closed; deletes the project when none is left.
    ///
    /// # Errors
    /// As [`Self::begin_project_removal`], and [`Refusal::Duplicate`] of a job's own name that is taken where it is to go.
    pub async fn go_on_with_project_removal(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        jobs: JobsOfProject,
    ) -> Result<ProjectRemoval, StoreError> {
        let (of_slice, id, jobs) = (context.clone(), Arc::new(id), Arc::new(jobs));
        let (slice_id, slice_jobs) = (Arc::clone(&id), Arc::clone(&jobs));
        let slice = move |tx: &mut Tx<'_>| take_slice(tx, &of_slice, now, &slice_id, &slice_jobs);
        let taken = self.inner.writer.write(Lane::Api, slice).await?;
        if taken > 0 {
            return Ok(ProjectRemoval::More(taken));
        }
        let body = move |tx: &mut Tx<'_>| {
            let catalog = to_change(tx)?;
            let project = deletable(tx.conn, &catalog, &context, &id, &JobsOfProject::Refuse)?;
            remove(tx, &context, now, &project)?;
            Ok(Written { value: ProjectRemoval::Gone, replayed: false })
        };
        self.change_catalog(body).await.map(|written| written.value)
    }
}

fn remove(tx: &mut Tx<'_>, context: &Context, now: Timestamp, project: &Project) -> Result<(), WriteError> {
    statement::run::<Delete>(tx.conn, &[project.id.as_str().into()])?;
    let done = Done {
        event: EventKind::ProjectDeleted,
        action: "project.delete",
        kind: "project",
        id: &project.id,
        before: Some(shown(project)),
        after: None,
    };
    settle(tx, context, now, done).map(drop)
}

fn close(tx: &mut Tx<'_>, context: &Context, now: Timestamp, project: &Project) -> Result<(), WriteError> {
    let closed = Project {
        is_archived: true,
        is_paused: true,
        version: project.version + 1,
        updated_at: now,
        ..project.clone()
    };
    store_change(tx, &closed)?;
    let done = Done {
        event: EventKind::ProjectUpdated,
        action: "project.close",
        kind: "project",
        id: &project.id,
        before: Some(shown(project)),
        after: Some(shown(&closed)),
    };
    settle(tx, context, now, done).map(drop)
}

/// Moves or deletes the next jobs; answers how many.
fn take_slice(
    tx: &mut Tx<'_>,
    context: &Context,
    now: Timestamp,
    id: &str,
    jobs: &JobsOfProject,
) -> Result<usize, WriteError> {
    let keys = jobs_of(tx.conn, id, SLICE_JOBS)?;
    if keys.is_empty() && of_project::ids(tx.conn, id, 1)?.is_empty() {
        return Ok(0);
    }
    if let JobsOfProject::Move(to) = jobs {
        check_target(tx.catalog, context, id, to)?;
    }
    // Whether it is closed is known: it was before this, on this node.
    if !tx.catalog.is_paused(id) {
        return Err(Refusal::ProjectHasJobs { id: id.to_owned() }.into());
    }
    let context = Context { if_match: None, ..context.clone() };
    if keys.is_empty() {
        let to = match jobs {
            JobsOfProject::Refuse => return Err(Refusal::ProjectHasJobs { id: id.to_owned() }.into()),
            JobsOfProject::Move(to) => Some(to.as_str()),
            JobsOfProject::Delete => None,
        };
        return of_project::take_slice(tx, &context, now, (id, to), SLICE_CHAINS);
    }
    for key in &keys {
        let Some(stored) = job_rows::to_change(tx.conn, JobKey(*key))? else { continue };
        if stored.job.definition.project_id != id {
            continue;
        }
        if stored.job.state.status == JobStatus::Running {
            return Err(Refusal::ProjectRuns { id: id.to_owned() }.into());
        }
        let change = match jobs {
            JobsOfProject::Refuse => return Err(Refusal::ProjectHasJobs { id: id.to_owned() }.into()),
            JobsOfProject::Move(to) => moved(&stored, to),
            JobsOfProject::Delete => deleted(&stored.job),
        };
        job_write::apply(tx, &context, now, stored, change)?;
    }
    Ok(keys.len())
}

fn changed(job: &Job, event: EventKind, action: &'static str) -> JobChange {
    JobChange {
        state: JobState { version: job.state.version + 1, ..job.state.clone() },
        definition: None,
        event: Some(event),
        event_data: Map::new(),
        action,
        delete: false,
    }
}

fn moved(stored: &StoredJob, to: &str) -> JobChange {
    let mut definition = stored.job.definition.clone();
    to.clone_into(&mut definition.project_id);
    let change = changed(&stored.job, EventKind::JobUpdated, "job.update");
    JobChange { definition: Some(definition), ..change }
}

fn deleted(job: &Job) -> JobChange {
    JobChange { delete: true, ..changed(job, EventKind::JobDeleted, "job.delete") }
}
