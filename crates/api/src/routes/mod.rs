//! Every route. A path that exists answers other methods with 405 and `Allow`.

pub(crate) mod bulk;
pub(crate) mod events;
pub(crate) mod executions;
pub(crate) mod health;
pub(crate) mod job_actions;
pub(crate) mod jobs;
pub(crate) mod offset;
pub(crate) mod output;
pub(crate) mod page;
pub(crate) mod system;
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
        .service(resource("/executions", READ).wrap(Compress::default()).route(get().to(executions::list)))
        .service(resource("/executions/{id}", READ).route(get().to(executions::get)))
        .service(resource("/executions/{id}/output", READ).route(get().to(output::get)))
        .service(resource("/time/parse", POST).route(web::post().to(time::parse)))
        .service(resource("/job-types", READ).route(get().to(system::job_types)))
        .service(resource("/workers/status", READ).route(get().to(system::worker_status)))
        .service(resource("/system/status", READ).route(get().to(system::system_status)))
        .service(resource("/events", "GET").route(web::get().to(events::stream)))
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
