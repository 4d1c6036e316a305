//! API keys as they are stored: a hash, never the key.

use crate::connection::{AnyBackend, AnyConnection};
use crate::cursor::{self, Position};
use crate::failure::{RowError, WriteError};
use crate::query::Page;
use crate::rows::{from_json, instant};
use crate::schema::api_keys;
use diesel::prelude::*;
use oneoff_domain::limits::PAGE_MAX;
use oneoff_domain::{Context, KeyScope, Timestamp};
use serde_json::{Value, json};

/// A key to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// Its outer name, 32 hex characters.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the whole key in lower-case hex.
    pub key_hash: String,
    /// The first 15 characters of the key, for recognition.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// The only projects that it may touch; `None` is all.
    pub project_ids: Option<Vec<String>>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its outer name.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The first 15 characters of the key.
    pub key_prefix: String,
    /// `read`, `write`, `admin`.
    pub scopes: Vec<String>,
    /// The only projects that it may touch; `None` is all.
    pub project_ids: Option<Vec<String>>,
    /// Whether it was not revoked.
    pub is_active: bool,
    /// When it was used last; kept up about once a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it stops to be valid.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Rises with every change.
    pub version: i64,
    /// The id of the key that took its place.
    pub replaced_by: Option<String>,
}

impl ApiKey {
    /// Whether it is accepted.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.is_active && self.expires_at.is_none_or(|expires_at| expires_at > now)
    }

    /// Whether everything can be done with it.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.project_ids.is_none() && self.scopes.iter().any(|scope| scope == KeyScope::Admin.as_str())
    }

    /// Whether a caller may see it: one who is restricted to projects sees the keys of those.
    pub(crate) fn is_visible_to(&self, context: &Context) -> bool {
        match (&context.allowed_projects, &self.project_ids) {
            (None, _) => true,
            (Some(allowed), Some(projects)) => projects.iter().all(|project| allowed.contains(project)),
            (Some(_), None) => false,
        }
    }

    /// What of it is told in the audit log.
    pub(crate) fn told(&self) -> Value {
        json!({
            "name": self.name,
            "key_prefix": self.key_prefix,
            "scopes": self.scopes,
            "project_ids": self.project_ids,
            "is_active": self.is_active,
            "expires_at": self.expires_at.map(|at| at.to_string()),
            "replaced_by": self.replaced_by,
        })
    }
}

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(AnyBackend))]
pub(super) struct ApiKeyRow {
    pub(super) key: i64,
    id: String,
    name: String,
    key_prefix: String,
    scopes: String,
    project_ids: Option<String>,
    is_active: bool,
    last_used_at: Option<i64>,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    version: i64,
    replaced_by: Option<String>,
}

impl ApiKeyRow {
    pub(super) fn into_key(self) -> Result<ApiKey, RowError> {
        let projects = self.project_ids.map(|text| from_json("api_keys.project_ids", &text)).transpose()?;
        Ok(ApiKey {
            scopes: from_json("api_keys.scopes", &self.scopes)?,
            project_ids: projects,
            id: self.id,
            name: self.name,
            key_prefix: self.key_prefix,
            is_active: self.is_active,
            last_used_at: self.last_used_at.map(instant),
            expires_at: self.expires_at.map(instant),
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
            version: self.version,
            replaced_by: self.replaced_by,
        })
    }
}

/// The key with this hash.
pub(super) fn by_hash(conn: &mut AnyConnection, hash: &str) -> Result<Option<ApiKey>, WriteError> {
    let row: Option<ApiKeyRow> = api_keys::table
        .filter(api_keys::key_hash.eq(hash))
        .select(ApiKeyRow::as_select())
        .get_result(conn)
        .optional()?;
    Ok(row.map(ApiKeyRow::into_key).transpose()?)
}

/// The key of this id, with its number.
pub(super) fn by_id(conn: &mut AnyConnection, id: &str) -> Result<Option<(i64, ApiKey)>, WriteError> {
    let row: Option<ApiKeyRow> = api_keys::table
        .filter(api_keys::id.eq(id))
        .select(ApiKeyRow::as_select())
        .get_result(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let key = row.key;
    Ok(Some((key, row.into_key()?)))
}

/// Whether there is any key.
pub(super) fn exists(conn: &mut AnyConnection) -> Result<bool, WriteError> {
    Ok(diesel::select(diesel::dsl::exists(api_keys::table.select(api_keys::id))).get_result(conn)?)
}

/// Keys that are read at a time.
const SLICE: i64 = 200;
/// Keys that are looked at for one answer.
const SCAN_MAX: usize = 10_000;

/// The keys that can be used now, of which there are few, but for those before `SCAN_MAX` newer ones.
pub(super) fn valid_admins(conn: &mut AnyConnection, now: Timestamp) -> Result<Vec<ApiKey>, WriteError> {
    let rows: Vec<ApiKeyRow> = api_keys::table
        .filter(api_keys::is_active)
        .filter(api_keys::project_ids.is_null())
        .filter(api_keys::scopes.like("%\"admin\"%"))
        .filter(api_keys::expires_at.is_null().or(api_keys::expires_at.gt(now.as_micros())))
        .order(api_keys::key.desc())
        .limit(SLICE)
        .select(ApiKeyRow::as_select())
        .load(conn)?;
    let keys: Result<Vec<ApiKey>, RowError> = rows.into_iter().map(ApiKeyRow::into_key).collect();
    Ok(keys?.into_iter().filter(ApiKey::is_admin).collect())
}

/// A page of the keys that the caller may see, the newest first.
pub(super) fn list(
    conn: &mut AnyConnection,
    context: &Context,
    limit: u32,
    after: Option<&str>,
) -> Result<Page<ApiKey>, WriteError> {
    let limit = usize::try_from(limit.clamp(1, PAGE_MAX)).unwrap_or(1);
    let mut before = match after {
        Some(text) => cursor::decode('k', text)?.key,
        None => i64::MAX,
    };
    let (mut items, mut scanned) = (Vec::new(), 0);
    let next = loop {
        let rows: Vec<ApiKeyRow> = api_keys::table
            .filter(api_keys::key.lt(before))
            .order(api_keys::key.desc())
            .limit(SLICE)
            .select(ApiKeyRow::as_select())
            .load(conn)?;
        let is_last = i64::try_from(rows.len()).is_ok_and(|read| read < SLICE);
        for row in rows {
            let key = row.key;
            let found = row.into_key()?;
            if found.is_visible_to(context) {
                if items.len() == limit {
                    let place = Position { at: None, key: before };
                    return Ok(page(items, Some(cursor::encode('k', place))));
                }
                items.push(found);
            }
            before = key;
            scanned += 1;
        }
        if is_last {
            break None;
        }
        if scanned >= SCAN_MAX {
            break Some(cursor::encode('k', Position { at: None, key: before }));
        }
    };
    Ok(page(items, next))
}

fn page(items: Vec<ApiKey>, next_cursor: Option<String>) -> Page<ApiKey> {
    Page { items, next_cursor, total: None, total_is_estimate: false, bytes: 0 }
}
