//! API keys, sessions and the setup link. What a request needs to know of a key is looked up in memory.

use super::Service;
use crate::ServiceError;
use crate::key_cache::Entry;
use oneoff_domain::{Context, Timestamp};
use oneoff_storage::{
    ApiKey, ApiKeyPatch, AuditEntry, AuditFilter, NewApiKey, NewSession, NewSetupLink, Page, Refusal,
    Rotated, Rotation, Session, Written,
};
use std::sync::Arc;
use std::time::Instant;

impl Service {
    /// The key with this hash (SHA-256 in lower-case hex), if it is valid now. One that was revoked is refused at once on
    /// this node, with its event on the others, and after a second in any case.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn valid_api_key(&self, key_hash: String) -> Result<Option<Arc<ApiKey>>, ServiceError> {
        let store = &self.inner.store;
        let look_up = |hash| async move {
            let key = store.api_key_by_hash(hash).await?;
            Ok(key.map(|key| Entry { key: Arc::new(key), session_until: None }))
        };
        self.valid(key_hash, look_up).await
    }

    /// The key of the session with this hash of its token, if both are valid now.
    ///
    /// # Errors
    /// [`ServiceError::Store`] when the store does not answer.
    pub async fn valid_session(&self, token_hash: String) -> Result<Option<Arc<ApiKey>>, ServiceError> {
        let store = &self.inner.store;
        let look_up = |hash| async move {
            let session = store.session_by_hash(hash).await?;
            let entry = |session: Session| Entry {
                key: Arc::new(session.api_key),
                session_until: Some(session.expires_at),
            };
            Ok(session.map(entry))
        };
        // A token is no key: the hash of one never names the other.
        self.valid(format!("session {token_hash}"), move |name: String| {
            look_up(name.trim_start_matches("session ").to_owned())
        })
        .await
    }

    async fn valid<F>(
        &self,
        name: String,
        look_up: impl FnOnce(String) -> F,
    ) -> Result<Option<Arc<ApiKey>>, ServiceError>
    where
        F: Future<Output = Result<Option<Entry>, ServiceError>>,
    {
        let (keys, began) = (&self.inner.keys, Instant::now());
        let entry = match keys.find(&name, began) {
            Ok(entry) => Some(entry),
            Err(generation) => {
                let entry = look_up(name.clone()).await?;
                if let Some(entry) = &entry {
                    keys.keep(generation, name.clone(), entry.clone(), began);
                }
                entry
            }
        };
        let now = self.now();
        let Some(entry) = entry.filter(|entry| entry.is_valid(now)) else {
            keys.drop_entry(&name);
            return Ok(None);
        };
        keys.note_use(&entry.key.id, now);
        Ok(Some(entry.key))
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when it would be given more than the caller has, or of a project that is not there, or the
    /// store's.
    pub async fn create_api_key(
        &self,
        context: Context,
        key: NewApiKey,
    ) -> Result<Written<ApiKey>, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.create_api_key(context, self.now(), key).await?)
    }

    /// Makes a key unless one with the same hash is there; whether it was not.
    ///
    /// # Errors
    /// The store's.
    pub async fn ensure_api_key(
        &self,
        context: Context,
        key: NewApiKey,
    ) -> Result<(ApiKey, bool), ServiceError> {
        Ok(self.inner.store.ensure_api_key(context, self.now(), key).await?)
    }

    /// A key that the caller may see.
    ///
    /// # Errors
    /// [`Refusal::NotFound`], or the store's.
    pub async fn api_key(&self, context: Context, id: String) -> Result<ApiKey, ServiceError> {
        let found = self.inner.store.api_key(context, id.clone()).await?;
        found.ok_or(ServiceError::Refused(Refusal::NotFound { kind: "API key", id }))
    }

    /// A page of the keys that the caller may see, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one, or the store's.
    pub async fn api_keys(
        &self,
        context: Context,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<ApiKey>, ServiceError> {
        Ok(self.inner.store.api_keys(context, limit, cursor).await?)
    }

    /// Changes a key.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], also of a project that is not there, or the store's.
    pub async fn update_api_key(
        &self,
        context: Context,
        id: String,
        patch: ApiKeyPatch,
        force: bool,
    ) -> Result<ApiKey, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.update_api_key(context, self.now(), id, patch, force).await?)
    }

    /// Ends a key: when this returns, it is refused.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], or the store's.
    pub async fn revoke_api_key(
        &self,
        context: Context,
        id: String,
        force: bool,
    ) -> Result<ApiKey, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.revoke_api_key(context, self.now(), id, force).await?)
    }

    /// Removes a key; answers it as it was.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], or the store's.
    pub async fn delete_api_key(
        &self,
        context: Context,
        id: String,
        force: bool,
    ) -> Result<ApiKey, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.delete_api_key(context, self.now(), id, force).await?)
    }

    /// Makes a key in the place of another one.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], or the store's.
    pub async fn rotate_api_key(
        &self,
        context: Context,
        id: String,
        rotation: Rotation,
    ) -> Result<Written<Rotated>, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.rotate_api_key(context, self.now(), id, rotation).await?)
    }

    /// A page of the audit log, as far as the caller may see it, the newest first.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a cursor that is not one, or the store's.
    pub async fn audit_entries(
        &self,
        context: Context,
        filter: AuditFilter,
        limit: u32,
        cursor: Option<String>,
    ) -> Result<Page<AuditEntry>, ServiceError> {
        Ok(self.inner.store.audit_entries(context, filter, limit, cursor).await?)
    }

    /// Stores a session of a key.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the key is not valid any more, or the store's.
    pub async fn sign_in(&self, context: Context, session: NewSession) -> Result<Session, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.sign_in(context, self.now(), session).await?)
    }

    /// The session with this hash of its token, if it lasts.
    ///
    /// # Errors
    /// The store's.
    pub async fn session(&self, token_hash: String) -> Result<Option<Session>, ServiceError> {
        let found = self.inner.store.session_by_hash(token_hash).await?;
        let now = self.now();
        Ok(found.filter(|session| session.expires_at > now && session.api_key.is_valid(now)))
    }

    /// Ends a session; whether there was one.
    ///
    /// # Errors
    /// The store's.
    pub async fn sign_out(&self, context: Context, token_hash: String) -> Result<bool, ServiceError> {
        Ok(self.inner.store.sign_out(context, self.now(), token_hash).await?)
    }

    /// Stores a setup link that is good until then, unless there is an admin key; whether it is stored.
    ///
    /// # Errors
    /// The store's.
    pub async fn make_setup_link(
        &self,
        context: Context,
        token_hash: String,
        expires_at: Timestamp,
    ) -> Result<bool, ServiceError> {
        let link = NewSetupLink { token_hash, expires_at };
        Ok(self.inner.store.make_setup_link(context, self.now(), link).await?)
    }

    /// Makes the first key by a setup link.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] when the link is not valid, or the store's.
    pub async fn use_setup_link(
        &self,
        context: Context,
        token_hash: String,
        key: NewApiKey,
    ) -> Result<ApiKey, ServiceError> {
        self.accepting()?;
        Ok(self.inner.store.use_setup_link(context, self.now(), token_hash, key).await?)
    }
}
