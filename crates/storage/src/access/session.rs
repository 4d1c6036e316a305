//! Sessions: browsers that signed in with a key. What a session may do is what its key may do.

use super::api_key::{ApiKey, ApiKeyRow, by_id};
use super::ledger::{Ledger, event_of};
use super::rules;
use crate::Refusal;
use crate::audit::Deed;
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::rows::instant;
use crate::schema::{api_keys, sessions};
use diesel::prelude::*;
use oneoff_domain::{Context, EventKind, Timestamp};

/// Sessions of one key; the oldest make room for new ones.
const SESSIONS_OF_KEY_MAX: i64 = 100;
/// Sessions that are removed at once.
const SLICE: i64 = 1_000;

/// A session to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// SHA-256 of its token.
    pub token_hash: String,
    /// The key by which somebody signed in.
    pub api_key_id: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session that lasts, with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its key, as it is now.
    pub api_key: ApiKey,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Stores a session, if its key is still valid.
pub(super) fn sign_in(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    new: NewSession,
) -> Result<Session, WriteError> {
    let NewSession { token_hash, api_key_id, expires_at } = new;
    // A key that is revoked meanwhile must find this session, to end it.
    rules::alone(ledger.conn())?;
    let found = by_id(ledger.conn(), &api_key_id)?.filter(|(_, key)| key.is_valid(now));
    let (number, api_key) =
        found.ok_or_else(|| Refusal::NotFound { kind: "API key", id: api_key_id.clone() })?;
    let conn = ledger.conn();
    let over: Vec<i64> = sessions::table
        .filter(sessions::expires_at.le(now.as_micros()))
        .order(sessions::expires_at)
        .limit(SLICE)
        .select(sessions::key)
        .load(conn)?;
    let too_many: Vec<i64> = sessions::table
        .filter(sessions::api_key_key.eq(number))
        .order(sessions::key.desc())
        .offset(SESSIONS_OF_KEY_MAX - 1)
        .limit(SLICE)
        .select(sessions::key)
        .load(conn)?;
    let gone: Vec<i64> = over.into_iter().chain(too_many).collect();
    diesel::delete(sessions::table.filter(sessions::key.eq_any(gone))).execute(conn)?;
    diesel::insert_into(sessions::table)
        .values((
            sessions::token_hash.eq(&token_hash),
            sessions::api_key_key.eq(number),
            sessions::client_address.eq(&context.client_address),
            sessions::created_at.eq(now.as_micros()),
            sessions::expires_at.eq(expires_at.as_micros()),
        ))
        .execute(conn)?;
    tell(ledger, context, now, EventKind::ApiKeySignedIn, &api_key_id)?;
    Ok(Session { api_key, expires_at })
}

/// Ends a session; whether there was one.
pub(super) fn sign_out(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    token_hash: &str,
) -> Result<bool, WriteError> {
    let Some((key, id)) = sessions::table
        .inner_join(api_keys::table)
        .filter(sessions::token_hash.eq(token_hash))
        .select((sessions::key, api_keys::id))
        .get_result::<(i64, String)>(ledger.conn())
        .optional()?
    else {
        return Ok(false);
    };
    diesel::delete(sessions::table.find(key)).execute(ledger.conn())?;
    tell(ledger, context, now, EventKind::ApiKeySignedOut, &id)?;
    Ok(true)
}

/// Ends the sessions of a key.
pub(super) fn end_all(conn: &mut AnyConnection, api_key_key: i64) -> Result<(), WriteError> {
    diesel::delete(sessions::table.filter(sessions::api_key_key.eq(api_key_key))).execute(conn)?;
    Ok(())
}

/// The session with this hash of its token, over or not.
pub(super) fn by_hash(conn: &mut AnyConnection, token_hash: &str) -> Result<Option<Session>, WriteError> {
    let found = sessions::table
        .inner_join(api_keys::table)
        .filter(sessions::token_hash.eq(token_hash))
        .select((sessions::expires_at, ApiKeyRow::as_select()))
        .get_result::<(i64, ApiKeyRow)>(conn)
        .optional()?;
    let Some((expires_at, key)) = found else { return Ok(None) };
    Ok(Some(Session { api_key: key.into_key()?, expires_at: instant(expires_at) }))
}

fn tell(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    kind: EventKind,
    id: &str,
) -> Result<(), WriteError> {
    ledger.event(now, &event_of(kind, id))?;
    let action = if kind == EventKind::ApiKeySignedIn { "api_key.sign_in" } else { "api_key.sign_out" };
    let deed = Deed { action, kind: "api_key", id: id.to_owned(), project: None, before: None, after: None };
    ledger.audit(context, now, deed)
}
