//! `/health`, `/livez` and `/readyz`: for load balancers and supervisors, outside of auth, as plain text.

use crate::request_id::RequestId;
use crate::state::ApiState;
use actix_web::{HttpRequest, HttpResponse, web};
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

/// As OneOff v1 has it, `OK`; but 503 when the database does not answer.
pub(crate) async fn health(state: web::Data<ApiState>, request: HttpRequest) -> HttpResponse {
    answer_of_database(&state, &request).await
}

/// Whether the process answers at all.
pub(crate) async fn livez() -> HttpResponse {
    ok()
}

/// Whether requests should be sent here: the database answers, and the server is not stopping.
pub(crate) async fn readyz(state: web::Data<ApiState>, request: HttpRequest) -> HttpResponse {
    if state.is_stopping() {
        return unavailable("the server is stopping");
    }
    answer_of_database(&state, &request).await
}

async fn answer_of_database(state: &ApiState, request: &HttpRequest) -> HttpResponse {
    let request_id = RequestId::of_request(request);
    match tokio::time::timeout(PATIENCE, state.service.ping()).await {
        Ok(Ok(())) => ok(),
        Err(_elapsed) => {
            tracing::warn!(request_id, "the database does not answer a health check in time");
            unavailable("the database does not answer")
        }
        Ok(Err(error)) => {
            tracing::warn!(request_id, %error, "the database is not well, a health check says");
            unavailable(match error {
                ServiceError::Store(StoreError::Corrupt(_)) => "the database is damaged",
                ServiceError::Store(StoreError::Replaced(_)) => "the database file is gone",
                _ => "the database does not answer",
            })
        }
    }
}

fn ok() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("OK")
}

fn unavailable(why: &'static str) -> HttpResponse {
    HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body(why)
}
