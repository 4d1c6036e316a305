//! `/health` as version 1 has it, `/livez` and `/readyz`: for load balancers and supervisors, outside of auth.

use crate::readiness;
use crate::state::ApiState;
use actix_web::{HttpResponse, web};
use oneoff_api_types::HealthView;
use oneoff_scheduler::ServiceError;
use oneoff_storage::StoreError;
use std::time::Duration;

/// Whoever asks waits little longer: `oneoff-server healthcheck` five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

const PATHS: [&str; 3] = ["/health", "/livez", "/readyz"];

/// Whether a path (below the base path) is one of these, which answer under any host name.
pub(crate) fn is_probe(path: &str) -> bool {
    PATHS.contains(&path)
}

/// As version 1 has it, `OK`; but 503 when the database does not answer.
pub(crate) async fn health(state: web::Data<ApiState>) -> HttpResponse {
    match tokio::time::timeout(PATIENCE, state.service.ping()).await {
        Ok(Ok(())) => ok(),
        Err(_elapsed) => {
            tracing::warn!("the database does not answer a health check in time");
            unavailable("the database does not answer")
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database is not well, a health check says");
            unavailable(match error {
                ServiceError::Store(StoreError::Corrupt(_)) => "the database is damaged",
                ServiceError::Store(StoreError::Replaced(_)) => "the database file is gone",
                _ => "the database does not answer",
            })
        }
    }
}

/// Whether the process works at all.
pub(crate) async fn livez(state: web::Data<ApiState>) -> HttpResponse {
    told(&readiness::alive(&state))
}

/// Whether this node can do its work.
pub(crate) async fn readyz(state: web::Data<ApiState>) -> HttpResponse {
    told(&readiness::ready(&state).await)
}

fn told(health: &HealthView) -> HttpResponse {
    match health.status.as_str() {
        "failing" => HttpResponse::ServiceUnavailable().json(health),
        _ => HttpResponse::Ok().json(health),
    }
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("OK")
}

fn unavailable(why: &'static str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body(why)
}
