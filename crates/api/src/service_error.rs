//! Which problem each error of the service is to a client.

use crate::error_table::ErrorCode;
use crate::problem::ApiError;
use oneoff_domain::FieldError;
use oneoff_scheduler::ServiceError;
use oneoff_storage::{AccessRefusal, Refusal, StoreError};
use oneoff_webhooks::WebhookError;

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(errors) => ApiError::invalid(errors),
            ServiceError::Refused(refusal) => of_refusal(refusal),
            ServiceError::Store(error) => of_store(error),
            ServiceError::Stopping => stopping(),
        }
    }
}

impl From<WebhookError> for ApiError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Invalid(errors) => ApiError::invalid(errors),
            WebhookError::Store(error) => of_store(error),
        }
    }
}

/// The server is stopping.
pub(crate) fn stopping() -> ApiError {
    ApiError::new(
        ErrorCode::Stopping,
        "the server is stopping: nothing was changed; try again when it is back",
    )
    .with_retry_after(5)
}

fn of_refusal(refusal: Refusal) -> ApiError {
    let detail = refusal.to_string();
    match refusal {
        Refusal::NotFound { .. } => ApiError::new(ErrorCode::NotFound, detail),
        Refusal::Removed { .. } => {
            ApiError::new(ErrorCode::Removed, format!("{detail}: nothing was made again"))
        }
        Refusal::Illegal(_) | Refusal::Over { .. } => ApiError::new(ErrorCode::IllegalState, detail),
        Refusal::VersionMismatch { .. } => ApiError::new(
            ErrorCode::VersionMismatch,
            format!("{detail}: read it again, and send its new ETag as If-Match"),
        ),
        Refusal::Duplicate { field, .. } => ApiError::new(ErrorCode::Duplicate, detail.clone())
            .with_field(FieldError::new(format!("/{field}"), detail)),
        Refusal::Taken { field, .. } => ApiError::new(ErrorCode::Duplicate, detail.clone())
            .with_field(FieldError::new(format!("/{field}"), detail)),
        Refusal::TooMany { .. }
        | Refusal::DefaultProject
        | Refusal::ProjectHasJobs { .. }
        | Refusal::ProjectRuns { .. } => ApiError::new(ErrorCode::IllegalState, detail),
        Refusal::Barred { .. } => ApiError::new(ErrorCode::Forbidden, detail),
        Refusal::IdempotencyMismatch => ApiError::new(
            ErrorCode::IdempotencyMismatch,
            format!("{detail}: use a new Idempotency-Key for every new request"),
        ),
        Refusal::Invalid(errors) => ApiError::invalid(errors),
        Refusal::Access(refusal) => of_access(&refusal),
        Refusal::OfItem { index, refusal } => of_refusal(*refusal).of_item(index, detail),
    }
}

fn of_access(refusal: &AccessRefusal) -> ApiError {
    let code = match refusal {
        AccessRefusal::LastAdminKey { .. } => ErrorCode::LastAdminKey,
        AccessRefusal::MoreThanOwn(_) => ErrorCode::Forbidden,
        AccessRefusal::NotRotatable { .. } => ErrorCode::KeyNotValid,
        AccessRefusal::Replaced { .. } => ErrorCode::KeyReplaced,
        AccessRefusal::IsSetUp => ErrorCode::IsSetUp,
        AccessRefusal::NoSetupLink => ErrorCode::NotFound,
    };
    ApiError::new(code, refusal.to_string())
}

/// The store failed.
pub(crate) fn of_store(error: StoreError) -> ApiError {
    let (code, detail) = match &error {
        StoreError::Refused(refusal) => return of_refusal(refusal.clone()),
        StoreError::Closed => return stopping(),
        StoreError::Overloaded => {
            (ErrorCode::Overloaded, "too many requests are waiting: try again in a moment")
        }
        StoreError::Full(_) => {
            (ErrorCode::StorageFull, "the disk of the database is full: nothing was changed; free some space")
        }
        StoreError::OutcomeUnknown(_) => (
            ErrorCode::OutcomeUnknown,
            "the database failed while the change was written, and whether it took effect is not known: look \
             before you repeat it, or repeat it with the same Idempotency-Key",
        ),
        StoreError::Unavailable(_) if error.is_read_only() => (
            ErrorCode::StorageUnavailable,
            "the database is read-only at the moment: nothing was changed; try again when it takes writes",
        ),
        StoreError::Unavailable(_) => {
            (ErrorCode::StorageUnavailable, "the database does not answer: nothing was changed; try again")
        }
        StoreError::Corrupt(_) => (
            ErrorCode::StorageDamaged,
            "the database is damaged: restore a backup; the server's log says more",
        ),
        StoreError::Replaced(_) => (
            ErrorCode::StorageReplaced,
            "the database file was moved, removed or replaced under the server, and whether the change will be found \
             again is not known; the server's log says more",
        ),
    };
    let problem = ApiError::new(code, detail);
    match error {
        StoreError::Overloaded => problem.with_retry_after(1),
        StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_) => {
            problem.with_retry_after(5).with_cause(error)
        }
        _ => problem.with_cause(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::ResponseError;
    use oneoff_domain::{IllegalTransition, JobStatus, Transition, ValidationErrors};
    use std::sync::Arc;

    fn answer(error: ServiceError) -> (u16, actix_web::http::header::HeaderMap, String) {
        let error = ApiError::from(error);
        let response = error.response("r");
        (error.status_code().as_u16(), response.headers().clone(), error.to_string())
    }

    fn disk() -> oneoff_storage::error::Source {
        Arc::new(std::io::Error::other("/secret/path"))
    }

    #[test]
    fn every_error_has_its_status() {
        let illegal = IllegalTransition::new(JobStatus::Running, Transition::Delete);
        let refused = ServiceError::Refused;
        let cases = [
            (ServiceError::Invalid(ValidationErrors::one(FieldError::new("/name", "x"))), 400),
            (refused(Refusal::NotFound { kind: "job", id: "x".into() }), 404),
            (refused(Refusal::Removed { id: "x".into() }), 410),
            (refused(Refusal::Illegal(illegal)), 409),
            (refused(Refusal::Over { kind: "x", id: "x".into(), status: "failed".into() }), 409),
            (refused(Refusal::VersionMismatch { expected: 1, actual: 2 }), 412),
            (refused(Refusal::Duplicate { field: "external_id", value: "x".into() }), 409),
            (refused(Refusal::IdempotencyMismatch), 422),
            (ServiceError::Store(StoreError::Full(disk())), 507),
            (ServiceError::Store(StoreError::Overloaded), 503),
            (ServiceError::Store(StoreError::OutcomeUnknown(disk())), 503),
            (ServiceError::Store(StoreError::Unavailable(disk())), 503),
            (ServiceError::Store(StoreError::Corrupt(disk())), 500),
            (ServiceError::Store(StoreError::Replaced(disk())), 500),
            (ServiceError::Store(StoreError::Closed), 503),
            (ServiceError::Stopping, 503),
        ];
        for (error, status) in cases {
            let name = format!("{error:?}");
            let (actual, _, detail) = answer(error);
            assert_eq!(actual, status, "{name}");
            assert!(!detail.contains("secret"), "{name} leaks: {detail}");
        }
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let (_, headers, _) = answer(ServiceError::Store(StoreError::Overloaded));
        assert_eq!(headers.get("retry-after").unwrap(), "1");
    }
}
