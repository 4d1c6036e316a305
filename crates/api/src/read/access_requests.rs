//! The bodies of requests about API keys, sessions and the setup link.

use crate::problem::ApiError;
use crate::read::fields::{Field, FieldReader};
use crate::read::form::{Form, words};
use crate::read::object::JsonObject;
use oneoff_domain::access::DEFAULT_SCOPES;
use oneoff_domain::limits::{
    KEY_MAX_CHARS, KEY_PROJECTS_MAX, NAME_MAX_CHARS, OVERLAP_MAX_SECONDS, TIME_EXPRESSION_MAX_CHARS,
};
use oneoff_domain::suggest::nearest;
use oneoff_domain::time::{Disambiguation, ParseOptions};
use oneoff_domain::{FieldError, KeyScope, Timestamp};
use oneoff_secrets::SecretString;
use oneoff_storage::ApiKeyPatch;
use std::time::Duration;

const NAME: Field =
    Field { name: "name", allowed: "text of 1 to 256 characters", form: Form::Text(1, NAME_MAX_CHARS) };
const SCOPES: Field = Field {
    name: "scopes",
    allowed: "a list of read, write and admin, or these in a text with commas between",
    form: Form::WordsOrCommas(|| words(KeyScope::ALL, KeyScope::as_str)),
};
const PROJECT_IDS: Field = Field {
    name: "project_ids",
    allowed: "a list of 1 to 100 ids of projects, or null for all projects",
    form: Form::OrNull(&Form::TextsOrCommas(1, KEY_PROJECTS_MAX, KEY_MAX_CHARS)),
};
const IS_ACTIVE: Field = Field { name: "is_active", allowed: "true or false", form: Form::Boolean };
const EXPIRES_AT: Field = Field {
    name: "expires_at",
    allowed: "a time to come such as 2027-01-01T00:00:00Z or in 90d, or null for never",
    form: Form::OrNull(&Form::Time),
};
pub(crate) const CREATE: &[Field] = &[NAME, SCOPES, PROJECT_IDS, EXPIRES_AT];
pub(crate) const UPDATE: &[Field] = &[NAME, SCOPES, PROJECT_IDS, IS_ACTIVE, EXPIRES_AT];
pub(crate) const ROTATE: &[Field] = &[
    Field {
        name: "overlap_seconds",
        allowed: "an integer from 0 to 2592000",
        form: Form::Integer(0, OVERLAP_MAX_SECONDS),
    },
    EXPIRES_AT,
];
pub(crate) const SIGN_IN: &[Field] =
    &[Field { name: "key", allowed: "an API key", form: Form::Text(1, SECRET_MAX_CHARS) }];
pub(crate) const SET_UP: &[Field] = &[
    Field { name: "token", allowed: "the token of the setup link", form: Form::Text(1, SECRET_MAX_CHARS) },
    NAME,
];
/// Characters of a key or a token: more than any has.
const SECRET_MAX_CHARS: usize = 256;
/// Entries of a list of scopes: more than there are, as one may be named twice.
const SCOPES_MAX: usize = 16;

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRequest {
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) project_ids: Option<Vec<String>>,
    pub(crate) expires_at: Option<Timestamp>,
}

/// A key to be made in the place of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RotateRequest {
    pub(crate) overlap: Duration,
    pub(crate) expires_at: Option<Option<Timestamp>>,
}

/// The present, and the zone of times that name none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present<'a> {
    pub(crate) now: Timestamp,
    pub(crate) timezone: &'a str,
}

/// `POST /api/api-keys`.
pub(crate) fn create(object: JsonObject, present: Present<'_>) -> Result<KeyRequest, ApiError> {
    let mut reader = FieldReader::new(object, CREATE);
    reader.require("name");
    let request = KeyRequest {
        name: name(&mut reader).unwrap_or_default(),
        scopes: match reader.has("scopes") {
            true => scopes(&mut reader).unwrap_or_default(),
            false => DEFAULT_SCOPES.map(|scope| scope.to_string()).to_vec(),
        },
        project_ids: projects(&mut reader).flatten(),
        expires_at: expiry(&mut reader, present).flatten(),
    };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(request)
}

/// `PATCH /api/api-keys/{id}`.
pub(crate) fn update(object: JsonObject, present: Present<'_>) -> Result<ApiKeyPatch, ApiError> {
    let mut reader = FieldReader::new(object, UPDATE);
    let patch = ApiKeyPatch {
        name: name(&mut reader),
        scopes: scopes(&mut reader),
        project_ids: projects(&mut reader),
        is_active: reader.boolean("is_active"),
        expires_at: expiry(&mut reader, present),
    };
    reader.finish().map_err(ApiError::invalid)?;
    Ok(patch)
}

/// `POST /api/api-keys/{id}/rotate`.
pub(crate) fn rotate(object: JsonObject, present: Present<'_>) -> Result<RotateRequest, ApiError> {
    let mut reader = FieldReader::new(object, ROTATE);
    let seconds = reader.integer("overlap_seconds").unwrap_or(0);
    let overlap = u64::try_from(seconds).ok().filter(|_| seconds <= OVERLAP_MAX_SECONDS);
    if overlap.is_none() {
        reader.wrong("overlap_seconds", format!("is out of range: {seconds}"));
    }
    let overlap = Duration::from_secs(overlap.unwrap_or(0));
    let expires_at = expiry(&mut reader, present);
    reader.finish().map_err(ApiError::invalid)?;
    Ok(RotateRequest { overlap, expires_at })
}

/// `POST /api/session`: the key.
pub(crate) fn sign_in(object: JsonObject) -> Result<SecretString, ApiError> {
    let mut reader = FieldReader::new(object, SIGN_IN);
    reader.require("key");
    let key = secret(&mut reader, "key");
    reader.finish().map_err(ApiError::invalid)?;
    Ok(key)
}

/// `POST /api/setup`: the token, and what the key is to be called.
pub(crate) fn set_up(object: JsonObject) -> Result<(SecretString, String), ApiError> {
    let mut reader = FieldReader::new(object, SET_UP);
    reader.require("token");
    let token = secret(&mut reader, "token");
    let name = if reader.has("name") { name(&mut reader) } else { None };
    reader.finish().map_err(ApiError::invalid)?;
    Ok((token, name.unwrap_or_else(|| "admin".to_owned())))
}

/// A value that no error repeats.
fn secret(reader: &mut FieldReader, name: &str) -> SecretString {
    let text = reader.secret_text(name, SECRET_MAX_CHARS).unwrap_or_default();
    SecretString::new(text.trim())
}

fn name(reader: &mut FieldReader) -> Option<String> {
    let name = reader.text("name", NAME_MAX_CHARS)?;
    let name = name.trim();
    if name.is_empty() {
        reader.wrong("name", "is empty");
        return None;
    }
    Some(name.to_owned())
}

/// Scopes, each once, in the order of what they give.
fn scopes(reader: &mut FieldReader) -> Option<Vec<String>> {
    let words = reader.words("scopes", SCOPES_MAX, 32)?;
    let mut known = Vec::new();
    for word in &words {
        match word.parse::<KeyScope>() {
            Ok(scope) => known.push(scope),
            Err(_unknown) => {
                let hint = match nearest(word, KeyScope::ALL.iter().map(|scope| scope.as_str())) {
                    Some(scope) => format!("did you mean `{scope}`?"),
                    None => "the scopes are read, write and admin".to_owned(),
                };
                reader
                    .error(FieldError::new("/scopes", format!("there is no scope `{word}`")).with_hint(hint));
            }
        }
    }
    if words.is_empty() {
        reader.wrong("scopes", "names no scope");
    }
    known.sort_unstable();
    known.dedup();
    (!known.is_empty()).then(|| known.iter().map(KeyScope::to_string).collect())
}

fn projects(reader: &mut FieldReader) -> Option<Option<Vec<String>>> {
    reader.or_null("project_ids", |reader, name| {
        let mut projects = reader.words(name, KEY_PROJECTS_MAX, KEY_MAX_CHARS)?;
        projects.sort_unstable();
        projects.dedup();
        if projects.is_empty() {
            reader.wrong(name, "names no project");
            return None;
        }
        Some(projects)
    })
}

fn expiry(reader: &mut FieldReader, present: Present<'_>) -> Option<Option<Timestamp>> {
    reader.or_null("expires_at", |reader, name| {
        let text = reader.text(name, TIME_EXPRESSION_MAX_CHARS)?;
        let options = ParseOptions {
            now: present.now,
            timezone: present.timezone,
            disambiguation: Disambiguation::Reject,
            allow_past: false,
        };
        match oneoff_domain::time::parse(&text, &options) {
            Ok(resolved) if resolved.instant > present.now => Some(resolved.instant),
            Ok(_now) => {
                reader.wrong(name, "is not in the future");
                None
            }
            Err(error) => {
                let fault = FieldError::new("/expires_at", error.message);
                reader.error(match error.hint {
                    Some(hint) => fault.with_hint(hint),
                    None => fault,
                });
                None
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn object(value: &Value) -> JsonObject {
        JsonObject::parse(value.to_string().as_bytes()).unwrap()
    }

    const PRESENT: Present<'static> = Present { now: Timestamp::EPOCH, timezone: "UTC" };

    #[test]
    fn scopes_come_as_a_list_or_in_a_text_and_are_put_in_order() {
        for (given, scopes) in [
            (json!("read, write"), &["read", "write"][..]),
            (json!("write,read,write"), &["read", "write"]),
            (json!([" admin ", "read"]), &["read", "admin"]),
        ] {
            let request = create(object(&json!({"name": " ci ", "scopes": given})), PRESENT).unwrap();
            assert_eq!(
                (request.name.as_str(), request.scopes.as_slice()),
                ("ci", &scopes.iter().map(|&scope| scope.to_owned()).collect::<Vec<_>>()[..])
            );
        }
        let request = create(object(&json!({"name": "x"})), PRESENT).unwrap();
        assert_eq!(request.scopes, ["read", "write"]);
    }

    #[test]
    fn what_is_wrong_with_a_key_is_told_with_what_is_allowed() {
        for (body, part) in [
            (json!({}), "name: is missing"),
            (json!({"name": " "}), "is empty"),
            (json!({"name": "x".repeat(257)}), "too long"),
            (json!({"name": 7}), "must be text"),
            (json!({"name": "x", "scopes": "writ"}), "did you mean `write`?"),
            (json!({"name": "x", "scopes": "Admin"}), "no scope `Admin`"),
            (json!({"name": "x", "scopes": []}), "names no scope"),
            (json!({"name": "x", "scopes": ""}), "names no scope"),
            (json!({"name": "x", "scopes": "read,,write"}), "an entry that is empty"),
            (json!({"name": "x", "scopes": null}), "not null"),
            (json!({"name": "x", "scopes": [1]}), "must be text"),
            (json!({"name": "x", "scopes": vec!["read"; 17]}), "too many"),
            (json!({"name": "x", "project_ids": []}), "names no project"),
            (json!({"name": "x", "project_ids": vec!["p"; 101]}), "too many"),
            (json!({"name": "x", "project_ids": {"a": 1}}), "must be a list"),
            (json!({"name": "x", "expires_at": "1969-12-31T23:59:59Z"}), "cannot be scheduled"),
            (json!({"name": "x", "expires_at": "now"}), "not in the future"),
            (json!({"name": "x", "expires_at": 12}), "must be text"),
            (json!({"name": "x", "scope": "read"}), "did you mean `scopes`?"),
            (json!({"name": "x", "is_active": true}), "not a field"),
        ] {
            let error = create(object(&body), PRESENT).unwrap_err().to_string();
            assert!(error.contains(part), "{body}: {error}");
        }
    }

    #[test]
    fn a_patch_takes_restrictions_away_with_null() {
        let patch = update(object(&json!({"expires_at": null, "project_ids": null})), PRESENT).unwrap();
        assert_eq!(
            patch,
            ApiKeyPatch { expires_at: Some(None), project_ids: Some(None), ..ApiKeyPatch::default() }
        );
        assert_eq!(update(object(&json!({})), PRESENT).unwrap(), ApiKeyPatch::default());
        for wrong in [json!({"name": null}), json!({"is_active": 1}), json!({"scopes": null})] {
            assert!(update(object(&wrong), PRESENT).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_overlap_is_bounded() {
        assert_eq!(rotate(object(&json!({})), PRESENT).unwrap().overlap, Duration::ZERO);
        assert_eq!(
            rotate(object(&json!({"overlap_seconds": 2_592_000})), PRESENT).unwrap().overlap.as_secs(),
            2_592_000
        );
        for wrong in [json!(-1), json!(2_592_001), json!(i64::MIN), json!("60"), json!(1.5), json!(null)] {
            assert!(rotate(object(&json!({"overlap_seconds": wrong})), PRESENT).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_never_repeated_by_an_error() {
        for body in [
            json!({"key": ["hunter2"]}),
            json!({"key": "hunter2".repeat(60)}),
            json!({"key": {"hunter2": 1}}),
        ] {
            let error = sign_in(object(&body)).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert_eq!(sign_in(object(&json!({"key": " k "}))).unwrap().expose(), "k");
        assert!(sign_in(object(&json!({}))).is_err());
        assert!(set_up(object(&json!({"token": "t", "name": ""}))).is_err());
        assert_eq!(set_up(object(&json!({"token": "t"}))).unwrap().1, "admin");
    }
}
