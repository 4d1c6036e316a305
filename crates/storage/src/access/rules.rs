//! What nobody may do to keys, or not by accident.

use super::api_key::{ApiKey, valid_admins};
use crate::connection::AnyConnection;
use crate::failure::WriteError;
use crate::postgres::locks;
use oneoff_domain::{Context, Timestamp};

/// Why a change to access is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessRefusal {
    /// Nobody could make or change keys afterwards.
    #[error(
        "`{name}` is the last key with the scope `admin` that can be used: without it nobody can manage keys; make another \
         one first, or force it with ?force=true, or --force at the command line"
    )]
    LastAdminKey {
        /// What people call it.
        name: String,
    },
    /// A key would be given more than that of the caller has.
    #[error("{0}")]
    MoreThanOwn(&'static str),
    /// A key that is not valid any more cannot have a successor of the same expiry.
    #[error("the key `{name}` cannot be rotated, as it {why}: make a new one")]
    NotRotatable {
        /// What people call it.
        name: String,
        /// What it is.
        why: &'static str,
    },
    /// A key has one successor.
    #[error("the key `{name}` was rotated already and replaced {instead}")]
    Replaced {
        /// What people call it.
        name: String,
        /// By which key, and what to do with that.
        instead: String,
    },
    /// The first key was made already.
    #[error(
        "there is an admin key already, so the setup link is not valid any more: make further keys with that one, or with \
         `oneoff-server keys create`"
    )]
    IsSetUp,
    /// There is no such setup link.
    #[error(
        "the setup link is not valid: it was used, has expired, or belongs to another server; start the server anew for another one"
    )]
    NoSetupLink,
}

/// A caller gives no key more than its own has. Whoever comes here has the scope `admin`, which is all there are.
pub(super) fn check_grant(
    context: &Context,
    before: Option<&ApiKey>,
    after: &ApiKey,
) -> Result<(), AccessRefusal> {
    if !after.is_visible_to(context) {
        return Err(AccessRefusal::MoreThanOwn(
            "a key that is restricted to projects gives no other key more than these: name some of them as project_ids",
        ));
    }
    let Some(before) = before.filter(|before| context.actor.key_id() == Some(before.id.as_str())) else {
        return Ok(());
    };
    let later = match (before.expires_at, after.expires_at) {
        (Some(before), Some(after)) => after > before,
        (Some(_), None) => true,
        (None, _) => false,
    };
    if later {
        return Err(AccessRefusal::MoreThanOwn(
            "a key cannot put off its own expiry: let another admin key do it",
        ));
    }
    Ok(())
}

/// There is a key left by which keys can be managed.
pub(super) fn check_last(
    conn: &mut AnyConnection,
    now: Timestamp,
    before: &ApiKey,
    after: Option<&ApiKey>,
    force: bool,
) -> Result<(), WriteError> {
    let can = |key: &ApiKey| key.is_admin() && key.is_valid(now);
    if force || !can(before) || after.is_some_and(can) {
        return Ok(());
    }
    let others = valid_admins(conn, now)?.into_iter().any(|key| key.id != before.id);
    if others { Ok(()) } else { Err(AccessRefusal::LastAdminKey { name: before.name.clone() }.into()) }
}

/// Lets one change to keys happen after another: what one of them counts must still hold when it is committed.
pub(super) fn alone(conn: &mut AnyConnection) -> Result<(), WriteError> {
    Ok(locks::access(conn)?)
}
