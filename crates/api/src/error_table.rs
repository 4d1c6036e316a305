//! The error table: every code that a problem document can carry, with its HTTP status and title.

use actix_web::http::StatusCode;

macro_rules! error_table {
    ($($(#[$doc:meta])* $variant:ident = $status:ident, $code:literal, $title:literal;)+) => {
        /// Why a request was not served.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum ErrorCode { $($(#[$doc])* $variant),+ }

        impl ErrorCode {
            /// Every code.
            pub(crate) const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),+];

            /// The HTTP status.
            pub(crate) fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The stable word for programs.
            pub(crate) fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The kind of problem, for people.
            pub(crate) fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

error_table! {
    /// Fields, parameters or headers that cannot be accepted.
    InvalidRequest = BAD_REQUEST, "invalid_request", "The request is not valid";
    /// A body that is not JSON.
    InvalidJson = BAD_REQUEST, "invalid_json", "The body is not JSON";
    /// No key, or not a valid one.
    Unauthorized = UNAUTHORIZED, "unauthorized", "An API key is needed";
    /// So many keys that are not valid came from an address.
    TooManyFailures = TOO_MANY_REQUESTS, "too_many_failed_keys", "Too many keys that are not valid";
    /// A key without the permission.
    Forbidden = FORBIDDEN, "forbidden", "The API key may not do this";
    /// A host name under which this server does not answer.
    HostRefused = FORBIDDEN, "host_refused", "The host is not allowed";
    /// A web page of another origin.
    OriginRefused = FORBIDDEN, "origin_refused", "The origin is not allowed";
    /// A change by a session without its token.
    ForgeryRefused = FORBIDDEN, "forgery_refused", "The change does not come from a page of this server";
    /// The last key by which keys can be made.
    LastAdminKey = CONFLICT, "last_admin_key", "It is the last admin key";
    /// A key that is revoked or has expired.
    KeyNotValid = CONFLICT, "key_not_valid", "The API key is not valid";
    /// A key that has a successor.
    KeyReplaced = CONFLICT, "key_replaced", "The API key was rotated already";
    /// The first key was made already.
    IsSetUp = CONFLICT, "is_set_up", "The server is set up already";
    /// No such record or path.
    NotFound = NOT_FOUND, "not_found", "Not found";
    /// What the request made before was removed since.
    Removed = GONE, "removed", "It was removed since";
    /// The path exists, but not for this method.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed";
    /// The body did not arrive in time.
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "The request took too long to arrive";
    /// The record's status does not allow it.
    IllegalState = CONFLICT, "illegal_state", "The state of the record does not allow this";
    /// A unique value is taken.
    Duplicate = CONFLICT, "duplicate", "The value is taken";
    /// The record changed since the client read it.
    VersionMismatch = PRECONDITION_FAILED, "version_mismatch", "The record has changed";
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    /// The body is not JSON by its content type.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The content type is not supported";
    /// The idempotency key was used for another request.
    IdempotencyMismatch = UNPROCESSABLE_ENTITY, "idempotency_mismatch", "The idempotency key is taken";
    /// Something failed that should not.
    Internal = INTERNAL_SERVER_ERROR, "internal", "The server failed";
    /// The database is damaged.
    StorageDamaged = INTERNAL_SERVER_ERROR, "storage_damaged", "The database is damaged";
    /// The database file is not at its place any more.
    StorageReplaced = INTERNAL_SERVER_ERROR, "storage_replaced", "The database file is gone";
    /// Too many writes wait.
    Overloaded = SERVICE_UNAVAILABLE, "overloaded", "The server is busy";
    /// The commit failed, and whether it took effect is not known.
    OutcomeUnknown = SERVICE_UNAVAILABLE, "outcome_unknown", "The outcome is not known";
    /// The database does not answer.
    StorageUnavailable = SERVICE_UNAVAILABLE, "storage_unavailable", "The database does not answer";
    /// The server is stopping.
    Stopping = SERVICE_UNAVAILABLE, "stopping", "The server is stopping";
    /// The disk is full.
    StorageFull = INSUFFICIENT_STORAGE, "storage_full", "The disk is full";
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_errors() {
        let codes: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(!code.title().is_empty());
        }
    }
}
