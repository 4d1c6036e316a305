//! The link by which the first key is made: it expires, is used once, and works only while there is no admin key.

use super::api_key::{ApiKey, NewApiKey, valid_admins};
use super::ledger::Ledger;
use super::{change, rules};
use crate::AccessRefusal;
use crate::audit::Deed;
use crate::failure::WriteError;
use crate::schema::setup_links;
use diesel::prelude::*;
use oneoff_domain::{Context, Timestamp};

/// A link to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSetupLink {
    /// SHA-256 of its token.
    pub token_hash: String,
    /// When it is over.
    pub expires_at: Timestamp,
}

/// Stores a link, unless there is an admin key that can be used; whether it is stored. Earlier links that are not over
/// stay, as other nodes may have told of them.
pub(super) fn make(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    new: &NewSetupLink,
) -> Result<bool, WriteError> {
    rules::alone(ledger.conn())?;
    if !valid_admins(ledger.conn(), now)?.is_empty() {
        return Ok(false);
    }
    diesel::delete(setup_links::table.filter(setup_links::expires_at.le(now.as_micros())))
        .execute(ledger.conn())?;
    diesel::insert_into(setup_links::table)
        .values((
            setup_links::token_hash.eq(&new.token_hash),
            setup_links::created_at.eq(now.as_micros()),
            setup_links::expires_at.eq(new.expires_at.as_micros()),
        ))
        .execute(ledger.conn())?;
    let id = new.token_hash.chars().take(8).collect();
    let deed = Deed {
        action: "setup_link.create",
        kind: "setup_link",
        id,
        project: None,
        before: None,
        after: None,
    };
    ledger.audit(context, now, deed)?;
    Ok(true)
}

/// Makes the first key, and ends all links.
pub(super) fn use_link(
    ledger: &mut impl Ledger,
    context: &Context,
    now: Timestamp,
    token_hash: &str,
    key: NewApiKey,
) -> Result<ApiKey, WriteError> {
    rules::alone(ledger.conn())?;
    let found = setup_links::table
        .filter(setup_links::token_hash.eq(token_hash))
        .filter(setup_links::expires_at.gt(now.as_micros()))
        .select(setup_links::key)
        .get_result::<i64>(ledger.conn())
        .optional()?;
    if !valid_admins(ledger.conn(), now)?.is_empty() {
        return Err(AccessRefusal::IsSetUp.into());
    }
    if found.is_none() {
        return Err(AccessRefusal::NoSetupLink.into());
    }
    diesel::delete(setup_links::table).execute(ledger.conn())?;
    change::create(ledger, context, now, key)
}
