//! `keys create`: makes an API key beside a running server. The key itself is printed once and never stored.

use super::CommandError;
use crate::cli::CreateKey;
use crate::settings::Settings;
use oneoff::{Clock as _, Random, SystemClock, SystemRandom, api_key};
use oneoff_domain::Timestamp;
use oneoff_domain::suggest::nearest;
use oneoff_domain::time::{Disambiguation, ParseOptions};
use oneoff_storage::{NewApiKey, Store};
use std::io::Write;

const SCOPES: [&str; 3] = ["read", "write", "admin"];
const NAME_MAX_CHARS: usize = 256;

/// What is wrong with the request.
#[derive(Debug, thiserror::Error)]
enum Invalid {
    #[error("--name must have 1 to {NAME_MAX_CHARS} characters")]
    Name,
    #[error("--scopes must name at least one of read, write, admin")]
    NoScope,
    #[error("there is no scope `{given}`: give read, write or admin{}", .hint.map(|hint| format!(" (did you mean {hint}?)")).unwrap_or_default())]
    Scope { given: String, hint: Option<&'static str> },
    #[error("--expires={given}: {message}")]
    Expires { given: String, message: String },
}

/// Makes a key: the key goes to `out`, what belongs to it to `notes`.
///
/// # Errors
/// The request is wrong, or the database cannot be used.
pub async fn create(
    options: &CreateKey,
    settings: &Settings,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    let now = SystemClock.now();
    let name = options.name.trim();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
        return Err(Invalid::Name.into());
    }
    let scopes = scopes(&options.scopes)?;
    let expires_at = options.expires.as_deref().map(|when| expiry(when, settings, now)).transpose()?;
    let random = SystemRandom;
    let key = api_key::generate_api_key(&random);
    let new = NewApiKey {
        id: id(&random),
        name: name.to_owned(),
        key_hash: api_key::hash_api_key(key.expose()),
        key_prefix: api_key::key_prefix(key.expose()).to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at,
    };
    let store = Store::open_beside(&settings.store())?;
    let stored = store.create_api_key(now, new).await?;
    let until = stored.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("expires at {at}"));
    writeln!(
        notes,
        "The key `{}` may {} and {until}. It is shown this once; send it as `Authorization: Bearer KEY`.",
        stored.name,
        stored.scopes.join(", ")
    )?;
    writeln!(out, "{}", key.expose())?;
    Ok(())
}

fn scopes(given: &[String]) -> Result<Vec<&'static str>, Invalid> {
    let mut scopes = Vec::new();
    for word in given.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        let Some(scope) = SCOPES.into_iter().find(|scope| *scope == word) else {
            return Err(Invalid::Scope { given: word.to_owned(), hint: nearest(word, SCOPES) });
        };
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() { Err(Invalid::NoScope) } else { Ok(scopes) }
}

fn expiry(when: &str, settings: &Settings, now: Timestamp) -> Result<Timestamp, Invalid> {
    let options = ParseOptions {
        now,
        timezone: &settings.default_timezone,
        disambiguation: Disambiguation::Reject,
        allow_past: false,
    };
    let invalid = |error: oneoff_domain::time::TimeError| {
        let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        Invalid::Expires { given: when.to_owned(), message: format!("{}{hint}", error.message) }
    };
    oneoff_domain::time::parse(when, &options).map(|resolved| resolved.instant).map_err(invalid)
}

/// 32 hex characters, as v1's ids are.
fn id(random: &impl Random) -> String {
    format!("{:016x}{:016x}", random.next_u64(), random.next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn scopes_are_known_and_named_once() {
        assert_eq!(scopes(&words(&["read", " write", "read"])).unwrap(), ["read", "write"]);
        assert!(scopes(&words(&["writ"])).unwrap_err().to_string().contains("did you mean write?"));
        assert!(matches!(scopes(&words(&["", " "])), Err(Invalid::NoScope)));
    }
}
