//! API keys, sessions, the setup link and the audit log.

use crate::authorize::Scope;
use crate::error_table::ErrorCode::{
    ForgeryRefused, IllegalState, IsSetUp, KeyNotValid, KeyReplaced, LastAdminKey, NotFound, OriginRefused,
    TooManyFailures, Unauthorized,
};
use crate::openapi::operation::{Content, Operation, shape, tagged};
use crate::read::{audit, lists};
use crate::routes::api_keys;
use oneoff_api_types::{ApiKeyView, AuditEntryView, NewApiKeyView, RevokedApiKey, SessionView};

const ADMIN: Option<Scope> = Some(Scope::Admin);

/// `/api/api-keys`.
pub(crate) fn api_keys() -> Vec<Operation> {
    let key = "api_key";
    let rotated = Content::Data(shape::<NewApiKeyView>(), "rotated_api_key");
    let revoked = Content::Data(shape::<RevokedApiKey>(), "revoked_api_key");
    let operations = vec![
        Operation::get("/api/api-keys", "listApiKeys", "Lists API keys")
            .query(lists::PLAIN_PARAMETERS)
            .lists::<ApiKeyView>(key),
        Operation::post("/api/api-keys", "createApiKey", "Makes an API key")
            .more("The key itself is in this answer alone.")
            .takes("CreateApiKey", &["create_api_key", "create_api_key_v1"])
            .makes::<NewApiKeyView>("new_api_key"),
        Operation::get("/api/api-keys/{id}", "getApiKey", "Answers an API key")
            .tells_record::<ApiKeyView>(key),
        Operation::patch("/api/api-keys/{id}", "updateApiKey", "Edits an API key")
            .query(api_keys::FORCED_PARAMETERS)
            .takes("UpdateApiKey", &["update_api_key"])
            .changes::<ApiKeyView>(key)
            .refuses(&[LastAdminKey]),
        Operation::delete("/api/api-keys/{id}", "deleteApiKey", "Deletes an API key, which ends it at once")
            .query(api_keys::FORCED_PARAMETERS)
            .removes::<ApiKeyView>(key)
            .refuses(&[LastAdminKey]),
        Operation::post("/api/api-keys/{id}/revoke", "revokeApiKey", "Ends an API key at once")
            .query(api_keys::FORCED_PARAMETERS)
            .may_take("Nothing", &["nothing"])
            .each_time()
            .with_condition()
            .answers(200, "It is no longer valid.", revoked, &[])
            .refuses(&[LastAdminKey]),
        Operation::post("/api/api-keys/{id}/rotate", "rotateApiKey", "Makes a key in the place of this one")
            .may_take("RotateApiKey", &["rotate_api_key"])
            .with_condition()
            .answers(200, "The new key, this once.", rotated, &["Idempotency-Replayed"])
            .refuses(&[KeyNotValid, KeyReplaced, LastAdminKey]),
    ];
    tagged("API keys", operations.into_iter().map(|operation| operation.needs(ADMIN)).collect())
}

/// `/api/session` and `/api/setup`.
pub(crate) fn sessions() -> Vec<Operation> {
    let session = Content::Data(shape::<SessionView>(), "session");
    tagged(
        "Sessions",
        vec![
            Operation::get("/api/session", "getSession", "Answers who is signed in")
                .tells::<SessionView>("session"),
            Operation::post("/api/session", "signIn", "Signs a browser in: a key becomes a cookie")
                .without_parameters()
                .needs(None)
                .takes("SignIn", &["sign_in"])
                .answers(201, "Signed in.", session, &["Set-Cookie"])
                .answers(
                    200,
                    "This server needs no keys.",
                    Content::Data(shape::<SessionView>(), "no_session"),
                    &[],
                )
                .refuses(&[Unauthorized, TooManyFailures, OriginRefused]),
            Operation::delete("/api/session", "signOut", "Signs a browser out")
                .without_parameters()
                .needs(Some(Scope::Read))
                .answers(204, "Signed out.", Content::Nothing, &["Set-Cookie"])
                .refuses(&[ForgeryRefused, OriginRefused]),
            Operation::post("/api/setup", "setUp", "Makes the first key of a server by the link of its log")
                .without_parameters()
                .needs(None)
                .takes("SetUp", &["set_up"])
                .answers(
                    201,
                    "The key, this once.",
                    Content::Data(shape::<NewApiKeyView>(), "new_api_key"),
                    &[],
                )
                .refuses(&[IsSetUp, IllegalState, NotFound, TooManyFailures, OriginRefused]),
        ],
    )
}

/// `/api/audit`.
pub(crate) fn audit() -> Vec<Operation> {
    const CSV: &str = "sequence,at,actor,actor_key_id,client_address,action,subject_kind,subject_id,project_id,\
                       request_id,before,after\r\n";
    tagged(
        "Audit log",
        vec![
            Operation::get("/api/audit", "listAuditEntries", "Lists who changed what")
                .more("A page in JSON, or all of it as lines or a table: by `format`, or by the `Accept` header.")
                .needs(ADMIN)
                .query(audit::PARAMETERS)
                .reads(&["Accept"])
                .answers(200, "The entries.", Content::List(shape::<AuditEntryView>(), "audit_entry"), &[
                    "Link",
                    "Content-Disposition",
                ])
                .answers(200, "", Content::Text("application/x-ndjson", "{\"sequence\":1}\n"), &[])
                .answers(200, "", Content::Text("text/csv", CSV), &[]),
        ],
    )
}
