//! Every route. A path that exists answers other methods with 405 and `Allow`.

pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod chain_executions;
pub(crate) mod chains;
pub(crate) mod events;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod job_actions;
pub(crate) mod jobs;
pub(crate) mod offset;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod projects;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod specification;
pub(crate) mod system;
pub(crate) mod tags;
pub(crate) mod time;
pub(crate) mod webhooks;

use crate::error_table::ErrorCode;
use crate::metrics_endpoint;
use crate::problem::ApiError;
use actix_web::guard::{Any, Get, Guard, Head};
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::Compress;
use actix_web::{HttpRequest, HttpResponse, Resource, Route, web};
use std::future::ready;

const READ: &str = "GET, HEAD";
const POST: &str = "POST";

/// Everything below the base path.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .service(web::scope("/api").configure(api).default_service(web::to(no_such_path)))
        .service(web::resource("/health").to(health::health))
        .service(web::resource("/livez").to(health::livez))
        .service(web::resource("/readyz").to(health::readyz))
        .service(resource("/metrics", READ).route(get().to(metrics_endpoint::get)))
        .service(resource("/docs", READ).wrap(Compress::default()).route(get().to(page::docs)))
        .service(resource("", READ).route(get().to(page::add_slash)))
        .service(resource("/{path:.*}", READ).wrap(Compress::default()).route(get().to(page::get)));
}

fn api(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/jobs", "GET, HEAD, POST")
                .route(get().to(jobs::list).wrap(Compress::default()))
                .route(web::post().to(jobs::create)),
        )
        .service(resource("/jobs/bulk", POST).route(web::post().to(bulk::create)))
        .service(resource("/jobs/release", POST).route(web::post().to(job_actions::release_all)))
        .service(
            resource("/jobs/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(jobs::get))
                .route(web::patch().to(jobs::update))
                .route(web::delete().to(jobs::delete)),
        )
        .service(resource("/jobs/{id}/execute", POST).route(web::post().to(job_actions::execute)))
        .service(resource("/jobs/{id}/clone", POST).route(web::post().to(job_actions::clone)))
        .service(resource("/jobs/{id}/cancel", POST).route(web::post().to(job_actions::cancel)))
        .service(resource("/jobs/{id}/hold", POST).route(web::post().to(job_actions::hold)))
        .service(resource("/jobs/{id}/release", POST).route(web::post().to(job_actions::release)))
        .service(
            resource("/projects", "GET, HEAD, POST")
                .route(get().to(projects::list))
                .route(web::post().to(projects::create)),
        )
        .service(
            resource("/projects/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(projects::get))
                .route(web::patch().to(projects::update))
                .route(web::delete().to(projects::delete)),
        )
        .service(resource("/projects/{id}/pause", POST).route(web::post().to(projects::pause)))
        .service(resource("/projects/{id}/resume", POST).route(web::post().to(projects::resume)))
        .service(
            resource("/tags", "GET, HEAD, POST")
                .route(get().to(tags::list))
                .route(web::post().to(tags::create)),
        )
        .service(
            resource("/tags/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(tags::get))
                .route(web::patch().to(tags::update))
                .route(web::delete().to(tags::delete)),
        )
        .service(
            resource("/system/config", "GET, HEAD, PATCH")
                .route(get().to(settings::list))
                .route(web::patch().to(settings::update)),
        )
        .service(resource("/executions", READ).wrap(Compress::default()).route(get().to(executions::list)))
        .service(resource("/executions/{id}", READ).route(get().to(executions::get)))
        .service(resource("/executions/{id}/output", READ).route(get().to(output::get)))
        .service(
            resource("/chains", "GET, HEAD, POST")
                .route(get().to(chains::list).wrap(Compress::default()))
                .route(web::post().to(chains::create)),
        )
        .service(
            resource("/chains/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(chains::get))
                .route(web::patch().to(chains::update))
                .route(web::delete().to(chains::delete)),
        )
        .service(resource("/chains/{id}/execute", POST).route(web::post().to(chains::execute)))
        .service(
            resource("/chains/{id}/executions", READ)
                .wrap(Compress::default())
                .route(get().to(chain_executions::of_chain)),
        )
        .service(
            resource("/chain-executions", READ)
                .wrap(Compress::default())
                .route(get().to(chain_executions::list)),
        )
        .service(resource("/chain-executions/{id}", READ).route(get().to(chain_executions::get)))
        .service(
            resource("/chain-executions/{id}/cancel", POST).route(web::post().to(chain_executions::cancel)),
        )
        .service(resource("/time/parse", POST).route(web::post().to(time::parse)))
        .service(
            resource("/openapi.json", READ).wrap(Compress::default()).route(get().to(specification::older)),
        )
        .service(
            resource("/openapi-3.1.json", READ)
                .wrap(Compress::default())
                .route(get().to(specification::newer)),
        )
        .service(resource("/job-types/{type}/schema", READ).route(get().to(specification::job_type)))
        .service(resource("/job-types", READ).route(get().to(system::job_types)))
        .service(resource("/workers/status", READ).route(get().to(system::worker_status)))
        .service(resource("/system/status", READ).route(get().to(system::system_status)))
        .service(
            resource("/api-keys", "GET, HEAD, POST")
                .route(get().to(api_keys::list))
                .route(web::post().to(api_keys::create)),
        )
        .service(
            resource("/api-keys/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(api_keys::get))
                .route(web::patch().to(api_keys::update))
                .route(web::delete().to(api_keys::delete)),
        )
        .service(resource("/api-keys/{id}/revoke", POST).route(web::post().to(api_keys::revoke)))
        .service(resource("/api-keys/{id}/rotate", POST).route(web::post().to(api_keys::rotate)))
        .service(
            resource("/session", "GET, HEAD, POST, DELETE")
                .route(get().to(session::get))
                .route(web::post().to(session::sign_in))
                .route(web::delete().to(session::sign_out)),
        )
        .service(resource("/setup", POST).route(web::post().to(session::set_up)))
        .service(resource("/audit", READ).wrap(Compress::default()).route(get().to(audit::list)))
        .service(resource("/events", READ).route(get().to(events::stream)))
        .configure(webhook_routes);
}

fn webhook_routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/webhooks", "GET, HEAD, POST")
                .route(get().to(webhooks::list))
                .route(web::post().to(webhooks::create)),
        )
        .service(
            resource("/webhooks/{id}", "GET, HEAD, PATCH, DELETE")
                .route(get().to(webhooks::get))
                .route(web::patch().to(webhooks::update))
                .route(web::delete().to(webhooks::delete)),
        )
        .service(resource("/webhooks/{id}/test", POST).route(web::post().to(webhooks::test)))
        .service(
            resource("/webhooks/{id}/rotate-secret", POST).route(web::post().to(webhooks::rotate_secret)),
        )
        .service(resource("/webhooks/{id}/redeliver", POST).route(web::post().to(webhooks::redeliver_many)))
        .service(
            resource("/webhooks/{id}/deliveries", READ)
                .wrap(Compress::default())
                .route(get().to(webhooks::deliveries)),
        )
        .service(resource("/webhooks/{id}/deliveries/{delivery}", READ).route(get().to(webhooks::delivery)))
        .service(
            resource("/webhooks/{id}/deliveries/{delivery}/redeliver", POST)
                .route(web::post().to(webhooks::redeliver)),
        )
        .service(resource("/webhook-events", READ).route(get().to(webhooks::events)));
}

fn get() -> Route {
    web::route().guard(read())
}

fn read() -> impl Guard {
    Any(Get()).or(Head())
}

fn resource(path: &'static str, allowed: &'static str) -> Resource {
    let other = move |request: HttpRequest| ready(other_method(&request, allowed));
    web::resource(path).default_service(web::to(other))
}

fn other_method(request: &HttpRequest, allowed: &'static str) -> Result<HttpResponse, ApiError> {
    match *request.method() {
        Method::OPTIONS => Ok(HttpResponse::NoContent().insert_header((ALLOW, allowed)).finish()),
        ref method => Err(ApiError::method_not_allowed(method.as_str(), allowed)),
    }
}

async fn no_such_path(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let path: String = request.path().chars().take(200).collect();
    Err(ApiError::new(ErrorCode::NotFound, format!("there is no `{path}` in this API")))
}
