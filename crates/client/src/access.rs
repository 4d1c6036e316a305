//! Calls about API keys and the audit log.

use crate::jobs::{present, with_version};
use crate::transport::Call;
use crate::{Client, ClientError, PageQuery, Pages, idempotency};
use oneoff_api_types::{
    ApiKeyView, AuditEntryView, CreateApiKey, List, NewApiKeyView, RevokedApiKey, RotateApiKey, SessionView,
    UpdateApiKey,
};
use reqwest::Method;
use serde_json::{Map, Value};

/// Which entries of the audit log are listed. What is not set does not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditQuery {
    /// Who, as the entry has it, or the id of their key.
    pub actor: Option<String>,
    /// One of these actions.
    pub actions: Vec<String>,
    /// The kind of the record.
    pub subject_kind: Option<String>,
    /// The record.
    pub subject_id: Option<String>,
    /// Its project.
    pub project_id: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Written at or after this instant.
    pub from: Option<String>,
    /// Written at or before this instant.
    pub to: Option<String>,
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl AuditQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        present([
            ("actor", self.actor.clone()),
            ("action", (!self.actions.is_empty()).then(|| self.actions.join(","))),
            ("subject_kind", self.subject_kind.clone()),
            ("subject_id", self.subject_id.clone()),
            ("project_id", self.project_id.clone()),
            ("request_id", self.request_id.clone()),
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("limit", self.limit.map(|rows| rows.to_string())),
            ("cursor", self.cursor.clone()),
        ])
    }
}

impl PageQuery for AuditQuery {
    type Row = AuditEntryView;

    async fn page(&self, client: &Client) -> Result<List<AuditEntryView>, ClientError> {
        client.audit_entries(self).await
    }

    fn set_cursor(&mut self, cursor: String) {
        self.cursor = Some(cursor);
    }
}

impl Client {
    /// A page of the API keys, the newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn api_keys(
        &self,
        limit: Option<u32>,
        cursor: Option<&str>,
    ) -> Result<List<ApiKeyView>, ClientError> {
        let pairs =
            present([("limit", limit.map(|rows| rows.to_string())), ("cursor", cursor.map(str::to_owned))]);
        self.json(&Call::get(&["api-keys"]).query(pairs)).await
    }

    /// An API key, without the key itself.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn api_key(&self, id: &str) -> Result<ApiKeyView, ClientError> {
        self.data(&Call::get(&["api-keys", id])).await
    }

    /// Makes an API key. The call is not sent again when its connection is lost, as the key is told only once: a key that
    /// nobody knows is to be revoked.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn create_api_key(&self, key: &CreateApiKey) -> Result<NewApiKeyView, ClientError> {
        let call = Call::post(&["api-keys"]).json(key)?;
        self.data(&call.header("Idempotency-Key", idempotency::new_key()?)).await
    }

    /// Changes an API key, if it still has the version `if_version` where one is given.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn update_api_key(
        &self,
        id: &str,
        patch: &UpdateApiKey,
        if_version: Option<i64>,
    ) -> Result<ApiKeyView, ClientError> {
        let call = Call::new(Method::PATCH, &["api-keys", id]).json(patch)?;
        self.data(&with_version(call, if_version)).await
    }

    /// Deletes an API key; with `force`, also the last one with the scope `admin`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn delete_api_key(&self, id: &str, force: bool) -> Result<(), ClientError> {
        self.empty(&forced(Call::new(Method::DELETE, &["api-keys", id]), force)).await
    }

    /// Ends an API key: when this returns, it is refused.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn revoke_api_key(&self, id: &str, force: bool) -> Result<RevokedApiKey, ClientError> {
        let call = Call::post(&["api-keys", id, "revoke"]).json(&Map::<String, Value>::new())?;
        self.data(&forced(call, force)).await
    }

    /// Makes a key in the place of another one.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn rotate_api_key(
        &self,
        id: &str,
        rotate: &RotateApiKey,
    ) -> Result<NewApiKeyView, ClientError> {
        self.data(&Call::post(&["api-keys", id, "rotate"]).json(rotate)?).await
    }

    /// With which key this client comes, if the server has keys.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn session(&self) -> Result<SessionView, ClientError> {
        self.data(&Call::get(&["session"])).await
    }

    /// Makes the first key of a server by the token of its setup link.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn set_up(&self, token: &str, name: &str) -> Result<NewApiKeyView, ClientError> {
        let body = Map::from_iter([
            ("token".to_owned(), Value::from(token)),
            ("name".to_owned(), Value::from(name)),
        ]);
        self.data(&Call::post(&["setup"]).json(&body)?).await
    }

    /// A page of the audit log, the newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn audit_entries(&self, query: &AuditQuery) -> Result<List<AuditEntryView>, ClientError> {
        self.json(&Call::get(&["audit"]).query(query.pairs())).await
    }

    /// All entries of a query, page by page.
    #[must_use]
    pub fn all_audit_entries(&self, query: AuditQuery) -> Pages<AuditQuery> {
        Pages::new(self.clone(), query)
    }
}

fn forced(call: Call, force: bool) -> Call {
    if force { call.query(vec![("force", "true".to_owned())]) } else { call }
}
