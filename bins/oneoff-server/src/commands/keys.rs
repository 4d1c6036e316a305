//! `keys create | list | revoke | rotate`: API keys beside a running server. A key itself is printed once and never stored.

use super::CommandError;
use crate::cli::{CreateKey, KeysCommand, RevokeKey, RotateKey};
use crate::settings::Settings;
use oneoff::{Clock as _, Random, SystemClock, SystemRandom, api_key};
use oneoff_domain::limits::{KEY_MAX_CHARS, KEY_PROJECTS_MAX, NAME_MAX_CHARS, PAGE_MAX};
use oneoff_domain::suggest::nearest;
use oneoff_domain::time::{Disambiguation, ParseOptions};
use oneoff_domain::{Actor, Context, KeyScope, Timestamp};
use oneoff_storage::{ApiKey, ApiKeyStore, NewApiKey, Refusal, Rotation, Store, StoreError};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

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
    #[error(
        "--projects must name at most {KEY_PROJECTS_MAX} projects, each by 1 to {KEY_MAX_CHARS} characters"
    )]
    Projects,
    #[error("--projects: {0}")]
    NoProject(String),
    #[error("there is no key `{0}`: `oneoff-server keys list` shows them")]
    NoKey(String),
    #[error("`{given}` means several keys ({ids}): give the id of one")]
    Several { given: String, ids: String },
}

/// Does what was asked: keys and the list go to `out`, what belongs to them to `notes`.
///
/// # Errors
/// The request is wrong, or the database cannot be used.
pub async fn run(
    command: &KeysCommand,
    settings: &Settings,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    match command {
        KeysCommand::Create(options) => create(options, settings, out, notes).await,
        KeysCommand::List => list(settings, out).await,
        KeysCommand::Revoke(options) => revoke(options, settings, notes).await,
        KeysCommand::Rotate(options) => rotate(options, settings, out, notes).await,
    }
}

fn context() -> Context {
    Context::new(Actor::CommandLine)
}

async fn create(
    options: &CreateKey,
    settings: &Settings,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    let name = options.name.as_deref().unwrap_or("admin").trim();
    if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
        return Err(Invalid::Name.into());
    }
    let scopes = if options.admin { vec![KeyScope::Admin.as_str()] } else { scopes(&options.scopes)? };
    let project_ids = projects(&options.projects)?;
    let expires_at = |now| options.expires.as_deref().map(|when| expiry(when, settings, now)).transpose();
    // Before anything is opened, which may make the database.
    expires_at(SystemClock.now())?;
    let store = Store::open_beside(&settings.store())?;
    let now = store.now(Arc::new(SystemClock)).await?;
    let random = SystemRandom;
    let key = api_key::generate_api_key(&random);
    let new = NewApiKey {
        id: id(&random),
        name: name.to_owned(),
        key_hash: api_key::hash_api_key(key.expose()),
        key_prefix: api_key::key_prefix(key.expose()).to_owned(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        project_ids,
        expires_at: expires_at(now)?,
    };
    let stored = store.create_api_key(context(), now, new).await.map_err(of_projects)?;
    tell(notes, &stored)?;
    writeln!(out, "{}", key.expose())?;
    Ok(())
}

/// Only the projects of a key that is made here can be refused field by field.
fn of_projects(error: StoreError) -> CommandError {
    let StoreError::Refused(Refusal::Invalid(errors)) = error else { return error.into() };
    let told = errors.0.into_iter().map(|error| match error.hint {
        Some(hint) => format!("{} ({hint})", error.message),
        None => error.message,
    });
    Invalid::NoProject(told.collect::<Vec<_>>().join("; ")).into()
}

/// What a key that is printed may do, and how it is used.
fn tell(notes: &mut impl Write, key: &ApiKey) -> std::io::Result<()> {
    let until = key.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("expires at {at}"));
    let within = key.project_ids.as_ref().map(|ids| format!(" in the projects {}", ids.join(", ")));
    writeln!(
        notes,
        "The key `{}` may {}{} and {until}. It is shown this once; send it as `Authorization: Bearer KEY`.",
        key.name,
        key.scopes.join(", "),
        within.unwrap_or_default()
    )
}

async fn list(settings: &Settings, out: &mut impl Write) -> Result<(), CommandError> {
    let store = Store::open_beside(&settings.store())?;
    let now = store.now(Arc::new(SystemClock)).await?;
    writeln!(out, "ID\tPREFIX\tSTATE\tSCOPES\tPROJECTS\tEXPIRES\tLAST USED\tNAME")?;
    for key in all(&store).await? {
        let state = match (key.is_active, key.is_valid(now)) {
            (false, _) => "revoked",
            (true, false) => "expired",
            (true, true) => "valid",
        };
        let projects = key.project_ids.as_ref().map_or_else(|| "all".to_owned(), |ids| ids.join(","));
        let time = |at: Option<Timestamp>| at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let (expires, used) = (time(key.expires_at), time(key.last_used_at));
        // A name may hold anything.
        let name = key.name.escape_debug();
        let ApiKey { id, key_prefix, scopes, .. } = &key;
        writeln!(
            out,
            "{id}\t{key_prefix}\t{state}\t{}\t{projects}\t{expires}\t{used}\t{name}",
            scopes.join(",")
        )?;
    }
    Ok(())
}

async fn all(store: &ApiKeyStore) -> Result<Vec<ApiKey>, CommandError> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.api_keys(context(), PAGE_MAX, cursor).await?;
        keys.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(keys);
        }
    }
}

/// The one key that is meant.
async fn find(store: &ApiKeyStore, given: &str) -> Result<ApiKey, CommandError> {
    let mut keys = all(store).await?;
    if let Some(at) = keys.iter().position(|key| key.id == given) {
        return Ok(keys.swap_remove(at));
    }
    // A whole key means the one that it is: whoever has it need not look for its prefix.
    let by_hash = store.api_key_by_hash(api_key::hash_api_key(given)).await?;
    if let Some(key) = by_hash {
        return Ok(key);
    }
    let mut meant: Vec<ApiKey> = Vec::new();
    if given.len() > api_key::PREFIX.len() {
        meant = keys.into_iter().filter(|key| key.key_prefix.starts_with(given)).collect();
    }
    match meant.len() {
        0 => Err(Invalid::NoKey(given.chars().take(15).collect()).into()),
        1 => Ok(meant.swap_remove(0)),
        _ => {
            let ids: Vec<&str> = meant.iter().map(|key| key.id.as_str()).collect();
            Err(Invalid::Several { given: given.to_owned(), ids: ids.join(", ") }.into())
        }
    }
}

async fn revoke(
    options: &RevokeKey,
    settings: &Settings,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    let store = Store::open_beside(&settings.store())?;
    let key = find(&store, options.key.trim()).await?;
    let now = store.now(Arc::new(SystemClock)).await?;
    let key = store.revoke_api_key(context(), now, key.id, options.force).await?;
    writeln!(
        notes,
        "The key `{}` ({}) is revoked. Servers that run refuse it within a second.",
        key.name, key.key_prefix
    )?;
    Ok(())
}

async fn rotate(
    options: &RotateKey,
    settings: &Settings,
    out: &mut impl Write,
    notes: &mut impl Write,
) -> Result<(), CommandError> {
    let expires_at = |now| options.expires.as_deref().map(|when| expiry(when, settings, now)).transpose();
    expires_at(SystemClock.now())?;
    let store = Store::open_beside(&settings.store())?;
    let now = store.now(Arc::new(SystemClock)).await?;
    let random = SystemRandom;
    let key = api_key::generate_api_key(&random);
    let rotation = Rotation {
        id: id(&random),
        key_hash: api_key::hash_api_key(key.expose()),
        key_prefix: api_key::key_prefix(key.expose()).to_owned(),
        expires_at: expires_at(now)?.map(Some),
        overlap: Duration::from_secs(options.overlap.into()),
    };
    let old = find(&store, options.key.trim()).await?;
    let rotated = store.rotate_api_key(context(), now, old.id, rotation).await?;
    tell(notes, &rotated.new)?;
    match (rotated.old.is_active, rotated.old.expires_at) {
        (true, Some(until)) => {
            writeln!(notes, "The old key {} is valid until {until}.", rotated.old.key_prefix)?
        }
        _ => writeln!(notes, "The old key {} is revoked.", rotated.old.key_prefix)?,
    }
    writeln!(out, "{}", key.expose())?;
    Ok(())
}

fn projects(given: &[String]) -> Result<Option<Vec<String>>, Invalid> {
    let mut projects: Vec<String> = given.iter().map(|id| id.trim().to_owned()).collect();
    projects.sort_unstable();
    projects.dedup();
    let is_right = |id: &String| !id.is_empty() && id.chars().count() <= KEY_MAX_CHARS;
    match projects.len() <= KEY_PROJECTS_MAX && projects.iter().all(is_right) {
        true => Ok((!projects.is_empty()).then_some(projects)),
        false => Err(Invalid::Projects),
    }
}

fn scopes(given: &[String]) -> Result<Vec<&'static str>, Invalid> {
    let mut scopes = Vec::new();
    for word in given.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
        let Some(scope) = word.parse::<KeyScope>().ok().map(KeyScope::as_str) else {
            return Err(Invalid::Scope {
                given: word.to_owned(),
                hint: nearest(word, KeyScope::ALL.iter().map(|scope| scope.as_str())),
            });
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
