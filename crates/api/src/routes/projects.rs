//! `/api/projects`, `/api/projects/{id}`, `pause` and `resume`.

use crate::answer;
use crate::caller::{Reader, Writer};
use crate::problem::ApiError;
use crate::read::fields::Field;
use crate::read::form::Form;
use crate::read::query::QueryReader;
use crate::read::{job_requests, records};
use crate::routes::jobs::no_parameters;
use crate::state::ApiState;
use crate::view;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use oneoff_domain::FieldError;
use oneoff_domain::limits::KEY_MAX_CHARS;
use oneoff_storage::JobsOfProject;
use std::pin::Pin;

pub(crate) const LIST_PARAMETERS: &[Field] =
    &[Field { name: "include_archived", allowed: "true or false", form: Form::Boolean }];
pub(crate) const DELETE_PARAMETERS: &[Field] = &[
    Field { name: "dry_run", allowed: "true or false", form: Form::Boolean },
    Field {
        name: "jobs",
        allowed: "refuse, move or delete",
        form: Form::Word(&["refuse", "move", "delete"]),
    },
    Field {
        name: "move_to",
        allowed: "the id of another project, with jobs=move",
        form: Form::Text(1, KEY_MAX_CHARS),
    },
];

/// `GET /api/projects`.
pub(crate) async fn list(
    reader: Reader,
    state: web::Data<ApiState>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let mut query = QueryReader::new(request.query_string(), LIST_PARAMETERS);
    let with_archived = query.boolean("include_archived").unwrap_or_default();
    query.finish()?;
    let projects = state.service.projects(reader.context(), with_archived);
    Ok(answer::whole_list(projects.into_iter().map(view::records::project).collect()))
}

/// `POST /api/projects`.
pub(crate) async fn create(writer: Writer, state: web::Data<ApiState>) -> Result<HttpResponse, ApiError> {
    let change = records::project(writer.body.object()?)?;
    let written = state.service.create_project(writer.context_of_new()?, change).await?;
    let (place, version) = (format!("/api/projects/{}", written.value.id), written.value.version);
    let record = answer::Record::new(view::records::project(written.value), version);
    Ok(record.replayed(written.replayed).created(&writer, &state, &place))
}

/// `GET /api/projects/{id}`.
pub(crate) async fn get(
    reader: Reader,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    no_parameters(&request)?;
    let project = state.service.project(reader.context(), &id)?;
    let version = project.version;
    Ok(answer::Record::new(view::records::project(project), version).if_changed(&request))
}

/// `PATCH /api/projects/{id}`.
pub(crate) async fn update(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let change = records::project(writer.body.object()?)?;
    let written = state.service.update_project(writer.context(), id.into_inner(), change).await?;
    let version = written.value.version;
    Ok(answer::Record::new(view::records::project(written.value), version).written(&writer))
}

/// `POST /api/projects/{id}/pause`: when this is answered, nothing of the project starts any more.
pub(crate) async fn pause(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let written = state.service.pause_project(writer.context(), id.into_inner()).await?;
    let version = written.value.version;
    let record = answer::Record::new(view::records::project(written.value), version);
    Ok(record.replayed(written.replayed).written(&writer))
}

/// `POST /api/projects/{id}/resume`.
pub(crate) async fn resume(
    writer: Writer,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    job_requests::nothing(writer.body.object_if_any()?)?;
    let written = state.service.resume_project(writer.context(), id.into_inner()).await?;
    let version = written.value.version;
    let record = answer::Record::new(view::records::project(written.value), version);
    Ok(record.replayed(written.replayed).written(&writer))
}

/// Somebody who deletes a project, and what becomes of its jobs.
#[derive(Debug)]
pub(crate) struct Deleter {
    writer: Writer,
    jobs: JobsOfProject,
}

impl FromRequest for Deleter {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let (writer, mut query) = Writer::read(&request, payload, DELETE_PARAMETERS).await?;
            let what = query.text("jobs");
            let move_to = query.text("move_to");
            let jobs = match (what.as_deref(), move_to) {
                (None | Some("refuse"), None) => Some(JobsOfProject::Refuse),
                (Some("delete"), None) => Some(JobsOfProject::Delete),
                (Some("move"), Some(to)) => Some(JobsOfProject::Move(to)),
                (Some("move"), None) => {
                    query.wrong("move_to", "is missing");
                    None
                }
                (None | Some("refuse" | "delete"), Some(_)) => {
                    query.wrong("move_to", "says where jobs are moved to, which they are not");
                    None
                }
                (Some(_), _) => {
                    query.wrong("jobs", "is not allowed");
                    None
                }
            };
            query.finish()?;
            let missing = || ApiError::invalid_field(FieldError::new("jobs", "is not allowed"));
            Ok(Self { writer, jobs: jobs.ok_or_else(missing)? })
        })
    }
}

/// `DELETE /api/projects/{id}`.
pub(crate) async fn delete(
    deleter: Deleter,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Deleter { writer, jobs } = deleter;
    job_requests::nothing(writer.body.object_if_any()?)?;
    let id = id.into_inner();
    let project = state.service.project(&writer.context(), &id)?;
    state.service.delete_project(writer.context(), id, jobs).await?;
    match writer.is_dry_run() {
        true => Ok(answer::data(view::records::project(project))),
        false => Ok(HttpResponse::NoContent().finish()),
    }
}
