//! The store's methods about access.

use super::api_key::{self, ApiKey, NewApiKey};
use super::change::{self, ApiKeyPatch, Rotated, Rotation};
use super::session::{self, NewSession, Session};
use super::setup::{self, NewSetupLink};
use crate::job_write::Written;
use crate::query::Page;
use crate::writer::lanes::Lane;
use crate::writer::tx::Tx;
use crate::{Refusal, Store, StoreError, idempotency};
use oneoff_domain::{Context, Timestamp};

impl Store {
    /// Stores an API key.
    ///
    /// # Errors
    /// [`crate::AccessRefusal::MoreThanOwn`], [`Refusal::Duplicate`], [`Refusal::IdempotencyMismatch`], or the database's.
    pub async fn create_api_key(
        &self,
        context: Context,
        now: Timestamp,
        key: NewApiKey,
    ) -> Result<Written<ApiKey>, StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            if let Some(ids) = idempotency::earlier_subjects::<String>(tx, &context)? {
                let id = ids.into_iter().next().unwrap_or_default();
                let found = api_key::by_id(tx.conn, &id)?.ok_or(Refusal::Removed { id })?;
                return Ok(Written { value: found.1, replayed: true });
            }
            let value = change::create(tx, &context, now, key)?;
            idempotency::record(tx, &context, now, std::slice::from_ref(&value.id))?;
            Ok(Written { value, replayed: false })
        };
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Stores an API key unless one with the same hash is there; whether it was not.
    ///
    /// # Errors
    /// The database's.
    pub async fn ensure_api_key(
        &self,
        context: Context,
        now: Timestamp,
        key: NewApiKey,
    ) -> Result<(ApiKey, bool), StoreError> {
        let body = move |tx: &mut Tx<'_>| change::ensure(tx, &context, now, key);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Changes a key.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], [`Refusal::VersionMismatch`], a [`crate::AccessRefusal`], or the database's.
    pub async fn update_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        patch: ApiKeyPatch,
        force: bool,
    ) -> Result<ApiKey, StoreError> {
        let body = move |tx: &mut Tx<'_>| change::update(tx, &context, now, &id, patch, force);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Ends a key: it is refused from the commit on.
    ///
    /// # Errors
    /// As [`Self::update_api_key`].
    pub async fn revoke_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        force: bool,
    ) -> Result<ApiKey, StoreError> {
        let body = move |tx: &mut Tx<'_>| change::revoke(tx, &context, now, &id, force);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Removes a key; answers it as it was.
    ///
    /// # Errors
    /// As [`Self::update_api_key`].
    pub async fn delete_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        force: bool,
    ) -> Result<ApiKey, StoreError> {
        let body = move |tx: &mut Tx<'_>| change::delete(tx, &context, now, &id, force);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Makes a key in the place of another one. With an idempotency key that was used before, answers what it made.
    ///
    /// # Errors
    /// As [`Self::update_api_key`].
    pub async fn rotate_api_key(
        &self,
        context: Context,
        now: Timestamp,
        id: String,
        rotation: Rotation,
    ) -> Result<Written<Rotated>, StoreError> {
        let body = move |tx: &mut Tx<'_>| {
            if let Some(ids) = idempotency::earlier_subjects::<String>(tx, &context)? {
                let new = ids.into_iter().next().unwrap_or_default();
                let (_, new) = api_key::by_id(tx.conn, &new)?.ok_or(Refusal::Removed { id: new })?;
                let (_, old) = api_key::by_id(tx.conn, &id)?.ok_or(Refusal::Removed { id })?;
                return Ok(Written { value: Rotated { new, old }, replayed: true });
            }
            let value = change::rotate(tx, &context, now, &id, rotation)?;
            idempotency::record(tx, &context, now, std::slice::from_ref(&value.new.id))?;
            Ok(Written { value, replayed: false })
        };
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Notes when keys were used last, by their ids.
    ///
    /// # Errors
    /// The database's.
    pub async fn touch_api_keys(&self, used: Vec<(String, Timestamp)>) -> Result<(), StoreError> {
        self.inner.writer.write(Lane::Retention, move |tx: &mut Tx<'_>| change::touch(tx, &used)).await
    }

    /// The key with this hash, valid or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn api_key_by_hash(&self, key_hash: String) -> Result<Option<ApiKey>, StoreError> {
        self.inner.reader.read(move |conn| api_key::by_hash(conn, &key_hash)).await
    }

    /// The key of this id, if the caller may see it.
    ///
    /// # Errors
    /// The database's.
    pub async fn api_key(&self, context: Context, id: String) -> Result<Option<ApiKey>, StoreError> {
        let found = self.inner.reader.read(move |conn| api_key::by_id(conn, &id)).await?;
        Ok(found.map(|(_, key)| key).filter(|key| key.is_visible_to(&context)))
    }

    /// A page of the keys that the caller may see, the newest first.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] of the field `cursor`, or the database's.
    pub async fn api_keys(
        &self,
        context: Context,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<ApiKey>, StoreError> {
        self.inner.reader.read(move |conn| api_key::list(conn, &context, limit, cursor.as_deref())).await
    }

    /// Whether there is any API key, valid or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_api_keys(&self) -> Result<bool, StoreError> {
        self.inner.reader.read(api_key::exists).await
    }

    /// Stores a session of a key that is valid.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] of the key, or the database's.
    pub async fn sign_in(
        &self,
        context: Context,
        now: Timestamp,
        session: NewSession,
    ) -> Result<Session, StoreError> {
        let body = move |tx: &mut Tx<'_>| session::sign_in(tx, &context, now, session);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Ends a session, by the hash of its token; whether there was one.
    ///
    /// # Errors
    /// The database's.
    pub async fn sign_out(
        &self,
        context: Context,
        now: Timestamp,
        token_hash: String,
    ) -> Result<bool, StoreError> {
        let body = move |tx: &mut Tx<'_>| session::sign_out(tx, &context, now, &token_hash);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// The session with this hash of its token, over or not, and its key, valid or not.
    ///
    /// # Errors
    /// The database's.
    pub async fn session_by_hash(&self, token_hash: String) -> Result<Option<Session>, StoreError> {
        self.inner.reader.read(move |conn| session::by_hash(conn, &token_hash)).await
    }

    /// Stores a setup link, unless there is an admin key that can be used; whether it is stored.
    ///
    /// # Errors
    /// The database's.
    pub async fn make_setup_link(
        &self,
        context: Context,
        now: Timestamp,
        link: NewSetupLink,
    ) -> Result<bool, StoreError> {
        let body = move |tx: &mut Tx<'_>| setup::make(tx, &context, now, &link);
        self.inner.writer.write(Lane::Api, body).await
    }

    /// Makes the first key by a setup link, which it ends.
    ///
    /// # Errors
    /// [`crate::AccessRefusal::NoSetupLink`], [`crate::AccessRefusal::IsSetUp`], or the database's.
    pub async fn use_setup_link(
        &self,
        context: Context,
        now: Timestamp,
        token_hash: String,
        key: NewApiKey,
    ) -> Result<ApiKey, StoreError> {
        let body = move |tx: &mut Tx<'_>| setup::use_link(tx, &context, now, &token_hash, key);
        self.inner.writer.write(Lane::Api, body).await
    }
}
